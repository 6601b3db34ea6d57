/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmds.h"
#include "cli/info.h"
#include "cli/table.h"
#include "cli/term.h"
#include "sim/source.h"
#include "sim/text.h"

enum {
	KEY_VERIFY = 0x100,
	KEY_JSON,
	KEY_EVENTS,
	KEY_BY_FUNCTION,
	KEY_LIST,
	SOURCE_SHOWN = 60,	/* of what was recorded, in the list */
};

struct info_opts {
	const char *path;
	bool verify;
	bool json;
	bool events;
	bool by_function;
	bool list;
	uint64_t first;
	uint64_t last;
};

static const struct argp_option options[] = {
	{ "verify", KEY_VERIFY, NULL, 0,
	  "judge the recording by itself; exit with 1 on a violation", 0 },
	{ "json", KEY_JSON, NULL, 0, "print JSON", 0 },
	{ "events", KEY_EVENTS, "N..M", 0,
	  "print events N to M, counted from 0, instead", 0 },
	{ "by-function", KEY_BY_FUNCTION, NULL, 0,
	  "print which kernel functions store into page tables instead", 0 },
	{ "list", KEY_LIST, NULL, 0,
	  "only list the recordings that come with gnomon; RECORDING may be "
	  "one of their names", 0 },
	{ 0 },
};

static void take_range(struct info_opts *o, const char *arg)
{
	const char *dots = strstr(arg, "..");
	char first[32] = "";

	if (dots && (size_t)(dots - arg) < sizeof(first)) {
		memcpy(first, arg, (size_t)(dots - arg));
	}
	if (!dots) {
		cmd_usage("--events needs N..M, not '%s'", arg);
	}
	o->events = true;
	o->first = cmd_number("--events", first, 0, UINT64_MAX);
	o->last = dots[2] ? cmd_number("--events", dots + 2, o->first,
				       UINT64_MAX) : UINT64_MAX;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct info_opts *o = state->input;

	switch (key) {
	case KEY_VERIFY:
		o->verify = true;
		return 0;
	case KEY_JSON:
		o->json = true;
		return 0;
	case KEY_EVENTS:
		take_range(o, arg);
		return 0;
	case KEY_BY_FUNCTION:
		o->by_function = true;
		return 0;
	case KEY_LIST:
		o->list = true;
		return 0;
	case ARGP_KEY_ARG:
		if (o->path) {
			cmd_usage("one recording at a time, not also '%s'",
				  arg);
		}
		o->path = arg;
		return 0;
	case ARGP_KEY_END:
		if (o->list && (o->path || o->verify || o->json ||
				o->events || o->by_function)) {
			cmd_usage("--list goes alone");
		}
		if (!o->path && !o->list) {
			cmd_usage("needs a recording");
		}
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "RECORDING\n--list",
	.doc = "Prints what a recording holds, in all and between its markers."
	       "\v"
	       "--verify builds the guest's page tables from the recording "
	       "and asks a plain reference MMU: each access must translate "
	       "and be permitted, each page fault must be one that the tables "
	       "demand, and the tables at the end must be those that the "
	       "events lead to.",
};

static int print_events(struct sim_rec_reader *r, const struct info_opts *o)
{
	enum sim_rec_status status = sim_rec_seek_event(r, o->first);
	struct sim_event ev;

	while (status == SIM_REC_OK && sim_rec_tell(r) <= o->last) {
		uint64_t number = sim_rec_tell(r);

		status = sim_rec_next(r, &ev);
		if (status == SIM_REC_OK) {
			info_print_event(number, &ev);
		}
	}
	return status == SIM_REC_OK || status == SIM_REC_END ? CMD_OK :
		cmd_error_text(sim_rec_error(r)->text);
}

static int print_functions(struct sim_rec_reader *r, const char *path)
{
	struct sim_functions f;
	struct sim_rec_error err;

	if (sim_functions(r, &f, &err) != SIM_REC_OK) {
		return cmd_error_text(err.text);
	}
	if (f.count == 0) {
		sim_functions_free(&f);
		return cmd_error(path, "names no kernel functions; record it "
				 "with `gnomon record guest`");
	}
	info_print_functions(&f);
	sim_functions_free(&f);
	return CMD_OK;
}

static void show_progress(void *arg, uint64_t events)
{
	(void)arg;
	progress_update(events);
}

/* Gathers all that is asked for; false with err->text set if the file is
 * not read to its end. */
static bool gather(struct sim_rec_reader *r, const struct info_opts *o,
		   struct info *info, struct sim_rec_error *err)
{
	enum sim_rec_status status = sim_rec_summary(r, &info->summary);

	if (status == SIM_REC_OK) {
		progress_start("reading", info->summary.event_count);
		status = sim_tally(r, &info->tally, show_progress, NULL);
		progress_end();
	}
	*err = *sim_rec_error(r);
	if (status == SIM_REC_OK && o->verify) {
		progress_start("judging", info->summary.event_count);
		status = sim_judge(r, &info->verdict, show_progress, NULL,
				   err);
		progress_end();
		info->judged = status == SIM_REC_OK;
		if (status == SIM_REC_USAGE) {
			char text[sizeof(err->text)];

			strcpy(text, err->text);
			snprintf(err->text, sizeof(err->text), "%.200s: %.200s",
				 o->path, text);
		}
	}
	return status == SIM_REC_OK;
}

/* What was recorded, on one short line. */
static const char *short_source(const struct sim_rec_info *info,
				char text[SOURCE_SHOWN + 4])
{
	size_t n = 0;

	for (const char *s = info->source; *s; s++) {
		bool space = *s == ' ' || *s == '\n' || *s == '\t';
		if (space && n && text[n - 1] == ' ') {
			continue;
		}
		if (n == SOURCE_SHOWN) {
			strcpy(text + n, "...");
			return text;
		}
		text[n++] = space ? ' ' : *s;
	}
	text[n] = '\0';
	return text;
}

/* One that comes with gnomon. */
static bool list_one(void *ctx, const char *name, const char *path)
{
	struct sim_rec_summary sum = { 0 };
	struct sim_rec_error err = { "" };
	struct sim_rec_reader *r;
	char text[SOURCE_SHOWN + 4];

	if (sim_rec_open(&r, path, &err) != SIM_REC_OK) {
		cmd_error_text(err.text);
		return true;
	}
	sim_rec_summary(r, &sum);
	table_cell(ctx, "%s", name);
	table_cell(ctx, "%s", sim_rec_info(r)->kind == SIM_REC_MMU ?
			      "MMU" : "process");
	table_cell(ctx, "%s", text_count(sum.event_count));
	table_cell(ctx, "%s", short_source(sim_rec_info(r), text));
	sim_rec_close(r);
	return true;
}

static int list(void)
{
	struct table t;

	table_init(&t, "llrl");
	table_cell(&t, "recording");
	table_cell(&t, "level");
	table_cell(&t, "events");
	table_cell(&t, "of");
	sim_data_list("recordings", ".gnr", list_one, &t);
	table_print(&t, stdout);
	table_free(&t);
	return CMD_OK;
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	struct info_opts o = { .path = NULL };
	struct sim_rec_error err = { "" };
	struct sim_rec_reader *r;
	struct info *info;
	char path[SIM_SOURCE_PATH], why[SIM_SOURCE_WHY];
	int result = CMD_OK;

	cmd_parse(cmd, argc, argv, &o);
	if (o.list) {
		return list();
	}
	if (sim_source_missing(o.path, false, why)) {
		return cmd_error_text(why);
	}
	if (sim_source_file(o.path, path)) {
		o.path = path;
	}
	if (sim_rec_open(&r, o.path, &err) != SIM_REC_OK) {
		return cmd_error_text(err.text);
	}
	if (o.events || o.by_function) {
		result = o.events ? print_events(r, &o) :
				    print_functions(r, o.path);
		sim_rec_close(r);
		return result;
	}
	info = calloc(1, sizeof(*info));
	if (!info) {
		sim_rec_close(r);
		return cmd_error(o.path, "out of memory");
	}
	info->path = o.path;
	info->head = sim_rec_info(r);
	info->whole = gather(r, &o, info, &err);
	if (o.json) {
		info_print_json(info);
	} else {
		info_print_text(info);
	}
	if (!info->whole) {
		result = cmd_error_text(err.text);
	} else if (info->verdict.violations) {
		result = cmd_error(o.path, "%" PRIu64 " violations; the "
				   "recording contradicts itself, record it "
				   "again", info->verdict.violations);
	}
	free(info);
	sim_rec_close(r);
	return result;
}

const struct cmd cmd_info = {
	.name = "info",
	.help = "print what a recording holds, or judge it",
	.argp = &argp,
	.run = run,
};
