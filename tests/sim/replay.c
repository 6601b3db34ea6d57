/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shipped recording from end to end: agreement with the oracle in every
 * mode, sums that close, results that repeat; and falsified copies of it,
 * which must be found out.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/rec.h"
#include "sim/run.h"

static char recording[512];
static struct sim_error error;

static void find_recording(void)
{
	const char *top = getenv("top_srcdir");

	snprintf(recording, sizeof(recording),
		 "%s/bench/recordings/fork-exec-50.gnr", top ? top : "..");
}

static struct sim_result run_mode(enum sim_mode mode, bool verify)
{
	struct sim_job job = sim_job_default();
	struct sim_result result;

	job.input = recording;
	job.mode = mode;
	job.verify = verify;
	job.audit_every = verify ? 30000 : 0;
	cr_assert(sim_run(&job, &result, &error), "%s", error.text);
	result.seconds = 0;
	return result;
}

TestSuite(replay, .init = find_recording);

Test(replay, every_mode_agrees_with_the_oracle)
{
	for (int mode = 0; mode < SIM_MODE_COUNT; mode++) {
		struct sim_result r = run_mode((enum sim_mode)mode, true);

		cr_assert_geq(r.verified, r.accesses + r.page_faults);
		cr_assert_eq(r.true_faults, r.page_faults);
		cr_assert_geq(r.final_tables, 100);
		cr_assert(mode == SIM_MODE_NATIVE || r.audits > 10);
	}
}

/* Every recording, switched at moments and to modes that chance picks. */
Test(replay, live_switches_do_not_show)
{
	static const char *const names[] = {
		"compile-2", "fork-cow-30", "fork-exec-50", "random",
	};
	static const uint64_t every[] = { 20000, 5000, 300, 60000 };
	const char *top = getenv("top_srcdir");

	for (unsigned i = 0; i < 4; i++) {
		struct sim_job job = sim_job_default();
		struct sim_result r;

		snprintf(recording, sizeof(recording),
			 "%s/bench/recordings/%s.gnr", top ? top : "..",
			 names[i]);
		job.input = recording;
		job.mode = SIM_MODE_SWITCHING;
		job.verify = true;
		job.audit_every = 20000;
		job.switch_every = every[i];
		job.seed = 7 + i;
		cr_assert(sim_run(&job, &r, &error), "%s: %s", names[i],
			  error.text);
		cr_assert_geq(r.verified, r.accesses + r.page_faults);
		cr_assert_geq(r.final_tables, 100);
		cr_assert_geq(r.mode_switches, 20, "%s: %lu", names[i],
			      r.mode_switches);
		cr_assert_gt(r.nested_violations, 0);
		cr_assert_gt(r.hidden_faults, 0);
	}
}

Test(replay, live_switches_of_several_vcpus_do_not_show)
{
	struct sim_job job = sim_job_default();
	struct sim_result r;

	job.input = "ctxsw,vcpus=3";
	job.mode = SIM_MODE_SWITCHING;
	job.verify = true;
	job.audit_every = 5000;
	job.switch_every = 500;
	cr_assert(sim_run(&job, &r, &error), "%s", error.text);
	cr_assert_gt(r.mode_switches, 10);
}

Test(replay, several_vcpus_agree_with_the_oracle)
{
	struct sim_job job = sim_job_default();
	struct sim_result result;

	job.input = "ctxsw,vcpus=3";
	job.verify = true;
	for (int mode = 0; mode < SIM_MODE_COUNT; mode++) {
		job.mode = (enum sim_mode)mode;
		cr_assert(sim_run(&job, &result, &error), "%s", error.text);
		cr_assert_geq(result.verified, result.accesses);
		cr_assert(mode != SIM_MODE_SHADOW || result.kicks > 0);
	}
}

Test(replay, verification_changes_no_cycle)
{
	for (int mode = 0; mode < SIM_MODE_COUNT; mode++) {
		struct sim_result with = run_mode((enum sim_mode)mode, true);
		struct sim_result without = run_mode((enum sim_mode)mode,
						     false);

		cr_assert_eq(with.cycles, without.cycles, "mode %s: %llu, "
			     "not %llu", with.mode,
			     (unsigned long long)with.cycles,
			     (unsigned long long)without.cycles);
	}
}

static uint64_t accounted(const struct sim_explain *e)
{
	return e->trace_leaf + e->trace_upper + e->trace_open + e->open +
	       e->never_traced + e->zapped + e->flooded + e->recycled +
	       e->requested + e->direct_native;
}

Test(replay, every_table_store_is_accounted_for)
{
	for (int mode = 0; mode < SIM_MODE_COUNT; mode++) {
		struct sim_result r = run_mode((enum sim_mode)mode, false);

		cr_assert_eq(r.explain.stores, 34206);
		cr_assert_eq(r.window.stores, 30775);
		cr_assert_eq(accounted(&r.explain), 34206);
		cr_assert_eq(accounted(&r.window), 30775);
		cr_assert_eq(r.explain.trace_leaf + r.explain.trace_upper +
			     r.explain.trace_open +
			     r.explain.trace_image + r.explain.trace_data,
			     r.trace_faults);
	}
}

Test(replay, each_cycle_has_one_cause_and_counts_fit)
{
	for (int mode = 0; mode < SIM_MODE_COUNT; mode++) {
		struct sim_result r = run_mode((enum sim_mode)mode, false);
		uint64_t sum = 0;

		for (int cat = 0; cat < SIM_CAT_COUNT; cat++) {
			sum += r.cycles_by[cat];
		}
		cr_assert_eq(sum, r.cycles);
		cr_assert_eq(r.tlb_hits, r.l1_hits + r.l2_hits);
		cr_assert_eq(r.trace_faults, r.trace_leaf + r.trace_upper +
			     r.trace_open);
		cr_assert_geq(r.walks, r.tlb_misses);
		cr_assert_geq(r.walk_refs, r.walks);
	}
}

/* All but the padding and the wall clock. */
static void same(const struct sim_result *a, const struct sim_result *b)
{
	for (size_t i = 0; i < sim_column_count; i++) {
		const struct sim_column *c = &sim_columns[i];
		const char *left = (const char *)a + c->offset;
		const char *right = (const char *)b + c->offset;

		if (c->type == SIM_COL_TEXT) {
			cr_assert_str_eq(left, right);
		} else if (c->type == SIM_COL_UINT) {
			cr_assert(!memcmp(left, right, 8), "%s differs",
				  c->name);
		}
	}
}

Test(replay, parallel_runs_equal_runs_one_by_one)
{
	struct sim_job jobs[2 * SIM_MODE_COUNT];
	struct sim_result results[2 * SIM_MODE_COUNT];
	struct sim_error errors[2 * SIM_MODE_COUNT];

	for (int i = 0; i < 2 * SIM_MODE_COUNT; i++) {
		jobs[i] = sim_job_default();
		jobs[i].input = recording;
		jobs[i].mode = (enum sim_mode)(i % SIM_MODE_COUNT);
	}
	cr_assert_eq(sim_run_all(jobs, 2 * SIM_MODE_COUNT, 4, results,
				 errors), 0);
	for (int i = 0; i < SIM_MODE_COUNT; i++) {
		struct sim_result alone = run_mode((enum sim_mode)i, false);
		double overhead = (double)alone.cycles /
				  (double)results[SIM_MODE_NATIVE].cycles - 1;

		same(&alone, &results[i]);
		same(&alone, &results[i + SIM_MODE_COUNT]);
		cr_assert_float_eq(results[i].overhead, overhead, 1e-12);
	}
}

/* ---- falsified copies ----------------------------------------------- */

typedef bool falsify_fn(struct sim_event *ev, uint64_t number);

/* Copies the recording; falsify() changes one event and says so. */
static void copy_falsified(const char *to, falsify_fn *falsify)
{
	struct sim_rec_reader *reader;
	struct sim_rec_writer *writer;
	struct sim_rec_error why;
	struct sim_rec_entry entries[SIM_REC_ENTRIES_MAX];
	struct sim_event ev;
	unsigned changed = 0;

	cr_assert_eq(sim_rec_open(&reader, recording, &why), SIM_REC_OK);
	cr_assert_eq(sim_rec_create(&writer, to, sim_rec_info(reader), NULL,
				    &why), SIM_REC_OK);
	for (uint64_t i = 0; sim_rec_next(reader, &ev) == SIM_REC_OK; i++) {
		if (ev.entry_count) {
			memcpy(entries, ev.entries,
			       ev.entry_count * sizeof(entries[0]));
			ev.entries = entries;
		}
		if (!changed && i > 5000) {
			changed += falsify(&ev, i);
		}
		cr_assert_eq(sim_rec_put(writer, &ev), SIM_REC_OK);
	}
	cr_assert_eq(changed, 1);
	cr_assert_eq(sim_rec_commit(writer, &why), SIM_REC_OK);
	sim_rec_close(reader);
}

static void is_found_out(const char *name, falsify_fn *falsify)
{
	char path[64];
	struct sim_result result;
	struct sim_job job = sim_job_default();

	snprintf(path, sizeof(path), "falsified-%s-%d.gnr", name, getpid());
	copy_falsified(path, falsify);
	job.input = path;
	job.verify = true;
	for (int mode = 0; mode < SIM_MODE_COUNT; mode++) {
		job.mode = (enum sim_mode)mode;
		cr_expect(!sim_run(&job, &result, &error),
			  "%s goes unnoticed in mode %s", name,
			  sim_mode_name(job.mode));
		cr_expect_eq(error.kind, SIM_ERR_VERIFY, "%s", error.text);
		cr_expect(strstr(error.text, sim_mode_name(job.mode)), "%s",
			  error.text);
	}
	unlink(path);
}

static bool wrong_code(struct sim_event *ev, uint64_t number)
{
	(void)number;
	if (ev->type != SIM_EV_FAULT || !(ev->value & 1)) {
		return false;
	}
	ev->value ^= 2;
	return true;
}

static bool fault_that_is_none(struct sim_event *ev, uint64_t number)
{
	(void)number;
	if (ev->type != SIM_EV_ACCESS || !(ev->flags & SIM_F_USER) ||
	    (ev->flags & SIM_F_WRITE)) {
		return false;
	}
	ev->type = SIM_EV_FAULT;
	ev->value = 4;
	ev->size = 0;
	return true;
}

static bool access_to_nowhere(struct sim_event *ev, uint64_t number)
{
	(void)number;
	if (ev->type != SIM_EV_ACCESS) {
		return false;
	}
	ev->gva = 0x123456789000;
	return true;
}

static bool store_elsewhere(struct sim_event *ev, uint64_t number)
{
	(void)number;
	if (ev->type != SIM_EV_TABLE_STORE || ev->size != 8) {
		return false;
	}
	ev->gva ^= 8;
	return true;
}

static bool wrong_end(struct sim_event *ev, uint64_t number)
{
	static struct sim_rec_entry changed[SIM_REC_ENTRIES_MAX];

	(void)number;
	if (ev->type != SIM_EV_FINAL_TABLE || !ev->entry_count) {
		return false;
	}
	memcpy(changed, ev->entries, ev->entry_count * sizeof(changed[0]));
	changed[0].value ^= 1u << 12;
	ev->entries = changed;
	return true;
}

Test(replay, wrong_error_code_is_found)
{
	is_found_out("code", wrong_code);
}

Test(replay, fault_where_none_is_due_is_found)
{
	is_found_out("fault", fault_that_is_none);
}

Test(replay, access_that_cannot_be_is_found)
{
	is_found_out("access", access_to_nowhere);
}

Test(replay, store_that_lands_elsewhere_is_found)
{
	is_found_out("store", store_elsewhere);
}

Test(replay, wrong_final_table_is_found)
{
	is_found_out("end", wrong_end);
}

/* ---- jobs that cannot be done ---------------------------------------- */

static bool cancel(void *ctx, uint64_t done, uint64_t total)
{
	(void)ctx;
	(void)total;
	return done < 100000;
}

Test(replay, progress_can_cancel)
{
	struct sim_job job = sim_job_default();
	struct sim_result result;

	job.input = recording;
	job.progress = cancel;
	cr_assert(!sim_run(&job, &result, &error));
	cr_assert_eq(error.kind, SIM_ERR_CANCELLED);
}

Test(replay, bad_jobs_say_why)
{
	static const char *const sets[] = { "tlb.l2_ways=5" };
	struct sim_job job = sim_job_default();
	struct sim_result result;

	job.input = "no-such.gnr";
	cr_assert(!sim_run(&job, &result, &error));
	cr_assert_eq(error.kind, SIM_ERR_INPUT);
	job.input = recording;
	job.preset = "no-such";
	cr_assert(!sim_run(&job, &result, &error));
	cr_assert_eq(error.kind, SIM_ERR_USAGE);
	job.preset = NULL;
	job.sets = sets;
	job.set_count = 1;
	cr_assert(!sim_run(&job, &result, &error));
	cr_assert_eq(error.kind, SIM_ERR_USAGE);
}

Test(replay, event_limit_stops_the_run)
{
	struct sim_job job = sim_job_default();
	struct sim_result result;

	job.input = recording;
	job.mode = SIM_MODE_SHADOW;
	job.event_max = 5000;
	cr_assert(sim_run(&job, &result, &error), "%s", error.text);
	cr_assert_lt(result.accesses, 5000);
	cr_assert_gt(result.accesses, 4000);
}
