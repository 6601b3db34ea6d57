/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "cli/atomic_out.h"
#include "cli/cmds.h"
#include "cli/table.h"
#include "cli/term.h"
#include "sim/import.h"

enum {
	KEY_SOURCE = 0x100,
	KEY_META,
	KEY_LEVEL,
	KEY_FRAME_EVENTS,
};

struct import_opts {
	const char *input;
	const char *output;
	struct sim_rec_info meta;	/* only its keys are used */
	struct sim_import_options import;
};

static const struct argp_option options[] = {
	{ "output", 'o', "FILE", 0, "the recording to write", 0 },
	{ "source", KEY_SOURCE, "TEXT", 0,
	  "what was recorded (default: the name of the input)", 0 },
	{ "meta", KEY_META, "KEY=TEXT", 0,
	  "a note for the header; may be repeated", 0 },
	{ "level", KEY_LEVEL, "N", 0, "zstd level 1..22 (default 6)", 0 },
	{ "frame-events", KEY_FRAME_EVENTS, "N", 0,
	  "events per compressed frame (default 262144)", 0 },
	{ 0 },
};

static void take_meta(struct import_opts *o, const char *arg)
{
	const char *eq = strchr(arg, '=');
	char key[sizeof(o->meta.meta[0].key)] = "";

	if (eq && (size_t)(eq - arg) < sizeof(key)) {
		memcpy(key, arg, (size_t)(eq - arg));
	}
	if (sim_rec_meta_set(&o->meta, key, eq ? eq + 1 : "")) {
		cmd_usage("--meta needs KEY=TEXT with a KEY of a-z 0-9 . _ - "
			  "and one line of TEXT, not '%s'", arg);
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct import_opts *o = state->input;

	switch (key) {
	case 'o':
		o->output = arg;
		return 0;
	case KEY_SOURCE:
		if (strlen(arg) >= sizeof(o->meta.source)) {
			cmd_usage("--source takes at most %zu bytes",
				  sizeof(o->meta.source) - 1);
		}
		o->import.source = arg;
		return 0;
	case KEY_META:
		take_meta(o, arg);
		return 0;
	case KEY_LEVEL:
		o->import.write.zstd_level =
			(int)cmd_number("--level", arg, 1, 22);
		return 0;
	case KEY_FRAME_EVENTS:
		o->import.write.frame_events =
			(uint32_t)cmd_number("--frame-events", arg, 1,
					     1 << 20);
		return 0;
	case ARGP_KEY_ARG:
		if (o->input) {
			cmd_usage("one input at a time, not also '%s'", arg);
		}
		o->input = arg;
		return 0;
	case ARGP_KEY_END:
		if (!o->input || !o->output) {
			cmd_usage("needs an input and -o FILE");
		}
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "INPUT -o FILE",
	.doc = "Converts a recording of another format; which one is told "
	       "from its content.\v"
	       "Formats, plain or packed with zstd:\n"
	       "  perf     the output of perf script\n"
	       "  lackey   the memory trace of Valgrind's tool of that name\n"
	       "  ptt      24-byte records of page-table stores and accesses\n"
	       "The first two tell of processes; the guest kernel model makes "
	       "page tables of them when they are replayed. What perf must "
	       "record is in gnomon-import(1).",
};

static void show_progress(void *arg, uint64_t done, uint64_t total)
{
	bool *started = arg;

	if (!*started) {
		progress_start("importing", total);
		*started = true;
	}
	progress_update(done);
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	struct import_opts o = { .input = NULL };
	struct sim_import_result result;
	struct atomic_out part;
	struct sim_rec_error err = { "" };
	enum sim_rec_status status;
	bool started = false;

	cmd_parse(cmd, argc, argv, &o);
	o.import.meta = o.meta.meta;
	o.import.meta_count = o.meta.meta_count;
	o.import.progress = show_progress;
	o.import.progress_arg = &started;
	atomic_recording(&part, o.output);
	status = sim_import(o.input, o.output, &o.import, &result, &err);
	atomic_abort(&part);
	progress_end();
	if (status != SIM_REC_OK) {
		return cmd_error_text(err.text);
	}
	printf("%s: %s events from %s %s %s; ", o.output,
	       text_count(result.events), text_count(result.records),
	       result.format, result.processes ? "lines" : "records");
	if (result.processes) {
		printf("%s lines of no use\n", text_count(result.skipped));
		if (result.lost) {
			fprintf(stderr, "gnomon: %s: perf lost %s events; "
				"record less at a time, or with more buffer "
				"(perf record -m)\n", o.input,
				text_count(result.lost));
		}
	} else {
		printf("%s tables at the end\n",
		       text_count(result.final_tables));
	}
	return CMD_OK;
}

const struct cmd cmd_import = {
	.name = "import",
	.help = "convert a recording of another format",
	.argp = &argp,
	.run = run,
};
