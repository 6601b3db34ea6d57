/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One command of gnomon(1).
 *
 * A command is one file, cli/cmd_NAME.c, that ends in its constant
 * `const struct cmd cmd_NAME`; it is declared below and listed in main.c.
 *
 *	static int run(const struct cmd *cmd, int argc, char **argv)
 *	{
 *		struct walk_opts o = { .depth = 4 };
 *
 *		cmd_parse(cmd, argc, argv, &o);
 *		...
 *		return cmd_error(o.path, "%s", strerror(errno));
 *	}
 *
 * The parser in cmd->argp finds &o in state->input. It returns
 * ARGP_ERR_UNKNOWN for what it does not know and calls cmd_usage() for what
 * it knows but cannot accept; argp_error() and its like print nothing here.
 * -h, --help and --version are there already.
 */
#ifndef CLI_CMD_H
#define CLI_CMD_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>

/* Exit status of the program. */
enum {
	CMD_OK = 0,
	CMD_FAILED = 1,		/* the work could not be done */
	CMD_USAGE = 2,		/* the command line makes no sense */
};

struct cmd {
	const char *name;
	const char *help;	/* one line, no full stop */
	const struct argp *argp;	/* options, args_doc, doc */
	/* argv[0] is the command's name. Returns an exit status. */
	int (*run)(const struct cmd *cmd, int argc, char **argv);
};

/*
 * Parses the command line into *opts with cmd->argp. Comes back only if the
 * line was good; help ends the program with CMD_OK, an error with CMD_USAGE.
 */
void cmd_parse(const struct cmd *cmd, int argc, char **argv, void *opts);

/*
 * The user asked for something impossible: prints
 * `gnomon: CMD: why; see 'gnomon CMD --help'` and ends the program.
 */
void cmd_usage(const char *fmt, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

/*
 * Prints `gnomon: what: why` on stderr and returns CMD_FAILED. `what` is a
 * file, a mode, a preset: the thing that is wrong. Control characters in the
 * text are made visible.
 */
int cmd_error(const char *what, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The same for a text that is already `what: why`. */
int cmd_error_text(const char *text);

/*
 * Reads a whole decimal number in min..max for option `name`; a usage error
 * if it is anything else.
 */
unsigned long long cmd_number(const char *name, const char *text,
			      unsigned long long min, unsigned long long max);

/*
 * The path of `name` in the folder that the program lies in, as in a build
 * folder; false if there is no such file that can be read.
 */
bool cmd_beside(const char *name, char *path, size_t bytes);

/* The whole command line, quoted so that a shell repeats it; main.c. */
const char *cmd_line(void);

#endif
