/* SPDX-License-Identifier: BSD-2-Clause */
/* The offline optimum as one more row behind the rows of a preset. */
#ifndef CLI_OPTIMUM_H
#define CLI_OPTIMUM_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/run.h"

/* Is the optimum taken over this mode? */
bool optimum_takes(enum sim_mode mode);

/*
 * The rows of every preset (`modes` each, from jobs of the same order), with
 * the optimum over those with job->epochs behind them. The caller frees; NULL
 * after printing why.
 */
struct sim_result *optimum_add(const struct sim_job *jobs,
			       const struct sim_result *results,
			       size_t presets, size_t modes);

#endif
