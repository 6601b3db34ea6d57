/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/timeline.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "cli/atomic_out.h"
#include "cli/cmd.h"
#include "cli/timeline_int.h"
#include "sim/mode.h"

enum { DECADES_FROM = 30, WORDS_BYTES = 512 };

void timeline_name(const struct timeline *t, const char *mode, char name[256])
{
	snprintf(name, 256, "timeline%s%s%s", *mode ? "-" : "", mode,
		 t->suffix);
}

static const struct timeline_run *native_of(const struct timeline *t)
{
	for (size_t i = 0; i < t->count; i++) {
		if (t->runs[i].mode == SIM_MODE_NATIVE) {
			return &t->runs[i];
		}
	}
	return NULL;
}

/* The least and the largest value that has been put. */
struct range {
	double least, largest;
};

/* One mode so far: over native in per cent, or cycles for each event. */
static void put_cost(FILE *f, const struct timeline *t, size_t run,
		     const struct series *native, struct range *range)
{
	const struct series *s = t->runs[run].series;
	double ours = 0, base = 0;

	for (size_t c = 0; c < t->columns; c++) {
		ours += (double)s->cycles[c];
		base += native ? (double)native->cycles[c] :
				  timeline_events(t, c);
		double v = native ? 100 * (ours / base - 1) : ours / base;
		if (!isfinite(v)) {
			continue;
		}
		range->least = fmin(range->least, v);
		range->largest = fmax(range->largest, v);
		fprintf(f, "%.6g %.4f\n", timeline_x(t, c), v);
	}
	fputs("\n\n", f);
}

static void put_shadowed(FILE *f, const struct timeline *t, size_t run)
{
	const struct series *s = t->runs[run].series;

	for (size_t c = 0; c < t->columns; c++) {
		fprintf(f, "%.6g %.4f\n", timeline_x(t, c), s->cycles[c] ?
			100 * (double)s->shadowed[c] / (double)s->cycles[c] :
			0);
	}
	fputs("\n\n", f);
}

static void add_word(char words[WORDS_BYTES], const char *word)
{
	size_t n = strlen(words);

	snprintf(words + n, WORDS_BYTES - n, "%s%s", n ? " " : "", word);
}

static struct range put_costs(FILE *f, const struct timeline *t,
			      char words[WORDS_BYTES])
{
	const struct timeline_run *native = native_of(t);
	struct range range = { HUGE_VAL, -HUGE_VAL };

	fprintf(f, "# middle in %s of events; %s\n", t->unit, native ?
		"overhead over native so far in %" :
		"cycles for each event so far");
	for (size_t i = 0; i < t->count; i++) {
		if (&t->runs[i] != native) {
			const char *name = sim_mode_name(t->runs[i].mode);
			fprintf(f, "# %s\n", name);
			put_cost(f, t, i, native ? native->series : NULL,
				 &range);
			add_word(words, name);
		}
	}
	return range;
}

static void put_policies(FILE *f, const struct timeline *t,
			 char words[WORDS_BYTES])
{
	for (size_t i = 0; i < t->count; i++) {
		if (sim_mode_is(t->runs[i].mode, SIM_MF_MIXED)) {
			const char *name = sim_mode_name(t->runs[i].mode);
			fprintf(f, "# %s: %% of its cycles on shadow tables\n",
				name);
			put_shadowed(f, t, i);
			add_word(words, name);
		}
	}
}

static bool draw_costs(const struct timeline *t)
{
	char name[256], path[PATH_MAX], axes[128];
	char modes[WORDS_BYTES] = "", policies[WORDS_BYTES] = "";
	struct atomic_out out;
	const struct plot_figure fig = {
		.script = "timeline", .dir = t->dir, .name = name,
		.title = t->head->title, .subtitle = t->head->subtitle,
		.more = { modes, policies, native_of(t) ?
			  "overhead so far, %" : "cycles for each event",
			  axes },
		.latex = t->latex,
	};

	timeline_name(t, "", name);
	snprintf(path, sizeof(path), "%s/%s.dat", t->dir, name);
	if (!atomic_open(&out, path)) {
		return false;
	}
	struct range range = put_costs(out.f, t, modes);
	put_policies(out.f, t, policies);
	bool is_log = range.least > 0 &&
		      range.largest > DECADES_FROM * range.least;
	snprintf(axes, sizeof(axes), "%d %.6g %s", is_log,
		 t->end / t->scale, t->unit);
	if (!atomic_commit(&out)) {
		return false;
	}
	fprintf(t->say, "%s\n", path);
	return !*modes || plot_draw(&fig, t->say);
}

/* All runs are of the same input, so they have the same epochs. */
static bool take_axis(struct timeline *t)
{
	const struct series *first = t->runs[0].series;

	for (size_t i = 0; i < t->count; i++) {
		if (t->runs[i].series->epochs != first->epochs) {
			cmd_error_text("no timeline: the runs do not match");
			return false;
		}
	}
	t->columns = first->columns;
	t->events = (double)series_per_column(first) * SIM_EPOCH_EVENTS;
	t->end = (double)first->epochs * SIM_EPOCH_EVENTS;
	bool many = t->end >= 2e6;
	t->scale = many ? 1e6 : 1e3;
	t->unit = many ? "millions" : "thousands";
	return true;
}

bool timeline_draw(const char *dir, const char *suffix,
		   const struct timeline_head *head,
		   const struct timeline_run *runs, size_t count, bool latex,
		   FILE *say)
{
	struct timeline t = { .dir = dir, .suffix = suffix, .head = head,
			      .runs = runs, .count = count, .latex = latex,
			      .say = say };
	bool ok = take_axis(&t) && draw_costs(&t);

	for (size_t i = 0; i < count && ok; i++) {
		ok = timeline_draw_mode(&t, i);
	}
	return ok;
}
