/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "cli/cmds.h"
#include "cli/record.h"
#include "record/filter.h"
#include "sim/near.h"

enum {
	KEY_MEMORY = 0x100,
	KEY_VCPUS,
	KEY_FILTER,
	KEY_DETERMINISTIC,
	KEY_WITH,
	KEY_KERNEL,
	KEY_MODULES,
	KEY_BUSYBOX,
	KEY_QEMU,
	KEY_PERF,
	KEY_APPEND,
	KEY_TIMEOUT,
	KEY_VERBOSE,
	KEY_NO_VERIFY,
	KEY_NO_SYMBOLS,
	KEY_FETCHES,
	KEY_END,
};

static const struct argp_option options[] = {
	{ "output", 'o', "FILE", 0, "the recording to write", 0 },
	{ "memory", KEY_MEMORY, "MIB", 0, "the guest's RAM (default 512)", 0 },
	{ "vcpus", KEY_VCPUS, "N", 0,
	  "processors: virtual ones, or for user those that it may run on "
	  "(default 1)", 0 },
	{ "filter", KEY_FILTER, "PAGES", 0,
	  "drop accesses to a page among the last PAGES pages per direction; "
	  "a power of two, 0 keeps all (default 256)", 0 },
	{ "deterministic", KEY_DETERMINISTIC, NULL, 0,
	  "repeat exactly: the guest has the command's program and "
	  "libraries in memory and nothing else; slower", 0 },
	{ "with", KEY_WITH, "FILE", 0,
	  "a file that a deterministic guest has besides the command's own; "
	  "may be repeated", 0 },
	{ "kernel", KEY_KERNEL, "FILE", 0,
	  "the guest's kernel (default: the newest /boot/vmlinuz-* with "
	  "modules, else Debian's, fetched by apt)", 0 },
	{ "modules", KEY_MODULES, "DIR", 0,
	  "its modules (default: lib/modules/VERSION beside its boot/)", 0 },
	{ "busybox", KEY_BUSYBOX, "FILE", 0, "a static busybox", 0 },
	{ "qemu", KEY_QEMU, "FILE", 0,
	  "qemu-system-x86_64 (7.2, or 9.0 and later), or for user "
	  "qemu-x86_64 (7.2)", 0 },
	{ "perf", KEY_PERF, "FILE", 0, "perf", 0 },
	{ "append", KEY_APPEND, "TEXT", 0, "more kernel parameters", 0 },
	{ "timeout", KEY_TIMEOUT, "SECONDS", 0,
	  "stop after that time", 0 },
	{ "fetches", KEY_FETCHES, NULL, 0,
	  "also record an instruction fetch when the page changes", 0 },
	{ "no-verify", KEY_NO_VERIFY, NULL, 0,
	  "do not judge the recording afterwards", 0 },
	{ "no-symbols", KEY_NO_SYMBOLS, NULL, 0,
	  "leave out the names of kernel functions; starts sooner", 0 },
	{ "verbose", KEY_VERBOSE, NULL, 0,
	  "show all that the guest's console says", 0 },
	{ 0 },
};

/* What an option says about, by key. */
static const unsigned takes[KEY_END - KEY_MEMORY] = {
	[KEY_MEMORY - KEY_MEMORY] = 1u << RECORD_TAKES_GUEST,
	[KEY_VCPUS - KEY_MEMORY] = 1u << RECORD_TAKES_VCPUS,
	[KEY_FILTER - KEY_MEMORY] = 1u << RECORD_TAKES_FILTER,
	[KEY_DETERMINISTIC - KEY_MEMORY] = 1u << RECORD_TAKES_GUEST,
	[KEY_WITH - KEY_MEMORY] = 1u << RECORD_TAKES_GUEST,
	[KEY_KERNEL - KEY_MEMORY] = 1u << RECORD_TAKES_GUEST,
	[KEY_MODULES - KEY_MEMORY] = 1u << RECORD_TAKES_GUEST,
	[KEY_BUSYBOX - KEY_MEMORY] = 1u << RECORD_TAKES_GUEST,
	[KEY_QEMU - KEY_MEMORY] = 1u << RECORD_TAKES_QEMU,
	[KEY_PERF - KEY_MEMORY] = 1u << RECORD_TAKES_PERF,
	[KEY_APPEND - KEY_MEMORY] = 1u << RECORD_TAKES_GUEST,
	[KEY_TIMEOUT - KEY_MEMORY] = 1u << RECORD_TAKES_TIMEOUT,
	[KEY_VERBOSE - KEY_MEMORY] = 1u << RECORD_TAKES_GUEST,
	[KEY_NO_VERIFY - KEY_MEMORY] = 1u << RECORD_TAKES_GUEST,
	[KEY_NO_SYMBOLS - KEY_MEMORY] = 1u << RECORD_TAKES_GUEST,
	[KEY_FETCHES - KEY_MEMORY] = 1u << RECORD_TAKES_GUEST,
};

struct parsed {
	struct record_opts o;
	unsigned given;		/* takes[] of the options on the line */
	const char *named[8];	/* one of them, by bit */
};

static void take_word(struct record_opts *o, char *arg)
{
	for (size_t i = 0; !o->kind && i < record_kind_count; i++) {
		if (strcmp(arg, record_kinds[i].name) == 0) {
			o->kind = &record_kinds[i];
			return;
		}
	}
	if (!o->kind) {
		struct sim_near near = sim_near_to(arg);
		for (size_t i = 0; i < record_kind_count; i++) {
			sim_near_try(&near, record_kinds[i].name);
		}
		cmd_usage("can record guest, user or perf, not '%s'%s", arg,
			  sim_near_hint(&near));
	}
	if (o->words == RECORD_WORDS_MAX) {
		cmd_usage("the command has more than %d words",
			  RECORD_WORDS_MAX);
	}
	o->command[o->words++] = arg;
}

static void take_filter(struct record_opts *o, const char *arg)
{
	unsigned int n = (unsigned int)cmd_number("--filter", arg, 0,
						  RECORD_FILTER_MAX);

	if (n & (n - 1)) {
		cmd_usage("--filter must be a power of two or 0, not '%s'",
			  arg);
	}
	o->guest.filter_pages = n;
}

static void take_with(struct record_opts *o, const char *arg)
{
	struct record_guest *g = &o->guest;

	if (arg[0] != '/' || g->with_count == RECORD_WITH_MAX) {
		cmd_usage("--with takes whole paths, at most %d, not '%s'",
			  RECORD_WITH_MAX, arg);
	}
	o->with[g->with_count++] = arg;
}

static unsigned int number(const char *name, const char *arg,
			   unsigned int min, unsigned int max)
{
	return (unsigned int)cmd_number(name, arg, min, max);
}

/* The options that say what the guest is made of. */
static error_t parse_guest(int key, char *arg, struct record_guest *g)
{
	switch (key) {
	case KEY_MEMORY:
		g->memory_mib = number("--memory", arg, 128, 3072);
		return 0;
	case KEY_VCPUS:
		g->vcpus = number("--vcpus", arg, 1, 8);
		return 0;
	case KEY_TIMEOUT:
		g->timeout_seconds = number("--timeout", arg, 1, 1000000);
		return 0;
	case KEY_DETERMINISTIC:
		g->deterministic = true;
		return 0;
	case KEY_KERNEL:
		g->kernel = arg;
		return 0;
	case KEY_MODULES:
		g->modules = arg;
		return 0;
	case KEY_BUSYBOX:
		g->busybox = arg;
		return 0;
	case KEY_QEMU:
		g->qemu = arg;
		return 0;
	case KEY_APPEND:
		g->append = arg;
		return 0;
	case KEY_NO_SYMBOLS:
		g->symbols = false;
		return 0;
	case KEY_FETCHES:
		g->fetches = true;
		return 0;
	case KEY_VERBOSE:
		g->verbose = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void note_option(struct parsed *p, int key)
{
	unsigned bits = key >= KEY_MEMORY && key < KEY_END ?
			takes[key - KEY_MEMORY] : 0;

	for (const struct argp_option *o = options; bits && o->name; o++) {
		if (o->key == key) {
			p->named[__builtin_ctz(bits)] = o->name;
		}
	}
	p->given |= bits;
}

static void check_line(const struct parsed *p)
{
	const struct record_opts *o = &p->o;
	unsigned foreign;

	if (!o->kind || !o->words || !o->guest.out) {
		cmd_usage("needs guest, user or perf, -o FILE and, behind --, "
			  "a command");
	}
	foreign = p->given & ~o->kind->takes;
	if (foreign) {
		cmd_usage("'record %s' has no --%s", o->kind->name,
			  p->named[__builtin_ctz(foreign)]);
	}
	if (o->guest.deterministic && o->guest.vcpus > 1) {
		cmd_usage("--deterministic is for guests with one vcpu");
	}
	if (o->guest.with_count && !o->guest.deterministic) {
		cmd_usage("--with is for --deterministic guests; others see "
			  "all files");
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct parsed *p = state->input;
	struct record_opts *o = &p->o;

	note_option(p, key);
	switch (key) {
	case 'o':
		o->guest.out = arg;
		return 0;
	case KEY_FILTER:
		take_filter(o, arg);
		return 0;
	case KEY_WITH:
		take_with(o, arg);
		return 0;
	case KEY_PERF:
		o->perf = arg;
		return 0;
	case KEY_NO_VERIFY:
		o->no_verify = true;
		return 0;
	case ARGP_KEY_ARG:
		take_word(o, arg);
		return 0;
	case ARGP_KEY_END:
		check_line(p);
		return 0;
	default:
		return parse_guest(key, arg, &o->guest);
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "guest -o FILE -- COMMAND...\n"
		    "user -o FILE -- COMMAND...\n"
		    "perf -o FILE -- COMMAND...",
	.doc = "Runs a command and records it.\n"
	       "guest: in a Linux guest under QEMU, every store into a page "
	       "table. The guest sees this system's files; what it writes is "
	       "thrown away.\n"
	       "user: under QEMU's user mode, what it and all that it starts "
	       "ask of the kernel, and their accesses.\n"
	       "perf: at full speed, what it asks of the kernel, and its page "
	       "faults."
	       "\v"
	       "Only perf needs to be root; none needs KVM. The last two give "
	       "recordings of the process level, which the guest kernel model "
	       "turns into page tables when they are replayed.\n"
	       "Markers of guest: 1 the recording starts, 2 the command "
	       "starts, 3 it has ended, 9 the guest stops. In the guest, "
	       "/.gnomon/mark N sets another. user has 2 and 3.\n"
	       "On Debian 12 the packages are: for guest qemu-system-x86, "
	       "linux-image-amd64 and busybox-static; for user qemu-user; for "
	       "perf linux-perf.",
};

/* What was recorded, for the header: the command on one line. */
static void make_source(const struct record_opts *o, char text[128])
{
	text[0] = '\0';
	for (size_t i = 0; i < o->words; i++) {
		size_t n = strlen(text);

		snprintf(text + n, 128 - n, "%s%s", i ? " " : "",
			 o->command[i]);
	}
	for (char *c = text; *c; c++) {
		*c = (unsigned char)*c < 0x20 || *c == 0x7f ? ' ' : *c;
	}
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	static struct parsed p;
	char source[128];

	p.o.guest = (struct record_guest){
		.append = "", .memory_mib = 512, .vcpus = 1,
		.filter_pages = 256, .symbols = true,
		.command = p.o.command, .with = p.o.with,
	};
	cmd_parse(cmd, argc, argv, &p);
	make_source(&p.o, source);
	return p.o.kind->run(&p.o, source);
}

const struct cmd cmd_record = {
	.name = "record",
	.help = "record a command's page tables or what it asks of a kernel",
	.argp = &argp,
	.run = run,
};
