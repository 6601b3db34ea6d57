/* SPDX-License-Identifier: BSD-2-Clause */
/* What happens in one run while its input goes by. */
#include <inttypes.h>
#include <limits.h>

#include "cli/atomic_out.h"
#include "cli/timeline_int.h"

enum { WORDS_BYTES = 512 };

/* A block of rows for each count that is not zero all the time. */
static size_t put_counts(FILE *f, const struct timeline *t,
			 const struct series *s, char *words)
{
	size_t n = 0, used = 0;

	for (int k = 0; k < SIM_EPOCH_COUNTS; k++) {
		const char *name = series_count_name((enum sim_epoch_count)k);
		const uint64_t *sum = s->counts[k];
		uint64_t all = 0;
		for (size_t c = 0; c < t->columns; c++) {
			all += sum[c];
		}
		if (!all) {
			continue;
		}
		fprintf(f, "# %s, for each 1000 events of the input\n", name);
		for (size_t c = 0; c < t->columns; c++) {
			fprintf(f, "%.6g %.4f\n", timeline_x(t, c),
				1000 * (double)sum[c] / timeline_events(t, c));
		}
		fputs("\n\n", f);
		used += (size_t)snprintf(words + used, WORDS_BYTES - used,
					 "%s%s", n ? "," : "", name);
		n++;
	}
	return n;
}

static void put_spaces(FILE *f, const struct timeline *t,
		       const struct series *s)
{
	fputs("# the address spaces with most cycles: middle row part of its "
	      "cycles on shadow tables\n", f);
	for (size_t i = 0; i < s->space_count; i++) {
		const struct series_space *p = &s->spaces[i];
		for (size_t c = 0; c < t->columns; c++) {
			if (p->cycles[c]) {
				fprintf(f, "%.6g %zu %.4f\n",
					timeline_x(t, c), i,
					(double)p->shadowed[c] /
					(double)p->cycles[c]);
			}
		}
	}
	fputs("\n\n# row CR3\n", f);
	for (size_t i = 0; i < s->space_count; i++) {
		fprintf(f, "%zu \"%" PRIx64 "\"\n", i, s->spaces[i].cr3);
	}
}

bool timeline_draw_mode(const struct timeline *t, size_t run)
{
	const struct series *s = t->runs[run].series;
	enum sim_mode mode = t->runs[run].mode;
	char name[256], path[PATH_MAX], subtitle[256], axes[128];
	char words[WORDS_BYTES] = "";
	struct atomic_out out;
	const struct plot_figure fig = {
		.script = "timeline-mode", .dir = t->dir, .name = name,
		.title = t->head->title, .subtitle = subtitle,
		.more = { words, axes }, .latex = t->latex,
	};

	timeline_name(t, sim_mode_name(mode), name);
	snprintf(path, sizeof(path), "%s/%s.dat", t->dir, name);
	snprintf(subtitle, sizeof(subtitle), "mode %s, %s",
		 sim_mode_name(mode), t->head->subtitle);
	if (!atomic_open(&out, path)) {
		return false;
	}
	size_t counts = put_counts(out.f, t, s, words);
	if (s->space_count) {
		put_spaces(out.f, t, s);
	}
	snprintf(axes, sizeof(axes), "%zu %zu %.6g %.6g %s", counts,
		 s->space_count, t->end / t->scale,
		 t->events / t->scale, t->unit);
	if (!atomic_commit(&out)) {
		return false;
	}
	fprintf(t->say, "%s\n", path);
	return !counts || plot_draw(&fig, t->say);
}
