/* SPDX-License-Identifier: BSD-2-Clause */
/* References of two-dimensional walks: g(h+1)+h and what caches save. */
#include <criterion/criterion.h>

#include "tests/sim/rig.h"

#define GVA 0x0000123440009000u

static struct rig rig;

static void set_up(const char *const *sets, unsigned guest_size,
		   unsigned nested_size)
{
	rig_init(&rig, SIM_PAGING_2D, 1, sets);
	rig_map_nested(&rig, nested_size);
	rig_map(&rig, GVA & ~(((uint64_t)4096 << (9 * guest_size)) - 1), 0,
		guest_size, RIG_U | RIG_W);
}

static void tear_down(void)
{
	rig_done(&rig);
}

static uint32_t refs(uint64_t gva)
{
	struct sim_walk walk;

	rig_access(&rig, gva, GNOMON_USER, &walk);
	cr_assert_eq(walk.stop, SIM_STOP_NONE);
	return walk.refs;
}

TestSuite(walk2d, .fini = tear_down);

Test(walk2d, cold_walk_of_4_by_4_levels_takes_24_references)
{
	struct sim_walk walk;

	set_up(NULL, 0, 0);
	cr_assert_eq(rig_access(&rig, GVA, GNOMON_USER, &walk), 24 * RIG_REF);
	cr_assert_eq(walk.refs, 24);
	cr_assert_eq(walk.word & SIM_T_ADDR, SIM_HPA_BASE);
}

Test(walk2d, references_follow_the_formula_for_every_page_size)
{
	for (unsigned guest = 0; guest < 3; guest++) {
		for (unsigned nested = 0; nested < 2; nested++) {
			uint32_t g = 4 - guest, h = 4 - nested;

			set_up(NULL, guest, nested);
			cr_assert_eq(refs(GVA), g * (h + 1) + h,
				     "guest size %u, nested size %u", guest,
				     nested);
			rig_done(&rig);
		}
	}
	set_up(NULL, 0, 0);
}

Test(walk2d, nested_tlb_leaves_the_guests_references)
{
	static const char *const sets[] = {
		"pwc.nested_tlb_entries=64", NULL,
	};

	set_up(sets, 0, 0);
	rig_map(&rig, GVA + 0x1000, 0x1000, 0, RIG_U);
	cr_assert_eq(refs(GVA), 24);
	/* Same tables, data page 1 is new to the nested TLB ... but holds the
	 * guest's root: all five translations are there. */
	cr_assert_eq(refs(GVA + 0x1000), 4);
}

Test(walk2d, guest_walk_caches_skip_nested_walks_too)
{
	static const char *const sets[] = {
		"pwc.l2_entries=32", "pwc.l3_entries=4", "pwc.l4_entries=2",
		NULL,
	};

	set_up(sets, 0, 0);
	rig_map(&rig, GVA + 0x1000, 0x9000, 0, RIG_U);
	cr_assert_eq(refs(GVA), 24);
	/* The leaf entry, and the nested walk of the page. */
	cr_assert_eq(refs(GVA + 0x1000), 5);
}

Test(walk2d, nested_walk_caches_leave_one_reference_per_nested_walk)
{
	static const char *const sets[] = {
		"pwc.nested_l2_entries=32", "pwc.nested_l3_entries=4",
		"pwc.nested_l4_entries=2", NULL,
	};

	set_up(sets, 0, 0);
	rig_map(&rig, GVA + 0x1000, 0x9000, 0, RIG_U);
	/* All gpas here lie in one 2M block: only the first walk is long. */
	cr_assert_eq(refs(GVA), 4 + 4 + 4);
	cr_assert_eq(refs(GVA + 0x1000), 4 + 5);
}

Test(walk2d, smaller_page_of_the_two_is_cached)
{
	struct sim_walk walk;

	set_up(NULL, 1, 0);
	rig_access(&rig, GVA, GNOMON_USER, &walk);
	cr_assert_eq(walk.word >> SIM_T_SIZE_SHIFT & 3, 0);
	rig_done(&rig);
	set_up(NULL, 1, 1);
	rig_access(&rig, GVA, GNOMON_USER, &walk);
	cr_assert_eq(walk.word >> SIM_T_SIZE_SHIFT & 3, 1);
}

Test(walk2d, hole_under_a_guest_table_is_a_violation_of_the_walk)
{
	struct sim_walk walk;

	set_up(NULL, 0, 0);
	*rig_nested_entry(&rig, rig.guest_root, 1) = 0;
	rig_access(&rig, GVA, GNOMON_USER, &walk);
	cr_assert_eq(walk.stop, SIM_STOP_NESTED);
	cr_assert(walk.table_walk);
	cr_assert_eq(walk.gpa >> 12, rig.guest_root >> 12);
}

Test(walk2d, hole_under_the_page_names_the_access)
{
	struct sim_walk walk;

	set_up(NULL, 0, 0);
	rig_map(&rig, GVA, 0x20000, 0, RIG_U | RIG_W);
	*rig_nested_entry(&rig, 0x20000, 1) = 0;
	rig_access(&rig, GVA + 0x123, GNOMON_USER | GNOMON_WRITE, &walk);
	cr_assert_eq(walk.stop, SIM_STOP_NESTED);
	cr_assert(!walk.table_walk);
	cr_assert_eq(walk.gpa, 0x20123);
	cr_assert_eq(walk.nested_access, GNOMON_WRITE);
}

Test(walk2d, guest_fault_comes_before_a_violation_of_the_page)
{
	struct sim_walk walk;

	set_up(NULL, 0, 0);
	rig_map(&rig, GVA, 0x20000, 0, RIG_U);
	*rig_nested_entry(&rig, 0x20000, 1) = 0;
	rig_access(&rig, GVA, GNOMON_USER | GNOMON_WRITE, &walk);
	cr_assert_eq(walk.stop, SIM_STOP_FAULT);
	cr_assert_eq(walk.error_code, 7);
}

Test(walk2d, write_sets_dirty_in_both_dimensions)
{
	set_up(NULL, 0, 0);
	rig_map(&rig, GVA, 0x20000, 0, RIG_U | RIG_W);
	rig_access(&rig, GVA, GNOMON_USER, NULL);
	cr_assert(!(*rig_nested_entry(&rig, 0x20000, 1) & RIG_D));
	rig_access(&rig, GVA, GNOMON_USER | GNOMON_WRITE, NULL);
	cr_assert(*rig_entry(&rig, GVA, 1) & RIG_D);
	cr_assert(*rig_nested_entry(&rig, 0x20000, 1) & RIG_D);
}
