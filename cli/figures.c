/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/figures.h"

#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/atomic_out.h"
#include "cli/cmd.h"
#include "cli/plot.h"

enum { ROWS_MAX = 12 };

/* One recording under one preset; its results are neighbours. */
struct group {
	const struct points *p;
	const struct sim_result *results;
	const struct point *first;	/* its sets are the base */
	const char *dir;
	bool latex;
	FILE *say;
	char suffix[2 * SIM_NAME_MAX];
	char subtitle[256];
};

struct spread {
	double mean, least, largest;
	size_t count;
};

static void add(struct spread *s, double v)
{
	s->least = s->count && s->least < v ? s->least : v;
	s->largest = s->count && s->largest > v ? s->largest : v;
	s->mean = (s->mean * (double)s->count + v) / (double)(s->count + 1);
	s->count++;
}

static bool is_member(const struct group *g, const struct point *pt)
{
	return pt->input == g->first->input &&
	       !strcmp(pt->preset, g->first->preset);
}

static const char *set_value(const struct point *pt, const char *param)
{
	size_t n = strlen(param);

	for (size_t i = 0; i < pt->set_count; i++) {
		if (!strncmp(pt->sets[i], param, n) && pt->sets[i][n] == '=') {
			return pt->sets[i] + n + 1;
		}
	}
	return NULL;
}

/* Equal to the base in everything but `param` (NULL: in everything). */
static bool is_base_but(const struct group *g, const struct point *pt,
			const char *param)
{
	if (!is_member(g, pt) || pt->sensitivity) {
		return false;
	}
	for (size_t i = 0; i < pt->set_count; i++) {
		size_t n = strcspn(pt->sets[i], "=");
		bool free = param && strlen(param) == n &&
			    !strncmp(pt->sets[i], param, n);
		if (!free && strcmp(pt->sets[i], g->first->sets[i])) {
			return false;
		}
	}
	return true;
}

/* Overhead in per cent over the seeds, of points like `like`. */
static struct spread overhead_of(const struct group *g,
				 const struct point *like, enum sim_mode mode)
{
	struct spread s = { 0 };

	for (size_t i = 0; i < g->p->count; i++) {
		const struct point *pt = &g->p->list[i];
		struct point same = *like;
		same.seed = pt->seed;
		if (pt->mode == mode && point_is_same_run(pt, &same) &&
		    !isnan(g->results[i].overhead)) {
			add(&s, 100 * g->results[i].overhead);
		}
	}
	return s;
}

/* Modes in the order of the scenario, which was checked. */
static enum sim_mode mode_at(const struct group *g, size_t i)
{
	enum sim_mode mode = SIM_MODE_NATIVE;

	sim_mode_parse(g->p->scenario.modes.items[i], &mode);
	return mode;
}

/* The modes of a scenario whose overhead can be drawn. */
static size_t drawn_modes(const struct group *g, enum sim_mode *modes)
{
	size_t n = 0;

	for (size_t i = 0; i < g->p->scenario.modes.count; i++) {
		enum sim_mode m = mode_at(g, i);
		if (m != SIM_MODE_NATIVE &&
		    overhead_of(g, g->first, m).count) {
			modes[n++] = m;
		}
	}
	return n;
}

/* Means over the seeds of the base, a result for each mode. */
static size_t base_results(const struct group *g, struct sim_result *out)
{
	size_t n = 0;

	for (size_t k = 0; k < g->p->scenario.modes.count; k++) {
		enum sim_mode m = mode_at(g, k);
		size_t seeds = 0;
		double sum[SIM_CAT_COUNT] = { 0 };
		const struct sim_result *one = NULL;
		for (size_t i = 0; i < g->p->count; i++) {
			const struct point *pt = &g->p->list[i];
			if (pt->mode != m || !is_base_but(g, pt, NULL)) {
				continue;
			}
			one = one ? one : &g->results[i];
			seeds++;
			for (int c = 0; c < SIM_CAT_COUNT; c++) {
				sum[c] += (double)g->results[i].cycles_by[c];
			}
		}
		if (!one) {
			continue;
		}
		struct sim_result *r = &out[n++];
		*r = *one;
		r->cycles = 0;
		for (int c = 0; c < SIM_CAT_COUNT; c++) {
			r->cycles_by[c] = (uint64_t)(sum[c] /
						     (double)seeds);
			r->cycles += r->cycles_by[c];
		}
		r->overhead = overhead_of(g, g->first, m).mean / 100;
	}
	return n;
}

static bool draw_overhead(const struct group *g)
{
	struct sim_result *r = calloc(SIM_MODE_COUNT, sizeof(*r));
	char name[256];
	bool ok = false;

	snprintf(name, sizeof(name), "overhead%s", g->suffix);
	if (r) {
		size_t n = base_results(g, r);
		ok = plot_overhead(g->dir, name, g->first->input->name, r, n,
				   g->latex, g->say);
	}
	free(r);
	return ok;
}

static bool open_data(const struct group *g, const char *name,
		      struct atomic_out *out)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s.dat", g->dir, name);
	return atomic_open(out, path);
}

static bool close_data(const struct group *g, struct atomic_out *out)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s", out->path);
	if (!atomic_commit(out)) {
		return false;
	}
	fprintf(g->say, "%s\n", path);
	return true;
}

/* The points at which one parameter varies, one per value. */
static size_t vary_points(const struct group *g, const char *param,
			  const struct point **out)
{
	size_t n = 0;

	for (size_t i = 0; i < g->p->count && n < SCENARIO_ITEMS_MAX; i++) {
		const struct point *pt = &g->p->list[i];
		bool is_new = is_base_but(g, pt, param) &&
			      pt->seed == g->first->seed &&
			      pt->mode == g->first->mode;
		if (is_new) {
			out[n++] = pt;
		}
	}
	return n;
}

/* A line needs its points in the order of their values. */
static void sort_points(const struct point **pts, size_t n, const char *param)
{
	for (size_t i = 1; i < n; i++) {
		for (size_t j = i; j > 0 &&
		     strtoull(set_value(pts[j], param), NULL, 10) <
		     strtoull(set_value(pts[j - 1], param), NULL, 10); j--) {
			const struct point *t = pts[j];
			pts[j] = pts[j - 1];
			pts[j - 1] = t;
		}
	}
}

static void put_line(FILE *f, const struct group *g, enum sim_mode mode,
		     const char *param, const struct point *const *pts,
		     size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct spread s = overhead_of(g, pts[i], mode);
		fprintf(f, "%s %.4f %.4f %.4f ", set_value(pts[i], param),
			s.mean, s.least, s.largest);
		plot_label(f, i + 1 == n ? sim_mode_name(mode) : "");
		fputc('\n', f);
	}
}

static bool draw_vary(const struct group *g, const char *param)
{
	const struct point *pts[SCENARIO_ITEMS_MAX];
	enum sim_mode modes[SIM_MODE_COUNT];
	size_t n = vary_points(g, param, pts);
	size_t mode_count = drawn_modes(g, modes);
	char name[256];
	struct atomic_out out;
	const struct plot_figure fig = {
		.script = "vary", .dir = g->dir, .name = name,
		.title = g->first->input->name, .subtitle = g->subtitle,
		.more = param, .latex = g->latex,
	};

	if (n < 2 || !mode_count) {
		return true;
	}
	snprintf(name, sizeof(name), "vary-%s%s", param, g->suffix);
	sort_points(pts, n, param);
	if (!open_data(g, name, &out)) {
		return false;
	}
	fputs("# value mean least largest name; overhead in % over the "
	      "seeds\n", out.f);
	for (size_t m = 0; m < mode_count; m++) {
		fputs(m ? "\n\n" : "", out.f);
		put_line(out.f, g, modes[m], param, pts, n);
	}
	return close_data(g, &out) && plot_draw(&fig, g->say);
}

/* How far one parameter moves the overhead of each mode. */
struct swing {
	const char *set;	/* section.key=value of one of its points */
	struct spread by_mode[SIM_MODE_COUNT];
	double most;
};

static int by_most(const void *a, const void *b)
{
	const struct swing *x = a, *y = b;

	return (x->most < y->most) - (x->most > y->most);
}

static bool is_same_param(const char *a, const char *b)
{
	size_t n = strcspn(a, "=");

	return !strncmp(a, b, n + 1);
}

static void add_swing(const struct group *g, struct swing *w,
		      const struct point *pt)
{
	for (int m = 0; m < SIM_MODE_COUNT; m++) {
		enum sim_mode mode = (enum sim_mode)m;
		struct spread s = overhead_of(g, pt, mode);
		struct spread base = overhead_of(g, g->first, mode);
		if (!s.count || !base.count) {
			continue;
		}
		if (!w->by_mode[m].count) {
			add(&w->by_mode[m], 0);
		}
		add(&w->by_mode[m], s.mean - base.mean);
		double size = fabs(s.mean - base.mean);
		w->most = size > w->most ? size : w->most;
	}
}

static size_t find_swings(const struct group *g, struct swing *swings,
			  size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < g->p->count; i++) {
		const struct point *pt = &g->p->list[i];
		if (!is_member(g, pt) || !pt->sensitivity ||
		    pt->seed != g->first->seed ||
		    pt->mode != g->first->mode) {
			continue;
		}
		const char *set = pt->sets[pt->set_count - 1];
		size_t at = 0;
		while (at < n && !is_same_param(swings[at].set, set)) {
			at++;
		}
		if (at == max) {
			continue;
		}
		if (at == n) {
			swings[n++] = (struct swing){ .set = set };
		}
		add_swing(g, &swings[at], pt);
	}
	qsort(swings, n, sizeof(*swings), by_most);
	/* What moves nothing is not worth a row. */
	while (n > 1 && swings[n - 1].most < 0.005) {
		n--;
	}
	return n < ROWS_MAX ? n : ROWS_MAX;
}

static void put_swings(FILE *f, enum sim_mode mode,
		       const struct swing *swings, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char param[128];
		snprintf(param, sizeof(param), "%.*s",
			 (int)strcspn(swings[i].set, "="), swings[i].set);
		plot_label(f, param);
		fprintf(f, " %.4f %.4f\n", swings[i].by_mode[mode].least,
			swings[i].by_mode[mode].largest);
	}
}

static bool draw_sensitivity(const struct group *g)
{
	struct swing *swings = calloc(SIM_PARAM_MAX, sizeof(*swings));
	size_t n = swings ? find_swings(g, swings, SIM_PARAM_MAX) : 0;
	enum sim_mode modes[SIM_MODE_COUNT];
	size_t mode_count = drawn_modes(g, modes);
	char name[256], words[256] = "", subtitle[400];
	struct atomic_out out;
	const struct plot_figure fig = {
		.script = "sensitivity", .dir = g->dir, .name = name,
		.title = g->first->input->name, .subtitle = subtitle,
		.more = words, .latex = g->latex,
	};
	bool ok = true;

	snprintf(name, sizeof(name), "sensitivity%s", g->suffix);
	snprintf(subtitle, sizeof(subtitle), "%s; one parameter at a time",
		 g->subtitle);
	if (n && mode_count && (ok = open_data(g, name, &out))) {
		fputs("# parameter least largest; change of the overhead in "
		      "percentage points\n", out.f);
		for (size_t m = 0; m < mode_count; m++) {
			fputs(m ? "\n\n" : "", out.f);
			put_swings(out.f, modes[m], swings, n);
			strcat(strcat(words, m ? " " : ""),
			       sim_mode_name(modes[m]));
		}
		ok = close_data(g, &out) && plot_draw(&fig, g->say);
	}
	free(swings);
	return ok;
}

/* Names of recordings and presets may be paths. */
static void add_suffix(char *suffix, size_t bytes, const char *name)
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

static bool draw_group(struct group *g)
{
	const struct scenario *s = &g->p->scenario;
	bool ok;

	if (g->p->input_count > 1) {
		add_suffix(g->suffix, sizeof(g->suffix),
			   g->first->input->name);
	}
	if (s->presets.count > 1) {
		add_suffix(g->suffix, sizeof(g->suffix), g->first->preset);
	}
	snprintf(g->subtitle, sizeof(g->subtitle), "preset %s, %zu seed%s",
		 g->first->preset, s->seeds.count,
		 s->seeds.count == 1 ? "" : "s");
	ok = draw_overhead(g);
	for (size_t i = 0; i < s->vary_count && ok; i++) {
		ok = draw_vary(g, s->vary[i].param);
	}
	return ok && draw_sensitivity(g);
}

bool figures_draw(const struct points *p, const struct sim_result *results,
		  const char *dir, bool latex, FILE *say)
{
	struct group g = { 0 };

	for (size_t i = 0; i < p->count; i++) {
		const struct point *pt = &p->list[i];
		if (!pt->base || (g.first && is_member(&g, pt))) {
			continue;
		}
		g = (struct group){ .p = p, .results = results, .first = pt,
				    .dir = dir, .latex = latex,
				    .say = say };
		if (!draw_group(&g)) {
			return false;
		}
	}
	return true;
}
