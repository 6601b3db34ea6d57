/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/points.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/code.h"
#include "cli/names.h"
#include "cli/points_expand.h"
#include "cli/table.h"
#include "sim/rec.h"
#include "sim/source.h"
#include "sim/work.h"

void *points_must(void *memory)
{
	if (!memory) {
		err(CMD_FAILED, "out of memory");
	}
	return memory;
}

bool points_complain(const struct points *p, int line, const char *key,
		     const char *why, int *status)
{
	char what[256];

	if (line) {
		snprintf(what, sizeof(what), "%s:%d: %s", p->scenario.path,
			 line, key);
	} else {
		snprintf(what, sizeof(what), "%s: %s", p->scenario.path, key);
	}
	cmd_error(what, "%s", why);
	*status = CMD_USAGE;
	return false;
}

static bool open_workload(struct points *p, const char *name, int *status)
{
	struct point_input *in = &p->inputs[p->input_count++];
	struct sim_work_spec spec;
	char why[256];

	in->name = points_must(strdup(name));
	return sim_work_parse(name, &spec, why) ||
	       points_complain(p, p->scenario.workloads.line, "workloads",
			       why, status);
}

static bool open_recording(struct points *p, const char *name)
{
	struct point_input *in = &p->inputs[p->input_count++];
	struct sim_rec_reader *r = NULL;
	struct sim_rec_summary sum = { 0 };
	struct sim_rec_error error = { { 0 } };
	char why[SIM_SOURCE_WHY];

	in->name = points_must(strdup(name));
	in->path = scenario_recording(&p->scenario, name);
	bool ok = sim_rec_open(&r, in->path, &error) == SIM_REC_OK;
	if (ok && sim_rec_summary(r, &sum) != SIM_REC_OK) {
		error = *sim_rec_error(r);
		ok = false;
	}
	sim_rec_close(r);
	if (!ok) {
		bool none = access(in->path, F_OK) &&
			    sim_source_missing(name, false, why);
		cmd_error_text(none ? why : error.text);
	} else if (!sum.complete) {
		cmd_error(in->path, "the recording was cut; a sweep takes "
				    "complete ones only");
		ok = false;
	}
	in->digest = sum.content_digest;
	return ok;
}

static bool is_number(const char *text)
{
	char *end;

	errno = 0;
	strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && !errno;
}

static bool check_labels(struct points *p, int *status)
{
	const struct scenario_list *labels = &p->scenario.labels;
	char why[256];

	for (size_t i = 0; i < labels->count; i++) {
		struct sim_near near = sim_near_to(labels->items[i]);
		if (!sim_preset_label(labels->items[i], &near)) {
			snprintf(why, sizeof(why), "no label '%.60s'%s; "
				 "'gnomon costs --help' names them",
				 labels->items[i], sim_near_hint(&near));
			return points_complain(p, labels->line, "labels", why,
					       status);
		}
	}
	return true;
}

/* What the parser of the file cannot know: modes, seeds, factors. */
static bool check_lists(struct points *p, int *status)
{
	const struct scenario *s = &p->scenario;
	enum sim_mode mode;
	char why[NAMES_TEXT];

	for (size_t i = 0; i < s->modes.count; i++) {
		if (!sim_mode_parse(s->modes.items[i], &mode)) {
			return points_complain(
				p, s->modes.line, "modes",
				names_no_mode(s->modes.items[i], why), status);
		}
	}
	for (size_t i = 0; i < s->seeds.count; i++) {
		if (!is_number(s->seeds.items[i])) {
			return points_complain(p, s->seeds.line, "seeds",
					       "a seed is a whole number",
					       status);
		}
	}
	for (size_t i = 0; i < s->factors.count; i++) {
		char *end;
		double f = strtod(s->factors.items[i], &end);
		if (*end || !(f > 0) || !(f <= 1000)) {
			return points_complain(
				p, s->factors.line, "factors",
				"a factor is above 0, at most 1000", status);
		}
	}
	return check_labels(p, status);
}

static bool open_inputs(struct points *p, int *status)
{
	const struct scenario *s = &p->scenario;
	bool ok = true;

	for (size_t i = 0; i < s->workloads.count && ok; i++) {
		ok = open_workload(p, s->workloads.items[i], status);
	}
	for (size_t i = 0; i < s->recordings.count && ok; i++) {
		ok = open_recording(p, s->recordings.items[i]);
		*status = ok ? *status : CMD_FAILED;
	}
	return ok;
}

/* Combinations multiply; say so before they fill the memory. */
static bool check_count(const struct points *p, int *status)
{
	const struct scenario *s = &p->scenario;
	double count = (double)(s->workloads.count + s->recordings.count) *
		       (double)(s->presets.count * s->seeds.count *
				s->modes.count);
	char number[32], why[256];

	for (size_t i = 0; i < s->vary_count; i++) {
		count *= (double)s->vary[i].values.count;
	}
	if (count <= POINTS_MAX) {
		return true;
	}
	snprintf(number, sizeof(number), "%.3g", count);
	snprintf(why, sizeof(why), "%s points, and a sweep has %s at most: "
		 "let less vary at a time, or make several scenarios",
		 count < 1e15 ? text_count((uint64_t)count) : number,
		 text_count(POINTS_MAX));
	return points_complain(p, s->vary_count ? s->vary[0].values.line : 0,
			       "all combinations", why, status);
}

bool points_load(struct points *p, const char *path, const char *folder,
		 const char *origin, int *status)
{
	char error[SCENARIO_ERROR_MAX];

	*p = (struct points){ 0 };
	snprintf(p->origin, sizeof(p->origin), "%s",
		 origin ? origin : code_origin());
	*status = CMD_USAGE;
	if (!scenario_load(&p->scenario, path, folder, error)) {
		cmd_error_text(error);
		return false;
	}
	bool ok = check_lists(p, status) && check_count(p, status) &&
		  open_inputs(p, status);
	const struct scenario *s = &p->scenario;
	for (size_t r = 0; r < p->input_count && ok; r++) {
		for (size_t i = 0; i < s->presets.count && ok; i++) {
			ok = points_add_preset(p, &p->inputs[r], i, status);
		}
	}
	return ok;
}

void points_free(struct points *p)
{
	for (size_t i = 0; i < p->count; i++) {
		for (size_t s = 0; s < p->list[i].set_count; s++) {
			free(p->list[i].sets[s]);
		}
		free(p->list[i].source);
		free(p->list[i].key);
	}
	free(p->list);
	for (size_t i = 0; i < p->input_count; i++) {
		free(p->inputs[i].name);
		free(p->inputs[i].path);
	}
	scenario_free(&p->scenario);
}

struct sim_job point_job(const struct points *p, const struct point *pt)
{
	struct sim_job job = sim_job_default();

	job.input = pt->source;
	job.mode = pt->mode;
	job.preset = pt->preset_path;
	job.sets = (const char *const *)pt->sets + pt->work_count;
	job.set_count = pt->set_count - pt->work_count;
	job.seed = pt->seed;
	job.verify = p->scenario.verify;
	return job;
}

bool point_is_same_run(const struct point *a, const struct point *b)
{
	if (a->input != b->input || strcmp(a->preset, b->preset) ||
	    a->seed != b->seed || a->set_count != b->set_count) {
		return false;
	}
	for (size_t i = 0; i < a->set_count; i++) {
		if (strcmp(a->sets[i], b->sets[i])) {
			return false;
		}
	}
	return true;
}
