/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Recordings of real kernels under agile paging, with its policy and hardware
 * in several shapes: the oracle judges each access, audits hold, and the guest
 * sees the same as under shadow and nested paging.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/run.h"

enum { SETS = 4 };

static const char *const shapes[][SETS] = {
	{ NULL },
	{ "agile.interval_us=200", NULL },
	{ "agile.interval_us=200", "agile.back_clean=1", NULL },
	{ "agile.cr3_cache=0", "agile.writes=5", NULL },
	{ "agile.hardware_ad=0", "engine.nested_around=16", NULL },
	{ "agile.nested_start=1", "agile.trial_us=100",
	  "agile.interval_us=300", NULL },
	{ "host.page_order=0", "host.nested_ept=1", "agile.interval_us=500",
	  NULL },
};

static struct sim_result run(const char *name, enum sim_mode mode,
			     const char *const *sets)
{
	const char *top = getenv("top_srcdir");
	struct sim_job job = sim_job_default();
	struct sim_result result;
	struct sim_error error;
	char path[512];

	snprintf(path, sizeof(path), "%s/bench/recordings/%s",
		 top ? top : ".", name);
	job.input = path;
	job.mode = mode;
	job.verify = true;
	job.audit_every = 5000;
	job.event_max = 150000;
	job.sets = sets;
	while (sets && sets[job.set_count]) {
		job.set_count++;
	}
	cr_assert(sim_run(&job, &result, &error), "%s: event %llu: %s", name,
		  (unsigned long long)error.event, error.text);
	return result;
}

static void same_as_others(const char *name)
{
	struct sim_result shadow = run(name, SIM_MODE_SHADOW, NULL);
	struct sim_result nested = run(name, SIM_MODE_NESTED, NULL);

	cr_assert_eq(shadow.true_faults, nested.true_faults);
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		struct sim_result r = run(name, SIM_MODE_AGILE, shapes[i]);

		cr_expect_eq(r.true_faults, shadow.true_faults,
			     "%s, shape %zu", name, i);
		cr_expect_eq(r.accesses, shadow.accesses);
		cr_expect_geq(r.verified, nested.verified);
		cr_expect_lt(r.trace_faults, shadow.trace_faults);
		cr_expect_lt(r.exits, shadow.exits);
	}
}

Test(agile, fork_and_exec)
{
	same_as_others("fork-exec-50.gnr");
}

Test(agile, a_compiler)
{
	same_as_others("compile-2.gnr");
}

Test(agile, the_cache_of_roots_saves_cr3_exits)
{
	static const char *const none[] = { "agile.cr3_cache=0", NULL };
	static const char *const eight[] = { "agile.cr3_cache=8", NULL };

	cr_assert_gt(run("fork-cow-30.gnr", SIM_MODE_AGILE, none).cr3_exits,
		     2 * run("fork-cow-30.gnr", SIM_MODE_AGILE,
			     eight).cr3_exits);
}

/* A clean page that is written, or one not used yet, is no exit then. */
Test(agile, hardware_that_sets_a_and_d_saves_hidden_faults)
{
	static const char *const without[] = { "agile.hardware_ad=0", NULL };
	static const char *const with[] = { "agile.hardware_ad=1", NULL };
	struct sim_result slow = run("fork-cow-30.gnr", SIM_MODE_AGILE,
				     without);
	struct sim_result fast = run("fork-cow-30.gnr", SIM_MODE_AGILE, with);

	cr_assert_lt(fast.hidden_faults, slow.hidden_faults);
	cr_assert_lt(fast.exits, slow.exits);
	cr_assert_lt(fast.cycles, slow.cycles);
	cr_assert_eq(fast.true_faults, slow.true_faults);
	/* Not for nothing: the walks that do it are there. */
	cr_assert_gt(fast.walks, slow.walks - slow.hidden_faults);
}

/* A table stored to over and over leaves the guest twice, not each time. */
Test(agile, stores_to_one_table_trap_twice_an_interval)
{
	struct sim_job job = sim_job_default();
	struct sim_result shadow, agile;
	struct sim_error error;

	static const char *const sets[] = {
		"engine.flood_leaf_writes=65535",
	};

	job.input = "ptemod,count=2000,pages=8";
	job.sets = sets;
	job.set_count = 1;
	job.mode = SIM_MODE_SHADOW;
	cr_assert(sim_run(&job, &shadow, &error), "%s", error.text);
	job.mode = SIM_MODE_AGILE;
	cr_assert(sim_run(&job, &agile, &error), "%s", error.text);
	cr_assert_gt(shadow.trace_faults, 1000);
	cr_assert_lt(agile.trace_faults, 100);
}
