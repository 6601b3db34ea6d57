/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * As nth.c, on a CPU with agile paging: tables of every level are switched to
 * and back, by single steps, under logs, watches, host changes and changes of
 * the mode, and the Nth call of the host fails.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/fault/through.h"
#include "tests/support/agileworld.h"

#define ROOT UINT64_C(0x10000)
#define OTHER UINT64_C(0x20000)	/* shares the tables below its first entry */
#define ALL (X86_PTE_P | X86_PTE_W | X86_PTE_U)
#define GVA UINT64_C(0x1000)
#define DIRECT UINT64_C(0x40000000)
#define FAR UINT64_C(0x80000000) /* its tables lie in a slot that goes */
#define FAR_TABLE UINT64_C(8192)
#define STEPS 32u

static struct agileworld a;
static struct world *w = &a.w;
static unsigned stopped;	/* accesses for want of memory or frame */
static unsigned refused;	/* calls that had no memory */

static void audit(void)
{
	struct fakehost *fh = w->fh;
	uint64_t calls = fh->calls_all, fail_at = fh->fail_at;

	/* Before the failure it is the life without one. */
	if (fail_at && !fh->fail_hit) {
		return;
	}
	/* What the audit asks the host is not to fail. */
	fh->fail_at = 0;
	world_audit(w, GNOMON_AUDIT_FULL);
	fh->calls_all = calls;
	fh->fail_at = fail_at;
}

static void touch(unsigned cpu, uint64_t gva, uint32_t access)
{
	enum world_end end = agile_access(&a, cpu, gva, access, 7);

	/* The failed call may have been a load of a gpte, or a page. */
	cr_assert(end == WORLD_OK || w->fh->fail_hit, "gva %#llx: %d",
		  (unsigned long long)gva, end);
	stopped += end == WORLD_STOPPED;
	audit();
}

static void touch_all(void)
{
	for (unsigned cpu = 0; cpu < WORLD_CPUS; cpu++) {
		touch(cpu, GVA, GNOMON_WRITE);
		touch(cpu, GVA + 4096, GNOMON_READ);
	}
	touch(0, DIRECT + 0x300000, GNOMON_WRITE);
	touch(0, FAR, GNOMON_READ);
}

static void load(unsigned cpu, uint64_t cr3)
{
	struct gnomon_root root;

	w->regs[cpu].cr3 = cr3;
	THROUGH((budget--, gnomon_vcpu_set_regs(w->vcpu[cpu], &w->regs[cpu],
						GNOMON_SET_CR3, &root)));
	hwagile_load(&a.cpu[cpu], root);
	w->fh->epoch[cpu] += root.flush;
}

static void table_switch(uint64_t gfn, bool nested)
{
	gnomon_gfn_t table = { gfn };

	THROUGH((budget = 1, gnomon_table_switch(w->vm, table, nested,
						 &budget)));
	cr_assert_eq(gnomon_table_is_nested(w->vm, table), nested);
}

static uint64_t table_of(uint64_t gva, unsigned level)
{
	return world_entry(w, ROOT, gva, level) >> 12;
}

/* Every level down and up again, the vcpus loading the roots between. */
static void switch_levels(void)
{
	for (unsigned level = 1; level <= 4; level++) {
		table_switch(table_of(GVA, level), true);
		touch_all();
		load(1, OTHER);
		touch(1, GVA, GNOMON_WRITE);
		load(0, ROOT);
		load(1, ROOT);
		touch_all();
	}
	for (unsigned level = 4; level > 0; level--) {
		table_switch(table_of(GVA, level), false);
		load(0, ROOT);
		touch_all();
	}
}

/* What the VMM does on its own, with a table switched to. */
static void host_side(void)
{
	static uint64_t bits[WORLD_FRAMES / 64];
	struct gnomon_dirty_log log = { .frames = WORLD_FRAMES,
					.bitmap = bits };
	struct gnomon_range all = { { 0 }, 512 }, range = all;
	gnomon_gfn_t table = { table_of(GVA, 1) };
	uint64_t young = 0;
	uint32_t pages = 4;

	memset(bits, 0, sizeof(bits));
	table_switch(table.v, true);
	touch_all();
	THROUGH(gnomon_dirty_start(w->vm, &log, &budget));
	w->dirty = bits;
	touch_all();
	THROUGH(gnomon_dirty_clear(w->vm, 0, &range, NULL, &budget));
	touch_all();
	w->dirty = NULL;
	cr_assert_eq(gnomon_dirty_stop(w->vm, 0), GNOMON_OK);
	THROUGH(gnomon_host_change_begin(w->vm, table, 1, &budget));
	w->fh->frame[table.v].moved ^= true;
	cr_assert_eq(gnomon_host_change_end(w->vm, table, 1), GNOMON_OK);
	touch_all();
	range = all;
	THROUGH(gnomon_young(w->vm, &range, true, &young, &budget));
	range = all;
	THROUGH(gnomon_split(w->vm, &range, &budget));
	range = all;
	THROUGH(gnomon_collapse(w->vm, &range, &budget));
	THROUGH(gnomon_shrink(w->vm, &pages, &budget));
	THROUGH(gnomon_zap_all(w->vm, &budget));
	touch_all();
	table_switch(table.v, false);
}

static void calls_of_a_vcpu(void)
{
	struct gnomon_span span = { { GVA & ~UINT64_C(0xfff) }, 4 << 12 };
	uint64_t at = world_entry(w, ROOT, GVA, 2), old = fh_load(w->fh, at, 8);
	uint64_t value = old;

	table_switch(table_of(GVA, 1), true);
	THROUGH(gnomon_prefault(w->vcpu[0], &span, &budget));
	for (unsigned i = 0; i < 2; i++) {
		/* The entry above the switch loses W, and gets it back. */
		value = old ^ (i ? 0 : X86_PTE_W);
		world_store(w, at, value);
		gnomon_invlpg(w->vcpu[0], (gnomon_gva_t){ GVA });
		gnomon_invlpg(w->vcpu[1], (gnomon_gva_t){ GVA });
		audit();
		touch(0, GVA, GNOMON_READ);
	}
	touch(0, GVA, GNOMON_WRITE);
	table_switch(table_of(GVA, 1), false);
}

static void modes(void)
{
	gnomon_gpa_t space = { ROOT };
	static const enum gnomon_mode mode[] = {
		GNOMON_MODE_NESTED, GNOMON_MODE_AGILE,
	};

	table_switch(table_of(GVA, 2), true);
	for (unsigned i = 0; i < 4; i++) {
		THROUGH(gnomon_mode_switch(w->vm, i & 2 ? NULL : &space,
					   mode[i & 1], &budget));
		load(0, ROOT);
		load(1, OTHER);
		touch_all();
	}
	table_switch(table_of(GVA, 2), false);
}

/* The slot of a table that is switched to goes, with the choice, and comes. */
static void slot_goes(void)
{
	struct gnomon_slot slot;

	table_switch(FAR_TABLE, true);
	touch(0, FAR, GNOMON_READ);
	THROUGH(gnomon_slot_delete(w->vm, 1, &budget));
	fh_slot_forget(w->fh, 1);
	cr_assert_not(gnomon_table_is_nested(w->vm,
					     (gnomon_gfn_t){ FAR_TABLE }));
	agile_access(&a, 0, FAR, GNOMON_READ, 0);
	audit();
	slot = fh_slot(w->fh, 1, FAR_TABLE, 512, 0, true);
	THROUGH((budget--, gnomon_slot_set(w->vm, &slot)));
	touch(0, FAR, GNOMON_READ);
}

static void story(void)
{
	touch_all();
	switch_levels();
	calls_of_a_vcpu();
	host_side();
	modes();
	slot_goes();
}

static void begin(unsigned budget)
{
	struct gnomon_config config = agile_config();
	struct gnomon_slot slot;

	config.table_pages_max = budget;
	agile_open(&a, &config);
	slot = fh_slot(w->fh, 1, FAR_TABLE, 512, 0, true);
	cr_assert_eq(gnomon_slot_set(w->vm, &slot), GNOMON_OK);
	fh_frames(w->fh, 0, 512, (struct fh_frame){
		.kind = GNOMON_FRAME_RAM, .write = true });
	fh_frames(w->fh, FAR_TABLE, 512, (struct fh_frame){
		.kind = GNOMON_FRAME_RAM, .write = true });
	world_map(w, ROOT, GVA, 0x300000 | ALL, 1);
	world_map(w, ROOT, GVA + 4096, 0x301000 | ALL, 1);
	world_map(w, ROOT, DIRECT, 0 | ALL, 2);
	world_map(w, ROOT, DIRECT + 0x200000, 0x200000 | ALL, 2);
	world_map(w, ROOT, FAR + 0x40000000, 0, 1);
	fh_store(w->fh, FAR_TABLE << 12, 8, 0x200000 | ALL | X86_PTE_PS);
	fh_store(w->fh, world_entry(w, ROOT, FAR, 3), 8,
		 FAR_TABLE << 12 | ALL);
	fh_store(w->fh, OTHER, 8, fh_load(w->fh, ROOT, 8));
	agile_cr3(&a, 0, ROOT);
	agile_cr3(&a, 1, ROOT);
}

static bool one_life(unsigned budget, uint64_t n)
{
	bool hit;

	begin(budget);
	w->fh->fail_at = n ? w->fh->calls_all + n : 0;
	w->fh->fail_hit = false;
	story();
	hit = w->fh->fail_hit;
	/* From here on nothing fails, and all is right. */
	w->fh->fail_at = 0;
	w->fh->fail_hit = false;
	touch_all();
	world_audit(w, GNOMON_AUDIT_GUEST);
	agile_close(&a);
	return hit;
}

static void every_call(unsigned budget)
{
	uint64_t n = 1;

	refused = 0;
	one_life(budget, 0);
	while (one_life(budget, n)) {
		n++;
	}
	cr_assert_gt(n, 100);
	/* Some of them were asked for memory, and had none. */
	cr_assert_gt(refused + stopped, 10);
}

Test(nth_agile, every_level_and_back, .timeout = 120)
{
	every_call(0);
}

Test(nth_agile, under_budget, .timeout = 120)
{
	every_call(64);
}
