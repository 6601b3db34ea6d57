/* SPDX-License-Identifier: BSD-2-Clause */
/* All inputs of a sweep side by side, a bar for each mode. */
#include "cli/figures_int.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/plot.h"

/*
 * One bar. The ideal machine translates for nothing: it takes the cycles of
 * the native run less its page walks.
 */
struct bar {
	const struct point_input *input;
	const char *preset;
	enum sim_mode mode;
	struct fig_spread walk;		/* % of the ideal run */
	struct fig_spread rest;		/* what else is over the ideal run */
	struct fig_spread total;
	struct fig_spread times;	/* cycles over native cycles */
};

static const struct sim_result *native_of(const struct fig_group *g,
					  const struct point *pt)
{
	for (size_t i = 0; i < g->p->count; i++) {
		const struct point *n = &g->p->list[i];
		if (n->mode == SIM_MODE_NATIVE && point_is_same_run(n, pt)) {
			return &g->results[i];
		}
	}
	return NULL;
}

static void add_result(struct bar *bar, const struct sim_result *r,
		       const struct sim_result *native)
{
	double ideal = (double)native->cycles -
		       (double)native->cycles_by[SIM_CAT_WALK];
	double walk = (double)r->cycles_by[SIM_CAT_WALK];
	double all = (double)r->cycles;

	if (ideal > 0) {
		fig_add(&bar->walk, 100 * walk / ideal);
		fig_add(&bar->rest, 100 * (all - walk - ideal) / ideal);
		fig_add(&bar->total, 100 * (all - ideal) / ideal);
		fig_add(&bar->times, all / (double)native->cycles);
	}
}

static bool is_of(const struct bar *bar, const struct point *pt)
{
	return bar->input == pt->input && bar->mode == pt->mode &&
	       !strcmp(bar->preset, pt->preset);
}

/* The base of each input and mode of a preset (NULL: of all presets). */
static size_t take_bars(const struct fig_group *g, const char *preset,
			struct bar *bars)
{
	size_t n = 0;

	for (size_t i = 0; i < g->p->count; i++) {
		const struct point *pt = &g->p->list[i];
		const struct sim_result *native =
			pt->base && (!preset || !strcmp(pt->preset, preset)) ?
			native_of(g, pt) : NULL;
		size_t at = 0;
		if (!native) {
			continue;
		}
		while (at < n && !is_of(&bars[at], pt)) {
			at++;
		}
		if (at == n) {
			bars[n++] = (struct bar){ .input = pt->input,
						  .preset = pt->preset,
						  .mode = pt->mode };
		}
		add_result(&bars[at], &g->results[i], native);
	}
	return n;
}

static int by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/*
 * Where to cut the axis: bars that dwarf the others end there, with their
 * value printed. At most a quarter of the bars is cut.
 */
static double cut_of(const struct bar *bars, size_t n)
{
	double *all = calloc(n, sizeof(*all));

	if (!all) {
		err(CMD_FAILED, "out of memory");
	}
	for (size_t i = 0; i < n; i++) {
		all[i] = bars[i].total.largest;
	}
	qsort(all, n, sizeof(*all), by_size);
	double most = all[n - 1], fair = 1.3 * all[(n - 1) * 3 / 4];
	free(all);
	return most > 1.5 * fair && fair > 0 ? fair : 1.06 * most;
}

static void put_spread(FILE *f, const struct fig_spread *s)
{
	fprintf(f, " %.4f %.4f %.4f", s->mean, s->least, s->largest);
}

/* A workload goes by its name alone where no other has it. */
static void put_input(FILE *f, const struct bar *bars, size_t n, size_t i)
{
	const char *name = bars[i].input->name;
	size_t length = bars[i].input->path ? strlen(name) :
			strcspn(name, ",");
	char text[2 * SIM_NAME_MAX];

	for (size_t k = 0; k < n; k++) {
		const char *other = bars[k].input->name;
		if (bars[k].input != bars[i].input &&
		    strcspn(other, ",") == length &&
		    !strncmp(other, name, length)) {
			length = strlen(name);
		}
	}
	snprintf(text, sizeof(text), "%.*s", (int)length, name);
	plot_label(f, text);
}

/* One bar, with the preset's name where there are several. */
static void put_name(FILE *f, const struct bar *bar, bool presets)
{
	char text[2 * SIM_NAME_MAX];

	snprintf(text, sizeof(text), "%s%s%s", sim_mode_name(bar->mode),
		 presets ? " on " : "", presets ? bar->preset : "");
	plot_label(f, text);
}

static void put_bars(FILE *f, const struct bar *bars, size_t n, bool parts,
		     bool presets)
{
	for (size_t i = 0; i < n; i++) {
		bool begins = !i || bars[i].input != bars[i - 1].input;
		if (begins) {
			put_input(f, bars, n, i);
		} else {
			plot_label(f, "");
		}
		fputc(' ', f);
		put_name(f, &bars[i], presets);
		if (parts) {
			fprintf(f, " %.4f %.4f", bars[i].walk.mean,
				bars[i].rest.mean);
			put_spread(f, &bars[i].total);
		} else {
			put_spread(f, &bars[i].times);
		}
		fputc('\n', f);
	}
}

static bool draw(const struct fig_group *g, const char *script,
		 const struct bar *bars, size_t n, const char *more,
		 const char *heading)
{
	char name[256];
	bool parts = !strcmp(script, "inputs");
	struct atomic_out out;
	const struct plot_figure fig = {
		.script = script, .dir = g->dir, .name = name,
		.title = g->p->scenario.title, .subtitle = g->subtitle,
		.more = { more }, .latex = g->latex,
	};

	snprintf(name, sizeof(name), "%s%s", script, g->suffix);
	if (!fig_open_data(g, name, &out)) {
		return false;
	}
	fputs(heading, out.f);
	put_bars(out.f, bars, n, parts, !parts && !*g->suffix &&
		 g->p->scenario.presets.count > 1);
	return fig_close_data(g, &out) && plot_draw(&fig, g->say);
}

/* Bars without native have nothing to be slower than. */
static size_t drop_native(struct bar *bars, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (bars[i].mode != SIM_MODE_NATIVE) {
			bars[kept++] = bars[i];
		}
	}
	return kept;
}

static struct bar *make_bars(const struct fig_group *g)
{
	struct bar *bars = calloc(g->p->count + 1, sizeof(*bars));

	if (!bars) {
		err(CMD_FAILED, "out of memory");
	}
	return bars;
}

bool fig_inputs(const struct fig_group *g)
{
	struct bar *bars = make_bars(g);
	size_t n = take_bars(g, g->first->preset, bars);
	char cut[32];
	bool ok = true;

	if (n) {
		snprintf(cut, sizeof(cut), "%.6g", cut_of(bars, n));
		ok = draw(g, "inputs", bars, n, cut,
			  "# % over an ideal run, which is native without its "
			  "page walks\n# input mode walks rest total least "
			  "largest\n");
	}
	free(bars);
	return ok;
}

bool fig_slowdown(const struct fig_group *g)
{
	struct bar *bars = make_bars(g);
	size_t n = drop_native(bars, take_bars(g, NULL, bars));
	bool ok = true;

	if (n) {
		ok = draw(g, "slowdown", bars, n, "",
			  "# cycles over native cycles\n"
			  "# input mode mean least largest\n");
	}
	free(bars);
	return ok;
}
