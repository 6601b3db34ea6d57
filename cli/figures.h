/* SPDX-License-Identifier: BSD-2-Clause */
/* The figures of a sweep. */
#ifndef CLI_FIGURES_H
#define CLI_FIGURES_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/points.h"

/* A sweep whose results have been read. */
struct figures_from {
	const struct points *points;
	const struct sim_result *results;
	const char *dir;
};

/*
 * For each recording and preset: the overhead by cause, the overhead against
 * each parameter that varies (others at their base), what moves it most and,
 * where the points keep it, what goes on at the base, into `dir`. Means over
 * the seeds; bars from least to largest; timelines are of the first seed.
 */
bool figures_draw(const struct figures_from *from, const char *dir, bool latex,
		  FILE *say);

/*
 * What goes on in the run, all modes of it, of the point whose ID begins with
 * `id`; the first letters of the ID go behind the names.
 */
bool figures_timeline(const struct figures_from *from, const char *id,
		      const char *dir, bool latex, FILE *say);

#endif
