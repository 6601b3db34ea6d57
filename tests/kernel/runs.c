/* SPDX-License-Identifier: BSD-2-Clause */
/* A workload as the input of a run. */
#include <criterion/criterion.h>
#include <inttypes.h>

#include "sim/run.h"

static void run_all(const char *input)
{
	for (int mode = 0; mode < SIM_MODE_COUNT; mode++) {
		struct sim_job job = sim_job_default();
		struct sim_result result;
		struct sim_error error;

		job.input = input;
		job.verify = true;
		job.mode = (enum sim_mode)mode;
		cr_assert(sim_run(&job, &result, &error), "%s, %s: %s", input,
			  sim_mode_name(job.mode), error.text);
		cr_assert_gt(result.accesses, 100, "%s", input);
		cr_assert_gt(result.cycles, 0);
		cr_assert_gt(result.verified, 100);
		cr_assert_gt(result.final_tables, 3);
	}
}

Test(runs, every_mode_agrees_with_the_oracle)
{
	run_all("forkwait,children=20");
	run_all("exec,count=10");
	run_all("snapshot,pages=500,snapshots=1,writes=100");
	run_all("churn,rounds=20,thp=1");
	run_all("getpid,count=100,kpti=1,pcid=1");
	run_all("prefork,workers=3,requests=60,life=20");
	run_all("build,files=2,work=2000,kpti=1");
	run_all("fork,count=10,fill=1");
	run_all("mix,turns=60,pcid=1");
}

Test(runs, results_carry_the_workload_s_name)
{
	struct sim_job job = sim_job_default();
	struct sim_result result;
	struct sim_error error;

	job.input = "getpid,count=10";
	cr_assert(sim_run(&job, &result, &error), "%s", error.text);
	cr_assert_str_eq(result.workload, "getpid");
}

Test(runs, wrong_workloads_are_refused)
{
	struct sim_job job = sim_job_default();
	struct sim_result result;
	struct sim_error error;

	job.input = "getpid,count=none";
	cr_assert_not(sim_run(&job, &result, &error));
	cr_assert_eq(error.kind, SIM_ERR_USAGE);
	job.input = "gups,pages=100000,ram=64";
	cr_assert_not(sim_run(&job, &result, &error));
	cr_assert_eq(error.kind, SIM_ERR_INPUT);
}

Test(runs, an_event_limit_ends_a_workload_early)
{
	struct sim_job job = sim_job_default();
	struct sim_result all, some;
	struct sim_error error;

	job.input = "gups,updates=5000";
	cr_assert(sim_run(&job, &all, &error), "%s", error.text);
	job.event_max = 1000;
	cr_assert(sim_run(&job, &some, &error), "%s", error.text);
	cr_assert_lt(some.accesses, all.accesses);
}
