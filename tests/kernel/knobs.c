/* SPDX-License-Identifier: BSD-2-Clause */
/* The engine's thresholds, set as parameters, do what their help says. */
#include <criterion/criterion.h>

#include <gnomon/gnomon.h>

#include "sim/run.h"

static uint32_t engine_off;

static struct sim_result run(const char *input, enum sim_mode mode,
			     const char *set)
{
	struct sim_job job = sim_job_default();
	struct sim_result result;
	struct sim_error error;

	job.input = input;
	job.mode = mode;
	job.sets = &set;
	job.set_count = 1;
	job.engine_off = engine_off;
	cr_assert(sim_run(&job, &result, &error), "%s", error.text);
	return result;
}

Test(knobs, flooded_leaf_table_is_given_up_after_so_many_stores)
{
	static const char *const sets[] = {
		"engine.flood_leaf_writes=4", "engine.flood_leaf_writes=40",
	};
	uint64_t stores[2];

	for (int i = 0; i < 2; i++) {
		stores[i] = run("ptemod,count=400,pages=3", SIM_MODE_SHADOW,
				sets[i]).trace_leaf -
			    run("ptemod,count=1,pages=3", SIM_MODE_SHADOW,
				sets[i]).trace_leaf;
	}
	cr_assert_leq(stores[0], 8);
	cr_assert_geq(stores[1], 36);
	cr_assert_leq(stores[1], 44);
}

Test(knobs, prefetch_saves_hidden_faults)
{
	const char *work = "pagefault,pages=256,rounds=4";
	uint64_t one, many;

	/* Else traced stores make the sptes that a fault would. */
	engine_off = GNOMON_OPT_UPDATE;
	one = run(work, SIM_MODE_SHADOW, "engine.prefetch=1").hidden_faults;
	many = run(work, SIM_MODE_SHADOW, "engine.prefetch=64").hidden_faults;
	cr_assert_geq(one, 4 * 256);
	cr_assert_leq(many, one / 4);
}

/* Fewer exits, and each entry that came along is paid for. */
Test(knobs, around_saves_violations)
{
	const char *work = "gups,pages=1024,updates=20000", *price;
	const char *sets[] = { "host.page_order=0", NULL };
	struct sim_job job = sim_job_default();
	struct sim_result r[4];
	struct sim_error error;

	job.input = work;
	job.sets = sets;
	job.set_count = 2;
	for (int i = 0; i < 4; i++) {
		price = i == 3 ? "vmm.nested_around=1000"
			       : "vmm.nested_around=0";
		sets[1] = i == 1 ? "engine.nested_around=1" : price;
		job.mode = i ? SIM_MODE_NESTED_AROUND : SIM_MODE_NESTED;
		cr_assert(sim_run(&job, &r[i], &error), "%s", error.text);
	}
	cr_assert_eq(r[0].exits, r[1].exits);
	cr_assert_eq(r[0].cycles, r[1].cycles);
	cr_assert_leq(r[2].exits, r[0].exits / 8);
	cr_assert_lt(r[2].cycles, r[0].cycles);
	/* 15 of 16 pages of the table at least. */
	cr_assert_geq(r[3].cycles - r[2].cycles, 1024 / 16 * 15 * 1000);
	cr_assert_leq(r[3].cycles - r[2].cycles, 2 * 1024 * 1000);
}

Test(knobs, table_pages_bound_what_the_engine_holds)
{
	struct sim_result r = run("mix,turns=60", SIM_MODE_SHADOW,
				  "engine.table_pages=40");

	cr_assert_leq(r.shadow_pages_peak, 40);
	cr_assert_gt(run("mix,turns=60", SIM_MODE_SHADOW,
			 "engine.table_pages=0").shadow_pages_peak, 40);
}

Test(knobs, open_tables_are_as_many_and_as_long_open_as_said)
{
	const char *work = "snapshot,pages=6000,snapshots=2,writes=3000";
	uint64_t few = run(work, SIM_MODE_SHADOW_UNSYNC,
			   "engine.unsync_max=1").trace_open;
	uint64_t all = run(work, SIM_MODE_SHADOW_UNSYNC,
			   "engine.unsync_max=64").trace_open;
	uint64_t brief = run("exec,count=20,kpti=1", SIM_MODE_SHADOW_UNSYNC,
			     "engine.unsync_quiet=1").trace_open;
	uint64_t patient = run("exec,count=20,kpti=1", SIM_MODE_SHADOW_UNSYNC,
			       "engine.unsync_quiet=20").trace_open;

	cr_assert_gt(few, all + all / 2);
	cr_assert_gt(brief, patient + patient / 2);
}

Test(knobs, a_frame_filled_whole_is_the_table_it_was_no_longer)
{
	const char *set = "engine.unsync_max=32";
	struct sim_result word = run("fork,count=40", SIM_MODE_SHADOW_UNSYNC,
				     set);
	struct sim_result whole = run("fork,count=40,fill=1",
				      SIM_MODE_SHADOW_UNSYNC, set);

	/* What it gets before it is linked faults on its old life's trace. */
	cr_assert_gt(word.explain.trace_image, 400);
	cr_assert_eq(whole.explain.trace_image, 0);
}
