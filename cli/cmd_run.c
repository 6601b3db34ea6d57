/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/cmds.h"
#include "cli/runs.h"

static const struct argp_option options[] = {
	{ "mode", 'm', "MODE", 0,
	  "how the guest is virtualized, see gnomon(1) (default shadow)", 0 },
	{ 0 },
};

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
		if (o->mode_count > 1) {
			cmd_usage("one mode at a time; see 'gnomon compare'");
		}
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
	.doc = "Replays a recording under one mode. RECORDING is a file, a "
	       "recording that comes with gnomon ('gnomon info --list') or a "
	       "workload ('gnomon workloads'); without it fork-exec-50 is "
	       "taken. The overhead is unknown, as there is no native run "
	       "beside it.",
	.children = children,
};

static int run(const struct cmd *cmd, int argc, char **argv)
{
	struct run_opts o = run_opts_default();

	cmd_parse(cmd, argc, argv, &o);
	if (!o.mode_count) {
		run_opts_modes(&o, "shadow");
	}
	return run_opts_execute(&o);
}

const struct cmd cmd_run = {
	.name = "run",
	.help = "replay a recording under one mode",
	.argp = &argp,
	.run = run,
};
