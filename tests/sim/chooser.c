/* SPDX-License-Identifier: BSD-2-Clause */
/* Policies at work: the simulator's guest changes over, and it pays. */
#include <criterion/criterion.h>
#include <string.h>

#include "sim/mode.h"
#include "sim/run.h"

/* 4K host pages: nested walks cost enough to be worth a shadow. */
static const char *const small_pages[] = {
	"host.page_order=0",
	/* And, for more of them: changes of the mode cost little. */
	"exit.round_trip=100", "vmm.hidden_fill=10",
};

static struct sim_result run(const char *input, enum sim_mode mode,
			     bool verify)
{
	struct sim_job job = sim_job_default();
	struct sim_result result;
	struct sim_error error;

	job.input = input;
	job.mode = mode;
	job.sets = small_pages;
	job.set_count = verify ? 3 : 1;
	job.verify = verify;
	cr_assert(sim_run(&job, &result, &error), "%s: %s",
		  sim_mode_name(mode), error.text);
	return result;
}

Test(chooser, random_updates_are_bought_once_and_it_pays)
{
	static const char input[] = "gups,pages=4096,updates=1000000";
	uint64_t nested = run(input, SIM_MODE_NESTED, false).cycles;
	uint64_t shadow = run(input, SIM_MODE_SHADOW_UNSYNC, false).cycles;
	struct sim_result r = run(input, SIM_MODE_ADAPTIVE, false);

	cr_assert_eq(r.mode_switches, 1);
	cr_assert_gt(r.hidden_faults, 4096 / 8 - 1);
	cr_assert_lt(r.cycles, nested);
	cr_assert_lt(r.cycles, shadow);
}

Test(chooser, forks_stay_nested)
{
	static const char input[] = "forkwait,children=40";
	struct sim_result nested = run(input, SIM_MODE_NESTED, false);
	struct sim_result r = run(input, SIM_MODE_ADAPTIVE, false);

	cr_assert_eq(r.mode_switches, 0);
	cr_assert_eq(r.cr3_exits, 0);
	/* An interrupt or two. */
	cr_assert_leq(r.cycles, nested.cycles + nested.cycles / 200);
}

/* The oracle agrees with each access before, while and after changing over. */
Test(chooser, the_guest_cannot_tell, .timeout = 120)
{
	static const char *const inputs[] = {
		"gups,pages=4096,updates=300000", "prefork", "mix",
		"ctxsw,vcpus=2",
	};
	uint64_t switches = 0;

	for (size_t i = 0; i < sizeof(inputs) / sizeof(*inputs); i++) {
		for (int m = 0; m < SIM_MODE_COUNT; m++) {
			struct sim_result r;

			if (!sim_mode_is((enum sim_mode)m, SIM_MF_MIXED)) {
				continue;
			}
			r = run(inputs[i], (enum sim_mode)m, true);
			cr_assert_gt(r.verified, 1000);
			switches += r.mode_switches;
		}
	}
	cr_assert_gt(switches, 2);
}

/* Whole vm by interval: a long phase of misses, then many page faults. */
Test(chooser, shsp_changes_the_whole_vm)
{
	struct sim_result r = run("gups,pages=16384,updates=3000000",
				  SIM_MODE_SHSP, false);

	cr_assert_gt(r.mode_switches, 0);
	cr_assert_gt(r.hidden_faults, 0);
}

/* Open leaves first; those that walks go through are bought one by one. */
Test(chooser, leaves_are_bought_one_by_one)
{
	static const char input[] = "gups,pages=4096,updates=2000000";
	uint64_t nested = run(input, SIM_MODE_NESTED, false).cycles;
	uint64_t agile = run(input, SIM_MODE_AGILE, false).cycles;
	struct sim_result r = run(input, SIM_MODE_ADAPTIVE_HW, false);

	/* The space, and 8 leaf tables twice: open, then shadowed. */
	cr_assert_geq(r.mode_switches, 1 + 2 * 8);
	cr_assert_lt(r.cycles, nested);
	cr_assert_lt(r.cycles, agile);
}
