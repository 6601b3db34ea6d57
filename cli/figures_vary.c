/* SPDX-License-Identifier: BSD-2-Clause */
/* Curves of every mode against one parameter, and where they cross. */
#include "cli/figures_int.h"

#include <err.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/plot.h"
#include "cli/table.h"

enum {
	LABEL_GAP = 6,		/* between names of curves, % of the height */
	CROSSINGS_MAX = 8,
};

struct curves {
	const struct fig_group *g;
	const char *param;
	const struct point *pts[SCENARIO_ITEMS_MAX];
	double x[SCENARIO_ITEMS_MAX];
	size_t count;
	enum sim_mode modes[SIM_MODE_COUNT];
	size_t mode_count;
	struct fig_spread y[SIM_MODE_COUNT][SCENARIO_ITEMS_MAX];
	struct fig_axis across, up;
};

struct crossing {
	enum sim_mode mode;
	double x, y;
};

static double value_of(const struct curves *c, const struct point *pt)
{
	return strtod(fig_set_value(pt, c->param), NULL);
}

/* The points at which the parameter varies, one per value, in order. */
static void take_points(struct curves *c)
{
	const struct fig_group *g = c->g;

	for (size_t i = 0; i < g->p->count; i++) {
		const struct point *pt = &g->p->list[i];
		size_t at = c->count;
		if (!fig_is_base_but(g, pt, c->param, NULL) ||
		    pt->seed != g->first->seed ||
		    pt->mode != g->first->mode || at == SCENARIO_ITEMS_MAX) {
			continue;
		}
		for (; at > 0 && c->x[at - 1] > value_of(c, pt); at--) {
			c->pts[at] = c->pts[at - 1];
			c->x[at] = c->x[at - 1];
		}
		c->pts[at] = pt;
		c->x[at] = value_of(c, pt);
		c->count++;
	}
}

static void take_axes(struct curves *c)
{
	struct fig_range r = fig_range_none();

	for (size_t m = 0; m < c->mode_count; m++) {
		for (size_t i = 0; i < c->count; i++) {
			fig_range_add(&r, &c->y[m][i]);
		}
	}
	c->across = fig_axis_across(c->x[0], c->x[c->count - 1]);
	c->up = fig_axis_up(&r);
}

/* A place on the axis, from 0 to 1, and back. */
static double place(const struct fig_axis *a, double v)
{
	return a->log ? log(v / a->min) / log(a->max / a->min) :
			(v - a->min) / (a->max - a->min);
}

static double value_at(const struct fig_axis *a, double where)
{
	return a->log ? a->min * pow(a->max / a->min, where) :
			a->min + where * (a->max - a->min);
}

static void put_curve(FILE *f, const struct curves *c, size_t m)
{
	for (size_t i = 0; i < c->count; i++) {
		const struct fig_spread *s = &c->y[m][i];
		fprintf(f, "%s %.4f %.4f %.4f\n",
			fig_set_value(c->pts[i], c->param), s->mean,
			s->least, s->largest);
	}
}

/* The names stand behind the curves' ends, and apart. */
static void put_names(FILE *f, const struct curves *c)
{
	size_t order[SIM_MODE_COUNT];
	double at[SIM_MODE_COUNT], below = -1, gap = LABEL_GAP / 100.0;

	for (size_t m = 0; m < c->mode_count; m++) {
		size_t k = m;
		at[m] = place(&c->up, c->y[m][c->count - 1].mean);
		for (; k > 0 && at[order[k - 1]] > at[m]; k--) {
			order[k] = order[k - 1];
		}
		order[k] = m;
	}
	/* No higher than the top for all those above to fit. */
	for (size_t k = 0; k < c->mode_count; k++) {
		double room = 1 - gap * (double)(c->mode_count - 1 - k);
		double where = at[order[k]];
		where = where < below + gap ? below + gap : where;
		below = where > room ? room : where;
		fprintf(f, "%s %.6g ",
			fig_set_value(c->pts[c->count - 1], c->param),
			value_at(&c->up, below));
		plot_label(f, sim_mode_name(c->modes[order[k]]));
		fprintf(f, " %zu\n", order[k] + 1);
	}
}

static bool is_fixed_shadow(enum sim_mode m)
{
	return m == SIM_MODE_SHADOW || m == SIM_MODE_SHADOW_UNSYNC ||
	       m == SIM_MODE_PARAVIRT || m == SIM_MODE_PATCHED;
}

/* Where the curves of two modes cross between two points, as drawn. */
static bool cross_between(const struct curves *c, size_t a, size_t b,
			  size_t i, struct crossing *out)
{
	double a0 = place(&c->up, c->y[a][i].mean);
	double a1 = place(&c->up, c->y[a][i + 1].mean);
	double b0 = place(&c->up, c->y[b][i].mean);
	double b1 = place(&c->up, c->y[b][i + 1].mean);
	double x0 = place(&c->across, c->x[i]);
	double x1 = place(&c->across, c->x[i + 1]);
	double part = (a0 - b0) / (a0 - b0 - (a1 - b1));

	if ((a0 < b0) == (a1 < b1)) {
		return false;
	}
	out->x = value_at(&c->across, x0 + part * (x1 - x0));
	out->y = value_at(&c->up, a0 + part * (a1 - a0));
	return true;
}

/* Of nested with each fixed kind of shadow. */
static size_t find_crossings(const struct curves *c, struct crossing *out)
{
	size_t n = 0, nested = 0;

	while (nested < c->mode_count &&
	       c->modes[nested] != SIM_MODE_NESTED) {
		nested++;
	}
	if (nested == c->mode_count) {
		return 0;
	}
	for (size_t m = 0; m < c->mode_count; m++) {
		if (!is_fixed_shadow(c->modes[m])) {
			continue;
		}
		for (size_t i = 0; i + 1 < c->count && n < CROSSINGS_MAX;
		     i++) {
			out[n].mode = c->modes[m];
			n += cross_between(c, m, nested, i, &out[n]);
		}
	}
	return n;
}

/* Three digits say enough of what lies between two points. */
static const char *rounded(double v)
{
	double unit = v > 1000 ? pow(10, floor(log10(v)) - 2) : 1;

	return text_count((uint64_t)(round(v / unit) * unit));
}

static void put_crossings(FILE *f, const struct crossing *list, size_t n,
			  char *words, size_t bytes)
{
	size_t used = 0;

	words[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		const char *at = rounded(list[i].x);
		fprintf(f, "%.6g %.6g ", list[i].x, list[i].y);
		plot_label(f, sim_mode_name(list[i].mode));
		fputc('\n', f);
		if (used < bytes) {
			used += (size_t)snprintf(
				words + used, bytes - used, "%s%s at %s",
				i ? ", " : "nested crosses ",
				sim_mode_name(list[i].mode), at);
		}
	}
}

static bool draw(const struct curves *c, const char *kind, const char *what)
{
	char name[256], axes[256], words[256], label[FIG_LABEL];
	struct crossing cross[CROSSINGS_MAX];
	size_t crossings = find_crossings(c, cross);
	const struct fig_group *g = c->g;
	struct atomic_out out;
	const struct plot_figure fig = {
		.script = "vary", .dir = g->dir, .name = name,
		.title = g->p->scenario.title, .subtitle = g->subtitle,
		.more = { label, axes, what, words }, .latex = g->latex,
	};

	fig_label(g, c->param, label);
	snprintf(name, sizeof(name), "%s-%s%s", kind, c->param, g->suffix);
	snprintf(axes, sizeof(axes), "%d %d %.8g %.8g %.8g %.8g %zu %zu",
		 c->across.log, c->up.log, c->across.min, c->across.max,
		 c->up.min, c->up.max, c->mode_count, crossings);
	if (!fig_open_data(g, name, &out)) {
		return false;
	}
	fprintf(out.f, "# %s\n# value mean least largest, over the seeds; a "
		"block for each of:", what);
	for (size_t m = 0; m < c->mode_count; m++) {
		fprintf(out.f, " %s", sim_mode_name(c->modes[m]));
	}
	fputc('\n', out.f);
	for (size_t m = 0; m < c->mode_count; m++) {
		put_curve(out.f, c, m);
		fputs("\n\n", out.f);
	}
	fputs("# where the names stand: x y name number\n", out.f);
	put_names(out.f, c);
	fputs("\n\n# where nested crosses: x y mode\n", out.f);
	put_crossings(out.f, cross, crossings, words, sizeof(words));
	return fig_close_data(g, &out) && plot_draw(&fig, g->say);
}

static bool measure_all(struct curves *c, fig_measure *measure)
{
	double most = 0;

	c->mode_count = fig_modes(c->g, measure, false, c->modes);
	for (size_t m = 0; m < c->mode_count; m++) {
		for (size_t i = 0; i < c->count; i++) {
			c->y[m][i] = fig_over_seeds(c->g, c->pts[i],
						    c->modes[m], measure);
			most = fmax(most, fabs(c->y[m][i].largest));
		}
	}
	if (c->mode_count) {
		take_axes(c);
	}
	return c->mode_count && most > 0;
}

bool fig_vary(const struct fig_group *g, const char *param)
{
	struct curves *c = calloc(1, sizeof(*c));
	bool ok = true;

	if (!c) {
		err(CMD_FAILED, "out of memory");
	}
	c->g = g;
	c->param = param;
	take_points(c);
	if (c->count > 1 && measure_all(c, fig_overhead)) {
		ok = draw(c, "vary", "overhead over native, %");
	}
	/* Of one vcpu nobody waits for the lock. */
	if (ok && c->count > 1 && measure_all(c, fig_lock_wait)) {
		ok = draw(c, "lock", "wait for the lock, % of cycles");
	}
	free(c);
	return ok;
}
