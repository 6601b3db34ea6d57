/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnomon/gnomon.h>

#include "cli/cmd.h"
#include "cli/names.h"
#include "cli/runs.h"

enum {
	KEY_SEED = 0x2000,
	KEY_SET,
	KEY_VERIFY,
	KEY_AUDIT,
	KEY_WITHOUT,
	KEY_EXPLAIN,
	KEY_EXTRA,
	KEY_FORMAT,
};

static const struct argp_option options[] = {
	{ "preset", 'p', "NAME", 0,
	  "machine with its costs, or the path of a preset file; may be "
	  "given several times (see 'gnomon costs')", 0 },
	{ "set", KEY_SET, "SECTION.KEY=VALUE", 0,
	  "change one parameter of the presets", 0 },
	{ "seed", KEY_SEED, "N", 0, "seed of what is random (default 1)", 0 },
	{ "without", KEY_WITHOUT, "LIST", 0,
	  "switch off optimisations of the engine: root-cache, large, "
	  "prefetch, update, unsync, unsync-keep, around", 0 },
	{ "format", KEY_FORMAT, "FORMAT", 0,
	  "table (default), csv or json", 0 },
	{ "extra", KEY_EXTRA, NULL, 0,
	  "add the columns beyond the common set to CSV", 0 },
	{ "explain", KEY_EXPLAIN, NULL, 0,
	  "also say what became of each page-table store (table only)", 0 },
	{ "verify", KEY_VERIFY, NULL, 0,
	  "compare each access with an independent oracle and the end state "
	  "with the recording", 0 },
	{ "audit", KEY_AUDIT, "N", 0,
	  "audit the engine every N events", 0 },
	{ 0 },
};

static const struct {
	const char *name;
	uint32_t bit;
} optimisations[] = {
	{ "root-cache", GNOMON_OPT_ROOT_CACHE },
	{ "large", GNOMON_OPT_LARGE },
	{ "prefetch", GNOMON_OPT_PREFETCH },
	{ "update", GNOMON_OPT_UPDATE },
	{ "unsync", GNOMON_OPT_UNSYNC },
	{ "unsync-keep", GNOMON_OPT_UNSYNC_KEEP },
	{ "around", GNOMON_OPT_AROUND },
};

enum { OPTIMISATIONS = sizeof(optimisations) / sizeof(*optimisations) };

static void __attribute__((noreturn)) no_optimisation(const char *word)
{
	const char *names[OPTIMISATIONS];
	char text[NAMES_TEXT];

	for (size_t i = 0; i < OPTIMISATIONS; i++) {
		names[i] = optimisations[i].name;
	}
	cmd_usage("%s", names_none("no optimisation", word, names,
				   OPTIMISATIONS, text));
}

static uint32_t parse_without(char *list)
{
	uint32_t off = 0;
	char *save;

	for (char *s = strtok_r(list, ",", &save); s;
	     s = strtok_r(NULL, ",", &save)) {
		size_t i = 0;
		while (i < OPTIMISATIONS && strcmp(s, optimisations[i].name)) {
			i++;
		}
		if (i == OPTIMISATIONS) {
			no_optimisation(s);
		}
		off |= optimisations[i].bit;
	}
	return off;
}

void run_opts_modes(struct run_opts *o, const char *list)
{
	char *copy = strdup(list), text[NAMES_TEXT];
	char *save;

	for (char *s = copy ? strtok_r(copy, ",", &save) : NULL; s;
	     s = strtok_r(NULL, ",", &save)) {
		enum sim_mode mode;
		bool known = sim_mode_parse(s, &mode);
		if (!known) {
			cmd_usage("%s", names_no_mode(s, text));
		}
		for (size_t i = 0; i < o->mode_count; i++) {
			if (o->modes[i] == mode) {
				cmd_usage("mode '%s' is named twice", s);
			}
		}
		if (o->mode_count < RUNS_LIST_MAX) {
			o->modes[o->mode_count++] = mode;
		}
	}
	free(copy);
	if (!o->mode_count) {
		cmd_usage("the list of modes is empty");
	}
}

static const char **next_slot(const char **list, size_t *count,
			      size_t max, const char *name)
{
	if (*count == max) {
		cmd_usage("%s is given more than %zu times", name, max);
	}
	return &list[(*count)++];
}

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct run_opts *o = state->input;

	switch (key) {
	case 'p':
		*next_slot(o->presets, &o->preset_count, RUNS_LIST_MAX,
			   "--preset") = arg;
		return 0;
	case KEY_SET:
		*next_slot(o->sets, &o->set_count, RUNS_SETS_MAX,
			   "--set") = arg;
		return 0;
	case KEY_SEED:
		o->seed = cmd_number("--seed", arg, 0, UINT64_MAX);
		return 0;
	case KEY_WITHOUT:
		o->engine_off |= parse_without(arg);
		return 0;
	case KEY_FORMAT:
		o->format = report_format_parse(arg);
		return 0;
	case KEY_EXTRA:
		o->extra = true;
		return 0;
	case KEY_EXPLAIN:
		o->explain = true;
		return 0;
	case KEY_VERIFY:
		o->verify = true;
		return 0;
	case KEY_AUDIT:
		o->audit_every = cmd_number("--audit", arg, 1, UINT64_MAX);
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num > 0) {
			return ARGP_ERR_UNKNOWN;
		}
		o->input = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp runs_argp = { options, parse_opt, NULL, NULL, NULL, NULL,
				NULL };
