/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Figures, drawn by gnuplot from a generated data file. Each figure is
 * written as SVG, PDF and PNG, each atomically.
 */
#ifndef CLI_PLOT_H
#define CLI_PLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "sim/run.h"

/*
 * Stacked bars of the cycles by cause, in per cent of the native run (of the
 * run itself where there is no native one), into DIR/NAME.{dat,svg,pdf,png}.
 * Writes the paths to `say`. False after printing why.
 */
bool plot_overhead(const char *dir, const char *name, const char *title,
		   const struct sim_result *results, size_t count, FILE *say);

/* A figure that is drawn over its data file. */
struct plot_figure {
	const char *script;	/* bench/plot/SCRIPT.gp */
	const char *dir;
	const char *name;	/* of the data file and of the figure */
	const char *title;
	const char *subtitle;
	const char *more;	/* what else the script takes, or "" */
};

/* Draws DIR/NAME.dat as SVG, PDF and PNG. */
bool plot_draw(const struct plot_figure *fig, FILE *say);

/* Writes text as a quoted word of a data file. */
void plot_label(FILE *f, const char *text);

#endif
