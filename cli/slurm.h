/* SPDX-License-Identifier: BSD-2-Clause */
/* A sweep as a job array of Slurm. */
#ifndef CLI_SLURM_H
#define CLI_SLURM_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/points.h"

struct slurm_opts {
	const char *file;	/* the scenario */
	const char *dir;	/* of the results; all nodes see both */
	unsigned int tasks;	/* of the array */
	const char *const *extra; /* options for sbatch */
	size_t extra_count;
};

/*
 * Submits the sweep, each task with its share of the points, and waits until
 * the array is done; Ctrl-C cancels it. Results that are there stay. False
 * after printing what failed.
 */
bool slurm_sweep(const struct slurm_opts *o, const struct points *p,
		 FILE *say);

#endif
