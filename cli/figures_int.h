/* SPDX-License-Identifier: BSD-2-Clause */
/* What the figures of a sweep share. */
#ifndef CLI_FIGURES_INT_H
#define CLI_FIGURES_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/atomic_out.h"
#include "cli/figures.h"
#include "cli/points.h"
#include "sim/preset.h"
#include "sim/run.h"

/* One input under one preset; its results are neighbours. */
struct fig_group {
	const struct points *p;
	const struct sim_result *results;
	const struct point *first;	/* its sets are the base */
	const char *from;		/* folder of the sweep */
	const char *dir;		/* where to draw */
	bool latex;
	FILE *say;
	char suffix[2 * SIM_NAME_MAX];
	char subtitle[256];
};

/* Values over the seeds. */
struct fig_spread {
	double mean, least, largest;
	size_t count;
};

/* What a figure shows of a result; NaN: it has none. */
typedef double fig_measure(const struct sim_result *r);

double fig_overhead(const struct sim_result *r);	/* % of native */
double fig_lock_wait(const struct sim_result *r);	/* % of the run */
double fig_refs(const struct sim_result *r);		/* per walk */

void fig_add(struct fig_spread *s, double v);

/* Of the same input and preset as the group. */
bool fig_is_member(const struct fig_group *g, const struct point *pt);
/* Equal to the base in everything but two parameters (NULL: none). */
bool fig_is_base_but(const struct fig_group *g, const struct point *pt,
		     const char *param, const char *other);
/* The text that a point sets a parameter to; NULL: it does not. */
const char *fig_set_value(const struct point *pt, const char *param);

/* Over the seeds, of points like `like` but for the mode. */
struct fig_spread fig_over_seeds(const struct fig_group *g,
				 const struct point *like, enum sim_mode mode,
				 fig_measure *measure);

/* Mode number i of the scenario. */
enum sim_mode fig_mode_at(const struct fig_group *g, size_t i);
/* The modes of which there is something to draw; their number. */
size_t fig_modes(const struct fig_group *g, fig_measure *measure,
		 bool native, enum sim_mode modes[SIM_MODE_COUNT]);

/* An axis; logarithmic where values differ much. */
struct fig_axis {
	bool log;
	double min, max;
};

/* What is to be drawn on one. */
struct fig_range {
	double least, bottom, top;
};

struct fig_range fig_range_none(void);
void fig_range_add(struct fig_range *r, const struct fig_spread *s);
struct fig_axis fig_axis_up(const struct fig_range *r);
struct fig_axis fig_axis_across(double first, double last);

enum { FIG_LABEL = 160 };

/* The group's preset; NULL when it cannot be read any more. */
const struct sim_preset *fig_preset(const struct fig_group *g);
/* A parameter with its unit or meaning, for an axis. */
void fig_label(const struct fig_group *g, const char *param,
	       char text[FIG_LABEL]);

/* DIR/NAME.dat; closing it names it. */
bool fig_open_data(const struct fig_group *g, const char *name,
		   struct atomic_out *out);
bool fig_close_data(const struct fig_group *g, struct atomic_out *out);

/* "-NAME", of what may be a path, behind a file's name. */
void fig_add_suffix(char *suffix, size_t bytes, const char *name);

/* The figures; true also where there is nothing to draw. */
bool fig_vary(const struct fig_group *g, const char *param);
/* The one with more values across, a curve for each value of the other. */
bool fig_pair(const struct fig_group *g, const char *one, const char *other);
bool fig_sensitivity(const struct fig_group *g);
bool fig_walks(const struct fig_group *g);
bool fig_timeline(const struct fig_group *g);
/* Of all inputs side by side; the group is any one of the preset's. */
bool fig_inputs(const struct fig_group *g);
/* And of all presets. */
bool fig_slowdown(const struct fig_group *g);

#endif
