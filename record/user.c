/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/user.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "record/clock.h"
#include "record/stop.h"
#include "record/user_exec.h"
#include "record/user_take.h"

enum {
	PATH_BYTES = 4096,
	BATCH = 1 << 15,
	ZSTD_LEVEL = 1,
	GRACE = 5,		/* seconds from SIGTERM to SIGKILL */
	PATIENCE = 3,		/* seconds for a place that stays open */
	REST_MIN = 1000,	/* microseconds */
	REST_MAX = 8000,
};

struct session {
	const struct record_user *u;
	struct record_user_result *result;
	struct take take;
	struct ring *ring;
	char path[64];		/* of the ring */
	struct user_exec_plan plan;
	double begin;
	double asked;		/* to end; 0: not yet */
};

/* ---- the ring ----------------------------------------------------------- */

/* A file without a name: it ends with us, however we end. */
static bool make_ring(struct session *s)
{
	int fd = memfd_create("gnomon-ring", MFD_CLOEXEC);

	if (fd < 0 || posix_fallocate(fd, 0, sizeof(*s->ring))) {
		return false;
	}
	s->ring = mmap(NULL, sizeof(*s->ring), PROT_READ | PROT_WRITE,
		       MAP_SHARED, fd, 0);
	if (s->ring == MAP_FAILED) {
		s->ring = NULL;
		return false;
	}
	s->ring->magic = RING_MAGIC;
	s->ring->owner = getpid();
	s->ring->epoch = 1;
	snprintf(s->path, sizeof(s->path), "/proc/%ld/fd/%d", (long)getpid(),
		 fd);
	return true;
}

/* ---- the command -------------------------------------------------------- */

/* As many CPUs of those that we have: with one, the order of events is the
 * order in which the kernel let the processes run. */
static void choose_cpus(unsigned int count)
{
	cpu_set_t have, want;

	CPU_ZERO(&want);
	if (sched_getaffinity(0, sizeof(have), &have)) {
		return;
	}
	for (size_t i = CPU_SETSIZE; i-- > 0 && count;) {
		if (CPU_ISSET(i, &have)) {
			CPU_SET(i, &want);
			count--;
		}
	}
	(void)sched_setaffinity(0, sizeof(want), &want);
}

static pid_t start(const struct session *s)
{
	const struct record_user *u = s->u;
	char plugin[2 * PATH_BYTES];
	pid_t pid;

	snprintf(plugin, sizeof(plugin), "%s,ring=%s,filter=%u,switches=%d",
		 u->plugin, s->path, u->filter_pages, u->vcpus == 1);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		stop_default();
		/* If we are killed, it ends too. */
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		choose_cpus(u->vcpus);
		user_exec(&s->plan, u->qemu, plugin, u->command, environ);
		_exit(127);
	}
	return pid;
}

/* ---- the recording ------------------------------------------------------ */

static bool create(struct session *s, char *why, size_t why_bytes)
{
	const struct record_user *u = s->u;
	struct sim_rec_info info = {
		.kind = SIM_REC_PROCESS, .levels = 4, .pae = true,
		.maxphyaddr = 40, .vcpus = u->vcpus,
	};
	/* The recorder is to take less time than the program. */
	struct sim_rec_options opts = { .zstd_level = ZSTD_LEVEL };
	struct sim_rec_error err;
	char pages[32];

	snprintf(info.source, sizeof(info.source), "%s", u->source);
	snprintf(info.tool, sizeof(info.tool), "gnomon record user (%s)",
		 u->tool);
	snprintf(pages, sizeof(pages), "%u", u->filter_pages);
	sim_rec_meta_set(&info, "filter", pages);
	sim_rec_meta_set(&info, "fetches", "one per page and block, filtered");
	sim_rec_meta_set(&info, "privilege", "user accesses only");
	sim_rec_meta_set(&info, "layout", "that of QEMU's user mode");
	if (sim_rec_create(&s->take.out, u->out, &info, &opts, &err) !=
	    SIM_REC_OK) {
		snprintf(why, why_bytes, "%s", err.text);
		return false;
	}
	s->take.vcpus = u->vcpus;
	return true;
}

static void show(struct session *s, double *last)
{
	double at = record_now();

	if (s->u->progress && at - *last >= 0.2) {
		*last = at;
		s->u->progress(sim_rec_written_bytes(s->take.out),
			       at - s->begin);
	}
}

/* A signal or the time limit: ask the command to end, then make it. */
static void end_early(struct session *s, pid_t pid)
{
	struct record_user_result *r = s->result;
	double at = record_now();
	bool late = s->u->timeout_seconds &&
		    at - s->begin > s->u->timeout_seconds;

	if ((stop_signal() && !r->signal) || (late && r->in_time)) {
		r->signal = stop_signal();
		r->in_time = !late;
		s->asked = at;
		kill(pid, SIGTERM);
	} else if (s->asked > 0 && at - s->asked > GRACE) {
		kill(pid, SIGKILL);
	}
}

/* As a shell tells it. */
static uint64_t status_of(int status)
{
	return WIFSIGNALED(status) ? 128u + (unsigned)WTERMSIG(status) :
				     (unsigned)WEXITSTATUS(status);
}

/* Empties the ring until the command has ended and nothing is left. */
static void drain(struct session *s, pid_t pid)
{
	double last_shown = 0, last_taken = record_now();
	unsigned rest = REST_MIN;
	bool running = true;

	for (;;) {
		bool late = record_now() - last_taken > PATIENCE;
		uint64_t taken = take_ring(&s->take, s->ring, BATCH, late);

		show(s, &last_shown);
		if (s->take.status != SIM_REC_OK) {
			break;
		}
		if (running) {
			end_early(s, pid);
		}
		if (running && waitpid(pid, &s->result->status, WNOHANG) ==
			       pid) {
			running = false;
			continue;	/* what it said last */
		}
		if (taken) {
			last_taken = record_now();
			rest = REST_MIN;
			continue;
		}
		if (!running && (late || atomic_load(&s->ring->head) ==
				 atomic_load(&s->ring->tail))) {
			take_end(&s->take, (uint32_t)pid,
				 status_of(s->result->status));
			return;
		}
		/* Most programs are silent most of the time. */
		usleep(rest);
		rest = rest < REST_MAX ? 2 * rest : rest;
	}
	/* It cannot be written: let the command end by itself, unseen. */
	atomic_store(&s->ring->stop, 1);
	while (running && waitpid(pid, &s->result->status, 0) < 0 &&
	       errno == EINTR) {
	}
}

static bool finish(struct session *s, char *why, size_t why_bytes)
{
	struct take *t = &s->take;
	struct sim_rec_error err;

	take_marker(t, 3);
	take_note(t, "accesses-dropped", t->dropped);
	if (t->escaped) {
		take_note(t, "programs-unseen", t->escaped);
	}
	if (t->lost) {
		take_note(t, "records-lost", t->lost);
	}
	s->result->processes = t->processes;
	s->result->escaped = t->escaped;
	s->result->lost = t->lost;
	if (t->status != SIM_REC_OK) {
		snprintf(why, why_bytes, "%s", t->status == SIM_REC_NOMEM ?
			 "out of memory; record less" :
			 sim_rec_writer_error(t->out)->text);
		sim_rec_abort(t->out);
		return false;
	}
	if (t->processes == 0) {
		snprintf(why, why_bytes, "%s did not start under %s; its own "
			 "words are above", s->u->command[0], s->u->qemu);
		sim_rec_abort(t->out);
		return false;
	}
	if (sim_rec_commit(t->out, &err) != SIM_REC_OK) {
		snprintf(why, why_bytes, "%s", err.text);
		return false;
	}
	return true;
}

static bool run(struct session *s, char *why, size_t why_bytes)
{
	pid_t pid;

	take_marker(&s->take, 2);
	s->begin = record_now();
	pid = start(s);
	if (pid < 0) {
		snprintf(why, why_bytes, "cannot start a program: %s; close "
			 "other programs and try again", strerror(errno));
		sim_rec_abort(s->take.out);
		return false;
	}
	drain(s, pid);
	/* What it leaves behind goes on, unseen. */
	atomic_store(&s->ring->stop, 1);
	s->result->seconds = record_now() - s->begin;
	return finish(s, why, why_bytes);
}

bool record_user_run(const struct record_user *u,
		     struct record_user_result *result, char *why,
		     size_t why_bytes)
{
	static struct session s;
	bool good = false;

	*result = (struct record_user_result){ .in_time = true };
	s = (struct session){ .u = u, .result = result };
	if (user_exec_is_privileged(u->command[0])) {
		snprintf(why, why_bytes, "%s: runs with another user's rights, "
			 "which the emulator cannot give; record as that "
			 "user", u->command[0]);
		return false;
	}
	if (user_exec_plan(u->command[0], &s.plan) != USER_EXEC_OURS) {
		snprintf(why, why_bytes, "%s: is no program or script that "
			 "qemu-x86_64 can run; try another", u->command[0]);
		return false;
	}
	stop_watch();
	if (!make_ring(&s)) {
		snprintf(why, why_bytes, "out of memory; close other "
			 "programs and try again");
	} else {
		good = create(&s, why, why_bytes) && run(&s, why, why_bytes);
	}
	if (s.ring) {
		munmap(s.ring, sizeof(*s.ring));
	}
	take_free(&s.take);
	stop_default();
	return good;
}
