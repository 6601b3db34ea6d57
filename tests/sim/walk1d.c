/* SPDX-License-Identifier: BSD-2-Clause */
/* Cycles and effects of one-dimensional walks, TLB hits and flushes. */
#include <criterion/criterion.h>

#include "tests/sim/rig.h"

#define GVA 0x0000123456789000u

static struct rig rig;

static void set_up(const char *const *sets)
{
	rig_init(&rig, SIM_PAGING_1D, 1, sets);
}

static void tear_down(void)
{
	rig_done(&rig);
}

TestSuite(walk1d, .fini = tear_down);

Test(walk1d, cold_walk_of_4k_page_takes_4_references)
{
	struct sim_walk walk;

	set_up(NULL);
	rig_map(&rig, GVA, 0x5000, 0, RIG_U | RIG_W);
	cr_assert_eq(rig_access(&rig, GVA, GNOMON_USER, &walk), 4 * RIG_REF);
	cr_assert_eq(walk.stop, SIM_STOP_NONE);
	cr_assert_eq(walk.word & SIM_T_ADDR, 0x5000);
	cr_assert_eq(rig.vcpu->counts.walk_refs, 4);
}

Test(walk1d, cold_walks_of_large_pages_take_3_and_2_references)
{
	set_up(NULL);
	rig_map(&rig, GVA, 0x200000, 1, RIG_U);
	rig_map(&rig, (uint64_t)1 << 40, 0, 2, RIG_U);
	cr_assert_eq(rig_access(&rig, GVA, GNOMON_USER, NULL), 3 * RIG_REF);
	cr_assert_eq(rig_access(&rig, ((uint64_t)1 << 40) + 4096, GNOMON_USER,
				NULL), 2 * RIG_REF);
}

Test(walk1d, first_level_hit_is_free)
{
	set_up(NULL);
	rig_map(&rig, GVA, 0x5000, 0, RIG_U);
	rig_access(&rig, GVA, GNOMON_USER, NULL);
	cr_assert_eq(rig_access(&rig, GVA + 8, GNOMON_USER, NULL), 0);
	cr_assert_eq(rig.vcpu->counts.l1_hits, 1);
}

Test(walk1d, second_level_hit_costs_its_latency)
{
	set_up(NULL);
	/* Five pages of one set of the 16 x 4 first level. */
	for (uint64_t i = 0; i < 5; i++) {
		rig_map(&rig, GVA + (i << 16), 0x5000, 0, RIG_U);
		rig_access(&rig, GVA + (i << 16), GNOMON_USER, NULL);
	}
	cr_assert_eq(rig_access(&rig, GVA, GNOMON_USER, NULL), RIG_L2_HIT);
	cr_assert_eq(rig.vcpu->counts.l2_hits, 1);
	/* And it is in the first level again. */
	cr_assert_eq(rig_access(&rig, GVA, GNOMON_USER, NULL), 0);
}

Test(walk1d, least_recently_used_page_leaves_first_level)
{
	set_up(NULL);
	for (uint64_t i = 0; i < 5; i++) {
		rig_map(&rig, GVA + (i << 16), 0x5000, 0, RIG_U);
		if (i == 4) {
			rig_access(&rig, GVA, GNOMON_USER, NULL);
		}
		rig_access(&rig, GVA + (i << 16), GNOMON_USER, NULL);
	}
	cr_assert_eq(rig_access(&rig, GVA, GNOMON_USER, NULL), 0);
	cr_assert_eq(rig_access(&rig, GVA + (1 << 16), GNOMON_USER, NULL),
		     RIG_L2_HIT);
}

Test(walk1d, warm_walk_caches_leave_one_reference)
{
	static const char *const sets[] = {
		"pwc.l2_entries=32", "pwc.l3_entries=4", "pwc.l4_entries=2",
		"pwc.hit=1", NULL,
	};

	set_up(sets);
	rig_map(&rig, GVA, 0x5000, 0, RIG_U);
	rig_map(&rig, GVA + 0x1000, 0x6000, 0, RIG_U);
	rig_map(&rig, GVA + 0x200000, 0x7000, 0, RIG_U);
	rig_map(&rig, GVA + 0x40000000, 0x8000, 0, RIG_U);
	cr_assert_eq(rig_access(&rig, GVA, GNOMON_USER, NULL),
		     4 * RIG_REF + 1);
	cr_assert_eq(rig_access(&rig, GVA + 0x1000, GNOMON_USER, NULL),
		     RIG_REF + 1);
	/* Another leaf table, then another level-2 table. */
	cr_assert_eq(rig_access(&rig, GVA + 0x200000, GNOMON_USER, NULL),
		     2 * RIG_REF + 1);
	cr_assert_eq(rig_access(&rig, GVA + 0x40000000, GNOMON_USER, NULL),
		     3 * RIG_REF + 1);
}

Test(walk1d, hidden_share_of_walk_is_not_charged)
{
	static const char *const sets[] = { "pwc.exposed=25", NULL };

	set_up(sets);
	rig_map(&rig, GVA, 0x5000, 0, RIG_U);
	cr_assert_eq(rig_access(&rig, GVA, GNOMON_USER, NULL), RIG_REF);
	cr_assert_eq(rig.vcpu->counts.walk_refs, 4);
}

Test(walk1d, cached_references_cost_where_they_are_found)
{
	static const char *const sets[] = { "cache.on=1", NULL };
	uint64_t memory = 200, l1 = 4;

	set_up(sets);
	/* Two pages whose four entries lie in the same four lines. */
	rig_map(&rig, GVA, 0x5000, 0, RIG_U);
	rig_map(&rig, GVA + 0x1000, 0x6000, 0, RIG_U);
	cr_assert_eq(rig_access(&rig, GVA, GNOMON_USER, NULL), 4 * memory);
	cr_assert_eq(rig_access(&rig, GVA + 0x1000, GNOMON_USER, NULL),
		     4 * l1);
}

Test(walk1d, walk_sets_accessed_and_only_a_write_sets_dirty)
{
	set_up(NULL);
	rig_map(&rig, GVA, 0x5000, 0, RIG_U | RIG_W);
	rig_access(&rig, GVA, GNOMON_USER, NULL);
	for (unsigned level = 1; level <= 4; level++) {
		cr_assert(*rig_entry(&rig, GVA, level) & RIG_A);
	}
	cr_assert(!(*rig_entry(&rig, GVA, 1) & RIG_D));
	/* Cached but not dirty: the first write walks once more. */
	cr_assert_eq(rig_access(&rig, GVA, GNOMON_USER | GNOMON_WRITE, NULL),
		     4 * RIG_REF);
	cr_assert(*rig_entry(&rig, GVA, 1) & RIG_D);
	cr_assert_eq(rig_access(&rig, GVA, GNOMON_USER | GNOMON_WRITE, NULL),
		     0);
}

Test(walk1d, raised_right_is_seen_without_a_flush)
{
	struct sim_walk walk;

	set_up(NULL);
	rig_map(&rig, GVA, 0x5000, 0, RIG_U);
	rig_access(&rig, GVA, GNOMON_USER, NULL);
	rig_map(&rig, GVA, 0x5000, 0, RIG_U | RIG_W);
	rig_access(&rig, GVA, GNOMON_USER | GNOMON_WRITE, &walk);
	cr_assert_eq(walk.stop, SIM_STOP_NONE);
}

Test(walk1d, stale_walk_cache_does_not_cause_a_fault)
{
	static const char *const sets[] = { "pwc.l2_entries=32", NULL };
	struct sim_walk walk;

	set_up(sets);
	rig_map(&rig, GVA, 0x5000, 0, RIG_U | RIG_W);
	rig_map(&rig, GVA + 0x1000, 0x6000, 0, RIG_U | RIG_W);
	*rig_entry(&rig, GVA, 2) &= ~(uint64_t)RIG_W;
	rig_access(&rig, GVA, GNOMON_USER, NULL);
	*rig_entry(&rig, GVA, 2) |= RIG_W;
	rig_access(&rig, GVA + 0x1000, GNOMON_USER | GNOMON_WRITE, &walk);
	cr_assert_eq(walk.stop, SIM_STOP_NONE);
	/* One from the cache, four from the root. */
	cr_assert_eq(walk.refs, 5);
}

static uint32_t fault_of(uint32_t access)
{
	struct sim_walk walk;

	rig_access(&rig, GVA, access, &walk);
	return walk.stop == SIM_STOP_FAULT ? walk.error_code : 0xffff;
}

Test(walk1d, error_codes_are_those_of_the_architecture)
{
	set_up(NULL);
	cr_assert_eq(fault_of(GNOMON_USER), 4);
	cr_assert_eq(fault_of(GNOMON_WRITE), 2);
	rig_map(&rig, GVA, 0x5000, 0, RIG_NX);
	cr_assert_eq(fault_of(GNOMON_USER), 5);
	cr_assert_eq(fault_of(GNOMON_WRITE), 3);
	cr_assert_eq(fault_of(GNOMON_EXEC), 0x11);
	rig_map(&rig, GVA, 0x5000, 0, RIG_U | RIG_W);
	cr_assert_eq(fault_of(GNOMON_READ), 1);	/* SMAP */
	cr_assert_eq(fault_of(GNOMON_EXEC), 0x11);	/* SMEP */
	cr_assert_eq(fault_of(SIM_ACCESS_AC), 0xffff);
	*rig_entry(&rig, GVA, 4) |= RIG_PS;
	sim_tlb_flush_page(rig.vcpu, GVA);
	cr_assert_eq(fault_of(GNOMON_USER), 0xd);	/* reserved bit */
}

Test(walk1d, table_outside_memory_stops_the_walk)
{
	struct sim_walk walk;

	set_up(NULL);
	*rig_entry(&rig, GVA, 3) = ((uint64_t)1 << 40) | 7;
	rig_access(&rig, GVA, GNOMON_USER, &walk);
	cr_assert_eq(walk.stop, SIM_STOP_BUS);
}
