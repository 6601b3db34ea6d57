/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "cli/cmd.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/term.h"
#include "sim/near.h"

enum {
	KEY_HELP = 'h',
	KEY_VERSION = 0x1000,
};

/* What the wrapping parser hands to the command's own one. */
struct parse {
	const struct cmd *cmd;
	void *opts;
};

/* For cmd_usage(), which parsers call without a handle. */
static const struct cmd *current;

static const struct argp_option common_options[] = {
	{ "help", KEY_HELP, NULL, 0, "print this help", -1 },
	{ "version", KEY_VERSION, NULL, 0, "print the version", -1 },
	{ 0 },
};

/* Bytes of the character at p if a terminal can show it, else 0. */
static int shown_bytes(const unsigned char *p)
{
	int more = *p >= 0xf0 ? 3 : *p >= 0xe0 ? 2 : *p >= 0xc2 ? 1 : 0;

	if (!more) {
		return *p >= 0x20 && *p < 0x7f;
	}
	for (int i = 1; i <= more; i++) {
		if ((p[i] & 0xc0) != 0x80) {
			return 0;
		}
	}
	/* Control characters of the second kind: one of them is CSI. */
	return *p > 0xf4 || (*p == 0xc2 && p[1] < 0xa0) ? 0 : more + 1;
}

/* Prints text with what would disturb a terminal as \xNN. */
static void put_visible(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	while (*p) {
		int n = shown_bytes(p);

		if (n) {
			fwrite(p, 1, (size_t)n, stderr);
			p += n;
		} else {
			fprintf(stderr, "\\x%02x", *p++);
		}
	}
}

static void put_error(const char *what, const char *fmt, va_list ap,
		      const char *tail)
{
	char why[1024];

	vsnprintf(why, sizeof(why), fmt, ap);
	fflush(stdout);
	progress_clear();
	fputs("gnomon: ", stderr);
	/* An empty name is shown as such, also where it is part of the text. */
	if (what ? !*what : !strncmp(why, ": ", 2)) {
		fputs("''", stderr);
	}
	if (what) {
		put_visible(what);
		fputs(": ", stderr);
	}
	put_visible(why);
	put_visible(tail);
	fputc('\n', stderr);
}

int cmd_error(const char *what, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_error(what, fmt, ap, "");
	va_end(ap);
	return CMD_FAILED;
}

static int error_plain(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_error(NULL, fmt, ap, "");
	va_end(ap);
	return CMD_FAILED;
}

int cmd_error_text(const char *text)
{
	return error_plain("%s", text);
}

void cmd_usage(const char *fmt, ...)
{
	char tail[96];
	va_list ap;

	snprintf(tail, sizeof(tail), "; see 'gnomon %s --help'",
		 current->name);
	va_start(ap, fmt);
	put_error(current->name, fmt, ap, tail);
	va_end(ap);
	exit(CMD_USAGE);
}

unsigned long long cmd_number(const char *name, const char *text,
			      unsigned long long min, unsigned long long max)
{
	char *end;

	errno = 0;
	unsigned long long v = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || errno || v < min ||
	    v > max) {
		cmd_usage("%s must be a number from %llu to %llu, not '%s'",
			  name, min, max, text);
	}
	return v;
}

static const struct argp_option *find_option(const struct argp_option *o,
					     const char *arg)
{
	size_t n = strcspn(arg, "=");

	for (; o && (o->name || o->key || o->doc); o++) {
		bool is_long = o->name && n > 2 && !strncmp(arg, "--", 2) &&
			       strlen(o->name) == n - 2 &&
			       !strncmp(o->name, arg + 2, n - 2);
		bool is_short = arg[0] == '-' && arg[1] && o->key == arg[1];
		if (is_long || is_short) {
			return o;
		}
	}
	return NULL;
}

/* Among the common options, the command's own and its children's. */
static const struct argp_option *find_any(const struct argp *argp,
					  const char *arg)
{
	const struct argp_option *o = find_option(common_options, arg);

	if (!o) {
		o = find_option(argp->options, arg);
	}
	for (const struct argp_child *c = argp->children; c && c->argp && !o;
	     c++) {
		o = find_option(c->argp->options, arg);
	}
	return o;
}

static void try_options(struct sim_near *near, const struct argp_option *o)
{
	for (; o && (o->name || o->key || o->doc); o++) {
		char name[SIM_NEAR_WORD];
		snprintf(name, sizeof(name), "--%s", o->name ? o->name : "");
		sim_near_try(near, name);
	}
}

static void __attribute__((noreturn))
unknown_option(const struct argp *argp, const char *arg)
{
	size_t n = strncmp(arg, "--", 2) ? strlen(arg) : strcspn(arg, "=");
	char *word = strndup(arg, n);
	struct sim_near near = sim_near_to(word ? word : "");

	try_options(&near, common_options);
	try_options(&near, argp->options);
	for (const struct argp_child *c = argp->children; c && c->argp; c++) {
		try_options(&near, c->argp->options);
	}
	cmd_usage("unknown option '%s'%s", arg, sim_near_hint(&near));
}

/* argp knows that the option before `next` is wrong, but not why. */
static void __attribute__((noreturn))
bad_option(const struct cmd *cmd, const char *arg)
{
	const struct argp_option *o = find_any(cmd->argp, arg);

	if (!o) {
		unknown_option(cmd->argp, arg);
	}
	for (const char *p = arg + 1; arg[1] != '-' && !o->arg && *p; p++) {
		char letter[] = { '-', *p, '\0' };
		if (!find_any(cmd->argp, letter)) {
			cmd_usage("unknown option '%s'", letter);
		}
	}
	if (o->arg) {
		cmd_usage("option '%s' needs a value (%s)", arg, o->arg);
	}
	cmd_usage("option '%s' takes no value", arg);
}

static error_t parse_common(int key, char *arg, struct argp_state *state)
{
	struct parse *p = state->input;
	(void)arg;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = p->opts;
		return 0;
	case KEY_HELP:
		argp_help(state->root_argp, stdout,
			  ARGP_HELP_LONG | ARGP_HELP_SHORT_USAGE |
			  ARGP_HELP_DOC,
			  state->name);
		exit(CMD_OK);
	case KEY_VERSION:
		puts("gnomon " PACKAGE_VERSION);
		exit(CMD_OK);
	case ARGP_KEY_ERROR:
		bad_option(p->cmd, state->argv[state->next - 1]);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

bool cmd_beside(const char *name, char *path, size_t bytes)
{
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *slash;
	int length;

	exe[n > 0 ? n : 0] = '\0';
	slash = strrchr(exe, '/');
	if (!slash) {
		return false;
	}
	length = snprintf(path, bytes, "%.*s/%s", (int)(slash - exe), exe,
			  name);
	return length > 0 && (size_t)length < bytes && access(path, R_OK) == 0;
}

void cmd_parse(const struct cmd *cmd, int argc, char **argv, void *opts)
{
	struct parse p = { .cmd = cmd, .opts = opts };
	struct argp own = *cmd->argp;
	own.args_doc = NULL;
	own.doc = NULL;
	struct argp_child child[] = { { &own, 0, NULL, 0 }, { 0 } };
	struct argp whole = {
		.options = common_options,
		.parser = parse_common,
		.args_doc = cmd->argp->args_doc,
		.doc = cmd->argp->doc,
		.children = child,
	};
	char name[64];
	int end = argc;

	current = cmd;
	/* The note on long and short options says what everybody knows. */
	setenv("ARGP_HELP_FMT", "no-dup-args-note", 1);
	snprintf(name, sizeof(name), "gnomon %s", cmd->name);
	argv[0] = name;
	error_t err = argp_parse(&whole, argc, argv,
				 ARGP_NO_HELP | ARGP_NO_ERRS, &end, &p);
	if (err) {
		cmd_usage("%s", strerror(err));
	}
	if (end < argc) {
		cmd_usage("unexpected argument '%s'", argv[end]);
	}
}
