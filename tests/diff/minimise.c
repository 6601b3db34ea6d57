/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/diff/run.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A run that takes longer than this hangs. */
#define HANG_SECONDS 60

struct diff_verdict *diff_shared(void)
{
	void *p = mmap(NULL, sizeof(struct diff_verdict),
		       PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		       0);

	if (p == MAP_FAILED) {
		abort();
	}
	return p;
}

void diff_run(const struct diff_params *p, const struct op *ops,
	      uint64_t count, struct diff_verdict *v)
{
	struct world *w = world_create(p);

	for (uint64_t i = 0; i < count && !w->failed; i++) {
		struct op op = ops ? ops[i] : diff_op(p, i);

		v->reached = i + 1;
		world_exec(w, &op);
	}
	if (!w->failed) {
		world_check(w);
	}
	v->ok = world_destroy(w, &v->sum, v->why, sizeof(v->why));
	v->done = true;
}

pid_t diff_start(const struct diff_params *p, const struct op *ops,
		 uint64_t count, struct diff_verdict *v)
{
	memset(v, 0, sizeof(*v));
	fflush(NULL);
	pid_t pid = fork();

	if (pid < 0) {
		perror("fork");
		exit(1);
	}
	if (pid == 0) {
		alarm(HANG_SECONDS);
		diff_run(p, ops, count, v);
		_exit(0);
	}
	return pid;
}

void diff_ended(struct diff_verdict *v, int status)
{
	if (v->done) {
		return;
	}
	v->ok = false;
	if (WIFSIGNALED(status)) {
		snprintf(v->why, sizeof(v->why), "%s",
			 WTERMSIG(status) == SIGALRM ? "hangs" :
			 strsignal(WTERMSIG(status)));
	} else {
		snprintf(v->why, sizeof(v->why), "exit status %d",
			 WEXITSTATUS(status));
	}
}

static bool fails(const struct diff_params *p, const struct op *ops,
		  uint64_t count, bool hangs, struct diff_verdict *v)
{
	int status = 0;

	waitpid(diff_start(p, ops, count, v), &status, 0);
	diff_ended(v, status);
	/* A slow run is no failure, unless slowness is what we look for. */
	return !v->ok && (hangs || strcmp(v->why, "hangs") != 0);
}

/* More than this helps nobody. */
#define PRINT_MOST 200

static void print_case(const struct diff_params *p, const struct op *ops,
		       uint64_t count, const char *why)
{
	if (count > PRINT_MOST) {
		fprintf(stderr, "still %" PRIu64 " operations (%s): give -M "
			"more seconds\n", count, why);
		return;
	}
	fprintf(stderr, "/* %s */\n"
		"static const struct op ops_%" PRIx64 "[] = {\n", why,
		p->seed);
	for (uint64_t i = 0; i < count; i++) {
		diff_print_op(stderr, &ops[i]);
	}
	fprintf(stderr, "};\n\nstatic const struct diff_params "
		"world_%" PRIx64 " = {\n", p->seed);
	diff_print_params(stderr, p);
	fprintf(stderr, "};\n");
}

/* Remove pieces, from halves down to single operations. */
static uint64_t shrink(const struct diff_params *p, struct op *ops,
		       uint64_t count, time_t until, bool hangs,
		       struct diff_verdict *v)
{
	struct op *less = malloc((count + 1) * sizeof(*less));

	for (uint64_t piece = count / 2; piece > 0 && less; piece /= 2) {
		for (uint64_t at = 0; at + piece <= count;) {
			if (time(NULL) > until) {
				break;
			}
			memcpy(less, ops, at * sizeof(*ops));
			memcpy(less + at, ops + at + piece,
			       (count - at - piece) * sizeof(*ops));
			if (!fails(p, less, count - piece, hangs, v)) {
				at += piece;
				continue;
			}
			count -= piece;
			if (!v->done || v->reached > count) {
				v->reached = count;
			}
			memcpy(ops, less, count * sizeof(*ops));
		}
	}
	free(less);
	return count;
}

void diff_minimise(const struct diff_params *params, uint64_t count,
		   unsigned seconds, bool hangs)
{
	struct diff_verdict *v = diff_shared();
	time_t until = time(NULL) + seconds;
	struct diff_params p = *params;
	char why[sizeof(v->why)];
	struct op *ops = malloc((count + 1) * sizeof(*ops));

	for (uint64_t i = 0; i < count && ops; i++) {
		ops[i] = diff_op(&p, i);
	}
	/* Look after each step: the cause is earlier than the effect. */
	p.audit_every = p.scan_every = 1;
	if (ops && fails(&p, ops, count, hangs, v)) {
		count = v->reached < count ? v->reached : count;
	}
	/* From now on a look at the end will do, most often. */
	p.audit_every = p.scan_every = 0;
	if (ops && !fails(&p, ops, count, hangs, v)) {
		p.audit_every = p.scan_every = 1;
	}
	count = ops ? shrink(&p, ops, count, until, hangs, v) : 0;
	if (ops && !fails(&p, ops, count, hangs, v)) {
		fprintf(stderr, "the failure does not repeat\n");
	}
	snprintf(why, sizeof(why), "%s", v->why);
	print_case(&p, ops, count, why);
	free(ops);
	munmap(v, sizeof(*v));
}
