/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What `run` and `compare` share: the options of a simulation, the list of
 * jobs made from them, running it with a progress bar, and the output.
 */
#ifndef CLI_RUNS_H
#define CLI_RUNS_H

#include <argp.h>

#include "cli/report.h"
#include "sim/run.h"

enum {
	RUNS_LIST_MAX = 32,
	RUNS_SETS_MAX = 128,	/* more than a preset has assumed costs */
};

struct run_opts {
	const char *input;	/* NULL: the shipped recording */
	enum sim_mode modes[RUNS_LIST_MAX];
	size_t mode_count;
	const char *presets[RUNS_LIST_MAX];
	size_t preset_count;
	const char *sets[RUNS_SETS_MAX];
	size_t set_count;
	enum report_format format;
	const char *out_dir;	/* NULL: no files */
	unsigned int threads;	/* 0: one per processor */
	uint64_t seed;
	uint64_t audit_every;
	uint32_t engine_off;
	bool verify;
	bool explain;
	bool extra;
	bool plot;		/* draw into out_dir */
	bool latex;		/* figures for LaTeX too */
	bool timeline;		/* draw what goes on, into out_dir */
	bool optimal;		/* add the offline optimum to each preset */
};

/* A child parser for struct run_opts: everything but modes and -o. */
extern const struct argp runs_argp;

/* Defaults: the shipped recording, table, seed 1. */
struct run_opts run_opts_default(void);

/* Adds the modes of a list such as `native,shadow`; a usage error if any is
 * unknown. */
void run_opts_modes(struct run_opts *o, const char *list);

/* Adds the modes that the optimum is taken over. */
void run_opts_for_optimum(struct run_opts *o);

/* Runs everything, prints it, writes files; an exit status. */
int run_opts_execute(struct run_opts *o);

#endif
