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
		   const struct sim_result *results, size_t count, bool latex,
		   FILE *say);

/* A figure that is drawn over its data file. */
struct plot_figure {
	const char *script;	/* bench/plot/SCRIPT.gp */
	const char *dir;
	const char *name;	/* of the data file and of the figure */
	const char *title;
	const char *subtitle;
	const char *more[4];	/* what else the script takes; NULL: "" */
	bool latex;		/* also for LaTeX */
};

/*
 * gnuplot is not there, which has been said. Figures then count as drawn, so
 * that the data of all of them are written; the command fails in the end.
 */
bool plot_is_missing(void);

/*
 * Draws DIR/NAME.dat as SVG, PDF and PNG; for LaTeX also as NAME-tex.tex,
 * whose text takes the fonts of the document, with NAME-tex.pdf.
 */
bool plot_draw(const struct plot_figure *fig, FILE *say);

const char *plot_more(const struct plot_figure *fig, size_t i);

/* The part for LaTeX; plot_latex.c. `script` is the path of the script. */
bool plot_draw_latex(const struct plot_figure *fig, const char *script,
		     FILE *say);

/* Runs gnuplot in `folder` (NULL: this one): 0, an errno, a wait status. */
int plot_gnuplot(const char *folder, const char *const *args, size_t count);
/* Says why gnuplot could not draw `path`; false. */
bool plot_failed(const char *path, int status);

/* Writes text as a quoted word of a data file. */
void plot_label(FILE *f, const char *text);

#endif
