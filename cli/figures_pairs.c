/* SPDX-License-Identifier: BSD-2-Clause */
/* Two parameters that vary: a panel for each mode, a curve for each value. */
#include "cli/figures_int.h"

#include <ctype.h>
#include <err.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/plot.h"
#include "sim/preset.h"

enum { CURVES_MAX = 6, ACROSS_MIN = 3 };

struct pair {
	const struct fig_group *g;
	const char *across, *by;	/* the parameters */
	const char *x_text[SCENARIO_ITEMS_MAX];
	size_t x_count;
	const char *by_text[SCENARIO_ITEMS_MAX];
	size_t by_count;
	const struct point *pts[CURVES_MAX][SCENARIO_ITEMS_MAX];
	enum sim_mode modes[SIM_MODE_COUNT];
	size_t mode_count;
	struct fig_axis x, y;
};

/* Puts a value into a list that is sorted by its number, once. */
static void add_value(const char *text, const char **list, size_t *count)
{
	double v = strtod(text, NULL);
	size_t at = *count;

	for (size_t i = 0; i < *count; i++) {
		if (!strcmp(list[i], text)) {
			return;
		}
	}
	if (*count == SCENARIO_ITEMS_MAX) {
		return;
	}
	for (; at > 0 && strtod(list[at - 1], NULL) > v; at--) {
		list[at] = list[at - 1];
	}
	list[at] = text;
	(*count)++;
}

static bool is_at(const struct pair *p, const struct point *pt)
{
	return fig_is_base_but(p->g, pt, p->across, p->by) &&
	       pt->seed == p->g->first->seed &&
	       pt->mode == p->g->first->mode;
}

static void take_values(struct pair *p)
{
	for (size_t i = 0; i < p->g->p->count; i++) {
		const struct point *pt = &p->g->p->list[i];
		if (is_at(p, pt)) {
			add_value(fig_set_value(pt, p->across), p->x_text,
				  &p->x_count);
			add_value(fig_set_value(pt, p->by), p->by_text,
				  &p->by_count);
		}
	}
}

static size_t index_of(const char *text, const char *const *list)
{
	size_t i = 0;

	while (strcmp(list[i], text)) {
		i++;
	}
	return i;
}

static void take_points(struct pair *p)
{
	for (size_t i = 0; i < p->g->p->count; i++) {
		const struct point *pt = &p->g->p->list[i];
		if (is_at(p, pt)) {
			size_t x = index_of(fig_set_value(pt, p->across),
					    p->x_text);
			size_t b = index_of(fig_set_value(pt, p->by),
					    p->by_text);
			p->pts[b][x] = pt;
		}
	}
}

/* What a value of the second parameter means: "0 none, 1 one" has it. */
static void put_curve_name(FILE *f, const struct pair *p, size_t b)
{
	const struct sim_preset *preset = fig_preset(p->g);
	const struct sim_param *q = preset ?
		sim_preset_find_name(preset, p->by) : NULL;
	const char *value = p->by_text[b];
	size_t n = strlen(value);
	char text[128];

	snprintf(text, sizeof(text), "%s", value);
	for (const char *u = q ? q->unit : ""; isdigit((unsigned char)*u);) {
		size_t length = strcspn(u, ",");
		if (!strncmp(u, value, n) && u[n] == ' ') {
			snprintf(text, sizeof(text), "%.*s", (int)length, u);
		}
		u += length;
		u += strspn(u, ", ");
	}
	plot_label(f, text);
	fputc('\n', f);
}

static void put_data(FILE *f, const struct pair *p, fig_measure *measure)
{
	for (size_t m = 0; m < p->mode_count; m++) {
		for (size_t b = 0; b < p->by_count; b++) {
			fprintf(f, "# %s, %s=%s\n",
				sim_mode_name(p->modes[m]), p->by,
				p->by_text[b]);
			for (size_t x = 0; x < p->x_count; x++) {
				struct fig_spread s = fig_over_seeds(
					p->g, p->pts[b][x], p->modes[m],
					measure);
				fprintf(f, "%s %.4f %.4f %.4f\n",
					p->x_text[x], s.mean, s.least,
					s.largest);
			}
			fputs("\n\n", f);
		}
	}
	fputs("# the panels\n", f);
	for (size_t m = 0; m < p->mode_count; m++) {
		plot_label(f, sim_mode_name(p->modes[m]));
		fputc('\n', f);
	}
	fputs("\n\n# the curves\n", f);
	for (size_t b = 0; b < p->by_count; b++) {
		put_curve_name(f, p, b);
	}
}

/* False where there is nothing but zeros, or no native to compare with. */
static bool measure_all(struct pair *p, fig_measure *measure)
{
	struct fig_range r = fig_range_none();
	double most = 0;

	p->mode_count = fig_modes(p->g, measure, false, p->modes);
	for (size_t m = 0; m < p->mode_count; m++) {
		for (size_t b = 0; b < p->by_count; b++) {
			for (size_t x = 0; x < p->x_count; x++) {
				struct fig_spread s = fig_over_seeds(
					p->g, p->pts[b][x], p->modes[m],
					measure);
				fig_range_add(&r, &s);
				most = fmax(most, fabs(s.largest));
			}
		}
	}
	p->x = fig_axis_across(strtod(p->x_text[0], NULL),
			       strtod(p->x_text[p->x_count - 1], NULL));
	p->y = fig_axis_up(&r);
	return p->mode_count && most > 0;
}

static bool draw(struct pair *p, fig_measure *measure, const char *kind,
		 const char *what)
{
	const struct fig_group *g = p->g;
	char name[256], axes[256], across[FIG_LABEL];
	struct atomic_out out;
	const struct plot_figure fig = {
		.script = "pairs", .dir = g->dir, .name = name,
		.title = g->p->scenario.title, .subtitle = g->subtitle,
		.more = { across, axes, what, p->by }, .latex = g->latex,
	};

	if (!measure_all(p, measure)) {
		return true;
	}
	fig_label(g, p->across, across);
	snprintf(name, sizeof(name), "%s-%s-by-%s%s", kind, p->across, p->by,
		 g->suffix);
	snprintf(axes, sizeof(axes), "%d %d %.8g %.8g %.8g %.8g %zu %zu",
		 p->x.log, p->y.log, p->x.min, p->x.max, p->y.min, p->y.max,
		 p->mode_count, p->by_count);
	if (!fig_open_data(g, name, &out)) {
		return false;
	}
	fprintf(out.f, "# %s\n# %s mean least largest, over the seeds\n",
		what, p->across);
	put_data(out.f, p, measure);
	return fig_close_data(g, &out) && plot_draw(&fig, g->say);
}

bool fig_pair(const struct fig_group *g, const char *one, const char *other)
{
	struct pair *p = calloc(1, sizeof(*p));
	bool ok = true;

	if (!p) {
		err(CMD_FAILED, "out of memory");
	}
	*p = (struct pair){ .g = g, .across = one, .by = other };
	take_values(p);
	if (p->x_count < p->by_count) {
		*p = (struct pair){ .g = g, .across = other, .by = one };
		take_values(p);
	}
	if (p->x_count >= ACROSS_MIN && p->by_count > 1 &&
	    p->by_count <= CURVES_MAX) {
		take_points(p);
		ok = draw(p, fig_overhead, "vary", "overhead over native, %") &&
		     draw(p, fig_lock_wait, "lock",
			  "wait for the lock, % of cycles");
	}
	free(p);
	return ok;
}
