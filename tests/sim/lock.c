/* SPDX-License-Identifier: BSD-2-Clause */
/* What vcpus wait for each other's exits, to the cycle. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "sim/lock.h"
#include "sim/run.h"

enum { HANDOFF = 7, IPI = 100, MAX = 4 };

static struct sim_lock lock;
static struct sim_hold holds[4][MAX];
static struct sim_lock_bill bill[4];

static void add(unsigned vcpu, uint64_t before, uint32_t held,
		enum sim_lock_side side)
{
	struct sim_holds *h = &lock.vcpu[vcpu];

	h->hold = holds[vcpu];
	h->hold[h->count++] = (struct sim_hold){
		.before = before, .held = held, .side = (uint16_t)side,
	};
}

static void run(unsigned vcpus)
{
	sim_lock_run(&lock, vcpus, HANDOFF, IPI, bill);
}

static void set_up(void)
{
	memset(&lock, 0, sizeof(lock));
}

TestSuite(lock, .init = set_up);

Test(lock, two_vcpus_that_come_together_wait_for_one)
{
	add(0, 1000, 300, SIM_SIDE_EXCLUSIVE);
	add(1, 1100, 300, SIM_SIDE_EXCLUSIVE);
	run(2);
	cr_assert_eq(bill[0].waited, 0);
	cr_assert_eq(bill[1].waited, 200 + HANDOFF);
	cr_assert_eq(bill[1].waits, 1);
}

Test(lock, vcpus_that_miss_each_other_do_not_wait)
{
	add(0, 1000, 300, SIM_SIDE_EXCLUSIVE);
	add(1, 1300, 300, SIM_SIDE_EXCLUSIVE);
	run(2);
	cr_assert_eq(bill[0].waited + bill[1].waited, 0);
}

Test(lock, waiting_puts_off_what_comes_after)
{
	add(0, 0, 1000, SIM_SIDE_EXCLUSIVE);
	add(1, 500, 100, SIM_SIDE_EXCLUSIVE);	/* has it at 1007 to 1107 */
	add(1, 50, 100, SIM_SIDE_EXCLUSIVE);	/* comes at 1157 */
	add(0, 150, 100, SIM_SIDE_EXCLUSIVE);	/* comes at 1150 */
	run(2);
	cr_assert_eq(bill[0].waited, 0);
	cr_assert_eq(bill[1].waited, 500 + HANDOFF + 93 + HANDOFF);
}

Test(lock, first_come_is_first_served)
{
	add(0, 0, 1000, SIM_SIDE_EXCLUSIVE);
	add(1, 20, 100, SIM_SIDE_EXCLUSIVE);
	add(2, 10, 100, SIM_SIDE_EXCLUSIVE);
	run(3);
	cr_assert_eq(bill[2].waited, 990 + HANDOFF);
	cr_assert_eq(bill[1].waited, 980 + HANDOFF + 100 + HANDOFF);
}

Test(lock, shared_holders_wait_for_exclusive_ones_only)
{
	add(0, 0, 1000, SIM_SIDE_SHARED);
	add(1, 10, 1000, SIM_SIDE_SHARED);
	add(2, 20, 10, SIM_SIDE_EXCLUSIVE);
	add(3, 30, 10, SIM_SIDE_SHARED);
	run(4);
	cr_assert_eq(bill[1].waited, 0);
	cr_assert_eq(bill[2].waited, 990 + HANDOFF);
	cr_assert_eq(bill[3].waited, 997 + HANDOFF);
}

Test(lock, exit_that_takes_no_lock_never_waits)
{
	add(0, 0, 1000, SIM_SIDE_EXCLUSIVE);
	add(1, 10, 500, SIM_SIDE_FREE);
	add(1, 0, 500, SIM_SIDE_EXCLUSIVE);
	run(2);
	cr_assert_eq(bill[1].waited, 490 + HANDOFF);
}

Test(lock, vcpu_that_waits_is_not_interrupted)
{
	add(0, 0, 1000, SIM_SIDE_EXCLUSIVE);
	add(1, 10, 400, SIM_SIDE_EXCLUSIVE);
	holds[1][0].kicks = 2;		/* to 0, in the guest, and 2, waiting */
	holds[1][0].targets = 5;
	add(0, 5000, 1, SIM_SIDE_EXCLUSIVE);
	add(2, 20, 50, SIM_SIDE_EXCLUSIVE);
	run(3);
	cr_assert_eq(bill[1].spared_kicks, 1);
	cr_assert_eq(bill[2].spared_exits, 1);
	cr_assert_eq(bill[0].spared_exits, 0);
	/* 1 holds it from 1007 for 300. */
	cr_assert_eq(bill[2].waited, 1307 - 20 + HANDOFF);
}

/* ---- a whole run --------------------------------------------------------- */

static struct sim_result fork_on(unsigned vcpus, const char *kind)
{
	struct sim_job job = sim_job_default();
	struct sim_result result;
	struct sim_error error;
	char input[64];

	snprintf(input, sizeof(input), "fork,count=4,procs=%u,vcpus=%u", vcpus,
		 vcpus);
	job.input = input;
	job.mode = SIM_MODE_SHADOW;
	job.sets = &kind;
	job.set_count = 1;
	cr_assert(sim_run(&job, &result, &error), "%s", error.text);
	return result;
}

Test(lock, waiting_grows_with_vcpus_and_is_the_only_difference)
{
	uint64_t last = 0;

	cr_assert_eq(fork_on(1, "lock.kind=1").lock_waits, 0);
	for (unsigned vcpus = 2; vcpus <= 8; vcpus *= 2) {
		struct sim_result with = fork_on(vcpus, "lock.kind=1");
		struct sim_result without = fork_on(vcpus, "lock.kind=0");
		uint64_t each = with.lock_wait_cycles / vcpus;

		cr_assert_eq(without.lock_waits, 0);
		cr_assert_eq(with.cycles_by[SIM_CAT_VMM] -
			     without.cycles_by[SIM_CAT_VMM],
			     with.lock_wait_cycles);
		cr_assert_leq(with.kicks, without.kicks);
		cr_assert_gt(each, last);
		last = each;
	}
}
