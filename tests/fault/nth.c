/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fail the Nth host callback, for every N, over one life of a vm that takes
 * every path it can. After each call the audit must be clean; whatever the
 * failure hit, the guest must be right again afterwards; and every page must
 * come back.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/fault/life.h"

static void store_entry(struct guest *g, uint64_t index, uint64_t value)
{
	unsigned bytes = g->o.levels == 2 ? 4 : 8;

	guest_access(g, 0, TABLES + index * bytes, GNOMON_WRITE, value);
}

static void delete_slot(struct guest *g, uint32_t id)
{
	enum gnomon_status s;

	do {
		uint32_t budget = 3;

		s = gnomon_slot_delete(g->vm, id, &budget);
		guest_audit(g);
		guest_access(g, 1, DATA, GNOMON_READ, 0);
	} while (s == GNOMON_MORE);
	cr_expect(s == GNOMON_OK, "slot_delete: %s", gnomon_status_text(s));
	fh_slot_forget(g->fh, id);
}

static void set_slot(struct guest *g, uint32_t id, uint64_t first,
		     uint64_t frames, bool window)
{
	struct gnomon_slot slot = fh_slot(g->fh, id, first, frames, 0,
					  window);
	enum gnomon_status s = GNOMON_NOMEM;

	for (unsigned i = 0; i < 2 && s == GNOMON_NOMEM; i++) {
		s = gnomon_slot_set(g->vm, &slot);
	}
	guest_audit(g);
	if (s == GNOMON_NOMEM) {
		fh_slot_forget(g->fh, id);
	} else {
		cr_expect(s == GNOMON_OK);
	}
}

static void toggle(struct guest *g, unsigned vcpu, uint64_t cr0, uint64_t cr4)
{
	struct gnomon_regs regs = g->regs[vcpu];

	regs.cr0 ^= cr0;
	regs.cr4 ^= cr4;
	guest_regs(g, vcpu, &regs, 0);
}

static void change_tables(struct guest *g, uint64_t root)
{
	uint64_t data = guest_entry(g, root, DATA, 1);
	uint64_t huge = guest_entry(g, root, HUGE_PAGE, 2);
	unsigned bytes = g->o.levels == 2 ? 4 : 8;
	uint64_t index = (data & 4095) / bytes;

	store_entry(g, index, UINT64_C(710) << 12 | GUEST_RU);
	guest_invlpg(g, 0, DATA);
	guest_access(g, 0, DATA, GNOMON_READ, 0);
	store_entry(g, index + 1, 0);
	guest_dma(g, data, UINT64_C(700) << 12 | GUEST_RWU);
	guest_dma(g, huge, UINT64_C(1024) << 12 | GUEST_RWU | X86_PTE_PS);
	guest_invlpg(g, 0, HUGE_PAGE);
	guest_access(g, 0, HUGE_PAGE + 0x7000, GNOMON_WRITE, 1);
	/* A table below a page that was large. */
	guest_dma(g, huge, guest_table(g) << 12 | GUEST_RWU);
	guest_map(g, root, HUGE_PAGE, UINT64_C(1040) << 12, GUEST_RWU, 1);
	guest_invlpg(g, 0, HUGE_PAGE);
	guest_access(g, 0, HUGE_PAGE, GNOMON_WRITE, 1);
	store_entry(g, index + 1, UINT64_C(701) << 12 | GUEST_RWU);
}

static void watch(struct guest *g, uint32_t kinds)
{
	struct gnomon_range range = { .first = { 700 }, .frames = 8 };
	unsigned nomem = 0;
	enum gnomon_status s;

	THROUGH(g, gnomon_watch(g->vm, &range, kinds, &budget));
	life_through("watch", s);
}

/* Dirty logs, age, large leaves: with the guest writing all the while. */
static void log_and_range(struct guest *g)
{
	static uint64_t bits[1];
	struct gnomon_dirty_log log = { .id = 1, .first = { 2048 },
					.frames = 16, .bitmap = bits };
	struct gnomon_range range = { { 2048 }, 16 }, young = range,
			    large = range;
	uint64_t count = 0;
	unsigned nomem = 0;
	enum gnomon_status s;

	memset(bits, 0, sizeof(bits));
	THROUGH(g, gnomon_dirty_start(g->vm, &log, &budget));
	life_through("dirty_start", s);
	guest_access(g, 0, DATA, GNOMON_WRITE, 1);
	guest_access(g, 0, HUGE_PAGE + 0x3000, GNOMON_WRITE, 1);
	THROUGH(g, gnomon_dirty_clear(g->vm, 1, &range, NULL, &budget));
	life_through("dirty_clear", s);
	guest_access(g, 1, HUGE_PAGE + 0x3000, GNOMON_WRITE, 1);
	cr_expect(gnomon_dirty_stop(g->vm, 1) == GNOMON_OK);
	THROUGH(g, gnomon_young(g->vm, &young, true, &count, &budget));
	life_through("young", s);
	THROUGH(g, gnomon_collapse(g->vm, &large, &budget));
	life_through("collapse", s);
	guest_access(g, 0, HUGE_PAGE + 0x3000, GNOMON_READ, 0);
}

/* What the VMM does on its own. */
static void host_side(struct guest *g)
{
	gnomon_gfn_t frame = { 700 };
	uint32_t pages = 3;
	unsigned nomem = 0;
	enum gnomon_status s;

	watch(g, GNOMON_WATCH_WRITE);
	guest_access(g, 0, DATA, GNOMON_WRITE, 1);
	watch(g, GNOMON_WATCH_READ);
	guest_access(g, 0, DATA, GNOMON_EXEC, 0);
	watch(g, 0);
	log_and_range(g);
	THROUGH(g, gnomon_host_change_begin(g->vm, frame, 2, &budget));
	life_through("host_change_begin", s);
	g->fh->frame[700].moved = !g->fh->frame[700].moved;
	cr_expect(gnomon_host_change_end(g->vm, frame, 2) == GNOMON_OK);
	guest_access(g, 0, DATA, GNOMON_WRITE, 1);
	THROUGH(g, gnomon_shrink(g->vm, &pages, &budget));
	life_through("shrink", s);
	THROUGH(g, gnomon_zap_all(g->vm, &budget));
	life_through("zap_all", s);
	guest_access(g, 0, DATA + 4096, GNOMON_READ, 0);
	for (uint64_t type = 0; type < 4; type++) {
		cr_expect(gnomon_invpcid(g->vcpu[0], type, 0,
					 (gnomon_gva_t){ DATA }) == GNOMON_OK);
		guest_access(g, 0, DATA, GNOMON_WRITE, type);
	}
}

/* Every address space, one of them, and back. */
static void switch_modes(struct guest *g, uint64_t other)
{
	if (!g->o.modes) {
		return;
	}
	guest_switch(g, 0, GNOMON_MODE_NESTED, 3);
	life_touch(g, 0);
	guest_switch(g, other, GNOMON_MODE_SHADOW, 3);
	guest_load(g, 1, other);
	life_touch(g, 1);
	guest_switch(g, 0, GNOMON_MODE_SHADOW, 3);
	life_touch(g, 1);
}

static void scenario(struct guest *g, uint64_t other)
{
	life_touch(g, 0);
	change_tables(g, g->root);
	life_touch(g, 1);
	guest_load(g, 0, other);
	life_touch(g, 0);
	guest_load(g, 0, g->root);
	guest_load(g, 1, other);
	toggle(g, 0, X86_CR0_WP, 0);
	guest_access(g, 0, CODE, GNOMON_WRITE, 1);
	guest_access(g, 0, CODE + 4096, GNOMON_READ, 0);
	toggle(g, 0, X86_CR0_WP, 0);
	toggle(g, 0, 0, X86_CR4_SMEP);
	toggle(g, 0, 0, X86_CR4_PGE);
	toggle(g, 0, 0, X86_CR4_PGE);
	if (g->o.levels < 4) {
		toggle(g, 1, X86_CR0_PG, 0);
		guest_access(g, 1, 0x123000, GNOMON_WRITE, 1);
		toggle(g, 1, X86_CR0_PG, 0);
		guest_load(g, 1, other);
	}
	host_side(g);
	switch_modes(g, other);
	delete_slot(g, GUEST_CALLS);
	guest_access(g, 0, CALLS, GNOMON_READ, 0);
	set_slot(g, GUEST_CALLS, 4096, 64, false);
	guest_access(g, 1, CALLS, GNOMON_WRITE, 1);
	delete_slot(g, GUEST_LARGE);
	guest_access(g, 0, FAR, GNOMON_READ, 0);
	set_slot(g, GUEST_LARGE, 1024, 2048, true);
	life_touch(g, 0);
	life_touch(g, 1);
}

Test(nth, shadow_4_level, .timeout = 120)
{
	life_every_call(guest_defaults(), scenario);
}

Test(nth, shadow_4_level_without_options, .timeout = 120)
{
	struct guest_options o = guest_defaults();

	o.options = 0;
	life_every_call(o, scenario);
}

Test(nth, shadow_5_level, .timeout = 120)
{
	struct guest_options o = guest_defaults();

	o.levels = 5;
	life_every_call(o, scenario);
}

Test(nth, shadow_pae, .timeout = 120)
{
	struct guest_options o = guest_defaults();

	o.levels = 3;
	life_every_call(o, scenario);
}

Test(nth, shadow_32_bit, .timeout = 120)
{
	struct guest_options o = guest_defaults();

	o.levels = 2;
	life_every_call(o, scenario);
}

Test(nth, shadow_under_budget, .timeout = 120)
{
	struct guest_options o = guest_defaults();

	o.table_pages_max = 34;
	life_every_call(o, scenario);
}

Test(nth, nested_4_level, .timeout = 120)
{
	struct guest_options o = guest_defaults();

	o.mode = GNOMON_MODE_NESTED;
	life_every_call(o, scenario);
}

Test(nth, both_modes, .timeout = 120)
{
	struct guest_options o = guest_defaults();

	o.modes = 1u << GNOMON_MODE_SHADOW | 1u << GNOMON_MODE_NESTED;
	life_every_call(o, scenario);
}

/* The host stays without pages until the scenario is over. */
Test(nth, host_runs_dry, .timeout = 120)
{
	for (unsigned levels = 2; levels <= 5; levels++) {
		struct guest_options o = guest_defaults();

		o.levels = levels;
		for (uint32_t spare = 1; spare < 48; spare++) {
			life_once(o, 0, spare, scenario);
		}
	}
}
