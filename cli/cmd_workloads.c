/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdio.h>

#include "cli/atomic_out.h"
#include "cli/cmds.h"
#include "cli/table.h"
#include "sim/work.h"

struct workloads_opts {
	const char *spec;
	const char *output;
	uint64_t seed;
};

static const struct argp_option options[] = {
	{ "output", 'o', "FILE", 0,
	  "save the workload's events as a recording", 0 },
	{ "seed", 's', "N", 0, "seed of its random choices (default 1)", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct workloads_opts *o = state->input;

	switch (key) {
	case 'o':
		o->output = arg;
		return 0;
	case 's':
		o->seed = cmd_number("--seed", arg, 0, UINT64_MAX);
		return 0;
	case ARGP_KEY_ARG:
		if (o->spec) {
			cmd_usage("one workload at a time, not also '%s'",
				  arg);
		}
		o->spec = arg;
		return 0;
	case ARGP_KEY_END:
		if (o->output && !o->spec) {
			cmd_usage("-o needs a workload");
		}
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[NAME[,KEY=VALUE]...]",
	.doc = "Lists the built-in workloads, or the parameters of one, or "
	       "saves one as a recording.\v"
	       "Every workload also takes the guest kernel's parameters: ram "
	       "(MiB), vcpus, pcid, kpti, thp, fill (0 or 1), fault-around "
	       "(pages).",
};

static void list_all(void)
{
	struct table t;

	table_init(&t, "ll");
	table_cell(&t, "workload");
	table_cell(&t, "what it does");
	for (size_t i = 0; i < sim_work_count; i++) {
		table_cell(&t, "%s", sim_works[i]->name);
		table_cell(&t, "%s", sim_works[i]->help);
	}
	table_print(&t, stdout);
	table_free(&t);
}

static void list_one(const struct sim_work_spec *spec)
{
	struct table t;

	printf("%s: %s\n\n", spec->work->name, spec->work->help);
	table_init(&t, "lrrrl");
	table_cell(&t, "parameter");
	table_cell(&t, "value");
	table_cell(&t, "from");
	table_cell(&t, "to");
	table_cell(&t, "meaning");
	for (int i = 0; i < SIM_WORK_PARAMS && spec->work->params[i].name;
	     i++) {
		const struct sim_work_param *p = &spec->work->params[i];

		table_cell(&t, "%s", p->name);
		table_cell(&t, "%" PRIu64, spec->value[i]);
		table_cell(&t, "%" PRIu64, p->min);
		table_cell(&t, "%" PRIu64, p->max);
		table_cell(&t, "%s", p->help);
	}
	table_print(&t, stdout);
	table_free(&t);
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	struct workloads_opts o = { .seed = 1 };
	struct sim_rec_error err = { "" };
	struct sim_work_spec spec;
	struct atomic_out part;
	char why[256];

	cmd_parse(cmd, argc, argv, &o);
	if (!o.spec) {
		list_all();
		return CMD_OK;
	}
	if (!sim_work_parse(o.spec, &spec, why)) {
		cmd_usage("%s", why);
	}
	if (!o.output) {
		list_one(&spec);
		return CMD_OK;
	}
	atomic_recording(&part, o.output);
	bool saved = sim_work_save(&spec, o.seed, o.output, &err);
	atomic_abort(&part);
	if (!saved) {
		return cmd_error_text(err.text);
	}
	printf("%s: %s saved\n", o.output, spec.work->name);
	return CMD_OK;
}

const struct cmd cmd_workloads = {
	.name = "workloads",
	.help = "list the built-in workloads, save one as a recording",
	.argp = &argp,
	.run = run,
};
