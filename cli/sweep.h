/* SPDX-License-Identifier: BSD-2-Clause */
/* Running the points of a sweep and gathering their results. */
#ifndef CLI_SWEEP_H
#define CLI_SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/points.h"

/*
 * Computes those of every count-th point from the share-th on that DIR lacks,
 * on up to `threads` threads, and stores each as soon as it is there. False if
 * any failed; the reason is printed and no further point is begun.
 */
bool sweep_share(const struct points *p, const char *dir,
		 unsigned int threads, size_t share, size_t count, FILE *say);

/* Points that DIR lacks, each as often as the scenario has it. */
size_t sweep_missing(const struct points *p, const char *dir);

/*
 * Reads every point of DIR and fills in the overheads. The caller frees the
 * array of p->count results. NULL after printing which point is missing.
 */
struct sim_result *sweep_results(const struct points *p, const char *dir);

/* Writes DIR/results.csv, DIR/sweep.json and DIR/scenario.ini. */
bool sweep_gather(const struct points *p, const char *dir, FILE *say);

/*
 * Computes `sample` points of DIR again, evenly spread, and compares the
 * bytes. False if one differs, is missing or fails.
 */
bool sweep_check(const struct points *p, const char *dir, size_t sample,
		 FILE *say);

#endif
