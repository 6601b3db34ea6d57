/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The real VMM under QEMU: vmm/run does the work, here are its options as
 * those of a command.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmds.h"
#include "cli/names.h"

enum {
	KEY_GUEST = 0x100,
	KEY_FORKS,
	KEY_CPU,
	KEY_APPEND,
	KEY_INIT,
	KEY_PREFETCH,
	KEY_WALKS,
	KEY_ICOUNT,
	KEY_KERNEL,
	KEY_IMAGE,
	KEY_KEEP,
	KEY_TIMEOUT,
	KEY_RUNS,
	KEY_FORMAT,
	WORDS_MAX = 64,
	PATH_BYTES = 4096,
};

struct vmm_opts {
	const char *words[WORDS_MAX];	/* for vmm/run */
	size_t count;
};

static const struct argp_option options[] = {
	{ "mode", 'm', "LIST", 0,
	  "of native (without the VMM), nested, shadow, unsync, noprefetch, "
	  "unsync64, switch, adaptive (default: all)", 0 },
	{ "guest", KEY_GUEST, "NAME", 0,
	  "linux (default), selftest, hostile, cost, or a multiboot ELF32 file",
	  0 },
	{ "forks", KEY_FORKS, "N", 0,
	  "fork, execute and exit so often (default 100)", 0 },
	{ "prefetch", KEY_PREFETCH, "N", 0,
	  "entries that a hidden fault fills in shadow, unsync and adaptive "
	  "(default 16); 0: its own alone", 0 },
	{ "walks", KEY_WALKS, "N", 0,
	  "adaptive: page walks per millisecond to assume (default 1000)", 0 },
	{ "icount", KEY_ICOUNT, NULL, 0,
	  "count instructions: the same numbers on every run", 0 },
	{ "runs", KEY_RUNS, "N", 0,
	  "all modes so often, in turn; then best and median of the times", 0 },
	{ "format", KEY_FORMAT, "FORMAT", 0,
	  "table (default), or csv with a line for each run of Linux", 0 },
	{ "cpu", KEY_CPU, "MODEL", 0, "QEMU's CPU model", 0 },
	{ "kernel", KEY_KERNEL, "FILE", 0,
	  "the guest's kernel (default: searched for, or fetched by apt)", 0 },
	{ "append", KEY_APPEND, "TEXT", 0,
	  "more for the guest's command line: Linux's parameters; roots=N, how "
	  "many roots hostile loads", 0 },
	{ "init", KEY_INIT, "FILE", 0,
	  "the guest's /init; FORKS in it becomes the number of --forks", 0 },
	{ "image", KEY_IMAGE, "FILE", 0, "the VMM (default: gnomon's)", 0 },
	{ "keep", KEY_KEEP, "DIR", 0, "leave logs and consoles there", 0 },
	{ "timeout", KEY_TIMEOUT, "SECONDS", 0,
	  "give up on a guest after that time (default 300)", 0 },
	{ 0 },
};

static void add(struct vmm_opts *o, const char *word)
{
	if (o->count + 1 >= WORDS_MAX) {
		cmd_usage("too many options");
	}
	o->words[o->count++] = word;
}

static void check_modes(const char *list)
{
	static const char *const all[] = {
		"native", "nested", "shadow", "unsync", "noprefetch",
		"unsync64", "switch", "adaptive",
	};
	enum { MODES = sizeof(all) / sizeof(*all) };
	char word[64], text[NAMES_TEXT];
	size_t bytes;

	for (const char *at = list;; at += bytes + 1) {
		size_t m = 0;

		bytes = strcspn(at, ",");
		snprintf(word, sizeof(word), "%.*s", (int)bytes, at);
		while (m < MODES && strcmp(all[m], word)) {
			m++;
		}
		if (m == MODES) {
			cmd_usage("%s", names_none("no mode", word, all, MODES,
						   text));
		}
		if (!at[bytes]) {
			return;
		}
	}
}

static void check_prefetch(const char *arg)
{
	uint64_t n = cmd_number("--prefetch", arg, 0, 64);

	if (n & (n - 1)) {
		cmd_usage("--prefetch must be a power of two, not %s", arg);
	}
}

static const char *checked(int key, const char *arg)
{
	switch (key) {
	case 'm':
		check_modes(arg);
		break;
	case KEY_FORKS:
		cmd_number("--forks", arg, 1, 1000000);
		break;
	case KEY_FORMAT:
		if (strcmp(arg, "table") != 0 && strcmp(arg, "csv") != 0) {
			cmd_usage("no format '%s'; there are: table, csv",
				  arg);
		}
		break;
	case KEY_RUNS:
		cmd_number("--runs", arg, 1, 1000);
		break;
	case KEY_PREFETCH:
		check_prefetch(arg);
		break;
	case KEY_WALKS:
		cmd_number("--walks", arg, 0, 10000000);
		break;
	case KEY_TIMEOUT:
		cmd_number("--timeout", arg, 1, 1000000);
		break;
	default:
		break;
	}
	return arg;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static char names[sizeof(options) / sizeof(options[0])][16];
	struct vmm_opts *o = state->input;

	for (size_t i = 0; options[i].name; i++) {
		if (options[i].key == key) {
			snprintf(names[i], sizeof(names[i]), "--%s",
				 options[i].name);
			add(o, names[i]);
			if (arg) {
				add(o, checked(key, arg));
			}
			return 0;
		}
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Boots a guest on gnomon's real VMM under QEMU and prints how "
	       "often the guest left for it, per fork, exec and exit."
	       "\v"
	       "The VMM is a type-1 hypervisor for AMD SVM, which QEMU's TCG "
	       "emulates: no virtualization hardware and no privileges are "
	       "needed. Needs qemu-system-x86_64, a Linux kernel and a static "
	       "busybox; on Debian the latter two are fetched when they are "
	       "missing. Exit status 77: something is missing.",
};

/* The runner beside the program, in a build folder, or installed. */
static const char *find_runner(void)
{
	static char path[PATH_BYTES + 32];

	if (cmd_beside("vmm/runner", path, sizeof(path)) &&
	    access(path, X_OK) == 0) {
		return path;
	}
	snprintf(path, sizeof(path), "%s/vmm/run", PKGLIBEXECDIR);
	return access(path, X_OK) == 0 ? path : NULL;
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	static struct vmm_opts o;
	const char *runner;

	add(&o, "");
	cmd_parse(cmd, argc, argv, &o);
	runner = find_runner();
	if (!runner) {
		return cmd_error(PKGLIBEXECDIR "/vmm/run", "is not there; "
				 "build gnomon on x86-64 and install it");
	}
	o.words[0] = runner;
	fflush(NULL);
	execv(runner, (char *const *)(uintptr_t)o.words);
	return cmd_error(runner, "%s; install gnomon again", strerror(errno));
}

const struct cmd cmd_vmm = {
	.name = "vmm",
	.help = "boot a guest on gnomon's own VMM and count its exits",
	.argp = &argp,
	.run = run,
};
