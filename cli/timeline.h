/* SPDX-License-Identifier: BSD-2-Clause */
/* Figures of what runs of one input do while it goes by. */
#ifndef CLI_TIMELINE_H
#define CLI_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/series.h"
#include "sim/run.h"

struct timeline_run {
	enum sim_mode mode;
	const struct sim_result *result;
	const struct series *series;
};

/* What stands over the figures. */
struct timeline_head {
	const char *title;
	const char *subtitle;	/* but for the mode, which is put before it */
};

/*
 * Draws DIR/timeline.*, the overhead of each mode and how much policies are
 * in shadow mode, and for each mode DIR/timeline-MODE.*, its events and what
 * its address spaces are in. `suffix` goes behind the names; `latex` also
 * draws for LaTeX. False after printing why.
 */
bool timeline_draw(const char *dir, const char *suffix,
		   const struct timeline_head *head,
		   const struct timeline_run *runs, size_t count, bool latex,
		   FILE *say);

#endif
