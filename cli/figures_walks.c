/* SPDX-License-Identifier: BSD-2-Clause */
/* How many references the page walks of each mode have. */
#include "cli/figures_int.h"

#include <string.h>

#include "cli/plot.h"

/* The last of each group of walks; bench/plot/walks.gp names them. */
static const int group_end[] = { 1, 4, 8, 15, SIM_REFS_MAX };

enum { GROUPS = sizeof(group_end) / sizeof(*group_end) };

/* Walks of each group, all seeds together. */
static double add_walks(const struct fig_group *g, enum sim_mode mode,
			double walks[GROUPS])
{
	double sum = 0;

	for (size_t i = 0; i < g->p->count; i++) {
		const struct point *pt = &g->p->list[i];
		if (pt->mode != mode || !fig_is_base_but(g, pt, NULL, NULL)) {
			continue;
		}
		for (int n = 0, group = 0; n <= SIM_REFS_MAX; n++) {
			double w = (double)g->results[i].walks_by_refs[n];
			group += n > group_end[group];
			walks[group] += w;
			sum += w;
		}
	}
	return sum;
}

static void put_mode(FILE *f, const struct fig_group *g, enum sim_mode mode)
{
	double walks[GROUPS] = { 0 };
	double sum = add_walks(g, mode, walks);
	struct fig_spread s = fig_over_seeds(g, g->first, mode, fig_refs);

	plot_label(f, sim_mode_name(mode));
	fprintf(f, " %.4f %.4f %.4f", s.mean, s.least, s.largest);
	for (int i = 0; i < GROUPS; i++) {
		fprintf(f, " %.4f", sum > 0 ? 100 * walks[i] / sum : 0);
	}
	fputc('\n', f);
}

bool fig_walks(const struct fig_group *g)
{
	enum sim_mode modes[SIM_MODE_COUNT];
	size_t n = fig_modes(g, fig_refs, true, modes);
	char name[256];
	struct atomic_out out;
	const struct plot_figure fig = {
		.script = "walks", .dir = g->dir, .name = name,
		.title = g->p->scenario.title, .subtitle = g->subtitle,
		.latex = g->latex,
	};

	if (!n) {
		return true;
	}
	snprintf(name, sizeof(name), "walks%s", g->suffix);
	if (!fig_open_data(g, name, &out)) {
		return false;
	}
	fputs("# references of a page walk: mean, least and largest over the "
	      "seeds;\n# % of walks with 1, 2-4, 5-8, 9-15 and more\n"
	      "# mode mean least largest 1 2-4 5-8 9-15 more\n", out.f);
	for (size_t i = 0; i < n; i++) {
		put_mode(out.f, g, modes[i]);
	}
	return fig_close_data(g, &out) && plot_draw(&fig, g->say);
}
