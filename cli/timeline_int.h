/* SPDX-License-Identifier: BSD-2-Clause */
/* What timeline.c and timeline_mode.c share. */
#ifndef CLI_TIMELINE_INT_H
#define CLI_TIMELINE_INT_H

#include "cli/plot.h"
#include "cli/timeline.h"

struct timeline {
	const char *dir, *suffix;
	const struct timeline_head *head;
	const struct timeline_run *runs;
	size_t count;		/* of runs */
	size_t columns;
	double events;		/* in a column but the last */
	double end;		/* events of the input */
	const char *unit;	/* of the axis of events */
	double scale;		/* events in that unit */
	bool latex;
	FILE *say;
};

/* Events in a column. */
static inline double timeline_events(const struct timeline *t, size_t column)
{
	return (double)series_in_column(t->runs[0].series, column) *
	       SIM_EPOCH_EVENTS;
}

/* The middle of a column, in the axis' unit. */
static inline double timeline_x(const struct timeline *t, size_t column)
{
	return ((double)column * t->events +
		timeline_events(t, column) / 2) / t->scale;
}

/* DIR/timeline[-MODE]SUFFIX, into name. */
void timeline_name(const struct timeline *t, const char *mode, char name[256]);

/* Events of one run and the mode of its address spaces. */
bool timeline_draw_mode(const struct timeline *t, size_t run);

#endif
