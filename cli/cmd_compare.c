/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/cmds.h"
#include "cli/runs.h"

enum { KEY_NO_PLOT = 0x2100, KEY_OPTIMAL, KEY_TIMELINE,
       KEY_LATEX };

static const struct argp_option options[] = {
	{ "modes", 'm', "LIST", 0,
	  "modes to compare (default native,shadow,nested)", 0 },
	{ "jobs", 'j', "N", 0,
	  "runs at the same time (default: one per processor)", 0 },
	{ "output", 'o', "DIR", 0,
	  "also write result.csv, result.json and overhead.{svg,pdf,png} "
	  "into DIR, made if it is not there", 0 },
	{ "optimal", KEY_OPTIMAL, NULL, 0,
	  "add the offline optimum over shadow, shadow+unsync and nested, "
	  "chosen anew for each address space and epoch; these modes are "
	  "added if they are not named; nested+around counts if it is", 0 },
	{ "timeline", KEY_TIMELINE, NULL, 0,
	  "also draw into DIR what goes on in each mode while the input goes "
	  "by, and what policies choose", 0 },
	{ "latex", KEY_LATEX, NULL, 0,
	  "also draw each figure as NAME-tex.tex, to be \\input into a paper",
	  0 },
	{ "no-plot", KEY_NO_PLOT, NULL, 0, "draw nothing into DIR", 0 },
	{ 0 },
};

/* What is asked of figures must not be ignored. */
static void check_figures(const struct run_opts *o)
{
	const char *asked = o->timeline ? "--timeline" :
			    o->latex ? "--latex" : NULL;

	if (asked && !o->out_dir) {
		cmd_usage("%s needs a folder: -o DIR", asked);
	}
	if (asked && !o->plot) {
		cmd_usage("%s and --no-plot do not go together", asked);
	}
}

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct run_opts *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = o;
		return 0;
	case 'm':
		o->mode_count = 0;
		run_opts_modes(o, arg);
		return 0;
	case 'j':
		o->threads = (unsigned int)cmd_number("--jobs", arg, 1, 1024);
		return 0;
	case 'o':
		o->out_dir = arg;
		return 0;
	case KEY_OPTIMAL:
		o->optimal = true;
		return 0;
	case KEY_TIMELINE:
		o->timeline = true;
		return 0;
	case KEY_LATEX:
		o->latex = true;
		return 0;
	case KEY_NO_PLOT:
		o->plot = false;
		return 0;
	case ARGP_KEY_END:
		check_figures(o);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {
	{ &runs_argp, 0, NULL, 0 },
	{ 0 },
};

static const struct argp argp = {
	.options = options,
	.parser = parse_opt,
	.args_doc = "[RECORDING]",
	.doc = "Replays a recording under several modes and compares their "
	       "cycles, by cause. RECORDING is a file, a recording that comes "
	       "with gnomon ('gnomon info --list') or a workload ('gnomon "
	       "workloads'); without it fork-exec-50 is taken.\v"
	       "Exit status: 0 done; 1 a run, a check or a figure failed "
	       "(without gnuplot the table and the data files are written "
	       "all the same); 2 the command line is wrong.",
	.children = children,
};

static int run(const struct cmd *cmd, int argc, char **argv)
{
	struct run_opts o = run_opts_default();

	cmd_parse(cmd, argc, argv, &o);
	if (!o.mode_count) {
		run_opts_modes(&o, "native,shadow,nested");
	}
	if (o.optimal) {
		run_opts_for_optimum(&o);
	}
	return run_opts_execute(&o);
}

const struct cmd cmd_compare = {
	.name = "compare",
	.help = "compare the cost of modes over one recording",
	.argp = &argp,
	.run = run,
};
