/* SPDX-License-Identifier: BSD-2-Clause */
#include <err.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/atomic_out.h"
#include "cli/cmds.h"
#include "cli/table.h"
#include "cli/validate_plot.h"
#include "sim/validate.h"

struct validate_opts {
	const char *only;
	bool exact;
	bool json;
	const char *out_dir;	/* NULL: no figure */
	bool latex;
};

enum { KEY_LATEX = 0x2000 };

static const struct argp_option options[] = {
	{ "exact", 'e', NULL, 0, "only rows that need no simulation run", 0 },
	{ "json", 'j', NULL, 0, "print JSON", 0 },
	{ "output", 'o', "DIR", 0,
	  "also draw validation.{svg,pdf,png} into DIR, made if it is not "
	  "there", 0 },
	{ "latex", KEY_LATEX, NULL, 0,
	  "also as validation-tex.tex, to be \\input into a paper", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct validate_opts *o = state->input;

	switch (key) {
	case 'e':
		o->exact = true;
		return 0;
	case 'j':
		o->json = true;
		return 0;
	case 'o':
		o->out_dir = arg;
		return 0;
	case KEY_LATEX:
		o->latex = true;
		return 0;
	case ARGP_KEY_END:
		if (o->out_dir && o->json) {
			cmd_usage("-o and --json do not go together");
		}
		if (o->latex && !o->out_dir) {
			cmd_usage("--latex needs a folder: -o DIR");
		}
		return 0;
	case ARGP_KEY_ARG:
		if (o->only || arg[0] != 'V') {
			cmd_usage("one row, V1 to V12, not '%s'", arg);
		}
		o->only = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[ROW]",
	.doc = "Holds published results against ours, row by row: V1 "
	       "references of a walk, V2 average walks of agile paging, V3 "
	       "arithmetic of its paper, V4 world switches of a nested guest's "
	       "fault, V5 exits of a guest's fault, V6 nano benchmarks of the "
	       "first hardware VMM, V7 lmbench under KVM's shadow MMU and PVM, "
	       "V8 what KPTI costs, V9 lmbench in the Xen paper, V10 walks "
	       "with caches, V11 what caches of the nested dimension bring, "
	       "V12 32 processes that fork at once. "
	       "Only the row asked for is computed.\v"
	       "Kinds: exact must be equal; a prediction was not fitted to; a "
	       "calibration was, and proves nothing; of a direction only the "
	       "sign counts. The exit status is 1 when an exact row misses.",
};

struct sheet {
	struct table table;
	json_t *rows;
	size_t exact_missed;
	struct sim_check *checks;
	size_t count, room;
};

static void keep(struct sheet *s, const struct sim_check *c)
{
	if (s->count == s->room) {
		s->room = s->room ? 2 * s->room : 128;
		s->checks = realloc(s->checks, s->room * sizeof(*s->checks));
		if (!s->checks) {
			err(CMD_FAILED, "out of memory");
		}
	}
	s->checks[s->count++] = *c;
}

static void add_json(json_t *rows, const struct sim_check *c)
{
	json_array_append_new(rows, json_pack(
		"{s:s, s:s, s:s, s:s, s:f, s:f, s:f, s:b, s:b, s:s, s:s}",
		"id", c->id, "what", c->what, "unit", c->unit,
		"kind", sim_check_kind_name(c->kind), "target", c->target,
		"ours", c->ours, "allowed", c->allowed,
		"relative", c->relative, "pass", c->pass,
		"source", c->source, "note", c->note));
}

static void found(void *ctx, const struct sim_check *c)
{
	struct sheet *s = ctx;
	double off = c->ours - c->target;

	if (c->kind == SIM_CHECK_EXACT && !c->pass) {
		s->exact_missed++;
	}
	keep(s, c);
	if (s->rows) {
		add_json(s->rows, c);
		return;
	}
	table_cell(&s->table, "%s", c->id);
	table_cell(&s->table, "%s", c->what);
	table_cell(&s->table, "%.6g", c->target);
	table_cell(&s->table, "%.5g", c->ours);
	table_cell(&s->table, "%+.1f %%",
		   c->target != 0 ? off / c->target * 100 : off * 100);
	table_cell(&s->table, "%s", sim_check_kind_name(c->kind));
	table_cell(&s->table, "%s", c->pass ? "pass" : "MISS");
	table_cell(&s->table, "%s%s%s", c->source, c->note[0] ? "; " : "",
		   c->note);
}

static void heading(struct table *t)
{
	static const char *const names[] = {
		"row", "what", "target", "ours", "difference", "kind",
		"result", "source"
	};

	table_init(t, "llrrrlll");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		table_cell(t, "%s", names[i]);
	}
}

static int status_of(const struct validate_opts *o,
		     const struct sim_validation *v,
		     const struct sheet *sheet)
{
	if (v->passed + v->missed == 0) {
		return cmd_error(o->only ? o->only : "validate",
				 "no such row here; see 'gnomon validate "
				 "--help'");
	}
	if (o->out_dir && !validate_plot(o->out_dir, sheet->checks,
					 sheet->count, o->latex)) {
		return CMD_FAILED;
	}
	return sheet->exact_missed ? CMD_FAILED : CMD_OK;
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	struct validate_opts o = { .only = NULL };
	struct sheet sheet = { .rows = NULL };
	struct sim_validation v = { .found = found, .ctx = &sheet };

	cmd_parse(cmd, argc, argv, &o);
	if (o.out_dir && !atomic_folder(o.out_dir)) {
		return CMD_FAILED;
	}
	v.only = o.only;
	v.exact_only = o.exact;
	if (o.json) {
		sheet.rows = json_array();
	}
	heading(&sheet.table);
	bool good = sim_validate(&v);

	if (o.json) {
		json_dumpf(sheet.rows, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		table_print(&sheet.table, stdout);
		printf("\n%zu pass, %zu miss\n", v.passed, v.missed);
	}
	table_free(&sheet.table);
	json_decref(sheet.rows);
	int status = good ? status_of(&o, &v, &sheet) :
		     cmd_error("validate", "%s", v.error);
	free(sheet.checks);
	return status;
}

const struct cmd cmd_validate = {
	.name = "validate",
	.help = "hold published results against ours",
	.argp = &argp,
	.run = run,
};
