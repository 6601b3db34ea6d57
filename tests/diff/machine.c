/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * machine [-s SEED] [-n WORLDS] [-o OPS] [-t SECONDS] [-j JOBS] [-a EVERY]
 *         [-M SECONDS] [-A ACCESSES] [-p SECONDS] [-d] [-x KINDS]
 *         [-f FEATURES] [-O OPTIONS]
 *
 * Runs the stored cases, then worlds with consecutive seeds until one fails,
 * WORLDS or ACCESSES are done or SECONDS are over. Without any, a fixed number
 * of worlds, so that a fast machine judges what a slow one does: three times
 * every mask of options. A failing world
 * is minimised for at most -M seconds and printed. -a: operations between two
 * audits. -p: seconds between two lines that say how far it is and how to go
 * on; an interrupt (a second one kills) lets the worlds that have begun end and
 * says so too. -d: one world in this process, for a debugger. To close in on a
 * cause: -x leaves out kinds of operations (bit n: enum op_kind n), -f and -O
 * clear all features or options but these.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/diff/cases.h"
#include "tests/diff/run.h"
#include "tests/support/seed.h"

#define JOBS_MAX 8
#define DEFAULT_WORLDS (3 * (DIFF_MASKS + 4))
#define DEFAULT_SECONDS 90
#define AHEAD 64u		/* worlds that may end before an older one */

struct settings {
	uint64_t seed, worlds, ops, accesses;
	uint64_t begun;		/* worlds */
	unsigned seconds, jobs, audit_every, minimise, progress;
	uint32_t skip, features, options;
	bool debug;
};

struct job {
	pid_t pid;
	uint64_t number;
	struct diff_params p;
	struct diff_verdict *v;
};

/* How far it is: every world before the oldest that runs. */
struct reached {
	const char *program;
	uint64_t worlds, accesses;
	uint64_t ahead[AHEAD];	/* accesses + 1 of those that ended early */
	double next;		/* when to say so */
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Of the worlds that have ended: other load does not count. */
static double cpu_seconds(void)
{
	struct rusage u = { 0 };

	getrusage(RUSAGE_CHILDREN, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static struct diff_params params(const struct settings *s, uint64_t number)
{
	struct diff_params p = diff_params(s->seed + number);

	p.skip = s->skip;
	p.features &= s->features;
	p.options &= s->options;
	p.audit_every = s->audit_every;
	p.scan_every = s->audit_every > 1 ? 2 * s->audit_every + 1 : 1;
	return p;
}

static void start(struct job *job, const struct settings *s, uint64_t number)
{
	job->p = params(s, number);
	job->number = number;
	job->pid = diff_start(&job->p, NULL, s->ops, 0, job->v);
}

/* Wait for one of the jobs; its index. */
static unsigned wait_one(struct job *jobs, unsigned count)
{
	int status = 0;
	pid_t pid;

	do {
		pid = waitpid(-1, &status, 0);
	} while (pid < 0 && errno == EINTR);
	for (unsigned i = 0; i < count; i++) {
		if (jobs[i].pid == pid) {
			diff_ended(jobs[i].v, status);
			jobs[i].pid = 0;
			return i;
		}
	}
	return 0;
}

/* The command for worlds from number on; 0: without that limit. */
static void print_command(FILE *f, const struct settings *s,
			  const char *program, uint64_t number,
			  uint64_t worlds, uint64_t accesses)
{
	fprintf(f, "%s -s %#" PRIx64 " -o %" PRIu64 " -a %u", program,
		s->seed + number, s->ops, s->audit_every);
	if (worlds) {
		fprintf(f, " -n %" PRIu64, worlds);
	}
	if (accesses) {
		fprintf(f, " -A %" PRIu64 " -j %u -p %u", accesses, s->jobs,
			s->progress);
	}
	if (s->skip) {
		fprintf(f, " -x %#x", s->skip);
	}
	if (s->features != UINT32_MAX) {
		fprintf(f, " -f %#x", s->features);
	}
	if (s->options != UINT32_MAX) {
		fprintf(f, " -O %#x", s->options);
	}
	fputc('\n', f);
}

static void report_failure(const struct settings *s, const struct job *job,
			   const char *program)
{
	fprintf(stderr, "seed %#" PRIx64 ", operation %" PRIu64 ": %s\n"
		"repeat: ", job->p.seed, job->v->reached, job->v->why);
	print_command(stderr, s, program, job->number, 1, 0);
	diff_print_params(stderr, &job->p);
	if (s->minimise) {
		diff_minimise(&job->p, job->v->reached, s->minimise,
			      strcmp(job->v->why, "hangs") == 0);
	}
}

static void say_progress(const struct settings *s, struct reached *r,
			 bool last)
{
	uint64_t worlds = s->worlds == UINT64_MAX ? 0 : s->worlds - r->worlds;
	uint64_t left = s->accesses == UINT64_MAX ? 0 :
			r->accesses < s->accesses ? s->accesses - r->accesses :
						    0;

	if (!s->progress || (!last && now() < r->next)) {
		return;
	}
	r->next = now() + s->progress;
	printf("%" PRIu64 " worlds from seed %#" PRIx64 ", %" PRIu64
	       " accesses, %.0f CPU seconds", r->worlds, s->seed, r->accesses,
	       cpu_seconds());
	if (left) {
		printf("; go on: ");
		print_command(stdout, s, r->program, r->worlds, worlds, left);
	} else {
		putchar('\n');
	}
	fflush(stdout);
}

static void ended(struct reached *r, const struct job *job)
{
	r->ahead[job->number % AHEAD] = job->v->sum.accesses + 1;
	for (uint64_t *a; *(a = &r->ahead[r->worlds % AHEAD]); r->worlds++) {
		r->accesses += *a - 1;
		*a = 0;
	}
}

static int debug(const struct settings *s)
{
	struct diff_params p = params(s, 0);
	struct diff_verdict *v = diff_shared();

	diff_run(&p, NULL, s->ops, v);
	printf("%s, operation %" PRIu64 " %s\n", v->ok ? "ok" : "failed",
	       v->reached, v->why);
	return v->ok ? 0 : 1;
}

static bool run_cases(struct diff_counts *sum)
{
	struct diff_verdict *v = diff_shared();
	bool ok = true;

	for (unsigned i = 0; i < diff_case_count; i++) {
		const struct diff_case *c = &diff_cases[i];
		int status = 0;

		waitpid(diff_start(c->params, c->ops, c->count, 0, v),
			&status, 0);
		diff_ended(v, status);
		diff_counts_add(sum, &v->sum);
		if (!v->ok) {
			fprintf(stderr, "case %s, operation %" PRIu64 ": %s\n",
				c->name, v->reached, v->why);
			ok = false;
		}
	}
	return ok;
}

/* May another world begin? */
static bool more(const struct settings *s, const struct reached *r,
		 const struct diff_counts *sum, double end)
{
	return !interrupted && s->begun < s->worlds &&
	       s->begun - r->worlds < AHEAD && sum->accesses < s->accesses &&
	       now() < end;
}

static bool run_worlds(struct settings *s, struct diff_counts *sum,
		       const char *program)
{
	struct reached r = { .program = program };
	struct job jobs[JOBS_MAX] = { 0 };
	unsigned running = 0;
	double end = now() + s->seconds;
	bool ok = true;

	for (unsigned i = 0; i < s->jobs; i++) {
		jobs[i].v = diff_shared();
	}
	for (;;) {
		say_progress(s, &r, false);
		for (unsigned i = 0; ok && i < s->jobs; i++) {
			if (jobs[i].pid == 0 && more(s, &r, sum, end)) {
				start(&jobs[i], s, s->begun++);
				running++;
			}
		}
		if (running == 0) {
			break;
		}
		struct job *job = &jobs[wait_one(jobs, s->jobs)];

		running--;
		diff_counts_add(sum, &job->v->sum);
		if (!job->v->ok && ok) {
			ok = false;
			report_failure(s, job, program);
		}
		ended(&r, job);
	}
	say_progress(s, &r, true);
	return ok;
}

static void print_counts(const struct settings *s, const struct diff_counts *n,
			 double seconds)
{
	printf("worlds %" PRIu64 " from seed %#" PRIx64 "\n", s->begun,
	       s->seed);
	printf("accesses %" PRIu64 " (%.0f per CPU second), operations %" PRIu64
	       ", faults %" PRIu64 "\n"
	       "resumed %" PRIu64 ", injected %" PRIu64 ", emulated %" PRIu64
	       ", mmio %" PRIu64 ", no memory %" PRIu64 "\n"
	       "served by the TLB %" PRIu64 ", judged by history %" PRIu64
	       " (no verdict %" PRIu64 "), leaves scanned %" PRIu64 "\n"
	       "tracked %" PRIu64 ", across pages %" PRIu64 ", untold writes %"
	       PRIu64 ", other formats %" PRIu64 ", mode switches %" PRIu64
	       "\nwritten by the CPU alone %" PRIu64 ", told by the ring %"
	       PRIu64 " and lost to it %" PRIu64
	       "\nslots gone %" PRIu64 ", accesses in SMM %" PRIu64
	       ", below switches %" PRIu64 "\n",
	       n->accesses, (double)n->accesses / seconds, n->ops, n->faults,
	       n->hidden, n->injected, n->emulated, n->mmio, n->nomem,
	       n->stale, n->searches, n->overflows, n->scanned, n->tracked,
	       n->crossed, n->raw, n->formats, n->switched, n->owed,
	       n->ringed, n->lost, n->slots, n->smm, n->below);
}

static bool number(const char *text, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 0);
	return errno == 0 && end != text && *end == 0;
}

static unsigned jobs_of(uint64_t v)
{
	return (unsigned)(v < 1 ? 1 : v > JOBS_MAX ? JOBS_MAX : v);
}

/* What to close in on a cause by. */
static void narrow(struct settings *s, int option, uint32_t bits)
{
	switch (option) {
	case 'x':
		s->skip = bits;
		break;
	case 'f':
		s->features = bits;
		break;
	default:
		s->options = bits;
		break;
	}
}

static bool parse(int argc, char **argv, struct settings *s)
{
	bool worlds_given = false, limit_given = false;
	int c;

	while ((c = getopt(argc, argv, "s:n:o:t:j:a:A:M:p:dx:f:O:")) != -1) {
		uint64_t v = 0;

		if (c == '?' || (optarg && !number(optarg, &v))) {
			return false;
		}
		switch (c) {
		case 's':
			s->seed = v;
			break;
		case 'n':
			s->worlds = v;
			worlds_given = true;
			break;
		case 'o':
			s->ops = v;
			break;
		case 't':
			s->seconds = (unsigned)v;
			limit_given = true;
			break;
		case 'A':
			s->accesses = v;
			s->seconds = UINT_MAX;
			limit_given = true;
			break;
		case 'j':
			s->jobs = jobs_of(v);
			break;
		case 'd':
			s->debug = true;
			break;
		case 'x':
		case 'f':
		case 'O':
			narrow(s, c, (uint32_t)v);
			break;
		case 'p':
			s->progress = (unsigned)v;
			break;
		case 'a':
			s->audit_every = (unsigned)v;
			break;
		default:
			s->minimise = (unsigned)v;
			break;
		}
	}
	if (limit_given && !worlds_given) {
		s->worlds = UINT64_MAX;
	}
	return optind == argc;
}

int main(int argc, char **argv)
{
	struct settings s = {
		.seed = world_mix(test_seed()),
		.worlds = DEFAULT_WORLDS, .ops = 20000,
		.seconds = DEFAULT_SECONDS, .jobs = 1,
		.accesses = UINT64_MAX,
		.audit_every = 127, .minimise = 60,
		.features = UINT32_MAX, .options = UINT32_MAX,
	};
	/* Once: a second interrupt kills. */
	struct sigaction end = { .sa_handler = on_signal,
				 .sa_flags = (int)SA_RESETHAND };
	struct diff_counts sum = { 0 };

	if (!parse(argc, argv, &s)) {
		fprintf(stderr, "usage: %s [-s SEED] [-n WORLDS] [-o OPS] "
			"[-t SECONDS] [-j JOBS] [-a EVERY] [-M SECONDS] "
			"[-A ACCESSES] [-p SECONDS] [-d] [-x KINDS] "
			"[-f FEATURES] [-O OPTIONS]\n", argv[0]);
		return 2;
	}
	if (s.debug) {
		return debug(&s);
	}
	sigaction(SIGINT, &end, NULL);
	sigaction(SIGTERM, &end, NULL);
	bool ok = run_cases(&sum) && run_worlds(&s, &sum, argv[0]);

	print_counts(&s, &sum, cpu_seconds());
	return !ok ? 1 : interrupted ? 130 : 0;
}
