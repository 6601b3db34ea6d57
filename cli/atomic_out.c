/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/atomic_out.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "sim/rec.h"

enum {
	OPEN_MAX_FILES = 32,
};

/* Names of the unfinished files, for the signal handler. */
static char *_Atomic unfinished[OPEN_MAX_FILES];

void atomic_abort_all(void)
{
	for (int i = 0; i < OPEN_MAX_FILES; i++) {
		char *part = atomic_load(&unfinished[i]);
		if (part) {
			unlink(part);
		}
	}
}

static void on_end(int sig)
{
	atomic_abort_all();
	signal(sig, SIG_DFL);
	raise(sig);
}

static void watch_signals(void)
{
	static const int sigs[] = { SIGINT, SIGTERM, SIGHUP };

	for (size_t i = 0; i < sizeof(sigs) / sizeof(*sigs); i++) {
		struct sigaction old;
		if (!sigaction(sigs[i], NULL, &old) &&
		    old.sa_handler == SIG_DFL) {
			signal(sigs[i], on_end);
		}
	}
}

static void remember(char *part)
{
	for (int i = 0; i < OPEN_MAX_FILES; i++) {
		char *none = NULL;
		if (atomic_compare_exchange_strong(&unfinished[i], &none,
						   part)) {
			return;
		}
	}
}

static void forget(char *part)
{
	for (int i = 0; i < OPEN_MAX_FILES; i++) {
		char *old = part;
		if (atomic_compare_exchange_strong(&unfinished[i], &old,
						   NULL)) {
			return;
		}
	}
}

/* dir/.name.part-PID: hidden, and unique among running programs. */
static char *part_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	int dir = slash ? (int)(slash - path) + 1 : 0;
	char *part;

	if (asprintf(&part, "%.*s.part-%ld-%s", dir, path, (long)getpid(),
		     path + dir) < 0) {
		return NULL;
	}
	return part;
}

bool atomic_name(struct atomic_out *o, const char *path)
{
	struct stat st;

	*o = (struct atomic_out){ 0 };
	if (!stat(path, &st) && !S_ISREG(st.st_mode)) {
		cmd_error(path, "%s", S_ISDIR(st.st_mode)
					      ? "is a folder"
					      : "is not a regular file");
		return false;
	}
	o->path = strdup(path);
	o->part = part_name(path);
	if (!o->path || !o->part) {
		cmd_error(path, "%s", strerror(errno));
		atomic_abort(o);
		return false;
	}
	watch_signals();
	remember(o->part);
	return true;
}

bool atomic_open(struct atomic_out *o, const char *path)
{
	if (!atomic_name(o, path)) {
		return false;
	}
	unlink(o->part);
	int fd = open(o->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd >= 0) {
		o->f = fdopen(fd, "w");
	}
	if (!o->f) {
		cmd_error(path, "cannot be written: %s", strerror(errno));
		if (fd >= 0) {
			close(fd);
		}
		atomic_abort(o);
		return false;
	}
	return true;
}

void atomic_recording(struct atomic_out *o, const char *path)
{
	*o = (struct atomic_out){ .part = sim_rec_part_name(path) };
	if (o->part) {
		watch_signals();
		remember(o->part);
	}
}

static bool sync_path(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0) {
		return false;
	}
	/* Some file systems cannot sync a folder; the rename is atomic. */
	bool ok = !fsync(fd) || errno == EINVAL;
	int saved = errno;
	close(fd);
	errno = saved;
	return ok;
}

static bool flush_stream(struct atomic_out *o)
{
	if (!o->f) {
		return true;
	}
	errno = 0;
	bool failed = ferror(o->f) != 0;
	/* After a failed write the next one says why once more. */
	bool ok = !fflush(o->f) && !failed;
	int saved = errno;
	ok = !fclose(o->f) && ok;
	o->f = NULL;
	errno = saved ? saved : errno;
	return ok;
}

bool atomic_commit(struct atomic_out *o)
{
	char *copy = NULL;
	bool ok = flush_stream(o) && sync_path(o->part, O_RDONLY) &&
		  !rename(o->part, o->path);

	if (ok) {
		copy = strdup(o->path);
		ok = copy && sync_path(dirname(copy), O_RDONLY | O_DIRECTORY);
	}
	if (!ok) {
		cmd_error(o->path, "cannot be written: %s",
			  errno ? strerror(errno) : "write failed");
	}
	free(copy);
	atomic_abort(o);
	return ok;
}

void atomic_abort(struct atomic_out *o)
{
	if (o->f) {
		fclose(o->f);
	}
	if (o->part) {
		unlink(o->part);
		forget(o->part);
	}
	free(o->part);
	free(o->path);
	*o = (struct atomic_out){ 0 };
}

bool atomic_folder(const char *path)
{
	struct stat st;

	if (!mkdir(path, 0777)) {
		return true;
	}
	if (errno == EEXIST && !stat(path, &st) && S_ISDIR(st.st_mode)) {
		return true;
	}
	cmd_error(path, "cannot be made a folder: %s", strerror(errno));
	return false;
}
