/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/figures_int.h"

#include <ctype.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include "sim/work.h"

enum { DECADES_FROM = 30 };	/* a ratio that needs a logarithmic axis */

double fig_overhead(const struct sim_result *r)
{
	return 100 * r->overhead;
}

double fig_lock_wait(const struct sim_result *r)
{
	return r->cycles ? 100 * (double)r->lock_wait_cycles /
			   (double)r->cycles : NAN;
}

double fig_refs(const struct sim_result *r)
{
	return r->walks ? (double)r->walk_refs / (double)r->walks : NAN;
}

void fig_add(struct fig_spread *s, double v)
{
	s->least = s->count && s->least < v ? s->least : v;
	s->largest = s->count && s->largest > v ? s->largest : v;
	s->mean = (s->mean * (double)s->count + v) / (double)(s->count + 1);
	s->count++;
}

bool fig_is_member(const struct fig_group *g, const struct point *pt)
{
	return pt->input == g->first->input &&
	       !strcmp(pt->preset, g->first->preset);
}

const char *fig_set_value(const struct point *pt, const char *param)
{
	size_t n = strlen(param);

	for (size_t i = 0; i < pt->set_count; i++) {
		if (!strncmp(pt->sets[i], param, n) && pt->sets[i][n] == '=') {
			return pt->sets[i] + n + 1;
		}
	}
	return NULL;
}

static bool is_named(const char *set, size_t n, const char *param)
{
	return param && strlen(param) == n && !strncmp(set, param, n);
}

bool fig_is_base_but(const struct fig_group *g, const struct point *pt,
		     const char *param, const char *other)
{
	if (!fig_is_member(g, pt) || pt->sensitivity) {
		return false;
	}
	for (size_t i = 0; i < pt->set_count; i++) {
		size_t n = strcspn(pt->sets[i], "=");
		bool free = is_named(pt->sets[i], n, param) ||
			    is_named(pt->sets[i], n, other);
		if (!free && strcmp(pt->sets[i], g->first->sets[i])) {
			return false;
		}
	}
	return true;
}

struct fig_spread fig_over_seeds(const struct fig_group *g,
				 const struct point *like, enum sim_mode mode,
				 fig_measure *measure)
{
	struct fig_spread s = { 0 };

	for (size_t i = 0; i < g->p->count; i++) {
		const struct point *pt = &g->p->list[i];
		struct point same = *like;
		same.seed = pt->seed;
		if (pt->mode == mode && point_is_same_run(pt, &same) &&
		    !isnan(measure(&g->results[i]))) {
			fig_add(&s, measure(&g->results[i]));
		}
	}
	return s;
}

/* The names were checked when the scenario was read. */
enum sim_mode fig_mode_at(const struct fig_group *g, size_t i)
{
	enum sim_mode mode = SIM_MODE_NATIVE;

	sim_mode_parse(g->p->scenario.modes.items[i], &mode);
	return mode;
}

size_t fig_modes(const struct fig_group *g, fig_measure *measure,
		 bool native, enum sim_mode modes[SIM_MODE_COUNT])
{
	size_t n = 0;

	for (size_t i = 0; i < g->p->scenario.modes.count; i++) {
		enum sim_mode m = fig_mode_at(g, i);
		if ((native || m != SIM_MODE_NATIVE) &&
		    fig_over_seeds(g, g->first, m, measure).count) {
			modes[n++] = m;
		}
	}
	return n;
}

bool fig_open_data(const struct fig_group *g, const char *name,
		   struct atomic_out *out)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s.dat", g->dir, name);
	return atomic_open(out, path);
}

bool fig_close_data(const struct fig_group *g, struct atomic_out *out)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s", out->path);
	if (!atomic_commit(out)) {
		return false;
	}
	fprintf(g->say, "%s\n", path);
	return true;
}

void fig_add_suffix(char *suffix, size_t bytes, const char *name)
{
	const char *base = strrchr(name, '/');
	size_t n = strlen(suffix);

	base = base ? base + 1 : name;
	if (n + 1 < bytes) {
		suffix[n++] = '-';
	}
	for (; *base && n + 1 < bytes; base++) {
		suffix[n++] = isalnum((unsigned char)*base) ||
			      strchr("._-", *base) ? *base : '_';
	}
	suffix[n] = '\0';
}

struct fig_range fig_range_none(void)
{
	return (struct fig_range){ .least = HUGE_VAL };
}

void fig_range_add(struct fig_range *r, const struct fig_spread *s)
{
	r->least = fmin(r->least, s->least);
	r->bottom = fmin(r->bottom, s->least);
	r->top = fmax(r->top, s->largest);
}

struct fig_axis fig_axis_up(const struct fig_range *r)
{
	bool log = r->least > 0 && r->top > DECADES_FROM * r->least;

	return (struct fig_axis){
		.log = log,
		.min = log ? r->least / 1.3 : 1.15 * r->bottom,
		.max = log ? r->top * 1.5 : r->top > 0 ? 1.12 * r->top : 1,
	};
}

/* Factors read best on a logarithmic axis. */
struct fig_axis fig_axis_across(double first, double last)
{
	bool log = first > 0 && last >= 4 * first;

	return (struct fig_axis){
		.log = log,
		.min = log ? first / 1.1 : first - 0.05 * (last - first),
		.max = log ? last * 1.1 : last + 0.05 * (last - first),
	};
}

const struct sim_preset *fig_preset(const struct fig_group *g)
{
	static struct sim_preset preset;
	struct sim_error error = { 0 };

	return sim_preset_load(g->first->preset_path, &preset, &error) ?
	       &preset : NULL;
}

void fig_label(const struct fig_group *g, const char *param,
	       char text[FIG_LABEL])
{
	const char *key = strchr(param, '.') + 1, *meaning = NULL;
	struct sim_work_spec spec;
	char why[256];

	if (!strncmp(param, "workload.", strlen("workload."))) {
		meaning = sim_work_parse(g->first->source, &spec, why) ?
			  sim_work_help(spec.work, key) : NULL;
	} else {
		const struct sim_preset *preset = fig_preset(g);
		const struct sim_param *q = preset ?
			sim_preset_find_name(preset, param) : NULL;
		/* A list of what numbers stand for is no unit. */
		meaning = q && !isdigit((unsigned char)*q->unit) ? q->unit :
								   NULL;
	}
	int n = meaning ? (int)strcspn(meaning, ",;") : 0;
	bool says_more = n && strncmp(meaning, key, (size_t)n);
	snprintf(text, FIG_LABEL, "%s%s%.*s", param, says_more ? ": " : "",
		 says_more ? n : 0, says_more ? meaning : "");
}
