/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/points_expand.h"

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "cli/cmd.h"
#include "cli/series.h"
#include "sim/work.h"

/* Begins the name of a varied parameter of a workload. */
#define WORKLOAD "workload."

/* What is common to the points that are being added. */
struct expansion {
	struct points *p;
	const struct point_input *input;
	const char *preset_name, *preset_path;
	const struct sim_preset *base;
	struct point proto;	/* sets so far */
	int *status;
};

static bool complain(const struct expansion *e, int line, const char *key,
		     const char *why)
{
	return points_complain(e->p, line, key, why, e->status);
}

/* The text over which the id is taken; one fact a line. */
static char *make_key(const struct points *p, const struct point *pt,
		      const struct sim_preset *preset)
{
	char *text = NULL;
	size_t n;
	FILE *f = points_must(open_memstream(&text, &n));

	fprintf(f, "gnomon %s\n%s %s %016" PRIx64 "\nmode %s\n"
		"preset %s\nseed %" PRIu64 "\nverify %d\n",
		p->origin, pt->input->path ? "recording" : "workload",
		pt->input->path ? pt->input->name : pt->source,
		pt->input->digest, sim_mode_name(pt->mode), preset->name,
		pt->seed, p->scenario.verify);
	for (size_t i = 0; i < preset->count; i++) {
		const struct sim_param *q = &preset->params[i];
		fprintf(f, "%s.%s %" PRIu64 "\n", q->section, q->key,
			q->value);
	}
	if (pt->timeline) {
		fprintf(f, "timeline of %d columns\n", SERIES_COLUMNS);
	}
	if (fclose(f)) {
		err(CMD_FAILED, "out of memory");
	}
	return text;
}

static void put_id(struct point *pt)
{
	XXH128_hash_t h = XXH3_128bits(pt->key, strlen(pt->key));

	snprintf(pt->id, sizeof(pt->id), "%016" PRIx64 "%016" PRIx64,
		 (uint64_t)h.high64, (uint64_t)h.low64);
}

/* The input of a run; workload parameters go behind its name. */
static char *make_source(const struct point *pt)
{
	char *text = NULL;
	size_t n;

	if (pt->input->path) {
		return points_must(strdup(pt->input->path));
	}
	FILE *f = points_must(open_memstream(&text, &n));
	fputs(pt->input->name, f);
	for (size_t i = 0; i < pt->work_count; i++) {
		fprintf(f, ",%s", pt->sets[i] + strlen(WORKLOAD));
	}
	if (fclose(f)) {
		err(CMD_FAILED, "out of memory");
	}
	return text;
}

static void add_point(struct expansion *e, const struct sim_preset *preset,
		      enum sim_mode mode, uint64_t seed)
{
	struct points *p = e->p;

	if (p->count == p->capacity) {
		p->capacity = p->capacity ? 2 * p->capacity : 256;
		p->list = points_must(realloc(p->list,
				       p->capacity * sizeof(*p->list)));
	}
	struct point *pt = &p->list[p->count++];
	*pt = e->proto;
	pt->input = e->input;
	pt->preset = e->preset_name;
	pt->preset_path = e->preset_path;
	pt->mode = mode;
	pt->seed = seed;
	pt->timeline = p->scenario.timeline;
	for (size_t i = 0; i < pt->set_count; i++) {
		pt->sets[i] = points_must(strdup(e->proto.sets[i]));
	}
	pt->source = make_source(pt);
	pt->key = make_key(p, pt, preset);
	put_id(pt);
}

/* One variation of a preset: each seed, each mode. */
static bool add_variation(struct expansion *e, int line)
{
	const struct scenario *s = &e->p->scenario;
	struct sim_preset *preset = points_must(malloc(sizeof(*preset)));
	struct sim_error error = { 0 };
	bool ok = true;

	*preset = *e->base;
	for (size_t i = e->proto.work_count; i < e->proto.set_count && ok;
	     i++) {
		ok = sim_preset_set(preset, e->proto.sets[i], &error) ||
		     complain(e, line, "value", error.text);
	}
	for (size_t i = 0; i < s->seeds.count && ok; i++) {
		uint64_t seed = strtoull(s->seeds.items[i], NULL, 10);
		for (size_t m = 0; m < s->modes.count; m++) {
			enum sim_mode mode;
			sim_mode_parse(s->modes.items[m], &mode);
			add_point(e, preset, mode, seed);
		}
	}
	free(preset);
	return ok;
}

/* "x0.5" of `value`, or a plain number. False if it is neither. */
static bool scaled(const char *text, uint64_t value, uint64_t *out)
{
	char *end;

	errno = 0;
	if (*text == 'x') {
		double factor = strtod(text + 1, &end);
		double v = round((double)value * factor);
		if (end == text + 1 || *end || !(factor >= 0) || !(v < 1e18)) {
			return false;
		}
		*out = (uint64_t)v;
		return true;
	}
	*out = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && !errno;
}

static char *assignment(const struct sim_param *q, uint64_t value)
{
	char *text;

	if (asprintf(&text, "%s.%s=%" PRIu64, q->section, q->key, value) < 0) {
		err(CMD_FAILED, "out of memory");
	}
	return text;
}

static bool is_workload(const struct scenario_vary *v)
{
	return !strncmp(v->param, WORKLOAD, strlen(WORKLOAD));
}

/* workload.key=value; the workload itself says whether it can be. */
static bool push_work_value(struct expansion *e, const struct scenario_vary *v,
			    const char *text)
{
	struct sim_work_spec spec;
	char *set, why[256];

	if (e->input->path) {
		return complain(e, v->values.line, v->param,
				"a recording has no such parameter; workloads "
				"and recordings cannot share a scenario that "
				"varies it");
	}
	if (asprintf(&set, "%s=%s", v->param, text) < 0) {
		err(CMD_FAILED, "out of memory");
	}
	e->proto.sets[e->proto.set_count++] = set;
	e->proto.work_count = e->proto.set_count;
	e->proto.input = e->input;
	char *source = make_source(&e->proto);
	bool ok = sim_work_parse(source, &spec, why) ||
		  complain(e, v->values.line, v->param, why);
	free(source);
	return ok;
}

static bool push_value(struct expansion *e, const struct scenario_vary *v,
		       const char *text)
{
	const struct sim_param *q = sim_preset_find_name(e->base, v->param);
	uint64_t value;

	if (is_workload(v)) {
		return push_work_value(e, v, text);
	}
	if (!q) {
		struct sim_near near = sim_near_to(v->param);
		char why[SIM_NEAR_WORD + 128];
		sim_preset_near(e->base, &near);
		snprintf(why, sizeof(why), "no such parameter%s; see 'gnomon "
			 "costs show'", sim_near_hint(&near));
		return complain(e, v->values.line, v->param, why);
	}
	if (!scaled(text, q->value, &value)) {
		return complain(e, v->values.line, v->param,
				"a value is a number, or a factor such as "
				"x0.5");
	}
	e->proto.sets[e->proto.set_count++] = assignment(q, value);
	return true;
}

/* One value of each list, those of the workload first. */
static bool push_values(struct expansion *e, const size_t *at)
{
	const struct scenario *s = &e->p->scenario;
	bool ok = true;

	for (int work = 1; work >= 0; work--) {
		for (size_t i = 0; i < s->vary_count && ok; i++) {
			const struct scenario_vary *v = &s->vary[i];
			if (is_workload(v) == (work == 1)) {
				ok = push_value(e, v,
						v->values.items[at[i]]);
			}
		}
	}
	return ok;
}

/* Which value is the base: the preset's own if it is listed, or the first. */
static size_t base_item(const struct expansion *e,
			const struct scenario_vary *v)
{
	const struct sim_param *q = sim_preset_find_name(e->base, v->param);
	uint64_t value;

	/* A workload has no preset: the first of the list. */
	for (size_t i = 0; q && i < v->values.count; i++) {
		if (scaled(v->values.items[i], q->value, &value) &&
		    value == q->value) {
			return i;
		}
	}
	return 0;
}

static void pop_values(struct expansion *e)
{
	while (e->proto.set_count) {
		free(e->proto.sets[--e->proto.set_count]);
	}
	e->proto.work_count = 0;
}

/* Every combination of the varied values; an odometer over the lists. */
static bool add_combinations(struct expansion *e)
{
	const struct scenario *s = &e->p->scenario;
	size_t at[SCENARIO_VARY_MAX] = { 0 };
	bool ok = true;

	for (bool more = true; more && ok;) {
		e->proto.base = true;
		for (size_t i = 0; i < s->vary_count; i++) {
			const struct scenario_vary *v = &s->vary[i];
			e->proto.base = e->proto.base &&
					at[i] == base_item(e, v);
		}
		ok = push_values(e, at) && add_variation(e, s->vary_count ?
					 s->vary[0].values.line : 0);
		pop_values(e);
		size_t i = s->vary_count;
		while (i > 0 && ++at[i - 1] == s->vary[i - 1].values.count) {
			at[--i] = 0;
		}
		more = i > 0;
	}
	return ok;
}

static bool is_labelled(const struct scenario *s, const struct sim_param *q)
{
	for (size_t i = 0; i < s->labels.count; i++) {
		if (!strcmp(s->labels.items[i], q->label)) {
			return true;
		}
	}
	return false;
}

static bool is_varied(const struct scenario *s, const struct sim_param *q)
{
	for (size_t i = 0; i < s->vary_count; i++) {
		size_t n = strlen(q->section);
		const char *name = s->vary[i].param;
		if (!strncmp(name, q->section, n) && name[n] == '.' &&
		    !strcmp(name + n + 1, q->key)) {
			return true;
		}
	}
	return false;
}

/* One parameter away from the base. */
static bool add_neighbour(struct expansion *e, const struct sim_param *q,
			  uint64_t value)
{
	const struct scenario *s = &e->p->scenario;
	size_t at[SCENARIO_VARY_MAX];
	bool ok;

	e->proto.base = false;
	e->proto.sensitivity = true;
	for (size_t i = 0; i < s->vary_count; i++) {
		at[i] = base_item(e, &s->vary[i]);
	}
	ok = push_values(e, at);
	if (ok) {
		e->proto.sets[e->proto.set_count++] = assignment(q, value);
		ok = add_variation(e, s->factors.line);
	}
	pop_values(e);
	return ok;
}

/* One parameter at a time, where its label asks for it and it is a cost. */
static bool add_sensitivity(struct expansion *e)
{
	const struct scenario *s = &e->p->scenario;
	bool ok = true;

	for (size_t i = 0; i < e->base->count && ok; i++) {
		const struct sim_param *q = &e->base->params[i];
		if (strcmp(q->unit, "cycles") || !is_labelled(s, q) ||
		    is_varied(s, q)) {
			continue;
		}
		for (size_t f = 0; f < s->factors.count && ok; f++) {
			uint64_t value = (uint64_t)llround(
				(double)q->value *
				strtod(s->factors.items[f], NULL));
			ok = value == q->value || add_neighbour(e, q, value);
		}
	}
	return ok;
}

bool points_add_preset(struct points *p, const struct point_input *input,
		       size_t number, int *status)
{
	const char *name = p->scenario.presets.items[number];
	const char *path = p->scenario.preset_paths.items[number];
	struct sim_preset *base = points_must(malloc(sizeof(*base)));
	struct sim_error error = { 0 };
	struct expansion e = { .p = p, .input = input, .preset_name = name,
			       .preset_path = path,
			       .base = base, .status = status };
	bool ok = sim_preset_load(path, base, &error) ||
		  complain(&e, p->scenario.presets.line, "presets",
			   error.text);

	ok = ok && add_combinations(&e) && add_sensitivity(&e);
	free(base);
	return ok;
}
