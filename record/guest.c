/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "record/files.h"
#include "record/guest_console.h"
#include "record/initramfs.h"
#include "record/stop.h"

enum {
	PATH_BYTES = 4096,
	ARGS_MAX = 64,
};

#define MOUNTS \
	"#!/bin/busybox sh\n" \
	"b=/bin/busybox\n" \
	"$b mount -t proc proc /proc\n" \
	"$b mount -t sysfs sys /sys\n" \
	"$b mount -t devtmpfs dev /dev\n"
#define END \
	"s=$?\n" \
	"/.gnomon/mark 9\n" \
	"echo\n" \
	"echo \"" SAYS_STATUS "$s\"\n" \
	"$b poweroff -f\n"

/* With the host's files below an overlay. */
static const char init_host[] =
	MOUNTS
	"problem() {\n"
	"	echo \"" SAYS_PROBLEM "$1\"\n"
	"	$b poweroff -f\n"
	"}\n"
	"for m in /*.ko; do\n"
	"	[ ! -e $m ] || $b insmod $m || problem \"cannot load $m\"\n"
	"done\n"
	"$b mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=262144 "
	"host /host || problem 'cannot mount the host file system'\n"
	"$b mount -t tmpfs tmp /tmp\n"
	"$b mkdir /tmp/up /tmp/work\n"
	"$b mount -t overlay -o lowerdir=/host,upperdir=/tmp/up,"
	"workdir=/tmp/work over /new || problem 'cannot mount the overlay'\n"
	"$b mkdir -p /new/.gnomon /new/proc /new/sys /new/dev\n"
	"$b cp /bin/busybox /.gnomon/* /new/.gnomon/\n"
	"$b mount -t proc proc /new/proc\n"
	"$b mount -t sysfs sys /new/sys\n"
	"$b mount -t devtmpfs dev /new/dev\n"
	"echo " SAYS_BEGIN "\n"
	"[ ! -e /.gnomon/symbols ] || /.gnomon/mark symbols\n"
	"/.gnomon/mark 1\n"
	"$b chroot /new /.gnomon/busybox sh /.gnomon/run </dev/null\n"
	END;

/*
 * With files in memory alone: what the host's file system answers takes the
 * host's time, and that would show in the guest.
 */
static const char init_alone[] =
	MOUNTS
	"echo " SAYS_BEGIN "\n"
	"[ ! -e /.gnomon/symbols ] || /.gnomon/mark symbols\n"
	"/.gnomon/mark 1\n"
	"$b sh /.gnomon/run </dev/null\n"
	END;

/* Quotes for a shell. */
static void put_quoted(FILE *f, const char *s)
{
	putc('\'', f);
	for (; *s; s++) {
		fputs(*s == '\'' ? "'\\'" : "", f);
		putc(*s, f);
	}
	putc('\'', f);
}

static void put_variable(FILE *f, const char *name)
{
	const char *value = getenv(name);

	if (value) {
		fprintf(f, "export %s=", name);
		put_quoted(f, value);
		putc('\n', f);
	}
}

/* The script around the command; the caller frees it. */
static char *command_script(const struct record_guest *g, size_t *bytes)
{
	char cwd[PATH_BYTES];
	char *text = NULL;
	FILE *f = open_memstream(&text, bytes);

	if (!f) {
		return NULL;
	}
	put_variable(f, "PATH");
	put_variable(f, "HOME");
	put_variable(f, "LANG");
	fputs("cd ", f);
	put_quoted(f, !g->deterministic && getcwd(cwd, sizeof(cwd)) ? cwd :
								      "/");
	fputs(" || exit 127\n/.gnomon/mark 2\n", f);
	for (size_t i = 0; g->command[i]; i++) {
		put_quoted(f, g->command[i]);
		putc(' ', f);
	}
	fputs("\ns=$?\n/.gnomon/mark 3\nexit $s\n", f);
	fclose(f);
	return text;
}

/* The programs of a deterministic guest, with their libraries. */
static bool put_programs(FILE *f, const struct record_guest *g, char *why,
			 size_t why_bytes)
{
	struct record_files files = { .count = 0 };
	char *program = record_find_program(g->command[0]);
	const char *which = program ? program : g->command[0];
	bool good = program && record_files_add(&files, program);

	for (size_t i = 0; good && i < g->with_count; i++) {
		which = g->with[i];
		good = which[0] == '/' && record_files_add(&files, which);
	}
	good = good && record_files_put(&files, f, &which);
	if (!good) {
		snprintf(why, why_bytes, "%.512s: cannot be taken into the "
			 "guest; name a program or, with its whole path, a "
			 "file that can be read", which);
	}
	record_files_free(&files);
	free(program);
	return good;
}

static bool put_initramfs(FILE *f, const struct record_guest *g, char *why,
			  size_t why_bytes)
{
	static const char *const folders[] = {
		"bin", "dev", "proc", "sys", "tmp", "host", "new", ".gnomon",
	};
	const char *init = g->deterministic ? init_alone : init_host;
	size_t bytes = 0;
	char *script = command_script(g, &bytes);
	bool good = script != NULL;

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		good = good && initramfs_folder(f, folders[i]);
	}
	good = good && initramfs_file(f, "init", 0755, init, strlen(init)) &&
	       initramfs_file(f, ".gnomon/run", 0644, script, bytes) &&
	       (!g->symbols ||
		initramfs_file(f, ".gnomon/symbols", 0644, "", 0));
	free(script);
	snprintf(why, why_bytes, "cannot build the guest's first file "
		 "system: %s; check the free space for temporary files",
		 strerror(errno));
	if (good && !initramfs_copy(f, "bin/busybox", 0755, g->busybox)) {
		snprintf(why, why_bytes, "%s: cannot be copied: %s; name "
			 "another with --busybox", g->busybox,
			 strerror(errno));
		return false;
	}
	return good && initramfs_copy(f, ".gnomon/mark", 0755, g->mark) &&
	       (g->deterministic ? put_programs(f, g, why, why_bytes) :
		initramfs_modules(f, g->modules, why, why_bytes)) &&
	       initramfs_end(f);
}

/* The files of one run, in a folder of their own. */
struct folder {
	char path[PATH_BYTES];
	char ram[PATH_BYTES + 16];
	char initramfs[PATH_BYTES + 16];
};

static bool make_folder(struct folder *d)
{
	const char *bases[] = { getenv("TMPDIR"), "/dev/shm", "/tmp" };

	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		/* QEMU's options cannot hold every name. */
		if (!bases[i] || strlen(bases[i]) > PATH_BYTES - 64 ||
		    strpbrk(bases[i], ",\n")) {
			continue;
		}
		snprintf(d->path, sizeof(d->path), "%s/gnomon-record-XXXXXX",
			 bases[i]);
		if (mkdtemp(d->path)) {
			snprintf(d->ram, sizeof(d->ram), "%s/ram", d->path);
			snprintf(d->initramfs, sizeof(d->initramfs),
				 "%s/initramfs", d->path);
			return true;
		}
	}
	return false;
}

static void remove_folder(const struct folder *d)
{
	unlink(d->ram);
	unlink(d->initramfs);
	rmdir(d->path);
}

static bool fill_folder(const struct folder *d, const struct record_guest *g,
			char *why, size_t why_bytes)
{
	off_t ram_bytes = (off_t)g->memory_mib << 20;
	int fd = open(d->ram, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *f = fopen(d->initramfs, "wb");
	bool good = fd >= 0 && f && ftruncate(fd, ram_bytes) == 0;

	if (!good) {
		snprintf(why, why_bytes, "%s: cannot write: %s; set TMPDIR to "
			 "a folder with free space", d->path, strerror(errno));
	}
	good = good && put_initramfs(f, g, why, why_bytes);
	if (f && fclose(f) != 0) {
		good = false;
	}
	if (fd >= 0) {
		close(fd);
	}
	return good;
}

/* The texts that an argument list points at. */
struct arguments {
	const char *v[ARGS_MAX];
	char plugin[PATH_BYTES];
	char memory[32];
	char backend[PATH_BYTES + 128];
	char append[PATH_BYTES];
	char vcpus[32];
};

static void build_arguments(struct arguments *a, const struct record_guest *g,
			    const struct folder *d)
{
	size_t n = 0;

	snprintf(a->plugin, sizeof(a->plugin), "%s", g->plugin);
	snprintf(a->memory, sizeof(a->memory), "%uM", g->memory_mib);
	snprintf(a->backend, sizeof(a->backend), "memory-backend-file,id=ram,"
		 "size=%uM,mem-path=%s,share=on", g->memory_mib, d->ram);
	snprintf(a->append, sizeof(a->append), "console=ttyS0 quiet "
		 "loglevel=3 panic=-1 %s%s", g->deterministic ?
		 "nokaslr norandmaps random.trust_cpu=off " : "nokaslr ",
		 g->append);
	snprintf(a->vcpus, sizeof(a->vcpus), "%u", g->vcpus);
	const char *const fixed[] = {
		g->qemu, "-nodefaults", "-no-user-config", "-display", "none",
		"-no-reboot", "-nic", "none",
		"-machine", "pc,memory-backend=ram",
		"-accel", "tcg,thread=single",
		"-cpu", "max,-la57,-pku,-rdrand,-rdseed",
		"-m", a->memory, "-object", a->backend, "-smp", a->vcpus,
		"-kernel", g->kernel, "-initrd", d->initramfs,
		"-append", a->append, "-serial", "stdio", "-monitor", "none",
		"-plugin", a->plugin,
	};
	static const char *const host[] = {
		"-virtfs", "local,path=/,mount_tag=host,security_model=none,"
		"readonly=on,multidevs=remap",
	};
	static const char *const alone[] = {
		"-icount", "shift=1,sleep=off",
		"-rtc", "base=2020-01-01,clock=vm",
	};
	const char *const *more = g->deterministic ? alone : host;
	size_t more_count = g->deterministic ? 4 : 2;

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		a->v[n++] = fixed[i];
	}
	for (size_t i = 0; i < more_count; i++) {
		a->v[n++] = more[i];
	}
	a->v[n] = NULL;
}

static void set_environment(const struct record_guest *g,
			    const struct folder *d)
{
	char pages[32];

	snprintf(pages, sizeof(pages), "%u", g->filter_pages);
	setenv("GNOMON_RECORD_OUT", g->out, 1);
	setenv("GNOMON_RECORD_RAM", d->ram, 1);
	setenv("GNOMON_RECORD_FILTER", pages, 1);
	setenv("GNOMON_RECORD_FETCHES", g->fetches ? "1" : "0", 1);
}

/* Starts QEMU with its console on a pipe; -1 if that fails. */
static pid_t start_qemu(const struct arguments *a, int *console)
{
	int pipes[2], null;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC)) {
		return -1;
	}
	pid = fork();
	if (pid == 0) {
		null = open("/dev/null", O_RDONLY | O_CLOEXEC);
		dup2(null, STDIN_FILENO);
		dup2(pipes[1], STDOUT_FILENO);
		stop_default();
		/* The terminal's signals are ours; we end it in order. */
		setpgid(0, 0);
		execv(a->v[0], (char *const *)(uintptr_t)a->v);
		_exit(127);
	}
	close(pipes[1]);
	*console = pipes[0];
	if (pid < 0) {
		close(pipes[0]);
	}
	return pid;
}

static bool judge_end(const struct guest_console *c, int status, bool in_time,
		      char *why, size_t why_bytes)
{
	if (stop_signal() && !c->begun && c->status < 0) {
		snprintf(why, why_bytes, "stopped by signal %d before the "
			 "recording started", stop_signal());
	} else if (stop_signal()) {
		snprintf(why, why_bytes, "stopped by signal %d; what was "
			 "recorded up to there is in %s", stop_signal(),
			 c->g->out);
	} else if (!in_time) {
		snprintf(why, why_bytes, "the guest did not end in time; give "
			 "it more with --timeout");
	} else if (c->problem[0]) {
		snprintf(why, why_bytes, "the guest says: %.300s; try another "
			 "kernel with --kernel and --modules", c->problem);
	} else if (WIFEXITED(status) && WEXITSTATUS(status) != 0) {
		snprintf(why, why_bytes, "%s failed with status %d; its own "
			 "words are above", c->g->qemu, WEXITSTATUS(status));
	} else if (!WIFEXITED(status)) {
		snprintf(why, why_bytes, "%s was ended by signal %d; what was "
			 "recorded is in %s.part-*", c->g->qemu,
			 WTERMSIG(status), c->g->out);
	} else if (c->status < 0) {
		snprintf(why, why_bytes, "the guest stopped before the "
			 "command ended, for the reason above or one that its "
			 "console tells; see that with --verbose");
	} else {
		return true;
	}
	return false;
}

static bool run(const struct record_guest *g, const struct folder *d,
		struct record_guest_result *result, char *why,
		size_t why_bytes)
{
	static struct arguments a;
	static struct guest_console c;
	int console, status = 0;
	bool in_time;
	pid_t pid;

	build_arguments(&a, g, d);
	set_environment(g, d);
	c = (struct guest_console){ .g = g, .status = -1 };
	fflush(NULL);
	pid = start_qemu(&a, &console);
	if (pid < 0) {
		snprintf(why, why_bytes, "cannot start a program: %s; close "
			 "other programs and try again", strerror(errno));
		return false;
	}
	c.fd = console;
	c.pid = pid;
	in_time = guest_console_watch(&c, g->timeout_seconds);
	if (!in_time || stop_signal()) {
		/* It writes what it has, and ends. */
		kill(pid, SIGTERM);
	}
	close(console);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
	}
	result->seconds = guest_console_seconds(&c);
	result->status = c.status;
	return judge_end(&c, status, in_time, why, why_bytes);
}

/* Before the guest takes its time. */
static bool can_create(const char *path, char *why, size_t why_bytes)
{
	char folder[PATH_BYTES];
	const char *slash = strrchr(path, '/');
	struct stat st;

	snprintf(folder, sizeof(folder), "%.*s",
		 slash > path ? (int)(slash - path) : 1,
		 slash ? path : ".");
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		snprintf(why, why_bytes, "%s: is not a regular file; name a "
			 "file to create", path);
		return false;
	}
	if (access(folder, W_OK | X_OK)) {
		snprintf(why, why_bytes, "%s: cannot create: %s; name a file "
			 "in a folder that can be written", path,
			 strerror(errno));
		return false;
	}
	return true;
}

bool record_guest_run(const struct record_guest *g,
		      struct record_guest_result *result, char *why,
		      size_t why_bytes)
{
	struct folder d;
	bool good;

	*result = (struct record_guest_result){ .status = -1 };
	if (!can_create(g->out, why, why_bytes)) {
		return false;
	}
	if (!make_folder(&d)) {
		snprintf(why, why_bytes, "no folder for temporary files; set "
			 "TMPDIR to one that can be written");
		return false;
	}
	stop_watch();
	good = fill_folder(&d, g, why, why_bytes) &&
	       run(g, &d, result, why, why_bytes);
	remove_folder(&d);
	stop_default();
	return good;
}
