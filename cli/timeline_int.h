/* SPDX-License-Identifier: BSD-2-Clause */
/* A run in columns of epochs, for timeline.c and timeline_mode.c. */
#ifndef CLI_TIMELINE_INT_H
#define CLI_TIMELINE_INT_H

#include "cli/plot.h"
#include "cli/timeline.h"

enum { TIMELINE_COLUMNS = 150 };

struct timeline {
	const char *dir, *suffix;
	const struct sim_job *jobs;
	const struct sim_result *results;
	size_t count;		/* of runs */
	size_t columns;
	size_t ran;		/* epochs of the input */
	double events;		/* in a column */
	const char *unit;	/* of the axis of events */
	double scale;		/* events in that unit */
	bool latex;
	FILE *say;
};

/* The column that an epoch is in. */
static inline size_t timeline_column(const struct timeline *t, uint64_t epoch)
{
	size_t column = (size_t)(epoch * t->columns / t->ran);

	return column < t->columns ? column : t->columns - 1;
}

/* The middle of a column, in the axis' unit. */
static inline double timeline_x(const struct timeline *t, size_t column)
{
	return ((double)column + 0.5) * t->events / t->scale;
}

/* DIR/timeline[-MODE]SUFFIX, into name. */
void timeline_name(const struct timeline *t, const char *mode, char name[256]);

/* Events of one run and the mode of its address spaces. */
bool timeline_draw_mode(const struct timeline *t, size_t run);

#endif
