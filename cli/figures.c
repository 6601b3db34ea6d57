/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/figures.h"

#include <stdlib.h>
#include <string.h>

#include "cli/figures_int.h"
#include "cli/plot.h"

/* Means over the seeds of the base, a result for each mode. */
static size_t base_results(const struct fig_group *g, struct sim_result *out)
{
	size_t n = 0;

	for (size_t k = 0; k < g->p->scenario.modes.count; k++) {
		enum sim_mode m = fig_mode_at(g, k);
		size_t seeds = 0;
		double sum[SIM_CAT_COUNT] = { 0 };
		const struct sim_result *one = NULL;
		for (size_t i = 0; i < g->p->count; i++) {
			const struct point *pt = &g->p->list[i];
			if (pt->mode != m ||
			    !fig_is_base_but(g, pt, NULL, NULL)) {
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
		r->overhead = fig_over_seeds(g, g->first, m,
					     fig_overhead).mean / 100;
	}
	return n;
}

static bool draw_overhead(const struct fig_group *g)
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

static void put_subtitle(struct fig_group *g, const char *input)
{
	size_t seeds = g->p->scenario.seeds.count;

	bool one = input || g->p->scenario.presets.count == 1 || *g->suffix;

	snprintf(g->subtitle, sizeof(g->subtitle), "%s%s%s%s, %zu seed%s",
		 input ? input : "", input ? ", " : "",
		 one ? "preset " : "several presets",
		 one ? g->first->preset : "", seeds, seeds == 1 ? "" : "s");
}

static bool draw_group(struct fig_group *g)
{
	const struct scenario *s = &g->p->scenario;
	bool ok;

	if (g->p->input_count > 1) {
		fig_add_suffix(g->suffix, sizeof(g->suffix),
			   g->first->input->name);
	}
	if (s->presets.count > 1) {
		fig_add_suffix(g->suffix, sizeof(g->suffix), g->first->preset);
	}
	put_subtitle(g, g->first->input->name);
	ok = draw_overhead(g) && fig_walks(g);
	for (size_t i = 0; i < s->vary_count && ok; i++) {
		ok = fig_vary(g, s->vary[i].param);
		for (size_t k = 0; k < i && ok; k++) {
			ok = fig_pair(g, s->vary[k].param, s->vary[i].param);
		}
	}
	return ok && fig_sensitivity(g) && fig_timeline(g);
}

/* What has all inputs in it, once for each preset. */
static bool draw_presets(const struct figures_from *from, const char *dir,
			 bool latex, FILE *say)
{
	const struct points *p = from->points;
	const char *done = "";
	bool ok = true;

	for (size_t i = 0; i < p->count && ok; i++) {
		struct fig_group g = { .p = p, .results = from->results,
				       .first = &p->list[i],
				       .from = from->dir, .dir = dir,
				       .latex = latex, .say = say };
		if (!g.first->base || g.first->input != &p->inputs[0] ||
		    !strcmp(done, g.first->preset)) {
			continue;
		}
		if (!*done) {
			put_subtitle(&g, NULL);
			ok = fig_slowdown(&g);
		}
		done = g.first->preset;
		if (p->scenario.presets.count > 1) {
			fig_add_suffix(g.suffix, sizeof(g.suffix), done);
		}
		put_subtitle(&g, NULL);
		ok = ok && fig_inputs(&g);
	}
	return ok;
}

bool figures_draw(const struct figures_from *from, const char *dir, bool latex,
		  FILE *say)
{
	const struct points *p = from->points;
	struct fig_group g = { 0 };

	if (p->input_count > 1 && !draw_presets(from, dir, latex, say)) {
		return false;
	}
	for (size_t i = 0; i < p->count; i++) {
		const struct point *pt = &p->list[i];
		if (!pt->base || (g.first && fig_is_member(&g, pt))) {
			continue;
		}
		g = (struct fig_group){ .p = p, .results = from->results,
					.first = pt, .from = from->dir,
					.dir = dir, .latex = latex,
					.say = say };
		if (!draw_group(&g)) {
			return false;
		}
	}
	return true;
}
