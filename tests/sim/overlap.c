/* SPDX-License-Identifier: BSD-2-Clause */
/* Walks beside other work: what the core stands still, to the cycle. */
#include <criterion/criterion.h>

#include "tests/sim/rig.h"

#define GVA 0x0000123440000000u
#define WALK (4 * RIG_REF)

static struct rig rig;

static void set_up(const char *walkers, const char *window)
{
	const char *const sets[] = { "core.cpi=1000", walkers, window, NULL };

	rig_init(&rig, SIM_PAGING_1D, 1, sets);
	for (uint64_t i = 0; i < 8; i++) {
		rig_map(&rig, GVA + (i << 12), 0x5000, 0, RIG_U);
	}
}

static void tear_down(void)
{
	rig_done(&rig);
}

TestSuite(overlap, .fini = tear_down);

static void touch(unsigned page)
{
	rig_access(&rig, GVA + ((uint64_t)page << 12), GNOMON_USER, NULL);
}

/* Accesses with 10 instructions between them, then very many. */
static uint64_t stall(unsigned accesses)
{
	for (unsigned i = 0; i < accesses; i++) {
		if (i) {
			sim_compute(rig.vcpu, 10);
		}
		touch(i);
	}
	sim_compute(rig.vcpu, 100000);
	cr_assert_eq(rig.vcpu->cycles[SIM_CAT_COMPUTE],
		     100000 + 10 * (accesses - 1));
	return rig.vcpu->cycles[SIM_CAT_WALK];
}

Test(overlap, without_a_window_each_walk_is_waited_for)
{
	set_up("pwc.walkers=2", "core.window=0");
	cr_assert_eq(stall(2), 2 * WALK);
}

Test(overlap, walk_hides_behind_the_window)
{
	set_up("pwc.walkers=1", "core.window=100");
	cr_assert_eq(stall(1), WALK - 100);
}

Test(overlap, walk_hides_wholly_in_a_large_window)
{
	set_up("pwc.walkers=1", "core.window=400");
	cr_assert_eq(stall(1), 0);
}

Test(overlap, two_walkers_walk_at_once)
{
	/* The second ends 10 cycles after the first, 10 instructions on. */
	set_up("pwc.walkers=2", "core.window=100");
	cr_assert_eq(stall(2), WALK - 100);
}

Test(overlap, one_walker_walks_one_after_the_other)
{
	/* At 10 the second waits until 400; it ends at 800, and the core
	 * comes 100 instructions further meanwhile. */
	set_up("pwc.walkers=1", "core.window=100");
	cr_assert_eq(stall(2), WALK - 10 + WALK - 100);
}

Test(overlap, four_walks_on_two_walkers_take_two_turns)
{
	/* 0..400, 10..410; the third waits until 400, the fourth, at 410,
	 * finds a walker free; they end at 800 and 810; from 110 instructions
	 * past the third on the core waits. */
	set_up("pwc.walkers=2", "core.window=100");
	cr_assert_eq(stall(4), WALK - 20 + WALK - 100);
}

Test(overlap, whatever_serialises_waits_for_all_walks)
{
	set_up("pwc.walkers=4", "core.window=1000");
	touch(0);
	sim_compute(rig.vcpu, 50);
	touch(1);
	sim_overlap_drain(rig.vcpu);
	cr_assert_eq(rig.vcpu->cycles[SIM_CAT_WALK], WALK);
	sim_overlap_drain(rig.vcpu);
	cr_assert_eq(rig.vcpu->cycles[SIM_CAT_WALK], WALK);
}
