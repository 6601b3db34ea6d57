/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The points of a sweep. A point is known by everything that its result
 * depends on (version and code, recording digest, mode, every parameter,
 * seed), so a changed scenario or preset makes new points and keeps the
 * others.
 */
#ifndef CLI_POINTS_H
#define CLI_POINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/scenario.h"
#include "sim/preset.h"
#include "sim/run.h"

enum {
	POINTS_MAX = 100000,	/* of a sweep; each takes some 4 KB */
	POINT_ID_BYTES = 33,
	POINT_SETS_MAX = SCENARIO_VARY_MAX + 1,
};

struct point_input {
	char *name;		/* as the scenario names it */
	char *path;		/* NULL: a workload */
	uint64_t digest;	/* of the content; 0 for a workload */
};

struct point {
	const struct point_input *input;
	const char *preset;	/* as the scenario names it */
	const char *preset_path; /* to load it by */
	enum sim_mode mode;
	uint64_t seed;
	char *source;		/* path, or workload with its parameters */
	/* First workload.key=value, then section.key=value of the preset. */
	char *sets[POINT_SETS_MAX];
	size_t set_count;
	size_t work_count;	/* of the former kind */
	bool base;		/* each varied parameter at its base value */
	bool sensitivity;	/* the base but for its last set */
	bool timeline;		/* its file has a series */
	char id[POINT_ID_BYTES];
	char *key;		/* what the id is the hash of; lines */
};

enum { POINTS_ORIGIN_BYTES = 128 };

struct points {
	struct scenario scenario;
	char origin[POINTS_ORIGIN_BYTES]; /* "VERSION CODE", computes them */
	struct point_input inputs[2 * SCENARIO_ITEMS_MAX];
	size_t input_count;
	struct point *list;	/* modes of the same run are neighbours */
	size_t count;
	size_t capacity;
};

/*
 * Expands a scenario. False after printing why; *status is CMD_USAGE where
 * the scenario is wrong and CMD_FAILED where a recording cannot be read.
 * points_free() is due either way. Where the points have been computed
 * already: `folder` that the scenario's paths count from and `origin`, the
 * version and code that did it; else both are NULL.
 */
bool points_load(struct points *p, const char *path, const char *folder,
		 const char *origin, int *status);
void points_free(struct points *p);

/* The job that computes a point; sets and texts stay the point's. */
struct sim_job point_job(const struct points *p, const struct point *pt);

/* Points that differ in nothing but the mode. */
bool point_is_same_run(const struct point *a, const struct point *b);

#endif
