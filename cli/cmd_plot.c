/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdbool.h>

#include "cli/atomic_out.h"
#include "cli/cmds.h"
#include "cli/figures.h"
#include "cli/plot.h"
#include "cli/sweep_folder.h"

struct plot_opts {
	const char *dir;
	const char *out;
	const char *point;	/* whose timeline to draw, alone */
	bool latex;
};

enum { KEY_LATEX = 0x2000, KEY_TIMELINE };

static const struct argp_option options[] = {
	{ "output", 'o', "DIR", 0, "where to draw (default: the folder)", 0 },
	{ "latex", KEY_LATEX, NULL, 0,
	  "also as NAME-tex.tex, to be \\input into a paper, whose fonts it "
	  "takes", 0 },
	{ "timeline", KEY_TIMELINE, "ID", 0,
	  "only draw what goes on in the run of the point whose ID begins so "
	  "(last column of results.csv), in all modes", 0 },
	{ 0 },
};

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct plot_opts *o = state->input;

	switch (key) {
	case 'o':
		o->out = arg;
		return 0;
	case KEY_LATEX:
		o->latex = true;
		return 0;
	case KEY_TIMELINE:
		if (!*arg) {
			cmd_usage("--timeline needs the ID of a point");
		}
		o->point = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num > 0) {
			return ARGP_ERR_UNKNOWN;
		}
		o->dir = arg;
		return 0;
	case ARGP_KEY_END:
		if (!o->dir) {
			cmd_usage("no folder of a sweep is named");
		}
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse_opt,
	.args_doc = "DIR",
	.doc = "Draws the figures of a sweep: the overhead by cause, the "
	       "overhead against each parameter that varies, the parameters "
	       "that matter most, and timelines where the points keep them.",
};

static bool draw(const struct plot_opts *o, const struct sweep_folder *f)
{
	const struct figures_from from = { &f->points, f->results, o->dir };

	return atomic_folder(o->out) &&
	       (o->point ? figures_timeline(&from, o->point, o->out, o->latex,
					    stdout) :
			   figures_draw(&from, o->out, o->latex, stdout));
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	struct plot_opts o = { 0 };
	struct sweep_folder f;
	int status;

	cmd_parse(cmd, argc, argv, &o);
	o.out = o.out ? o.out : o.dir;
	if (sweep_folder_load(&f, o.dir, true, &status)) {
		status = draw(&o, &f) && !plot_is_missing() ? CMD_OK :
							      CMD_FAILED;
	}
	sweep_folder_free(&f);
	return status;
}

const struct cmd cmd_plot = {
	.name = "plot",
	.help = "draw the figures of a sweep",
	.argp = &argp,
	.run = run,
};
