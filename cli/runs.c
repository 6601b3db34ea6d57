/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/runs.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gnomon/gnomon.h>

#include "cli/atomic_out.h"
#include "cli/cmd.h"
#include "cli/crash.h"
#include "cli/optimum.h"
#include "cli/plot.h"
#include "cli/term.h"
#include "cli/timeline.h"
#include "sim/epochs.h"
#include "sim/mode.h"
#include "sim/preset.h"
#include "sim/text.h"

/* The jobs of one command and how far each has come, in parts of PART. */
enum { PART = 1000, JOBS_MAX = RUNS_LIST_MAX * RUNS_LIST_MAX };

struct run_set {
	size_t count;		/* of results */
	size_t job_count;
	struct sim_job *jobs;
	struct sim_result *results;
	struct sim_error *errors;
	struct job_state *states;
	struct sim_epochs *epochs; /* of the jobs, for the optimum */
	_Atomic uint64_t done;	/* sum over the states */
};

struct job_state {
	struct run_set *set;
	uint64_t done;		/* only the job's own thread touches it */
};

static bool on_progress(void *ctx, uint64_t done, uint64_t total)
{
	struct job_state *s = ctx;
	uint64_t part = total ? (uint64_t)((double)done / (double)total *
					   PART) : 0;

	if (part > s->done && part <= PART) {
		uint64_t more = part - s->done;
		s->done = part;
		progress_update(atomic_fetch_add(&s->set->done, more) + more);
	}
	return true;
}

static const char *error_word(enum sim_error_kind kind)
{
	switch (kind) {
	case SIM_ERR_VERIFY:
		return "verification failed";
	case SIM_ERR_AUDIT:
		return "audit failed";
	case SIM_ERR_BUG:
		return "internal error";
	case SIM_ERR_NONE:
	case SIM_ERR_USAGE:
	case SIM_ERR_INPUT:
	case SIM_ERR_NOMEM:
	case SIM_ERR_CANCELLED:
		break;
	}
	return NULL;
}

static void on_failed(void *ctx, const struct sim_error *error)
{
	const char *word = error_word(error->kind);
	(void)ctx;

	crash_report(word ? word : "internal error", error->text);
}

struct run_opts run_opts_default(void)
{
	return (struct run_opts){ .seed = 1, .plot = true };
}

static void fill_job(const struct run_opts *o, struct run_set *set,
		     enum sim_mode mode, const char *preset)
{
	size_t i = set->count++;
	struct sim_job *job = &set->jobs[i];

	set->job_count = set->count;
	set->states[i].set = set;
	*job = sim_job_default();
	job->input = o->input;
	job->mode = mode;
	job->preset = preset;
	job->sets = o->sets;
	job->set_count = o->set_count;
	job->engine_off = o->engine_off;
	job->verify = o->verify;
	job->audit_every = o->audit_every;
	job->seed = o->seed;
	job->progress = on_progress;
	job->failed = on_failed;
	job->ctx = &set->states[i];
	job->epochs = o->timeline || (o->optimal && optimum_takes(mode)) ?
		      &set->epochs[i] : NULL;
}

static bool make_set(const struct run_opts *o, struct run_set *set)
{
	size_t presets = o->preset_count ? o->preset_count : 1;
	size_t n = presets * o->mode_count;

	*set = (struct run_set){
		.jobs = calloc(n, sizeof(*set->jobs)),
		.results = calloc(n, sizeof(*set->results)),
		.errors = calloc(n, sizeof(*set->errors)),
		.states = calloc(n, sizeof(*set->states)),
		.epochs = calloc(n, sizeof(*set->epochs)),
	};
	if (!set->jobs || !set->results || !set->errors || !set->states ||
	    !set->epochs) {
		cmd_error_text("out of memory");
		return false;
	}
	for (size_t p = 0; p < presets; p++) {
		for (size_t m = 0; m < o->mode_count; m++) {
			fill_job(o, set, o->modes[m],
				 o->preset_count ? o->presets[p] : NULL);
		}
	}
	return true;
}

static void free_set(struct run_set *set)
{
	free(set->jobs);
	free(set->results);
	free(set->errors);
	free(set->states);
	for (size_t i = 0; i < set->job_count; i++) {
		sim_epochs_free(&set->epochs[i]);
	}
	free(set->epochs);
}

/* Presets and assignments are wrong or right before any work. */
static bool check_presets(const struct run_opts *o)
{
	static struct sim_preset preset;
	struct sim_error error = { 0 };
	size_t presets = o->preset_count ? o->preset_count : 1;

	for (size_t p = 0; p < presets; p++) {
		bool ok = sim_preset_load(o->preset_count ?
						  o->presets[p] :
						  sim_default_preset(),
					  &preset, &error);
		for (size_t s = 0; ok && s < o->set_count; s++) {
			ok = sim_preset_set(&preset, o->sets[s], &error);
		}
		if (!ok) {
			cmd_error_text(error.text);
			return false;
		}
	}
	return true;
}

/* One line for each kind of trouble; three modes share a missing file. */
static int print_errors(const struct run_set *set)
{
	int status = CMD_FAILED;

	for (size_t i = 0; i < set->count; i++) {
		const struct sim_error *e = &set->errors[i];
		bool said = error_word(e->kind) != NULL ||
			    e->kind == SIM_ERR_NONE;
		for (size_t j = 0; j < i && !said; j++) {
			said = !strcmp(set->errors[j].text, e->text);
		}
		if (!said) {
			cmd_error_text(e->text);
		}
		if (e->kind == SIM_ERR_USAGE) {
			status = CMD_USAGE;
		}
	}
	return status;
}

static void put_csv(FILE *out, const struct run_set *set, bool extra)
{
	report_csv_head(out, extra);
	for (size_t i = 0; i < set->count; i++) {
		report_csv_row(out, &set->results[i], extra);
	}
}

static void put_json(FILE *out, const struct run_opts *o,
		     const struct run_set *set)
{
	report_json_put(out, report_json(set->results, set->count, o->sets,
					 o->set_count));
}

static void print_results(const struct run_opts *o, const struct run_set *set)
{
	switch (o->format) {
	case REPORT_TABLE:
		report_table(stdout, set->results, set->count);
		if (o->explain) {
			putchar('\n');
			report_explain(stdout, set->results, set->count);
		}
		break;
	case REPORT_CSV:
		put_csv(stdout, set, o->extra);
		break;
	case REPORT_JSON:
		put_json(stdout, o, set);
		break;
	}
}

static bool write_file(const struct run_opts *o, const struct run_set *set,
		       const char *name, FILE *say)
{
	char path[PATH_MAX];
	struct atomic_out out;

	snprintf(path, sizeof(path), "%s/%s", o->out_dir, name);
	if (!atomic_open(&out, path)) {
		return false;
	}
	if (strstr(name, ".csv")) {
		put_csv(out.f, set, o->extra);
	} else {
		put_json(out.f, o, set);
	}
	if (!atomic_commit(&out)) {
		return false;
	}
	fprintf(say, "%s\n", path);
	return true;
}

/* The runs of one preset. */
static bool draw_timeline(const struct run_opts *o, const struct sim_job *jobs,
			  const struct sim_result *results,
			  const char *suffix, FILE *say)
{
	struct series *series = calloc(o->mode_count, sizeof(*series));
	struct timeline_run runs[RUNS_LIST_MAX];
	char subtitle[2 * SIM_NAME_MAX];
	const struct timeline_head head = { results->workload, subtitle };
	bool ok = series != NULL;

	snprintf(subtitle, sizeof(subtitle), "preset %s, seed %" PRIu64,
		 results->preset, results->seed);

	for (size_t m = 0; m < o->mode_count && ok; m++) {
		enum sim_mode mode = jobs[m].mode;
		runs[m] = (struct timeline_run){ mode, &results[m],
						 &series[m] };
		ok = series_take(&series[m], jobs[m].epochs,
				 sim_mode_is(mode, SIM_MF_MIXED));
	}
	if (!ok) {
		cmd_error_text("no timeline: out of memory");
	}
	ok = ok && timeline_draw(o->out_dir, suffix, &head, runs,
				 o->mode_count, o->latex, say);
	free(series);
	return ok;
}

/* One for each preset; the offline optimum stands behind its modes. */
static bool draw_timelines(const struct run_opts *o, const struct run_set *set,
			   FILE *say)
{
	size_t modes = o->mode_count, presets = set->job_count / modes;
	size_t rows = set->count / presets;
	bool ok = true;

	for (size_t p = 0; p < presets && o->timeline && ok; p++) {
		const struct sim_result *results = set->results + p * rows;
		char suffix[SIM_NAME_MAX + 1];
		snprintf(suffix, sizeof(suffix), "%s%s",
			 presets > 1 ? "-" : "",
			 presets > 1 ? results->preset : "");
		ok = draw_timeline(o, set->jobs + p * modes, results, suffix,
				   say);
	}
	return ok;
}

static bool write_files(const struct run_opts *o, const struct run_set *set)
{
	/* Paths must not end up within CSV or JSON. */
	FILE *say = o->format == REPORT_TABLE ? stdout : stderr;

	if (say == stdout) {
		putchar('\n');
	}
	return write_file(o, set, "result.csv", say) &&
	       write_file(o, set, "result.json", say) &&
	       (!o->plot || (plot_overhead(o->out_dir, "overhead",
					   set->results[0].workload,
					   set->results, set->count, o->latex,
					   say) &&
			     draw_timelines(o, set, say) &&
			     !plot_is_missing()));
}

/* Finds out before the work, not after it. */
static bool is_folder_usable(const char *dir)
{
	if (!atomic_folder(dir)) {
		return false;
	}
	if (access(dir, W_OK | X_OK)) {
		cmd_error(dir, "cannot be written to: %s", strerror(errno));
		return false;
	}
	return true;
}

static bool add_optimum(const struct run_opts *o, struct run_set *set)
{
	size_t presets = set->job_count / o->mode_count;
	struct sim_result *all = optimum_add(set->jobs, set->results, presets,
					     o->mode_count);

	if (!all) {
		return false;
	}
	free(set->results);
	set->results = all;
	set->count += presets;
	return true;
}

static int run_set(const struct run_opts *o, struct run_set *set)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned int threads = o->threads ? o->threads :
			       online > 0 ? (unsigned int)online : 1;

	crash_seed(o->seed);
	progress_start("simulating", set->count * PART);
	size_t failed = sim_run_all(set->jobs, set->count, threads,
				    set->results, set->errors);
	progress_end();
	if (failed) {
		return print_errors(set);
	}
	if (o->optimal && !add_optimum(o, set)) {
		return CMD_FAILED;
	}
	print_results(o, set);
	if (o->out_dir && !write_files(o, set)) {
		return CMD_FAILED;
	}
	return CMD_OK;
}

int run_opts_execute(struct run_opts *o)
{
	char path[PATH_MAX];
	struct run_set set;

	if (!check_presets(o)) {
		return CMD_USAGE;
	}
	if (!o->input) {
		if (!sim_data_path("recordings", "fork-exec-50", ".gnr", path,
				   sizeof(path))) {
			return cmd_error("fork-exec-50.gnr",
					 "the default recording is not "
					 "installed; name one");
		}
		o->input = path;
	}
	if (o->out_dir && !is_folder_usable(o->out_dir)) {
		return CMD_FAILED;
	}
	int status = CMD_FAILED;
	if (make_set(o, &set)) {
		status = run_set(o, &set);
	}
	free_set(&set);
	return status;
}
