/* SPDX-License-Identifier: BSD-2-Clause */
/* The dynamic programme of epochs.h. */
#include "sim/epochs.h"

#include <stdlib.h>
#include <string.h>

#include "sim/text.h"

enum { RUNS_MAX = 8 };

/* The cheapest way to be in one mode now. */
struct path {
	uint64_t total;
	uint64_t by[SIM_CAT_COUNT];
};

/* The cells of one space, in order, of every run. */
struct life {
	const struct sim_epoch *cells[RUNS_MAX];
	size_t length;
	int64_t live;		/* leaf sptes of the space in the shadow run */
};

struct problem {
	const struct sim_epochs *const *runs;
	const bool *shadow;
	size_t count;
	size_t fills_of;	/* the run that tells what is filled */
};

static int by_space(const void *left, const void *right)
{
	const struct sim_epoch *a = left, *b = right;

	if (a->space != b->space) {
		return a->space < b->space ? -1 : 1;
	}
	return a->number < b->number ? -1 : a->number > b->number;
}

static void spend(struct path *path, const uint64_t cycles[], uint64_t times)
{
	for (int cat = 0; cat < SIM_CAT_COUNT; cat++) {
		path->by[cat] += cycles[cat] * times;
		path->total += cycles[cat] * times;
	}
}

/* From the path of one mode to another mode, before the epoch begins. */
static struct path change(const struct problem *p, const struct path *from,
			  bool shadow, int64_t live)
{
	const struct sim_epochs *run = p->runs[p->fills_of];
	struct path path = *from;
	uint64_t groups = live > 0 ? (uint64_t)live / SIM_EPOCH_FILLS : 0;

	spend(&path, run->price, 1);
	if (shadow) {
		spend(&path, run->hidden, groups);
	}
	return path;
}

static void step(const struct problem *p, const struct life *life, size_t i,
		 struct path paths[])
{
	struct path before[RUNS_MAX];

	memcpy(before, paths, p->count * sizeof(*paths));
	for (size_t m = 0; m < p->count; m++) {
		for (size_t o = 0; i && o < p->count; o++) {
			/* Two kinds of shadow share what is filled. */
			bool build = p->shadow[m] && !p->shadow[o];
			struct path way = change(p, &before[o], build,
						 life->live);

			if (o != m && way.total < paths[m].total) {
				paths[m] = way;
			}
		}
		spend(&paths[m], life->cells[m][i].cycles, 1);
	}
}

static void solve(const struct problem *p, struct life *life,
		  struct sim_result *best)
{
	struct path paths[RUNS_MAX] = { 0 };
	size_t least = 0;

	for (size_t i = 0; i < life->length; i++) {
		step(p, life, i, paths);
		life->live += life->cells[p->fills_of][i].filled;
	}
	for (size_t m = 1; m < p->count; m++) {
		least = paths[m].total < paths[least].total ? m : least;
	}
	best->cycles += paths[least].total;
	for (int cat = 0; cat < SIM_CAT_COUNT; cat++) {
		best->cycles_by[cat] += paths[least].by[cat];
	}
}

/* Sorted copies of the cells; false unless all runs have the same ones. */
static bool sorted(const struct problem *p, struct sim_epoch *cells[])
{
	size_t count = p->runs[0]->count;

	for (size_t m = 0; m < p->count; m++) {
		const struct sim_epochs *run = p->runs[m];

		if (run->failed || run->count != count || !count) {
			return false;
		}
		cells[m] = malloc(count * sizeof(*cells[m]));
		if (!cells[m]) {
			return false;
		}
		memcpy(cells[m], run->list, count * sizeof(*cells[m]));
		qsort(cells[m], count, sizeof(*cells[m]), by_space);
		for (size_t i = 0; i < count; i++) {
			if (by_space(&cells[m][i], &cells[0][i])) {
				return false;
			}
		}
	}
	return true;
}

static void clear(struct sim_result *best)
{
	for (size_t i = 0; i < sim_column_count; i++) {
		const struct sim_column *c = &sim_columns[i];
		bool of_input =
			c->offset == offsetof(struct sim_result, seed) ||
			c->offset == offsetof(struct sim_result, accesses) ||
			c->offset == offsetof(struct sim_result,
					      instructions);

		if (c->type == SIM_COL_UINT && !of_input) {
			memset((char *)best + c->offset, 0, sizeof(uint64_t));
		}
	}
	memset(&best->explain, 0, sizeof(best->explain));
	memset(&best->window, 0, sizeof(best->window));
	sim_copy(best->mode, sizeof(best->mode), "optimal");
}

bool sim_optimal(const struct sim_epochs *const runs[], const bool shadow[],
		 size_t count, struct sim_result *best)
{
	struct problem p = { runs, shadow, count, 0 };
	struct sim_epoch *cells[RUNS_MAX] = { NULL };
	bool good = count && count <= RUNS_MAX && sorted(&p, cells);
	size_t end;

	while (good && p.fills_of + 1 < count && !shadow[p.fills_of]) {
		p.fills_of++;
	}
	if (good) {
		clear(best);
	}
	for (size_t i = 0; good && i < runs[0]->count; i = end) {
		struct life life = { .live = 0 };

		for (end = i; end < runs[0]->count &&
		     cells[0][end].space == cells[0][i].space; end++) {
		}
		life.length = end - i;
		for (size_t m = 0; m < count; m++) {
			life.cells[m] = cells[m] + i;
		}
		solve(&p, &life, best);
	}
	for (size_t m = 0; m < RUNS_MAX; m++) {
		free(cells[m]);
	}
	return good;
}
