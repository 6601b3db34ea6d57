/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/perf.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "record/clock.h"
#include "record/stop.h"

#define TRACEFS "/sys/kernel/tracing"

enum {
	PATH_BYTES = 4096,
};

/* What must be there; the import says what each is good for. */
static const char *const events[] = {
	"exceptions:page_fault_user", "exceptions:page_fault_kernel",
	"sched:sched_process_exec", "sched:sched_switch",
	"syscalls:sys_enter_mmap", "syscalls:sys_exit_mmap",
	"syscalls:sys_enter_munmap", "syscalls:sys_enter_mprotect",
	"syscalls:sys_exit_brk", "syscalls:sys_enter_mremap",
	"syscalls:sys_exit_mremap", "syscalls:sys_enter_clone",
	"syscalls:sys_enter_clone3", "syscalls:sys_enter_vfork",
};

/* What is asked for where the kernel has it: not each is built with them. */
static const char *const more_events[] = {
	"syscalls:sys_enter_madvise", "syscalls:sys_enter_mlock",
	"syscalls:sys_enter_mlock2", "syscalls:sys_enter_pkey_mprotect",
	"syscalls:sys_enter_shmat",
};

enum {
	EVENTS = sizeof(events) / sizeof(events[0]),
	MORE_EVENTS = sizeof(more_events) / sizeof(more_events[0]),
};

struct session {
	const struct record_perf *p;
	struct record_perf_result *result;
	char folder[PATH_BYTES];
	char data[PATH_BYTES + 16], text[PATH_BYTES + 16];
	char log[PATH_BYTES + 16];
	double begin;
};

/* ---- tracepoints -------------------------------------------------------- */

static bool has_event(const char *name)
{
	const char *colon = strchr(name, ':');
	char path[256];

	snprintf(path, sizeof(path), TRACEFS "/events/%.*s/%s/id",
		 (int)(colon - name), name, colon + 1);
	return access(path, R_OK) == 0;
}

/* The first of our events that this kernel lacks, or null. */
static const char *missing_event(void)
{
	for (unsigned i = 0; i < EVENTS; i++) {
		if (!has_event(events[i])) {
			return events[i];
		}
	}
	return NULL;
}

/* What perf shall look for, with commas between. */
static void list_events(char *to, size_t room)
{
	size_t n = 0;

	for (unsigned i = 0; i < EVENTS + MORE_EVENTS; i++) {
		const char *name = i < EVENTS ? events[i] :
						more_events[i - EVENTS];

		if (i < EVENTS || has_event(name)) {
			n += (size_t)snprintf(to + n, room - n, "%s%s",
					      i ? "," : "", name);
		}
	}
}

/*
 * perf looks for tracepoints in tracefs. Where nobody mounted it we do, for us
 * and our children only.
 */
static bool see_tracepoints(char *why, size_t why_bytes)
{
	const char *missing;

	if (geteuid() != 0) {
		snprintf(why, why_bytes, "perf: tracepoints are root's; run "
			 "as root, or use 'gnomon record user'");
		return false;
	}
	if (access(TRACEFS "/events", R_OK) &&
	    (unshare(CLONE_NEWNS) ||
	     mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	     mount("none", TRACEFS, "tracefs", 0, NULL))) {
		snprintf(why, why_bytes, "perf: no tracefs at %s, and it "
			 "cannot be mounted: %s; use 'gnomon record user'",
			 TRACEFS, strerror(errno));
		return false;
	}
	missing = missing_event();
	if (missing) {
		snprintf(why, why_bytes, "perf: this kernel has no tracepoint "
			 "%s; use 'gnomon record user'", missing);
		return false;
	}
	return true;
}

/* ---- programs ----------------------------------------------------------- */

/* Starts perf; its output goes into the file `out` and its messages into the
 * log, unless `out` is null: then both are the user's to see. */
static pid_t start(const struct session *s, const char *const *v,
		   const char *out)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		int log = open(s->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
		int to = out ? open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600) :
			       -1;

		stop_default();
		if (out) {
			dup2(log, STDERR_FILENO);
			dup2(to, STDOUT_FILENO);
		}
		execv(v[0], (char *const *)(uintptr_t)v);
		_exit(127);
	}
	return pid;
}

static uint64_t bytes_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : (uint64_t)st.st_size;
}

/* Until perf has ended; passes signals and the time limit on. */
static void wait_for(struct session *s, pid_t pid)
{
	struct record_perf_result *r = s->result;
	double last = 0;

	while (waitpid(pid, &r->status, WNOHANG) == 0) {
		double at = record_now();

		if (stop_signal() && !r->signal) {
			r->signal = stop_signal();
			kill(pid, SIGINT);
		}
		if (s->p->timeout_seconds && r->in_time &&
		    at - s->begin > s->p->timeout_seconds) {
			r->in_time = false;
			kill(pid, SIGINT);
		}
		if (s->p->progress && at - last >= 0.2) {
			last = at;
			s->p->progress(bytes_of(s->data), at - s->begin);
		}
		usleep(10000);
	}
}

/* Runs the command under perf until it ends, or is ended. */
static bool record(struct session *s, char *why, size_t why_bytes)
{
	const struct record_perf *p = s->p;
	char list[1024];
	size_t count = 0;
	const char **v;
	pid_t pid;

	list_events(list, sizeof(list));
	while (p->command[count]) {
		count++;
	}
	const char *const head[] = {
		p->perf, "record", "-q", "-c", "1", "-d", "-m", "4M", "-o",
		s->data, "-e", list, "--",
	};

	v = calloc(count + 16, sizeof(*v));
	if (!v) {
		snprintf(why, why_bytes, "out of memory; close other "
			 "programs and try again");
		return false;
	}
	memcpy(v, head, sizeof(head));
	memcpy(v + sizeof(head) / sizeof(head[0]), p->command,
	       count * sizeof(*v));
	s->begin = record_now();
	pid = start(s, v, NULL);
	free(v);
	if (pid < 0) {
		snprintf(why, why_bytes, "cannot start a program: %s; close "
			 "other programs and try again", strerror(errno));
		return false;
	}
	wait_for(s, pid);
	s->result->seconds = record_now() - s->begin;
	if (bytes_of(s->data) == 0) {
		snprintf(why, why_bytes, "perf recorded nothing; its own "
			 "words are above");
		return false;
	}
	return true;
}

static bool print(struct session *s, char *why, size_t why_bytes)
{
	const char *const v[] = {
		s->p->perf, "script", "-i", s->data, "--ns",
		"--show-task-events", "--show-mmap-events",
		"--show-lost-events", "-F", "comm,pid,tid,cpu,time,event,trace",
		NULL,
	};
	pid_t pid = start(s, v, s->text);
	int status = 0;

	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
	}
	if (pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		snprintf(why, why_bytes, "perf script failed; is there space "
			 "left in %s?", s->folder);
		return false;
	}
	return true;
}

static bool convert(struct session *s, char *why, size_t why_bytes)
{
	struct sim_import_options opts = { .source = s->p->source };
	struct sim_rec_error err = { "" };

	if (sim_import(s->text, s->p->out, &opts, &s->result->import, &err) !=
	    SIM_REC_OK) {
		snprintf(why, why_bytes, "%s", err.text);
		return false;
	}
	s->result->lost = s->result->import.lost;
	return true;
}

/* ---- all of it ---------------------------------------------------------- */

static bool make_folder(struct session *s)
{
	const char *base = getenv("TMPDIR");

	snprintf(s->folder, sizeof(s->folder), "%s/gnomon-perf-XXXXXX",
		 base && strlen(base) < PATH_BYTES - 64 ? base : "/tmp");
	if (!mkdtemp(s->folder)) {
		return false;
	}
	snprintf(s->data, sizeof(s->data), "%s/data", s->folder);
	snprintf(s->text, sizeof(s->text), "%s/text", s->folder);
	snprintf(s->log, sizeof(s->log), "%s/log", s->folder);
	return true;
}

bool record_perf_run(const struct record_perf *p,
		     struct record_perf_result *result, char *why,
		     size_t why_bytes)
{
	static struct session s;
	bool good;

	*result = (struct record_perf_result){ .in_time = true };
	s = (struct session){ .p = p, .result = result };
	if (!see_tracepoints(why, why_bytes)) {
		return false;
	}
	if (!make_folder(&s)) {
		snprintf(why, why_bytes, "no folder for temporary files; set "
			 "TMPDIR to one that can be written");
		return false;
	}
	stop_watch();
	good = record(&s, why, why_bytes) && print(&s, why, why_bytes) &&
	       convert(&s, why, why_bytes);
	stop_default();
	unlink(s.data);
	unlink(s.text);
	unlink(s.log);
	rmdir(s.folder);
	return good;
}
