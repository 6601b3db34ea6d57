/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "cli/atomic_out.h"
#include "cli/cmds.h"
#include "cli/report.h"
#include "cli/table.h"
#include "sim/measure.h"
#include "sim/preset.h"

enum { KEY_FORMAT = 0x2000, KEY_SET, SETS_MAX = 32 };

struct costs_opts {
	const char *verb;
	const char *preset;
	const char *output;
	bool bare;		/* the preset came without a verb */
	enum report_format format;
	const char *sets[SETS_MAX];
	size_t set_count;
};

static const struct argp_option options[] = {
	{ "format", KEY_FORMAT, "FORMAT", 0,
	  "table (default), csv or json", 0 },
	{ "set", KEY_SET, "SECTION.KEY=VALUE", 0,
	  "change one parameter first", 0 },
	{ "output", 'o', "FILE", 0,
	  "measure: write the preset there (default: standard output)", 0 },
	{ 0 },
};

/* What is neither preset nor verb may be a misspelt one of either. */
static const char *near_verb(const char *name, struct sim_near *near)
{
	*near = sim_near_to(name);
	sim_near_try(near, "list");
	sim_near_try(near, "show");
	sim_near_try(near, "measure");
	return sim_near_hint(near);
}

static error_t parse_arg(struct costs_opts *o, const char *arg,
			 unsigned int number)
{
	if (number == 0 && (!strcmp(arg, "list") || !strcmp(arg, "show") ||
			    !strcmp(arg, "measure"))) {
		o->verb = arg;
		return 0;
	}
	/* `costs NAME` is short for `costs show NAME`. */
	if (number == 0) {
		o->verb = "show";
		o->bare = true;
	}
	if (!o->preset && !strcmp(o->verb, "show")) {
		o->preset = arg;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct costs_opts *o = state->input;

	switch (key) {
	case KEY_FORMAT:
		o->format = report_format_parse(arg);
		return 0;
	case 'o':
		o->output = arg;
		return 0;
	case KEY_SET:
		if (o->set_count == SETS_MAX) {
			cmd_usage("--set is given more than %d times",
				  SETS_MAX);
		}
		o->sets[o->set_count++] = arg;
		return 0;
	case ARGP_KEY_ARG:
		return parse_arg(o, arg, state->arg_num);
	case ARGP_KEY_END:
		if (o->output && strcmp(o->verb, "measure")) {
			cmd_usage("--output goes with measure");
		}
		if (o->set_count && strcmp(o->verb, "show")) {
			cmd_usage("--set goes with show");
		}
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static bool add_preset(void *ctx, const char *name, const char *path)
{
	static struct sim_preset preset;
	struct sim_error error = { 0 };
	(void)path;

	if (!sim_preset_load(name, &preset, &error)) {
		cmd_error_text(error.text);
		return true;
	}
	table_cell(ctx, "%s%s", name,
		   strcmp(name, sim_default_preset()) ? "" : " (default)");
	table_cell(ctx, "%s", preset.about);
	return true;
}

static bool add_json_name(void *ctx, const char *name, const char *path)
{
	static struct sim_preset preset;
	struct sim_error error = { 0 };
	bool ok = sim_preset_load(name, &preset, &error);

	json_array_append_new(ctx, json_pack("{s:s, s:s, s:s}", "name", name,
					     "about", ok ? preset.about : "",
					     "path", path));
	return true;
}

static bool add_csv_name(void *ctx, const char *name, const char *path)
{
	(void)path;
	fprintf(ctx, "%s\n", name);
	return true;
}

static int list(const struct costs_opts *o)
{
	struct table t;

	switch (o->format) {
	case REPORT_TABLE:
		table_init(&t, "ll");
		table_cell(&t, "preset");
		table_cell(&t, "machine");
		sim_preset_list(add_preset, &t);
		table_print(&t, stdout);
		table_free(&t);
		break;
	case REPORT_CSV:
		puts("preset");
		sim_preset_list(add_csv_name, stdout);
		break;
	case REPORT_JSON: {
		json_t *all = json_array();
		sim_preset_list(add_json_name, all);
		report_json_put(stdout, all);
		break;
	}
	}
	return CMD_OK;
}

static void show_table(const struct sim_preset *p)
{
	const char *section = "";
	struct table t;

	printf("%s: %s\n\n", p->name, p->about);
	table_init(&t, "lrlll");
	table_cell(&t, "parameter");
	table_cell(&t, "value");
	table_cell(&t, "unit");
	table_cell(&t, "label");
	table_cell(&t, "source");
	for (size_t i = 0; i < p->count; i++) {
		const struct sim_param *q = &p->params[i];
		if (strcmp(section, q->section)) {
			section = q->section;
			table_section(&t, section);
		}
		table_cell(&t, "  %s", q->key);
		table_cell(&t, "%s", text_count(q->value));
		table_cell(&t, "%s", q->unit);
		table_cell(&t, "%s", q->label);
		table_cell(&t, "%s", q->source);
	}
	table_print(&t, stdout);
	table_free(&t);
}

static void show_csv(const struct sim_preset *p)
{
	puts("section,key,value,unit,label,source,help");
	for (size_t i = 0; i < p->count; i++) {
		const struct sim_param *q = &p->params[i];
		const char *const texts[] = { q->unit, q->label, q->source,
					      q->help };
		printf("%s,%s,%" PRIu64, q->section, q->key, q->value);
		for (size_t k = 0; k < sizeof(texts) / sizeof(*texts); k++) {
			putchar(',');
			report_csv_text(stdout, texts[k]);
		}
		putchar('\n');
	}
}

static int show(const struct costs_opts *o)
{
	static struct sim_preset preset;
	struct sim_error error = { 0 };
	const char *name = o->preset ? o->preset : sim_default_preset();
	bool ok = sim_preset_load(name, &preset, &error);

	for (size_t i = 0; ok && i < o->set_count; i++) {
		ok = sim_preset_set(&preset, o->sets[i], &error);
	}
	if (!ok) {
		struct sim_near near;
		const char *hint = o->bare ? near_verb(name, &near) : "";
		if (*hint) {
			cmd_error(name, "is neither a preset nor list, show "
				  "or measure%s", hint);
		} else {
			cmd_error_text(error.text);
		}
		return CMD_USAGE;
	}
	switch (o->format) {
	case REPORT_TABLE:
		show_table(&preset);
		break;
	case REPORT_CSV:
		show_csv(&preset);
		break;
	case REPORT_JSON:
		report_json_put(stdout, report_json_preset(&preset));
		break;
	}
	return CMD_OK;
}

static void say_part(const char *what)
{
	fprintf(stderr, "measuring %s\n", what);
}

static int measure(const struct costs_opts *o)
{
	static struct sim_measure m;
	struct atomic_out out;

	if (!sim_measure(&m, isatty(STDERR_FILENO) ? say_part : NULL)) {
		return cmd_error("measure", "no memory to measure in");
	}
	if (!o->output) {
		sim_measure_write(&m, stdout);
		return CMD_OK;
	}
	if (!atomic_open(&out, o->output)) {
		return CMD_FAILED;
	}
	sim_measure_write(&m, out.f);
	return atomic_commit(&out) ? CMD_OK : CMD_FAILED;
}

static const struct argp argp = {
	.options = options,
	.parser = parse_opt,
	.args_doc = "[list]\n[show] [PRESET]\nmeasure [-o FILE]",
	.doc = "Lists the presets, or shows each parameter of one with its "
	       "value, how far it can be trusted and where it is from, or "
	       "measures what this machine can tell and writes a preset.\v"
	       "Labels: FULL, QUOTE, ABS, 2ND, DIG say how the source was "
	       "seen (in full, quoted, abstract only, second hand, read off "
	       "a figure); DER is derived, MEASURED measured, MEM remembered; "
	       "assumed has no source and should be varied.",
};

static int run(const struct cmd *cmd, int argc, char **argv)
{
	struct costs_opts o = { .verb = "list" };

	cmd_parse(cmd, argc, argv, &o);
	return !strcmp(o.verb, "show") ? show(&o) :
	       !strcmp(o.verb, "measure") ? measure(&o) : list(&o);
}

const struct cmd cmd_costs = {
	.name = "costs",
	.help = "list presets, show the parameters of one, measure one",
	.argp = &argp,
	.run = run,
};
