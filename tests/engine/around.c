/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GNOMON_OPT_AROUND: what a nested violation fills beside what it asked for
 * saves violations and tells nobody anything else.
 */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/guest.h"

#define BOTH (1u << GNOMON_MODE_SHADOW | 1u << GNOMON_MODE_NESTED)
#define DATA UINT64_C(0x600000)		/* gfn 704 and on: a group of 64 */
#define FIRST 704u
#define PAGES 64u
#define ROM UINT64_C(0x800000)		/* gfn 6144, then 6160: read-only */

static uint64_t bitmap[16];

static struct guest *make(enum gnomon_mode mode, unsigned width)
{
	struct guest_options o = guest_defaults();

	o.mode = mode;
	o.modes = BOTH;
	o.nested_around = (uint8_t)width;
	struct guest *g = guest_create(o);

	for (uint64_t i = 0; i < PAGES; i++) {
		guest_map(g, g->root, DATA + (i << 12), (FIRST + i) << 12,
			  GUEST_RWU, 1);
	}
	guest_map(g, g->root, ROM, UINT64_C(6144) << 12, GUEST_RWU, 1);
	guest_map(g, g->root, ROM + 4096, UINT64_C(6160) << 12, GUEST_RWU, 1);
	g->audits = GNOMON_AUDIT_FULL;
	memset(bitmap, 0, sizeof(bitmap));
	return g;
}

static unsigned touch(struct guest *g, uint64_t page, uint32_t access)
{
	struct guest_access a = guest_access(g, 0, DATA + (page << 12),
					     access, 1);

	cr_assert(a.end == GUEST_DONE);
	return a.faults;
}

static uint64_t around(const struct guest *g)
{
	struct gnomon_stats s;

	gnomon_vm_stats(g->vm, &s, sizeof(s));
	return s.nptes_around;
}

/* The violation that a CPU would report; no entry is used by it. */
static enum gnomon_action fault(struct guest *g, uint64_t gfn, uint32_t access)
{
	struct gnomon_fault f = { .gpa = { gfn << 12 }, .access = access,
				  .nested = true };
	struct gnomon_outcome out;

	gnomon_fault(g->vcpu[0], &f, &out);
	cr_assert(guest_audit(g));
	return out.action;
}

static void end(struct guest *g)
{
	cr_assert(guest_destroy(g) == 0);
}

static unsigned faults_of_all(struct guest *g)
{
	unsigned faults = 0;

	touch(g, 0, GNOMON_READ);	/* the guest's tables as well */
	for (uint64_t i = 1; i < PAGES; i++) {
		faults += touch(g, i, i & 1 ? GNOMON_WRITE : GNOMON_READ);
	}
	return faults;
}

Test(around, a_group_comes_with_its_first_violation)
{
	for (unsigned width = 1; width <= 64; width *= 2) {
		struct guest *g = make(GNOMON_MODE_NESTED, width);

		cr_assert(faults_of_all(g) == PAGES / width - 1);
		cr_assert((around(g) == 0) == (width == 1));
		end(g);
	}
}

Test(around, without_the_option_or_a_width_nothing_comes)
{
	for (unsigned i = 0; i < 2; i++) {
		struct guest_options o = guest_defaults();

		o.mode = GNOMON_MODE_NESTED;
		o.options &= i ? ~0u : ~(uint32_t)GNOMON_OPT_AROUND;
		o.nested_around = i ? 0 : 16;
		struct guest *g = guest_create(o);

		cr_assert(fault(g, FIRST, GNOMON_READ) == GNOMON_RESUME);
		cr_assert(around(g) == 0);
		end(g);
	}
}

Test(around, widths_are_powers_of_two_to_64)
{
	static const uint8_t bad[] = { 3, 12, 63, 65, 128, 255 };
	struct guest *g = make(GNOMON_MODE_NESTED, 1);
	struct gnomon_config config = {
		.size = sizeof(config), .mode = GNOMON_MODE_NESTED,
		.caps = { .maxphyaddr = 40 }, .host_maxphyaddr = 46,
	};
	void *memory = aligned_alloc(64, (gnomon_vm_bytes() + 63) & ~63ull);
	struct gnomon_vm *vm;

	for (unsigned i = 0; i < sizeof(bad); i++) {
		config.nested_around = bad[i];
		cr_assert(gnomon_vm_create(memory, &config, &g->fh->host,
					   g->fh, &vm) == GNOMON_INVAL);
	}
	free(memory);
	end(g);
}

static bool in_log(uint64_t page)
{
	return bitmap[(FIRST + page) / 64] >> (FIRST + page) % 64 & 1;
}

/* A log sees the pages that are written, not those beside them. */
static void log_of(uint32_t flags, uint32_t first)
{
	struct guest *g = make(GNOMON_MODE_NESTED, 16);
	struct gnomon_dirty_log log = { .frames = 1024, .flags = flags,
					.bitmap = bitmap };

	cr_assert(gnomon_dirty_start(g->vm, &log, NULL) == GNOMON_OK);
	touch(g, 1, first);
	cr_assert(around(g) > 0);
	cr_assert(touch(g, 2, GNOMON_READ) == 0, "it came ahead");
	for (uint64_t i = 0; i < 16; i++) {
		cr_assert(in_log(i) == (i == 1 && first == GNOMON_WRITE));
	}
	cr_assert(touch(g, 5, GNOMON_WRITE) == 1 && in_log(5));
	cr_assert(!in_log(4) && !in_log(6));
	cr_assert(gnomon_dirty_stop(g->vm, 0) == GNOMON_OK);
	end(g);
}

Test(around, a_log_does_not_see_it)
{
	log_of(0, GNOMON_READ);
	log_of(0, GNOMON_WRITE);
	log_of(GNOMON_DIRTY_BY_CPU, GNOMON_READ);
	log_of(GNOMON_DIRTY_BY_CPU, GNOMON_WRITE);
}

Test(around, the_cpu_s_log_holds_what_the_cpu_wrote)
{
	struct guest *g = make(GNOMON_MODE_NESTED, 16);
	struct gnomon_dirty_log log = { .frames = 1024, .bitmap = bitmap,
					.flags = GNOMON_DIRTY_BY_CPU };
	struct gnomon_range all = { { 0 }, 1024 };
	uint64_t copy[16] = { 0 };

	touch(g, 0, GNOMON_WRITE);	/* 1..15 are writable, not dirty */
	cr_assert(gnomon_dirty_start(g->vm, &log, NULL) == GNOMON_OK);
	touch(g, 3, GNOMON_WRITE);
	cr_assert(gnomon_dirty_clear(g->vm, 0, &all, NULL, NULL) == GNOMON_OK);
	touch(g, 3, GNOMON_WRITE);
	all = (struct gnomon_range){ { 0 }, 1024 };
	cr_assert(gnomon_dirty_clear(g->vm, 0, &all, copy, NULL) == GNOMON_OK);
	cr_assert(copy[FIRST / 64] == UINT64_C(1) << (FIRST + 3) % 64);
	end(g);
}

Test(around, it_is_not_young)
{
	struct guest *g = make(GNOMON_MODE_NESTED, 64);
	struct gnomon_range group = { { FIRST }, PAGES };
	uint64_t young = 0;

	touch(g, 7, GNOMON_READ);
	cr_assert(around(g) >= PAGES - 1);
	cr_assert(gnomon_young(g->vm, &group, true, &young, NULL) ==
		  GNOMON_OK);
	cr_assert(young == 1);
	touch(g, 8, GNOMON_READ);
	group = (struct gnomon_range){ { FIRST }, PAGES };
	young = 0;
	cr_assert(gnomon_young(g->vm, &group, false, &young, NULL) ==
		  GNOMON_OK);
	cr_assert(young == 1);
	end(g);
}

Test(around, watches_hold)
{
	static const uint32_t access[] = { GNOMON_READ, GNOMON_WRITE,
					   GNOMON_EXEC };
	struct guest *g = make(GNOMON_MODE_NESTED, 16);

	for (uint64_t watch = 1; watch < 8; watch++) {
		struct gnomon_range range = { { FIRST + watch }, 1 };

		cr_assert(gnomon_watch(g->vm, &range, (uint32_t)watch, NULL) ==
			  GNOMON_OK);
	}
	touch(g, 0, GNOMON_WRITE);
	cr_assert(guest_audit(g));
	for (uint64_t watch = 1; watch < 8; watch++) {
		for (unsigned i = 0; i < 3; i++) {
			cr_assert((fault(g, FIRST + watch, access[i]) ==
				   GNOMON_TRACKED) ==
				  !!(watch & (1u << i | 1u)));
		}
	}
	end(g);
}

Test(around, only_plain_memory_comes)
{
	struct guest *g = make(GNOMON_MODE_NESTED, 16);
	struct fh_frame *frame = g->fh->frame + FIRST;

	frame[1].kind = GNOMON_FRAME_MMIO;
	frame[2].kind = GNOMON_FRAME_NOT_NOW;
	frame[3].kind = GNOMON_FRAME_ABSENT;
	frame[4].kind = GNOMON_FRAME_ROM;
	frame[5].write = false;
	frame[6].write = false;
	frame[6].cow = true;
	touch(g, 0, GNOMON_WRITE);
	cr_assert(fault(g, FIRST + 1, GNOMON_READ) == GNOMON_DO_MMIO);
	cr_assert(fault(g, FIRST + 2, GNOMON_READ) == GNOMON_RETRY);
	cr_assert(fault(g, FIRST + 3, GNOMON_READ) == GNOMON_DO_MMIO);
	cr_assert(touch(g, 4, GNOMON_READ) == 0);
	cr_assert(fault(g, FIRST + 4, GNOMON_WRITE) == GNOMON_DO_MMIO);
	cr_assert(touch(g, 5, GNOMON_READ) == 0);
	cr_assert(fault(g, FIRST + 5, GNOMON_WRITE) == GNOMON_DO_MMIO);
	/* The host is not asked to copy before somebody writes. */
	cr_assert(frame[6].cow && touch(g, 6, GNOMON_READ) == 0);
	cr_assert(touch(g, 6, GNOMON_WRITE) == 1 && !frame[6].cow);
	end(g);
}

Test(around, slots_end_it)
{
	struct guest *g = make(GNOMON_MODE_NESTED, 64);
	struct guest_access a = guest_access(g, 0, ROM, GNOMON_READ, 0);
	uint64_t before = around(g);

	/* 8 of the ROM, 8 of the read-only slot, nothing in between. */
	cr_assert(a.end == GUEST_DONE && guest_audit(g));
	a = guest_access(g, 0, ROM + 4096, GNOMON_READ, 0);
	cr_assert(a.end == GUEST_DONE && a.faults == 0);
	cr_assert(around(g) == before);
	cr_assert(fault(g, 6152, GNOMON_READ) == GNOMON_DO_MMIO);
	cr_assert(fault(g, 6145, GNOMON_WRITE) == GNOMON_DO_MMIO);
	cr_assert(fault(g, 6161, GNOMON_WRITE) == GNOMON_DO_MMIO);
	end(g);
}

Test(around, a_host_change_ends_it)
{
	struct guest *g = make(GNOMON_MODE_NESTED, 16);
	gnomon_gfn_t first = { FIRST + 4 };
	uint64_t before;

	touch(g, 0, GNOMON_WRITE);
	cr_assert(gnomon_host_change_begin(g->vm, first, 4, NULL) ==
		  GNOMON_OK);
	before = around(g);
	touch(g, 16, GNOMON_WRITE);
	cr_assert(around(g) == before, "no guess while anything changes");
	cr_assert(fault(g, FIRST + 4, GNOMON_READ) == GNOMON_RETRY);
	g->fh->frame[FIRST + 5].moved = true;
	cr_assert(gnomon_host_change_end(g->vm, first, 4) == GNOMON_OK);
	cr_assert(touch(g, 4, GNOMON_WRITE) == 1);
	cr_assert(around(g) == before + 3);
	cr_assert(touch(g, 5, GNOMON_WRITE) == 0 && guest_audit(g));
	end(g);
}

Test(around, traces_hold)
{
	struct guest *g = make(GNOMON_MODE_SHADOW, 64);
	uint64_t root = guest_table(g), table;

	/* A second space that sees the first one's tables as data. */
	for (uint64_t gfn = 0; gfn < PAGES; gfn++) {
		guest_map(g, root, DATA + (gfn << 12), gfn << 12, GUEST_RWU,
			  1);
	}
	touch(g, 0, GNOMON_WRITE);
	table = guest_entry(g, g->root, DATA, 1) >> 12;
	cr_assert(gnomon_is_traced(g->vm, (gnomon_gfn_t){ table }));
	cr_assert(table < PAGES);
	cr_assert(guest_switch(g, root, GNOMON_MODE_NESTED, 0) ==
		  GNOMON_OK);
	cr_assert(guest_load(g, 1, root) == GNOMON_OK);
	cr_assert(guest_is_nested(g, 1));
	guest_access(g, 1, DATA + ((PAGES - 1) << 12), GNOMON_WRITE, 0);
	cr_assert(around(g) > 0 && guest_audit(g));
	cr_assert(guest_must_trap(g, 1, table));
	struct guest_access a = guest_access(g, 1, DATA + (table << 12) + 4088,
					     GNOMON_WRITE, 0);

	cr_assert(a.end == GUEST_DONE && a.kinds[GNOMON_KIND_TRACE] == 1);
	end(g);
}

/* What a trace took from a large leaf beside its own frame comes back. */
static void split_by_a_trace(unsigned width)
{
	struct guest *g = make(GNOMON_MODE_SHADOW, width);
	uint64_t root = guest_table(g), view = UINT64_C(0x40000000);
	uint64_t table = 1100, leaf = guest_entry(g, g->root, view, 2);

	for (uint64_t gfn = 1024; gfn < 1536; gfn++) {
		guest_map(g, root, view + ((gfn - 1024) << 12), gfn << 12,
			  GUEST_RWU, 1);
	}
	cr_assert(guest_switch(g, root, GNOMON_MODE_NESTED, 0) == GNOMON_OK);
	cr_assert(guest_load(g, 1, root) == GNOMON_OK);
	cr_assert(guest_access(g, 1, view, GNOMON_WRITE, 0).end ==
		  GUEST_DONE);
	/* The first space has a table in the block now. */
	guest_poke(g, leaf, table << 12 | GUEST_RWU | X86_PTE_A);
	guest_poke(g, table << 12, UINT64_C(700) << 12 | GUEST_RWU);
	cr_assert(guest_access(g, 0, view, GNOMON_WRITE, 0).end ==
		  GUEST_DONE);
	cr_assert(gnomon_is_traced(g->vm, (gnomon_gfn_t){ table }));
	guest_access(g, 1, view + (7 << 12), GNOMON_WRITE, 0);
	for (uint64_t i = 8; i < 512; i += 31) {
		cr_assert(guest_access(g, 1, view + (i << 12), GNOMON_WRITE,
				       0).faults == (width == 1));
	}
	cr_assert(guest_audit(g) && guest_must_trap(g, 1, table));
	cr_assert(guest_access(g, 1, view + ((table - 1024) << 12) + 8,
			       GNOMON_WRITE, 0).kinds[GNOMON_KIND_TRACE] == 1);
	end(g);
}

Test(around, a_large_leaf_that_a_trace_broke_is_writable_again)
{
	split_by_a_trace(1);
	split_by_a_trace(16);
}
