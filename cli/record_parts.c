/* SPDX-License-Identifier: BSD-2-Clause */
/* Finding what a recorder needs, and saying what is missing. */
#include "config.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cmds.h"
#include "cli/record.h"
#include "record/files.h"
#include "record/initramfs.h"

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
	char path[RECORD_PATH_BYTES + 64];

	if (cmd_beside(built, path, sizeof(path)) && is_file(path, R_OK)) {
		return strdup(path);
	}
	snprintf(path, sizeof(path), "%s/%s", folder, installed);
	return is_file(path, R_OK) ? strdup(path) : NULL;
}

/* What this machine has not, from a Debian package: its path, for good. */
static char *fetch(const char *what)
{
	const char *script = find_part("vmm/fetcher", PKGLIBEXECDIR "/vmm",
				       "fetch");
	char command[2 * RECORD_PATH_BYTES], path[RECORD_PATH_BYTES] = "";
	FILE *f;

	if (!script || strchr(script, '\'')) {
		return NULL;
	}
	snprintf(command, sizeof(command), "'%s' %s", script, what);
	f = popen(command, "r");
	if (f) {
		if (!fgets(path, sizeof(path), f)) {
			path[0] = '\0';
		}
		pclose(f);
	}
	path[strcspn(path, "\n")] = '\0';
	return path[0] ? strdup(path) : NULL;
}

/* Takes a kernel if it has modules, in lib/modules beside its boot/; a
 * deterministic guest needs none. */
static bool take_kernel(struct record_guest *g, const char *kernel)
{
	static char modules[RECORD_PATH_BYTES];
	const char *version = strstr(kernel, "vmlinuz-");
	const char *boot = strstr(kernel, "/boot/vmlinuz-");

	if (!version || !is_file(kernel, R_OK)) {
		return false;
	}
	snprintf(modules, sizeof(modules), "%.*s/lib/modules/%s",
		 boot ? (int)(boot - kernel) : 0, kernel,
		 version + strlen("vmlinuz-"));
	if (!g->modules && !g->deterministic &&
	    !initramfs_has_modules(modules)) {
		return false;
	}
	g->kernel = strdup(kernel);
	g->modules = g->modules ? g->modules : modules;
	return g->kernel;
}

/* The newest that will do, or else one that is fetched. */
static bool find_kernel(struct record_guest *g)
{
	const char *asked = g->kernel;
	bool good = false;
	glob_t found;

	if (asked && (g->modules || g->deterministic)) {
		return true;
	}
	if (glob(asked ? asked : "/boot/vmlinuz-*", 0, NULL, &found) == 0) {
		for (size_t i = found.gl_pathc; i-- > 0 && !good;) {
			good = take_kernel(g, found.gl_pathv[i]);
		}
		globfree(&found);
	}
	if (!good && !asked && !g->modules) {
		char *kernel = fetch(g->deterministic ? "cloud-kernel" :
							"kernel");

		good = kernel && take_kernel(g, kernel);
		free(kernel);
	}
	return good;
}

struct qemu_kind {
	const char *program, *package;
	const char *first;	/* what its --version begins with */
	const char *needed;
	bool newer;
};

/* Its first line of --version. 7.2 is known to show registers to whoever knows
 * where; from 9.0 on its plugin interface does. */
static bool qemu_fits(const char *qemu, const struct qemu_kind *kind,
		      char *version, size_t bytes)
{
	size_t first = strlen(kind->first);
	char command[RECORD_PATH_BYTES + 32];
	FILE *f;

	version[0] = '\0';
	if (strchr(qemu, '\'')) {
		return false;
	}
	snprintf(command, sizeof(command), "'%s' --version", qemu);
	f = popen(command, "r");
	if (f) {
		if (!fgets(version, (int)bytes, f)) {
			version[0] = '\0';
		}
		pclose(f);
	}
	version[strcspn(version, "(\n")] = '\0';
	return strncmp(version, kind->first, first) == 0 &&
	       (strncmp(version + first, "7.2.", 4) == 0 ||
		(kind->newer && atoi(version + first) >= 9));
}

static const struct qemu_kind system_qemu = {
	"qemu-system-x86_64", "qemu-system-x86", "QEMU emulator version ",
	"7.2, or 9.0 and later", true,
}, user_qemu = {
	/* Later ones are built without plugins where they are static. */
	"qemu-x86_64", "qemu-user", "qemu-x86_64 version ", "7.2", false,
};

/* Is it there, and of the version that the plugins need? Says so if not. */
static bool check_qemu(const char *qemu, const struct qemu_kind *kind,
		       char *version, size_t bytes)
{
	if (!qemu || !is_file(qemu, X_OK)) {
		cmd_error(qemu ? qemu : kind->program, "is missing; install "
			  "%s or name it with --qemu", kind->package);
		return false;
	}
	if (!qemu_fits(qemu, kind, version, bytes)) {
		cmd_error(qemu, "is '%s'; the recorder needs %s, name one "
			  "with --qemu", version, kind->needed);
		return false;
	}
	return true;
}

/* Finds what is needed; false after naming what is missing. */
bool record_find_guest(struct record_guest *g)
{
	char version[128];

	g->plugin = find_part(".libs/gnomon-record.so", PKGLIBDIR,
			      "gnomon-record.so");
	g->mark = find_part("gnomon-mark", PKGLIBEXECDIR, "gnomon-mark");
	if (!g->plugin || !g->mark) {
		cmd_error("recorder", "was not built, or is not in "
			  PKGLIBDIR "; configure with shared libraries on "
			  "x86-64, build and install again");
		return false;
	}
	g->qemu = g->qemu ? g->qemu : record_find_program("qemu-system-x86_64");
	if (!check_qemu(g->qemu, &system_qemu, version, sizeof(version))) {
		return false;
	}
	setenv("GNOMON_RECORD_TOOL", version + strlen("QEMU emulator "), 1);
	g->busybox = g->busybox ? g->busybox : record_find_program("busybox");
	g->busybox = g->busybox ? g->busybox : fetch("busybox");
	if (!g->busybox || !is_file(g->busybox, R_OK)) {
		cmd_error(g->busybox ? g->busybox : "busybox", "is missing; "
			  "install busybox-static or name one with --busybox");
		return false;
	}
	if (!find_kernel(g) || !is_file(g->kernel, R_OK) ||
	    (!g->deterministic && !initramfs_has_modules(g->modules))) {
		cmd_error("kernel", "none that can be read, with its modules; "
			  "install linux-image-amd64 or name one with "
			  "--kernel and --modules");
		return false;
	}
	return true;
}

static bool find_command(struct record_opts *o)
{
	char *path = record_find_program(o->command[0]);

	if (!path) {
		cmd_error(o->command[0], "there is no such program; give its "
			  "path");
		return false;
	}
	o->command[0] = path;
	return true;
}

bool record_find_user(struct record_user *u, struct record_opts *o)
{
	static char version[128];

	u->plugin = find_part(".libs/gnomon-record-user.so", PKGLIBDIR,
			      "gnomon-record-user.so");
	if (!u->plugin) {
		cmd_error("recorder", "was not built, or is not in "
			  PKGLIBDIR "; configure with shared libraries on "
			  "x86-64, build and install again");
		return false;
	}
	if (strpbrk(u->plugin, ",\n")) {
		cmd_error(u->plugin, "QEMU takes no plugin with a comma in "
			  "its name; install gnomon elsewhere");
		return false;
	}
	u->qemu = o->guest.qemu ? o->guest.qemu :
				  record_find_program("qemu-x86_64");
	if (!check_qemu(u->qemu, &user_qemu, version, sizeof(version))) {
		return false;
	}
	u->tool = version;
	return find_command(o);
}

bool record_find_perf(struct record_perf *p, struct record_opts *o)
{
	p->perf = o->perf ? o->perf : record_find_program("perf");
	if (!p->perf || !is_file(p->perf, X_OK)) {
		cmd_error(p->perf ? p->perf : "perf", "is missing; install "
			  "linux-perf or name it with --perf");
		return false;
	}
	return find_command(o);
}
