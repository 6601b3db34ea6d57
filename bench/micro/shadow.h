/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Operations of the shadow engine as things to measure: shadow_ops.c has those
 * of the engine, shadow_bare.c the least that each of them could be.
 */
#ifndef BENCH_MICRO_SHADOW_H
#define BENCH_MICRO_SHADOW_H

#include "bench/micro/world.h"

enum { SHADOW_TABLES = 64 };

struct shadow_op {
	const char *name;
	uint32_t options;
	unsigned rounds;	/* in a timed run */
	void (*prepare)(struct world *w);
	/* Does so many rounds, and hands the time of each few to meter. */
	void (*run)(struct world *w, unsigned rounds);
	const char *function;	/* that the instruction counter is to watch */
	const char *baseline;	/* row to compare with, or null */
};

extern const struct shadow_op shadow_ops[];
extern const unsigned shadow_op_count;

/* One page of each table is there; the paths are warm. */
void shadow_touch_first(struct world *w);

/* Bare loops; each compares with rows of the engine. */
void shadow_bare_update(struct world *w, unsigned rounds);
void shadow_bare_sync(struct world *w, unsigned rounds);
void shadow_bare_compare(struct world *w, unsigned rounds);
void shadow_bare_copy(struct world *w, unsigned rounds);
void shadow_bare_protect(struct world *w, unsigned rounds);
void shadow_bare_scan(struct world *w, unsigned rounds);
void shadow_update(struct world *w, unsigned rounds);

/* ---- time ---------------------------------------------------------------- */

/* ns of a clock that goes on. */
double meter_now(void);
/* ops of them took from start until now, the clock's own cost left out. */
void meter_sample(double start, unsigned ops);

/* Rounds that follow each other are timed in groups: CHUNK of them at once. */
enum { METER_CHUNK = 32 };

static inline void meter_begin(unsigned n, double *start)
{
	if (n % METER_CHUNK == 0) {
		*start = meter_now();
	}
}

static inline void meter_end(unsigned n, double start)
{
	if (n % METER_CHUNK == METER_CHUNK - 1) {
		meter_sample(start, METER_CHUNK);
	}
}

#endif
