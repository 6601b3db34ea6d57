/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/validate_plot.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>

#include "cli/atomic_out.h"
#include "cli/plot.h"

/* In the order of the blocks; what matters most is drawn last. */
static const enum sim_check_kind kinds[] = {
	SIM_CHECK_EXACT, SIM_CHECK_CALIBRATION, SIM_CHECK_DIRECTION,
	SIM_CHECK_PREDICTION,
};

enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

/* A logarithmic axis has no place for a count of nothing. */
static bool has_place(const struct sim_check *c)
{
	return c->target > 0 && c->ours > 0;
}

static bool is_named(const struct sim_check *c)
{
	return c->kind == SIM_CHECK_PREDICTION && !c->pass && has_place(c);
}

struct extent {
	double least, largest;
	size_t left_out, named;
};

static struct extent extent_of(const struct sim_check *checks, size_t count,
			       bool predictions)
{
	struct extent e = { HUGE_VAL, 0, 0, 0 };

	for (size_t i = 0; i < count; i++) {
		const struct sim_check *c = &checks[i];
		e.named += is_named(c);
		if (predictions && c->kind != SIM_CHECK_PREDICTION) {
			continue;
		}
		if (has_place(c)) {
			e.least = fmin(e.least, fmin(c->target, c->ours));
			e.largest = fmax(e.largest,
					 fmax(c->target, c->ours));
		} else {
			e.left_out++;
		}
	}
	return e;
}

static void put_name(FILE *f, const struct sim_check *c)
{
	char what[128];

	snprintf(what, sizeof(what), "%s %s", c->id, c->what);
	plot_label(f, what);
}

/* A first row of nothing, so that no block is empty. */
static void put_kind(FILE *f, const struct sim_check *checks, size_t count,
		     enum sim_check_kind kind)
{
	fprintf(f, "# %s\nNaN NaN 1 \"\" \"\"\n", sim_check_kind_name(kind));
	for (size_t i = 0; i < count; i++) {
		const struct sim_check *c = &checks[i];
		if (c->kind == kind && has_place(c)) {
			fprintf(f, "%.6g %.6g %d ", c->target, c->ours,
				c->pass);
			put_name(f, c);
			fprintf(f, " \"%s\"\n", c->unit ? c->unit : "");
		}
	}
	fputs("\n\n", f);
}

static void put_checks(FILE *f, const struct sim_check *checks, size_t count)
{
	fputs("# published ours passed row unit; a block for each kind\n", f);
	for (size_t k = 0; k < KINDS; k++) {
		put_kind(f, checks, count, kinds[k]);
	}
	fputs("# predictions that miss: published ours row\n0 0 \"\"\n",
	      f);
	for (size_t i = 0; i < count; i++) {
		const struct sim_check *c = &checks[i];
		if (is_named(c)) {
			fprintf(f, "%.6g %.6g ", c->target, c->ours);
			put_name(f, c);
			fputc('\n', f);
		}
	}
}

bool validate_plot(const char *dir, const struct sim_check *checks,
		   size_t count, bool latex)
{
	struct extent e = extent_of(checks, count, false);
	struct extent some = extent_of(checks, count, true);
	char path[PATH_MAX], subtitle[128], axes[128];
	struct atomic_out out;
	const struct plot_figure fig = {
		.script = "validation", .dir = dir, .name = "validation",
		.title = "Published results and ours",
		.subtitle = subtitle, .more = { axes }, .latex = latex,
	};

	if (!(e.largest > 0)) {
		return true;
	}
	snprintf(axes, sizeof(axes), "%.6g %.6g %.6g %.6g %zu", e.least,
		 e.largest, some.least, some.largest, e.named);
	snprintf(subtitle, sizeof(subtitle), "%zu results%s",
		 count - e.left_out,
		 e.left_out ? ", without those that are 0" : "");
	snprintf(path, sizeof(path), "%s/validation.dat", dir);
	if (!atomic_open(&out, path)) {
		return false;
	}
	put_checks(out.f, checks, count);
	if (!atomic_commit(&out)) {
		return false;
	}
	puts(path);
	return plot_draw(&fig, stdout) && !plot_is_missing();
}
