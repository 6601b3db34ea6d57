/* SPDX-License-Identifier: BSD-2-Clause */
/* What happens in one run while its input goes by. */
#include <err.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli/atomic_out.h"
#include "cli/cmd.h"
#include "cli/timeline_int.h"
#include "sim/mode.h"

enum { SPACES_MAX = 10, WORDS_BYTES = 512 };

static const char *const count_names[SIM_EPOCH_COUNTS] = {
	[SIM_EPOCH_STORES] = "table stores",
	[SIM_EPOCH_CR3_LOADS] = "CR3 loads",
	[SIM_EPOCH_MISSES] = "TLB misses",
	[SIM_EPOCH_EXITS] = "exits",
	[SIM_EPOCH_HIDDEN] = "hidden faults",
	[SIM_EPOCH_TRACE] = "trace faults",
	[SIM_EPOCH_VIOLATIONS] = "violations",
	[SIM_EPOCH_SWITCHES] = "decisions",
};

/* An address space: the table that CR3 names. */
struct space {
	uint64_t cr3;
	uint64_t first;		/* epoch */
	double cycles;
	double ran[TIMELINE_COLUMNS];
	double shadowed[TIMELINE_COLUMNS];
};

struct spaces {
	struct space *list;
	size_t count;
	size_t room;
};

/* A block of rows for each count that is not zero all the time. */
static size_t put_counts(FILE *f, const struct timeline *t,
			 const struct sim_epochs *e, char *words)
{
	size_t n = 0, used = 0;

	for (int k = 0; k < SIM_EPOCH_COUNTS; k++) {
		double sum[TIMELINE_COLUMNS] = { 0 }, all = 0;
		for (size_t i = 0; i < e->ran; i++) {
			double v = (double)e->counts[i][k];
			sum[timeline_column(t, i)] += v;
			all += v;
		}
		if (!(all > 0)) {
			continue;
		}
		fprintf(f, "# %s, for each 1000 events of the input\n",
			count_names[k]);
		for (size_t c = 0; c < t->columns; c++) {
			fprintf(f, "%.6g %.4f\n", timeline_x(t, c),
				1000 * sum[c] / t->events);
		}
		fputs("\n\n", f);
		used += (size_t)snprintf(words + used, WORDS_BYTES - used,
					 "%s%s", n ? "," : "",
					 count_names[k]);
		n++;
	}
	return n;
}

static struct space *space_of(struct spaces *all, uint64_t cr3, uint64_t epoch)
{
	for (size_t i = 0; i < all->count; i++) {
		if (all->list[i].cr3 == cr3) {
			return &all->list[i];
		}
	}
	if (all->count == all->room) {
		all->room = all->room ? 2 * all->room : 16;
		all->list = realloc(all->list,
				    all->room * sizeof(*all->list));
		if (!all->list) {
			err(CMD_FAILED, "out of memory");
		}
	}
	all->list[all->count] = (struct space){ .cr3 = cr3, .first = epoch };
	return &all->list[all->count++];
}

static int by_cycles(const void *a, const void *b)
{
	const struct space *x = a, *y = b;

	return (x->cycles < y->cycles) - (x->cycles > y->cycles);
}

static int by_first(const void *a, const void *b)
{
	const struct space *x = a, *y = b;

	return x->first != y->first ? (x->first > y->first) -
				      (x->first < y->first) :
	       (x->cr3 > y->cr3) - (x->cr3 < y->cr3);
}

/* Those that take most of the time, in the order of their coming. */
static void take_spaces(const struct timeline *t, const struct sim_epochs *e,
			struct spaces *all)
{
	for (size_t i = 0; i < e->count; i++) {
		const struct sim_epoch *cell = &e->list[i];
		struct space *s = space_of(all, cell->space, cell->number);
		size_t c = timeline_column(t, cell->number);
		for (int cat = 0; cat < SIM_CAT_COUNT; cat++) {
			s->cycles += (double)cell->cycles[cat];
			s->ran[c] += (double)cell->cycles[cat];
		}
		s->shadowed[c] += (double)cell->shadowed;
	}
	qsort(all->list, all->count, sizeof(*all->list), by_cycles);
	all->count = all->count < SPACES_MAX ? all->count : SPACES_MAX;
	qsort(all->list, all->count, sizeof(*all->list), by_first);
}

static void put_spaces(FILE *f, const struct timeline *t,
		       const struct spaces *all)
{
	fputs("# the address spaces with most cycles: middle row part of its "
	      "cycles on shadow tables\n", f);
	for (size_t i = 0; i < all->count; i++) {
		for (size_t c = 0; c < t->columns; c++) {
			const struct space *s = &all->list[i];
			if (s->ran[c] > 0) {
				fprintf(f, "%.6g %zu %.4f\n",
					timeline_x(t, c), i,
					s->shadowed[c] / s->ran[c]);
			}
		}
	}
	fputs("\n\n# row CR3\n", f);
	for (size_t i = 0; i < all->count; i++) {
		fprintf(f, "%zu \"%" PRIx64 "\"\n", i, all->list[i].cr3);
	}
}

bool timeline_draw_mode(const struct timeline *t, size_t run)
{
	const struct sim_epochs *e = t->jobs[run].epochs;
	enum sim_mode mode = t->jobs[run].mode;
	bool chooses = sim_mode_is(mode, SIM_MF_MIXED);
	char name[256], path[PATH_MAX], subtitle[256], axes[128];
	char words[WORDS_BYTES] = "";
	struct spaces all = { 0 };
	struct atomic_out out;
	const struct plot_figure fig = {
		.script = "timeline-mode", .dir = t->dir, .name = name,
		.title = t->results[run].workload, .subtitle = subtitle,
		.more = { words, axes }, .latex = t->latex,
	};

	timeline_name(t, sim_mode_name(mode), name);
	snprintf(path, sizeof(path), "%s/%s.dat", t->dir, name);
	snprintf(subtitle, sizeof(subtitle), "mode %s, preset %s",
		 sim_mode_name(mode), t->results[run].preset);
	if (!atomic_open(&out, path)) {
		return false;
	}
	size_t counts = put_counts(out.f, t, e, words);
	if (chooses) {
		take_spaces(t, e, &all);
		put_spaces(out.f, t, &all);
	}
	snprintf(axes, sizeof(axes), "%zu %zu %.6g %.6g %s", counts,
		 all.count, timeline_x(t, t->columns - 1),
		 t->events / t->scale, t->unit);
	free(all.list);
	if (!atomic_commit(&out)) {
		return false;
	}
	fprintf(t->say, "%s\n", path);
	return !counts || plot_draw(&fig, t->say);
}
