/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenario files: what a sweep is to run.
 *
 *	[scenario]
 *	name = exit-cost
 *	recordings = fork-exec-50, traces/mine.gnr
 *	workloads = fork-loop,procs=100 stride
 *	modes = native, shadow, nested
 *	presets = clx-8269cy
 *	seeds = 1, 2, 3
 *	timeline = yes
 *
 *	[vary]
 *	exit.round_trip = x0.5, x1, x2
 *	tlb.l2_entries = 768, 1536
 *	workload.procs = 10, 100
 *
 *	[sensitivity]
 *	labels = assumed
 *	factors = 0.5, 2
 *
 * Every combination of the lists is one point. `[sensitivity]` adds points
 * that differ from the presets in one parameter only. A recording is a path
 * relative to the scenario file, or the name of one that comes with gnomon;
 * workloads are separated by spaces, as commas separate their parameters.
 */
#ifndef CLI_SCENARIO_H
#define CLI_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/run.h"

enum {
	SCENARIO_ITEMS_MAX = 64,
	SCENARIO_VARY_MAX = 16,
	SCENARIO_ERROR_MAX = 512,
};

struct scenario_list {
	char *items[SCENARIO_ITEMS_MAX];
	size_t count;
	int line;		/* where its key stands; 0: not given */
};

struct scenario_vary {
	char *param;		/* section.key, or workload.key */
	struct scenario_list values; /* "N" or "xFACTOR" */
};

struct scenario {
	char *path;
	char *folder;		/* recordings are relative to it */
	char *text;		/* the whole file */
	char *name;
	char *title;
	struct scenario_list recordings;
	struct scenario_list workloads;
	struct scenario_list modes;
	struct scenario_list presets;
	/* What to load for each: a name, or a path made absolute. */
	struct scenario_list preset_paths;
	struct scenario_list seeds;
	struct scenario_vary vary[SCENARIO_VARY_MAX];
	size_t vary_count;
	struct scenario_list labels;
	struct scenario_list factors;
	bool verify;
	bool timeline;		/* points keep what goes on in them */
};

/*
 * Reads a scenario. False: `error` (SCENARIO_ERROR_MAX bytes) names file,
 * line, key and what is allowed. scenario_free() is due either way.
 * `folder` NULL: the folder of `path`.
 */
bool scenario_load(struct scenario *s, const char *path, const char *folder,
		   char *error);
void scenario_free(struct scenario *s);

/* The file of a recording that the scenario names; the caller frees it. */
char *scenario_recording(const struct scenario *s, const char *name);

#endif
