/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cmds.h"
#include "cli/table.h"
#include "cli/term.h"
#include "record/files.h"
#include "record/filter.h"
#include "record/guest.h"
#include "record/initramfs.h"
#include "sim/judge.h"

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
	KEY_APPEND,
	KEY_TIMEOUT,
	KEY_VERBOSE,
	KEY_NO_VERIFY,
	KEY_NO_SYMBOLS,
	PATH_BYTES = 4096,
	COMMAND_MAX = 4096,
	WITH_MAX = 256,
};

struct record_opts {
	struct record_guest guest;
	bool has_kind;
	bool no_verify;
	size_t words;
	char *command[COMMAND_MAX + 1];
	const char *with[WITH_MAX];
};

static const struct argp_option options[] = {
	{ "output", 'o', "FILE", 0, "the recording to write", 0 },
	{ "memory", KEY_MEMORY, "MIB", 0, "the guest's RAM (default 512)", 0 },
	{ "vcpus", KEY_VCPUS, "N", 0, "virtual processors (default 1)", 0 },
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
	  "the guest's kernel (default: the newest /boot/vmlinuz-*)", 0 },
	{ "modules", KEY_MODULES, "DIR", 0,
	  "its modules (default: /lib/modules/VERSION)", 0 },
	{ "busybox", KEY_BUSYBOX, "FILE", 0, "a static busybox", 0 },
	{ "qemu", KEY_QEMU, "FILE", 0, "qemu-system-x86_64, 7.2", 0 },
	{ "append", KEY_APPEND, "TEXT", 0, "more kernel parameters", 0 },
	{ "timeout", KEY_TIMEOUT, "SECONDS", 0,
	  "stop the guest after that time", 0 },
	{ "no-verify", KEY_NO_VERIFY, NULL, 0,
	  "do not judge the recording afterwards", 0 },
	{ "no-symbols", KEY_NO_SYMBOLS, NULL, 0,
	  "leave out the names of kernel functions; starts sooner", 0 },
	{ "verbose", KEY_VERBOSE, NULL, 0,
	  "show all that the guest's console says", 0 },
	{ 0 },
};

static void take_word(struct record_opts *o, char *arg)
{
	if (!o->has_kind) {
		if (strcmp(arg, "guest") != 0) {
			cmd_usage("can record a guest, not '%s'", arg);
		}
		o->has_kind = true;
		return;
	}
	if (o->words == COMMAND_MAX) {
		cmd_usage("the command has more than %d words", COMMAND_MAX);
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

	if (arg[0] != '/' || g->with_count == WITH_MAX) {
		cmd_usage("--with takes whole paths, at most %d, not '%s'",
			  WITH_MAX, arg);
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
	case KEY_VERBOSE:
		g->verbose = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void check_line(const struct record_opts *o)
{
	if (!o->has_kind || !o->words || !o->guest.out) {
		cmd_usage("needs 'guest', -o FILE and, behind --, a command");
	}
	if (o->guest.with_count && !o->guest.deterministic) {
		cmd_usage("--with is for --deterministic guests; others see "
			  "all files");
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct record_opts *o = state->input;

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
	case KEY_NO_VERIFY:
		o->no_verify = true;
		return 0;
	case ARGP_KEY_ARG:
		take_word(o, arg);
		return 0;
	case ARGP_KEY_END:
		check_line(o);
		return 0;
	default:
		return parse_guest(key, arg, &o->guest);
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "guest -o FILE -- COMMAND...",
	.doc = "Runs a command in a Linux guest under QEMU and records what "
	       "happens to its page tables. The guest sees this system's "
	       "files; what it writes is thrown away."
	       "\v"
	       "Markers: 1 the recording starts, 2 the command starts, 3 it "
	       "has ended, 9 the guest stops. In the guest, /.gnomon/mark N "
	       "sets another.\n"
	       "Needs qemu-system-x86_64 7.2, a kernel with its modules and "
	       "a static busybox; on Debian 12 the packages qemu-system-x86, "
	       "linux-image-amd64 and busybox-static. No privileges, no KVM.",
};

static bool is_file(const char *path, int how)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	       access(path, how) == 0;
}

/* The recorder's own files lie beside the program or are installed. */
static const char *find_part(const char *built, const char *folder,
			     const char *installed)
{
	char exe[PATH_BYTES], path[PATH_BYTES + 64];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *slash;

	exe[n > 0 ? n : 0] = '\0';
	slash = strrchr(exe, '/');
	if (slash) {
		*slash = '\0';
		snprintf(path, sizeof(path), "%s/%s", exe, built);
		if (is_file(path, R_OK)) {
			return strdup(path);
		}
	}
	snprintf(path, sizeof(path), "%s/%s", folder, installed);
	return is_file(path, R_OK) ? strdup(path) : NULL;
}

/* The newest kernel that can be read and has modules. */
static bool find_kernel(struct record_guest *g)
{
	static char modules[PATH_BYTES];
	glob_t found;

	if (g->kernel && g->modules) {
		return true;
	}
	if (glob(g->kernel ? g->kernel : "/boot/vmlinuz-*", 0, NULL,
		 &found) != 0) {
		return false;
	}
	for (size_t i = found.gl_pathc; i-- > 0;) {
		const char *version = strstr(found.gl_pathv[i], "vmlinuz-");

		if (!version || !is_file(found.gl_pathv[i], R_OK)) {
			continue;
		}
		snprintf(modules, sizeof(modules), "/lib/modules/%s",
			 version + strlen("vmlinuz-"));
		if (g->modules || initramfs_has_modules(modules)) {
			g->kernel = strdup(found.gl_pathv[i]);
			g->modules = g->modules ? g->modules : modules;
			break;
		}
	}
	globfree(&found);
	return g->kernel && g->modules;
}

/* Its first line of --version; only 7.2 is known to show registers. */
static bool qemu_fits(const char *qemu, char *version, size_t bytes)
{
	char command[PATH_BYTES + 32];
	FILE *f;

	if (strchr(qemu, '\'')) {
		return false;
	}
	snprintf(command, sizeof(command), "'%s' --version", qemu);
	f = popen(command, "r");
	version[0] = '\0';
	if (f) {
		if (!fgets(version, (int)bytes, f)) {
			version[0] = '\0';
		}
		pclose(f);
	}
	version[strcspn(version, "(\n")] = '\0';
	return strncmp(version, "QEMU emulator version 7.2.",
		       strlen("QEMU emulator version 7.2.")) == 0;
}

/* Finds what is needed; false after naming what is missing. */
static bool find_parts(struct record_guest *g)
{
	char version[128];

	g->plugin = find_part(".libs/gnomon-record.so", PKGLIBDIR,
			      "gnomon-record.so");
	g->mark = find_part("gnomon-mark", PKGLIBEXECDIR, "gnomon-mark");
	if (!g->plugin || !g->mark) {
		cmd_error("recorder", "was not built; configure with shared "
			  "libraries on x86-64 and build again");
		return false;
	}
	g->qemu = g->qemu ? g->qemu : record_find_program("qemu-system-x86_64");
	if (!g->qemu || !is_file(g->qemu, X_OK)) {
		cmd_error(g->qemu ? g->qemu : "qemu-system-x86_64", "is "
			  "missing; install qemu-system-x86 or name it with "
			  "--qemu");
		return false;
	}
	if (!qemu_fits(g->qemu, version, sizeof(version))) {
		cmd_error(g->qemu, "is '%s'; the recorder needs 7.2, name one "
			  "with --qemu", version);
		return false;
	}
	setenv("GNOMON_RECORD_TOOL", version + strlen("QEMU emulator "), 1);
	g->busybox = g->busybox ? g->busybox : record_find_program("busybox");
	if (!g->busybox || !is_file(g->busybox, R_OK)) {
		cmd_error(g->busybox ? g->busybox : "busybox", "is missing; "
			  "install busybox-static or name one with --busybox");
		return false;
	}
	if (!find_kernel(g) || !is_file(g->kernel, R_OK) ||
	    !initramfs_has_modules(g->modules)) {
		cmd_error("kernel", "none that can be read, with its modules; "
			  "install linux-image-amd64 or name one with "
			  "--kernel and --modules");
		return false;
	}
	return true;
}

/* What was recorded, for the header: the command on one line. */
static void set_source(const struct record_opts *o)
{
	char text[128] = "";

	for (size_t i = 0; i < o->words; i++) {
		size_t n = strlen(text);

		snprintf(text + n, sizeof(text) - n, "%s%s", i ? " " : "",
			 o->command[i]);
	}
	for (char *c = text; *c; c++) {
		*c = (unsigned char)*c < 0x20 || *c == 0x7f ? ' ' : *c;
	}
	setenv("GNOMON_RECORD_SOURCE", text, 1);
}

static void show_progress(void *arg, uint64_t events)
{
	(void)arg;
	progress_update(events);
}

static int judge(const struct record_opts *o, struct sim_rec_reader *r,
		 const struct sim_rec_summary *s)
{
	struct sim_verdict v;
	struct sim_rec_error err;
	enum sim_rec_status status;

	progress_start("judging", s->event_count);
	status = sim_judge(r, &v, show_progress, NULL, &err);
	progress_end();
	if (status != SIM_REC_OK) {
		return cmd_error_text(err.text);
	}
	printf("judged: %s accesses, %s table stores, %s faults, ",
	       text_count(v.accesses), text_count(v.stores),
	       text_count(v.faults));
	printf("%s final tables: %s violations\n", text_count(v.final_tables),
	       text_count(v.violations));
	if (v.violations) {
		return cmd_error(o->guest.out, "contradicts itself; see "
				 "'gnomon info --verify'");
	}
	return CMD_OK;
}

static int report(const struct record_opts *o,
		  const struct record_guest_result *result)
{
	struct sim_rec_summary s;
	struct sim_rec_reader *r;
	struct sim_rec_error err;
	int status = CMD_OK;

	if (sim_rec_open(&r, o->guest.out, &err) != SIM_REC_OK) {
		return cmd_error_text(err.text);
	}
	if (sim_rec_summary(r, &s) == SIM_REC_OK) {
		double minutes = result->seconds / 60;

		printf("%s: %s events, %s, %.1f s", o->guest.out,
		       text_count(s.event_count), text_bytes(s.file_bytes),
		       result->seconds);
		printf(" (%s per minute)\n", text_bytes((uint64_t)
		       ((double)s.file_bytes / (minutes > 0 ? minutes : 1))));
	}
	if (!o->no_verify) {
		status = judge(o, r, &s);
	}
	sim_rec_close(r);
	if (status == CMD_OK && result->status != 0) {
		status = cmd_error(o->command[0], "ended with status %d in "
				   "the guest; the recording is complete",
				   result->status);
	}
	return status;
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	static struct record_opts o;
	struct record_guest_result result;
	char why[1024] = "";

	o.guest = (struct record_guest){
		.append = "", .memory_mib = 512, .vcpus = 1,
		.filter_pages = 256, .symbols = true, .command = o.command,
		.with = o.with,
	};
	cmd_parse(cmd, argc, argv, &o);
	if (!find_parts(&o.guest)) {
		return CMD_FAILED;
	}
	set_source(&o);
	if (!record_guest_run(&o.guest, &result, why, sizeof(why))) {
		return cmd_error_text(why);
	}
	return report(&o, &result);
}

const struct cmd cmd_record = {
	.name = "record",
	.help = "record a command's page tables in a guest",
	.argp = &argp,
	.run = run,
};
