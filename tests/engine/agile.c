/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Agile paging: which tables the CPU walks itself, what still leaves the
 * guest, and that neither host nor hostile guest breaks it.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/agileworld.h"

#define ROOT UINT64_C(0x10000)
#define ALL (X86_PTE_P | X86_PTE_W | X86_PTE_U)
#define USED (X86_PTE_A | X86_PTE_D)
#define GVA UINT64_C(0x1000)
#define DIRECT UINT64_C(0x40000000)	/* where the guest maps its memory */

static struct agileworld a;
static struct world *w = &a.w;

static void begin(void)
{
	agile_open(&a, NULL);
	/* Tables lie here; single ones are moved. */
	fh_frames(w->fh, 0, 512, (struct fh_frame){
		.kind = GNOMON_FRAME_RAM, .write = true });
	world_map(w, ROOT, GVA, 0x300000 | ALL, 1);
	world_map(w, ROOT, DIRECT, 0 | ALL, 2);
	world_map(w, ROOT, DIRECT + 0x200000, 0x200000 | ALL, 2);
	agile_cr3(&a, 0, ROOT);
}

static void finish(void)
{
	agile_close(&a);
}

TestSuite(agile, .init = begin, .fini = finish);

/* The guest's table for gva at level. */
static uint64_t table_of(uint64_t gva, unsigned level)
{
	return world_entry(w, ROOT, gva, level) >> 12;
}

static void touch(uint64_t gva, uint32_t access, enum world_end end)
{
	cr_assert_eq(agile_access(&a, 0, gva, access, 7), end);
}

static bool traced(uint64_t gva, unsigned level)
{
	return gnomon_is_traced(w->vm, (gnomon_gfn_t){ table_of(gva, level) });
}

static unsigned refs(uint64_t gva)
{
	struct hwagile_result r;

	hwagile_access(&a.cpu[0], &w->regs[0], gva, GNOMON_READ, 0, &r);
	cr_assert(r.hw.ok);
	return r.refs;
}

Test(agile, without_a_choice_all_is_shadowed)
{
	touch(GVA, GNOMON_WRITE, WORLD_OK);
	cr_expect(traced(GVA, 1));
	cr_expect_eq(a.cpu[0].below, 0);
	cr_expect_eq(refs(GVA), 4);
	world_audit(w, GNOMON_AUDIT_GUEST);
}

Test(agile, a_leaf_table_is_walked_below_and_traced_no_more)
{
	touch(GVA, GNOMON_WRITE, WORLD_OK);
	agile_switch(&a, table_of(GVA, 1), true);
	touch(GVA, GNOMON_WRITE, WORLD_OK);
	cr_expect_gt(a.cpu[0].below, 0);
	cr_expect_not(traced(GVA, 1));
	cr_expect(traced(GVA, 2));
	cr_expect_eq(world_stats(w).tables_nested, 1);
	cr_expect_eq(world_stats(w).switches_set, 1);
	world_audit(w, GNOMON_AUDIT_GUEST);
}

/* When the call returns, TLBs hold nothing of how it was before. */
/* The frame that a read of gva reaches. */
static uint64_t reached(uint64_t gva)
{
	struct hwagile_result r;

	touch(gva, GNOMON_READ, WORLD_OK);
	hwagile_access(&a.cpu[0], &w->regs[0], gva, GNOMON_READ, 0, &r);
	cr_assert(r.hw.ok);
	return fh_gfn(w->fh, r.hw.hpa >> 12);
}

Test(agile, i01_a_switch_follows_the_entry_above_it)
{
	const uint64_t other = GVA + 0x200000;
	uint64_t above = world_entry(w, ROOT, GVA, 2), gpte;

	world_map(w, ROOT, other, 0x310000 | ALL, 1);
	agile_switch(&a, table_of(GVA, 1), true);
	agile_switch(&a, table_of(other, 1), true);
	cr_expect_eq(reached(GVA), 0x300);
	cr_expect_eq(reached(other), 0x310);
	gpte = fh_load(w->fh, world_entry(w, ROOT, other, 2), 8);
	cr_assert_eq(gnomon_write(w->vm, w->vcpu[0], (gnomon_gpa_t){ above },
				  &gpte, 8), GNOMON_OK);
	gnomon_invlpg(w->vcpu[0], (gnomon_gva_t){ GVA });
	cr_expect_eq(reached(GVA), 0x310);
}

Test(agile, i16_a_switch_is_flushed)
{
	uint64_t flushes;

	for (unsigned level = 1; level <= 3; level++) {
		touch(GVA, GNOMON_WRITE, WORLD_OK);
		flushes = w->fh->flushes;
		agile_switch(&a, table_of(GVA, level), true);
		cr_expect_gt(w->fh->flushes, flushes, "to %u", level);
		touch(GVA, GNOMON_WRITE, WORLD_OK);
		flushes = w->fh->flushes;
		agile_switch(&a, table_of(GVA, level), false);
		cr_expect_gt(w->fh->flushes, flushes, "from %u", level);
	}
}

/* A large leaf that has become such a table, and the engine was not told. */
Test(agile, i16_a_leaf_that_a_switch_replaces_is_flushed)
{
	uint64_t gva = UINT64_C(0x80200000), flushes;

	world_map(w, ROOT, gva, 0x400000 | X86_PTE_P | X86_PTE_U, 2);
	touch(gva + 0x1000, GNOMON_READ, WORLD_OK);
	agile_switch(&a, table_of(GVA, 1), true);
	fh_store(w->fh, world_entry(w, ROOT, gva, 2), 8,
		 table_of(GVA, 1) << 12 | ALL);
	flushes = w->fh->flushes;
	touch(gva + 0x1000, GNOMON_WRITE, WORLD_OK);
	cr_expect_gt(w->fh->flushes, flushes);
	cr_expect_gt(a.cpu[0].below, 0);
}

Test(agile, stores_below_a_switch_leave_the_guest_no_more)
{
	agile_switch(&a, table_of(GVA, 1), true);
	touch(GVA, GNOMON_WRITE, WORLD_OK);
	touch(DIRECT + world_entry(w, ROOT, GVA + 0x1000, 1), GNOMON_WRITE,
	      WORLD_OK);
	fh_store(w->fh, world_entry(w, ROOT, GVA + 0x1000, 1), 8,
		 0x301000 | ALL);
	uint64_t before = world_stats(w).pf_taken;

	/* The page's own nested entry is there: nothing is left to fault. */
	touch(GVA + 0x1000, GNOMON_WRITE, WORLD_OK);
	touch(DIRECT + world_entry(w, ROOT, GVA + 0x2000, 1), GNOMON_WRITE,
	      WORLD_OK);
	cr_expect_eq(world_stats(w).pf_taken, before);
}

Test(agile, faults_of_the_guest_below_a_switch_do_not_exit)
{
	agile_switch(&a, table_of(GVA, 1), true);
	touch(GVA, GNOMON_READ, WORLD_OK);
	uint64_t before = world_stats(w).pf_taken;

	touch(GVA + 0x5000, GNOMON_READ, WORLD_INJECTED);
	cr_expect_eq(world_stats(w).pf_taken, before);
}

Test(agile, every_level_and_back)
{
	for (unsigned level = 1; level <= 3; level++) {
		uint64_t gfn = table_of(GVA, level);

		agile_switch(&a, gfn, true);
		touch(GVA, GNOMON_WRITE, WORLD_OK);
		cr_expect(gnomon_table_is_nested(w->vm,
						 (gnomon_gfn_t){ gfn }));
		for (unsigned below = 1; below <= level; below++) {
			cr_expect_not(traced(GVA, below), "%u under %u",
				      below, level);
		}
		world_audit(w, GNOMON_AUDIT_GUEST);
		agile_switch(&a, gfn, false);
		touch(GVA, GNOMON_WRITE, WORLD_OK);
		cr_expect(traced(GVA, level));
		cr_expect_eq(refs(GVA), 4);
		world_audit(w, GNOMON_AUDIT_GUEST);
	}
}

Test(agile, the_root_is_walked_nested_from_the_next_load_on)
{
	touch(GVA, GNOMON_WRITE, WORLD_OK);
	agile_switch(&a, ROOT >> 12, true);
	agile_cr3(&a, 0, ROOT);
	cr_assert_not(a.cpu[0].root.agile);
	cr_expect_eq(a.cpu[0].root.cr3.v, ROOT);
	cr_expect(a.cpu[0].root.cr3_exits);
	touch(GVA, GNOMON_WRITE, WORLD_OK);
	cr_expect_not(traced(GVA, 1));
	cr_expect_not(traced(GVA, 4));
	world_audit(w, GNOMON_AUDIT_GUEST);
	agile_switch(&a, ROOT >> 12, false);
	agile_cr3(&a, 0, ROOT);
	cr_assert(a.cpu[0].root.agile);
	touch(GVA, GNOMON_WRITE, WORLD_OK);
	cr_expect(traced(GVA, 1));
}

Test(agile, rights_of_the_path_above_hold_below)
{
	uint64_t upper = world_entry(w, ROOT, GVA, 2);

	agile_switch(&a, table_of(GVA, 1), true);
	touch(GVA, GNOMON_WRITE | GNOMON_USER, WORLD_OK);
	world_store(w, upper, fh_load(w->fh, upper, 8) & ~X86_PTE_W);
	gnomon_invlpg(w->vcpu[0], (gnomon_gva_t){ GVA });
	touch(GVA, GNOMON_WRITE | GNOMON_USER, WORLD_INJECTED);
	touch(GVA, GNOMON_READ | GNOMON_USER, WORLD_OK);
	world_audit(w, GNOMON_AUDIT_GUEST);
	world_store(w, upper, fh_load(w->fh, upper, 8) & ~X86_PTE_U);
	gnomon_invlpg(w->vcpu[0], (gnomon_gva_t){ GVA });
	touch(GVA, GNOMON_READ | GNOMON_USER, WORLD_INJECTED);
	world_audit(w, GNOMON_AUDIT_GUEST);
}

Test(agile, accessed_bit_above_the_switch_is_the_engines)
{
	uint64_t upper = world_entry(w, ROOT, GVA, 2);

	agile_switch(&a, table_of(GVA, 1), true);
	touch(GVA, GNOMON_READ, WORLD_OK);
	cr_expect(fh_load(w->fh, upper, 8) & X86_PTE_A);
	world_store(w, upper, fh_load(w->fh, upper, 8) & ~X86_PTE_A);
	gnomon_invlpg(w->vcpu[0], (gnomon_gva_t){ GVA });
	world_audit(w, GNOMON_AUDIT_GUEST);
	touch(GVA, GNOMON_READ, WORLD_OK);
	cr_expect(fh_load(w->fh, upper, 8) & X86_PTE_A);
}

Test(agile, the_host_moves_a_table_that_is_switched_to)
{
	uint64_t gfn = table_of(GVA, 1);

	agile_switch(&a, gfn, true);
	touch(GVA, GNOMON_READ, WORLD_OK);
	cr_assert_eq(gnomon_host_change_begin(w->vm, (gnomon_gfn_t){ gfn }, 1,
					      NULL), GNOMON_OK);
	cr_expect_eq(agile_access(&a, 0, GVA, GNOMON_READ, 0),
		     WORLD_STOPPED);
	fh_frames(w->fh, gfn, 1, (struct fh_frame){
		.kind = GNOMON_FRAME_RAM, .write = true, .moved = true });
	cr_assert_eq(gnomon_host_change_end(w->vm, (gnomon_gfn_t){ gfn }, 1),
		     GNOMON_OK);
	touch(GVA, GNOMON_WRITE, WORLD_OK);
	cr_expect_not(traced(GVA, 1));
	world_audit(w, GNOMON_AUDIT_GUEST);
}

Test(agile, a_table_that_the_host_keeps_from_writing_is_shadowed)
{
	uint64_t gfn = table_of(GVA, 1);

	agile_switch(&a, gfn, true);
	touch(GVA, GNOMON_READ, WORLD_OK);
	cr_assert_eq(gnomon_host_change_begin(w->vm, (gnomon_gfn_t){ gfn }, 1,
					      NULL), GNOMON_OK);
	fh_frames(w->fh, gfn, 1, (struct fh_frame){
		.kind = GNOMON_FRAME_RAM, .write = false });
	cr_assert_eq(gnomon_host_change_end(w->vm, (gnomon_gfn_t){ gfn }, 1),
		     GNOMON_OK);
	touch(GVA, GNOMON_READ, WORLD_OK);
	cr_expect(traced(GVA, 1));
	world_audit(w, GNOMON_AUDIT_GUEST);
}

Test(agile, a_dirty_log_sees_what_the_cpu_marks_in_a_table)
{
	uint64_t gfn = table_of(GVA, 1);
	static uint64_t bits[WORLD_FRAMES / 64];
	struct gnomon_dirty_log log = {
		.frames = WORLD_FRAMES, .bitmap = bits,
	};
	struct gnomon_range all = { { 0 }, WORLD_FRAMES };

	memset(bits, 0, sizeof(bits));
	agile_switch(&a, gfn, true);
	touch(GVA, GNOMON_WRITE, WORLD_OK);
	cr_assert_eq(gnomon_dirty_start(w->vm, &log, NULL), GNOMON_OK);
	w->dirty = bits;
	touch(GVA, GNOMON_WRITE, WORLD_OK);
	cr_expect(bits[gfn / 64] >> gfn % 64 & 1);
	cr_expect(bits[0x300 / 64] >> 0x300 % 64 & 1);
	cr_assert_eq(gnomon_dirty_clear(w->vm, 0, &all, NULL, NULL),
		     GNOMON_OK);
	cr_expect_not(bits[gfn / 64] >> gfn % 64 & 1);
	touch(GVA, GNOMON_READ, WORLD_OK);
	cr_expect(bits[gfn / 64] >> gfn % 64 & 1);
	world_audit(w, GNOMON_AUDIT_FULL);
	cr_assert_eq(gnomon_dirty_stop(w->vm, 0), GNOMON_OK);
	w->dirty = NULL;
}

Test(agile, the_slot_takes_its_choices_along)
{
	struct gnomon_slot slot = fh_slot(w->fh, 1, 8192, 512, 0, true);
	uint64_t l2 = world_entry(w, ROOT, 0x80000000, 3);

	fh_frames(w->fh, 8192, 512, (struct fh_frame){
		.kind = GNOMON_FRAME_RAM, .write = true });
	cr_assert_eq(gnomon_slot_set(w->vm, &slot), GNOMON_OK);
	/* A table of level 2 in the new slot, with a leaf. */
	fh_store(w->fh, 8192 << 12, 8, 0x200000 | ALL | X86_PTE_PS);
	world_store(w, l2, UINT64_C(8192) << 12 | ALL);
	agile_switch(&a, 8192, true);
	touch(0x80000000, GNOMON_READ, WORLD_OK);
	cr_expect_gt(a.cpu[0].below, 0);
	cr_assert_eq(gnomon_slot_delete(w->vm, 1, NULL), GNOMON_OK);
	fh_slot_forget(w->fh, 1);
	cr_expect_not(gnomon_table_is_nested(w->vm, (gnomon_gfn_t){ 8192 }));
	cr_expect_eq(world_stats(w).tables_nested, 0);
	world_audit(w, GNOMON_AUDIT_FULL);
	cr_expect_eq(gnomon_table_switch(w->vm, (gnomon_gfn_t){ 8192 }, true,
					 NULL), GNOMON_INVAL);
}

Test(agile, a_root_that_points_to_itself)
{
	uint64_t self = ROOT + 8 * 300;
	uint64_t gva = UINT64_C(0xffff000000000000) | UINT64_C(300) << 39 |
		       UINT64_C(300) << 30 | UINT64_C(300) << 21 |
		       UINT64_C(300) << 12;

	world_store(w, self, ROOT | ALL);
	touch(gva, GNOMON_READ, WORLD_OK);
	agile_switch(&a, ROOT >> 12, true);
	/* The root stays shadowed, and is a switch's target at once. */
	touch(gva, GNOMON_READ, WORLD_OK);
	world_audit(w, GNOMON_AUDIT_GUEST);
	touch(GVA, GNOMON_WRITE, WORLD_OK);
	agile_cr3(&a, 0, ROOT);
	touch(gva, GNOMON_READ, WORLD_OK);
	touch(gva + 8, GNOMON_WRITE, WORLD_OK);
	world_audit(w, GNOMON_AUDIT_GUEST);
}

Test(agile, one_frame_as_upper_and_as_leaf_table)
{
	uint64_t gfn = table_of(GVA, 1);
	uint64_t l3 = world_entry(w, ROOT, 0x8000000000, 4);

	/* The leaf table is a level-3 table as well. */
	world_store(w, l3, gfn << 12 | ALL);
	touch(GVA, GNOMON_READ, WORLD_OK);
	agile_access(&a, 0, 0x8000001000, GNOMON_READ, 0);
	agile_switch(&a, gfn, true);
	touch(GVA, GNOMON_READ, WORLD_OK);
	cr_expect_neq(agile_access(&a, 0, 0x8000001000, GNOMON_READ, 0),
		      WORLD_WRONG);
	cr_expect_not(gnomon_is_traced(w->vm, (gnomon_gfn_t){ gfn }));
	world_audit(w, GNOMON_AUDIT_FULL);
	agile_switch(&a, gfn, false);
	touch(GVA, GNOMON_WRITE, WORLD_OK);
	world_audit(w, GNOMON_AUDIT_FULL);
}

Test(agile, without_write_protection_marks_are_not_heeded)
{
	uint64_t gfn = table_of(GVA, 1);

	agile_switch(&a, gfn, true);
	touch(GVA, GNOMON_READ, WORLD_OK);
	w->regs[0].cr0 &= ~X86_CR0_WP;
	agile_cr3(&a, 0, ROOT);
	touch(GVA, GNOMON_WRITE, WORLD_OK);
	cr_expect(traced(GVA, 1));
	world_audit(w, GNOMON_AUDIT_GUEST);
	w->regs[0].cr0 |= X86_CR0_WP;
	agile_cr3(&a, 0, ROOT);
	touch(GVA, GNOMON_WRITE, WORLD_OK);
	world_audit(w, GNOMON_AUDIT_GUEST);
}

Test(agile, a_traced_table_walked_nested_by_another_is_marked_by_the_engine)
{
	/* A second root shares the tables below; its vcpu is nested. */
	fh_store(w->fh, 0x20000, 8, fh_load(w->fh, ROOT, 8));
	touch(GVA, GNOMON_READ, WORLD_OK);
	cr_assert(traced(GVA, 1));
	agile_switch(&a, 0x20, true);
	agile_cr3(&a, 1, 0x20000);
	cr_assert_not(a.cpu[1].root.agile);
	uint64_t leaf = world_entry(w, ROOT, GVA, 1);

	world_store(w, leaf, fh_load(w->fh, leaf, 8) & ~USED);
	cr_assert_eq(agile_access(&a, 1, GVA, GNOMON_WRITE, 0), WORLD_OK);
	cr_expect_eq(fh_load(w->fh, leaf, 8) & USED, USED);
	cr_expect(traced(GVA, 1));
	world_audit(w, GNOMON_AUDIT_GUEST);
	/* And a store of its to a traced table is seen by the shadow. */
	world_map(w, ROOT, DIRECT, 0 | ALL, 2);
	cr_assert_eq(agile_access(&a, 1, DIRECT + leaf, GNOMON_WRITE,
				  0x305000 | ALL), WORLD_OK);
	gnomon_invlpg(w->vcpu[0], (gnomon_gva_t){ GVA });
	touch(GVA, GNOMON_READ, WORLD_OK);
	world_audit(w, GNOMON_AUDIT_GUEST);
}

Test(agile, refused_in_other_modes)
{
	struct world other;

	world_open(&other, NULL);
	cr_expect_eq(gnomon_table_switch(other.vm, (gnomon_gfn_t){ 16 }, true,
					 NULL), GNOMON_UNSUPPORTED);
	cr_expect_not(gnomon_table_is_nested(other.vm,
					     (gnomon_gfn_t){ 16 }));
	world_close(&other);
}

Test(agile, a_switch_is_bounded_by_its_budget)
{
	enum gnomon_status status;
	unsigned calls = 0;

	for (unsigned i = 0; i < 100; i++) {
		uint64_t gva = GVA + i * UINT64_C(0x200000);

		/* 0x40000000 is the direct map's. */
		world_map(w, ROOT, gva, 0x300000 | ALL, 1);
		touch(gva, GNOMON_READ, WORLD_OK);
	}
	do {
		uint32_t budget = 1;

		status = gnomon_table_switch(w->vm, (gnomon_gfn_t){
			table_of(GVA, 3) }, true, &budget);
		calls++;
		world_audit(w, GNOMON_AUDIT_FULL);
	} while (status == GNOMON_MORE);
	cr_expect_eq(status, GNOMON_OK);
	cr_expect_gt(calls, 10);
	cr_expect_not(traced(GVA, 1));
	touch(GVA, GNOMON_READ, WORLD_OK);
}
