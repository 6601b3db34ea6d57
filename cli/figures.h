/* SPDX-License-Identifier: BSD-2-Clause */
/* The figures of a sweep. */
#ifndef CLI_FIGURES_H
#define CLI_FIGURES_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/points.h"

/*
 * For each recording and preset: the overhead by cause, the overhead against
 * each parameter that varies (others at their base), and what moves
 * it most, into `dir`. Means over the seeds; bars from least to largest.
 */
bool figures_draw(const struct points *p, const struct sim_result *results,
		  const char *dir, bool latex, FILE *say);

#endif
