/* SPDX-License-Identifier: BSD-2-Clause */
/* Figures of what runs of one input do while it goes by. */
#ifndef CLI_TIMELINE_H
#define CLI_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "sim/epochs.h"
#include "sim/run.h"

/*
 * Draws DIR/timeline.*, the overhead of each mode and how much policies are
 * in shadow mode, and for each mode DIR/timeline-MODE.*, its events and what
 * its address spaces are in. jobs[i].epochs are those of run i; `suffix` goes
 * behind the names; `latex` also draws for LaTeX. False after printing why.
 */
bool timeline_draw(const char *dir, const char *suffix,
		   const struct sim_job *jobs,
		   const struct sim_result *results, size_t count, bool latex,
		   FILE *say);

#endif
