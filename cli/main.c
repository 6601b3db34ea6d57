/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmds.h"
#include "cli/crash.h"
#include "sim/near.h"

static char *line;

const char *cmd_line(void)
{
	return line ? line : "gnomon";
}

static bool is_plain(const char *s)
{
	return *s && !s[strspn(s, "abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789%+,-./:=@_")];
}

/* Keeps the command line in a form that a shell takes back. */
static void keep_line(int argc, char **argv)
{
	size_t n;
	FILE *f = open_memstream(&line, &n);

	if (!f) {
		return;
	}
	fputs("gnomon", f);
	for (int i = 1; i < argc; i++) {
		const char *s = argv[i];
		fputc(' ', f);
		if (is_plain(s)) {
			fputs(s, f);
			continue;
		}
		fputc('\'', f);
		for (; *s; s++) {
			fputs(*s == '\'' ? "'\\'" : "", f);
			fputc(*s, f);
		}
		fputc('\'', f);
	}
	fclose(f);
}

static void print_help(void)
{
	puts("Usage: gnomon COMMAND [OPTION...] [ARGUMENT...]\n"
	     "What virtualizing a guest's page tables costs, and why.\n"
	     "\n"
	     "Commands:");
	for (size_t i = 0; cmds[i]; i++) {
		printf("  %-10s %s\n", cmds[i]->name, cmds[i]->help);
	}
	puts("\n"
	     "'gnomon COMMAND --help' describes a command.\n"
	     "Exit status: 0 done, 1 failed, 2 the command line is wrong.");
}

static int no_command(const char *name)
{
	struct sim_near near = sim_near_to(name);
	bool option = *name == '-';

	for (size_t i = 0; cmds[i] && !option; i++) {
		sim_near_try(&near, cmds[i]->name);
	}
	if (option) {
		sim_near_try(&near, "--help");
		sim_near_try(&near, "--version");
	}
	cmd_error(name, "no such %s%s; see 'gnomon --help'",
		  option ? "option" : "command", sim_near_hint(&near));
	return CMD_USAGE;
}

static int run_command(int argc, char **argv)
{
	const char *name = argv[0];

	if (!strcmp(name, "-h") || !strcmp(name, "--help")) {
		print_help();
		return CMD_OK;
	}
	if (!strcmp(name, "--version")) {
		puts("gnomon " PACKAGE_VERSION);
		return CMD_OK;
	}
	const struct cmd *cmd = cmd_find(name);

	return cmd ? cmd->run(cmd, argc, argv) : no_command(name);
}

/* Output that did not reach its reader is a failure, not a success. */
static void close_stdout(void)
{
	bool failed = ferror(stdout) != 0;

	errno = 0;
	if (fclose(stdout) || failed) {
		cmd_error("standard output", "%s",
			  errno ? strerror(errno) : "write failed");
		_exit(CMD_FAILED);
	}
}

int main(int argc, char **argv)
{
	keep_line(argc, argv);
	crash_install();
	atexit(close_stdout);
	if (argc < 2) {
		cmd_error_text("no command given; see 'gnomon --help'");
		return CMD_USAGE;
	}
	return run_command(argc - 1, argv + 1);
}
