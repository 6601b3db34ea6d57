/* SPDX-License-Identifier: BSD-2-Clause */
/* The parameters that move the overhead most. */
#include "cli/figures_int.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/plot.h"

enum { ROWS_MAX = 12 };

/* How far one parameter moves the overhead of each mode. */
struct swing {
	const char *set;	/* section.key=value of one of its points */
	struct fig_spread by_mode[SIM_MODE_COUNT];
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

static void add_swing(const struct fig_group *g, struct swing *w,
		      const struct point *pt)
{
	for (int m = 0; m < SIM_MODE_COUNT; m++) {
		enum sim_mode mode = (enum sim_mode)m;
		struct fig_spread s = fig_over_seeds(g, pt, mode,
						     fig_overhead);
		struct fig_spread base = fig_over_seeds(g, g->first, mode,
							fig_overhead);
		if (!s.count || !base.count) {
			continue;
		}
		if (!w->by_mode[m].count) {
			fig_add(&w->by_mode[m], 0);
		}
		fig_add(&w->by_mode[m], s.mean - base.mean);
		double size = fabs(s.mean - base.mean);
		w->most = size > w->most ? size : w->most;
	}
}

static size_t find_swings(const struct fig_group *g, struct swing *swings,
			  size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < g->p->count; i++) {
		const struct point *pt = &g->p->list[i];
		if (!fig_is_member(g, pt) || !pt->sensitivity ||
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
	while (n > 1 && swings[n - 1].most < 0.05) {
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

bool fig_sensitivity(const struct fig_group *g)
{
	struct swing *swings = calloc(SIM_PARAM_MAX, sizeof(*swings));
	size_t n = swings ? find_swings(g, swings, SIM_PARAM_MAX) : 0;
	enum sim_mode modes[SIM_MODE_COUNT];
	size_t mode_count = fig_modes(g, fig_overhead, false, modes);
	char name[256], words[256] = "", subtitle[400];
	struct atomic_out out;
	const struct plot_figure fig = {
		.script = "sensitivity", .dir = g->dir, .name = name,
		.title = g->p->scenario.title, .subtitle = subtitle,
		.more = { words }, .latex = g->latex,
	};
	bool ok = true;

	snprintf(name, sizeof(name), "sensitivity%s", g->suffix);
	snprintf(subtitle, sizeof(subtitle), "%s; one parameter at a time",
		 g->subtitle);
	if (n && mode_count && (ok = fig_open_data(g, name, &out))) {
		fputs("# parameter least largest; change of the overhead in "
		      "percentage points\n", out.f);
		for (size_t m = 0; m < mode_count; m++) {
			fputs(m ? "\n\n" : "", out.f);
			put_swings(out.f, modes[m], swings, n);
			strcat(strcat(words, m ? " " : ""),
			       sim_mode_name(modes[m]));
		}
		ok = fig_close_data(g, &out) && plot_draw(&fig, g->say);
	}
	free(swings);
	return ok;
}
