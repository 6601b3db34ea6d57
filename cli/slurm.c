/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/slurm.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/atomic_out.h"
#include "cli/cmd.h"
#include "cli/sweep.h"
#include "cli/table.h"
#include "cli/term.h"

enum { TRIES_MAX = 6, ARGS_MAX = 80, TEXT_MAX = 4096, WRAP_MAX = 4 * PATH_MAX };

extern char **environ;
static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	stopped = number;
}

/* Runs args and keeps what it says on its output; its exit status, or -1. */
static int ask(const char *const args[], char *text, size_t bytes)
{
	posix_spawn_file_actions_t actions;
	int pipe_fd[2], status = -1, error;
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	if (pipe(pipe_fd)) {
		return -1;
	}
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pipe_fd[1], 1);
	posix_spawn_file_actions_addclose(&actions, pipe_fd[0]);
	/* It takes the type without const and changes nothing. */
	error = posix_spawnp(&pid, args[0], &actions, NULL,
			     (char *const *)(uintptr_t)args, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(pipe_fd[1]);
	while (!error && n + 1 < bytes &&
	       (got = read(pipe_fd[0], text + n, bytes - 1 - n)) != 0) {
		if (got < 0 && errno != EINTR) {
			break;
		}
		n += got > 0 ? (size_t)got : 0;
	}
	text[n] = '\0';
	close(pipe_fd[0]);
	if (error) {
		errno = error;
		return -1;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
		continue;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* text in single quotes of the shell, appended to out. */
static bool quote(char *out, size_t bytes, const char *text)
{
	size_t n = strlen(out);

	for (const char *t = text; n + 6 < bytes; t++) {
		if (t == text) {
			out[n++] = '\'';
		}
		if (*t == '\'') {
			memcpy(out + n, "'\\''", 4);
			n += 4;
		} else if (*t) {
			out[n++] = *t;
		} else {
			memcpy(out + n, "' ", 3);
			return true;
		}
	}
	return false;
}

/* What each task runs: this very program, by absolute names. */
static bool make_wrap(const struct slurm_opts *o, char wrap[WRAP_MAX])
{
	char self[PATH_MAX], file[PATH_MAX], dir[PATH_MAX], share[64];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0 || !realpath(o->file, file) || !realpath(o->dir, dir)) {
		cmd_error(o->file, "%s", strerror(errno));
		return false;
	}
	self[n] = '\0';
	snprintf(share, sizeof(share), "-j 1 --share $SLURM_ARRAY_TASK_ID/%u",
		 o->tasks);
	strcpy(wrap, "exec ");
	/* Each part leaves room for the words behind it. */
	if (quote(wrap, WRAP_MAX - 8, self) && strcat(wrap, "sweep ") &&
	    quote(wrap, WRAP_MAX - 8, file) && strcat(wrap, "-o ") &&
	    quote(wrap, WRAP_MAX - sizeof(share), dir)) {
		strcat(wrap, share);
		return true;
	}
	cmd_error(o->file, "the paths of program, scenario and folder are too "
		  "long for a job; move them");
	return false;
}

/* The number of the array job, or 0 after printing why there is none. */
static unsigned long submit(const struct slurm_opts *o, const char *wrap)
{
	char array[64], log[PATH_MAX], text[TEXT_MAX];
	const char *args[ARGS_MAX] = { "sbatch", "--parsable", array, log,
				 "--job-name=gnomon" };
	size_t n = 5;
	int status;

	snprintf(array, sizeof(array), "--array=0-%u", o->tasks - 1);
	snprintf(log, sizeof(log), "--output=%s/slurm/%%a.log", o->dir);
	for (size_t i = 0; i < o->extra_count && n + 4 < ARGS_MAX; i++) {
		args[n++] = o->extra[i];
	}
	args[n++] = "--wrap";
	args[n++] = wrap;
	status = ask(args, text, sizeof(text));
	if (status < 0) {
		cmd_error("sbatch", "%s; install Slurm (Debian: slurm-client), "
			  "or leave --slurm out, or see GNU parallel in "
			  "gnomon-sweep(1)", strerror(errno));
		return 0;
	}
	if (status || !isdigit((unsigned char)text[0])) {
		cmd_error("sbatch", "refused the job array (exit status %d)",
			  status);
		return 0;
	}
	return strtoul(text, NULL, 10);
}

/* Is any task of the job still waiting or running? -1: squeue cannot say. */
static int lives(unsigned long job)
{
	char number[32], text[TEXT_MAX];
	const char *args[] = { "squeue", "--noheader", "--jobs", number, NULL };

	snprintf(number, sizeof(number), "%lu", job);
	return ask(args, text, sizeof(text)) ? -1 : text[0] != '\0';
}

/*
 * A controller that is busy or starts anew answers later; one that never does
 * must not keep us for ever: half a minute in all, as the pauses double.
 */
static bool ask_again(unsigned long job, unsigned int tries)
{
	if (tries == TRIES_MAX) {
		cmd_error("squeue", "failed %d times in a row; job %lu may "
			  "still be running ('scancel %lu' ends it); start the "
			  "sweep again when Slurm answers", TRIES_MAX, job,
			  job);
		return false;
	}
	if (tries == 1) {
		cmd_error("squeue", "failed; trying again, %d times at most",
			  TRIES_MAX - 1);
	}
	return true;
}

static void cancel(unsigned long job)
{
	char number[32], text[TEXT_MAX];
	const char *args[] = { "scancel", number, NULL };

	snprintf(number, sizeof(number), "%lu", job);
	ask(args, text, sizeof(text));
}

/* Until the array is done, or nobody can say whether it is. */
static void wait_for(unsigned long job, const struct points *p,
		     const char *dir)
{
	struct timespec pause = { .tv_sec = 1 };
	unsigned int failed = 0;
	bool known = true;
	int alive;

	progress_start("sweeping", p->count);
	while (known && !stopped && (alive = lives(job)) != 0) {
		/* A job that is done may be forgotten by the controller. */
		failed = alive < 0 ? failed + 1 : 0;
		if (alive < 0 && !sweep_missing(p, dir)) {
			break;
		}
		known = !failed || ask_again(job, failed);
		pause.tv_sec = failed ? (time_t)1 << (failed - 1) : 1;
		if (known) {
			nanosleep(&pause, NULL);
		}
		progress_update(p->count - sweep_missing(p, dir));
	}
	progress_end();
}

bool slurm_sweep(const struct slurm_opts *o, const struct points *p,
		 FILE *say)
{
	struct sigaction action = { .sa_handler = on_signal }, old;
	char wrap[WRAP_MAX], logs[PATH_MAX];
	size_t missing = sweep_missing(p, o->dir);
	unsigned long job;

	fprintf(say, "%s points, %s to compute\n", text_count(p->count),
		text_count(missing));
	snprintf(logs, sizeof(logs), "%s/slurm", o->dir);
	if (!missing) {
		return true;
	}
	if (!atomic_folder(logs) || !make_wrap(o, wrap)) {
		return false;
	}
	sigaction(SIGINT, &action, &old);
	job = submit(o, wrap);
	if (job) {
		fprintf(say, "job array %lu of %u tasks\n", job, o->tasks);
		fflush(say);
		wait_for(job, p, o->dir);
	}
	if (job && stopped) {
		cancel(job);
		cmd_error("sweep", "cancelled job %lu; started again it goes "
			  "on", job);
	}
	sigaction(SIGINT, &old, NULL);
	missing = job && !stopped ? sweep_missing(p, o->dir) : 0;
	if (missing) {
		cmd_error(logs, "%s points are missing; the tasks' logs there "
			  "say why", text_count(missing));
	}
	return job && !stopped && !missing;
}
