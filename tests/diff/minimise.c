/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/diff/run.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
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

static void limit_time(unsigned cpu_ms)
{
	struct itimerval t = {
		.it_value = { cpu_ms / 1000, cpu_ms % 1000 * 1000 },
	};

	alarm(HANG_SECONDS);
	if (cpu_ms) {
		setitimer(ITIMER_VIRTUAL, &t, NULL);
	}
}

pid_t diff_start(const struct diff_params *p, const struct op *ops,
		 uint64_t count, unsigned cpu_ms, struct diff_verdict *v)
{
	memset(v, 0, sizeof(*v));
	fflush(NULL);
	pid_t pid = fork();

	if (pid < 0) {
		perror("fork");
		exit(1);
	}
	if (pid == 0) {
		/* The parent ends, and lets this world come to its end. */
		signal(SIGINT, SIG_IGN);
		signal(SIGTERM, SIG_IGN);
		limit_time(cpu_ms);
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
			 WTERMSIG(status) == SIGALRM ||
			 WTERMSIG(status) == SIGVTALRM ? "hangs" :
			 strsignal(WTERMSIG(status)));
	} else {
		snprintf(v->why, sizeof(v->why), "exit status %d",
			 WEXITSTATUS(status));
	}
}

/* What is being made smaller. */
struct search {
	struct diff_params p;
	struct op *ops;
	uint64_t count;
	time_t until;
	bool hangs;
	struct diff_verdict *v;
};

static bool fails(const struct search *s, const struct op *ops,
		  uint64_t count)
{
	struct diff_verdict *v = s->v;
	int status = 0;

	/* What hangs is to be known soon: no run is as slow as this. */
	waitpid(diff_start(&s->p, ops, count,
			   s->hangs ? 200 + (unsigned)count / 20 : 0, v),
		&status, 0);
	diff_ended(v, status);
	/* A slow run is no failure, unless slowness is what we look for. */
	return !v->ok && (s->hangs || strcmp(v->why, "hangs") != 0);
}

/* The same sentence, whatever the numbers in it. */
static bool same_kind(const char *a, const char *b)
{
	for (;;) {
		a += strspn(a, "0123456789abcdefx");
		b += strspn(b, "0123456789abcdefx");
		if (*a != *b || !*a) {
			return *a == *b;
		}
		a++;
		b++;
	}
}

/* As fails(), and in the same way as why says. */
static bool fails_alike(const struct search *s, const char *why)
{
	return time(NULL) <= s->until && fails(s, s->ops, s->count) &&
	       same_kind(s->v->why, why);
}

/* More than this helps nobody. */
#define PRINT_MOST 200

/* To be pasted into cases.c: the list, its world, its line of the table. */
static void print_case(const struct search *s, const char *why)
{
	uint64_t seed = s->p.seed;

	if (s->count > PRINT_MOST) {
		fprintf(stderr, "still %" PRIu64 " operations (%s): give -M "
			"more seconds\n", s->count, why);
		return;
	}
	fprintf(stderr, "/* %s */\n"
		"static const struct op ops_%" PRIx64 "[] = {\n", why, seed);
	for (uint64_t i = 0; i < s->count; i++) {
		diff_print_op(stderr, &s->ops[i]);
	}
	fprintf(stderr, "};\n\nstatic const struct diff_params "
		"world_%" PRIx64 " = {\n", seed);
	diff_print_params(stderr, &s->p);
	fprintf(stderr, "};\n\n\t{ \"%" PRIx64 "\", &world_%" PRIx64
		", ops_%" PRIx64 ", COUNT(ops_%" PRIx64 ") },\n", seed, seed,
		seed, seed);
}

/* ---- fewer operations ---------------------------------------------------- */

/* Remove pieces, from halves down to single operations. */
static void shrink(struct search *s)
{
	struct op *ops = s->ops;
	struct op *less = malloc((s->count + 1) * sizeof(*less));

	for (uint64_t piece = s->count / 2; piece > 0 && less; piece /= 2) {
		for (uint64_t at = 0; at + piece <= s->count;) {
			if (time(NULL) > s->until) {
				break;
			}
			memcpy(less, ops, at * sizeof(*ops));
			memcpy(less + at, ops + at + piece,
			       (s->count - at - piece) * sizeof(*ops));
			if (!fails(s, less, s->count - piece)) {
				at += piece;
				continue;
			}
			s->count -= piece;
			memcpy(ops, less, s->count * sizeof(*ops));
		}
	}
	free(less);
}

/* ---- a plainer world ----------------------------------------------------- */

/* Take the change over if the failure stays. */
static bool keep(struct search *s, const struct diff_params *plainer,
		 const char *why)
{
	struct diff_params was = s->p;

	if (memcmp(&was, plainer, sizeof(was)) == 0) {
		return false;
	}
	s->p = *plainer;
	if (fails_alike(s, why)) {
		return true;
	}
	s->p = was;
	return false;
}

static void clear_bits(struct search *s, size_t member, const char *why)
{
	struct diff_params p = s->p;
	uint32_t all;

	memcpy(&all, (const char *)&p + member, sizeof(all));
	/* All at once, then one by one. */
	memset((char *)&p + member, 0, sizeof(all));
	if (keep(s, &p, why)) {
		return;
	}
	for (uint32_t bit = 1; bit; bit <<= 1) {
		uint32_t now;

		p = s->p;
		memcpy(&now, (const char *)&p + member, sizeof(now));
		now &= ~bit;
		memcpy((char *)&p + member, &now, sizeof(now));
		keep(s, &p, why);
	}
}

#define TRY(s, why, change) \
	do { \
		struct diff_params p = (s)->p; \
		p.change; \
		keep(s, &p, why); \
	} while (0)

static void plain_world(struct search *s, const char *why)
{
	TRY(s, why, skip = 0);
	TRY(s, why, live_max = 0);
	TRY(s, why, table_pages_max = 0);
	TRY(s, why, big = false);
	TRY(s, why, alias = false);
	TRY(s, why, smm = false);
	TRY(s, why, modes = 0);
	TRY(s, why, mode = GNOMON_MODE_SHADOW);
	TRY(s, why, walks_write = false);
	TRY(s, why, nested_format = 0);
	TRY(s, why, windows = true);
	TRY(s, why, maxphyaddr = 40);
	clear_bits(s, offsetof(struct diff_params, slots_out), why);
	clear_bits(s, offsetof(struct diff_params, options), why);
	clear_bits(s, offsetof(struct diff_params, features), why);
}

/* ---- plainer operations -------------------------------------------------- */

static void plain_value(struct search *s, uint64_t *value, const char *why)
{
	uint64_t was = *value;

	*value = 0;
	if (was == 0 || fails_alike(s, why)) {
		return;
	}
	*value = was;
	for (unsigned byte = 8; byte-- > 0;) {
		was = *value;
		*value &= ~(UINT64_C(255) << 8 * byte);
		if (*value != was && !fails_alike(s, why)) {
			*value = was;
		}
	}
}

static void plain_ops(struct search *s, const char *why)
{
	for (uint64_t i = 0; i < s->count && s->count <= PRINT_MOST; i++) {
		struct op *op = &s->ops[i];
		uint8_t vcpu = op->vcpu;

		op->vcpu = 0;
		if (vcpu && !fails_alike(s, why)) {
			op->vcpu = vcpu;
		}
		plain_value(s, &op->a, why);
		plain_value(s, &op->b, why);
	}
}

/* -------------------------------------------------------------------------- */

static void search(struct search *s)
{
	char why[sizeof(s->v->why)];

	/* Look after each step: the cause is earlier than the effect. */
	s->p.audit_every = s->p.scan_every = !s->hangs;
	if (fails(s, s->ops, s->count) && s->v->reached < s->count) {
		s->count = s->v->reached;
	}
	/* From now on a look at the end will do, most often. */
	s->p.audit_every = s->p.scan_every = 0;
	if (!s->hangs && !fails(s, s->ops, s->count)) {
		s->p.audit_every = s->p.scan_every = 1;
	}
	shrink(s);
	if (!fails(s, s->ops, s->count)) {
		fprintf(stderr, "the failure does not repeat\n");
		return;
	}
	snprintf(why, sizeof(why), "%s", s->v->why);
	plain_world(s, why);
	shrink(s);
	plain_ops(s, why);
	fails(s, s->ops, s->count);
	snprintf(why, sizeof(why), "%s", s->v->why);
	print_case(s, why);
}

void diff_minimise(const struct diff_params *params, uint64_t count,
		   unsigned seconds, bool hangs)
{
	struct search s = {
		.p = *params, .count = count, .hangs = hangs,
		.until = time(NULL) + seconds, .v = diff_shared(),
		.ops = malloc((count + 1) * sizeof(struct op)),
	};

	for (uint64_t i = 0; i < count && s.ops; i++) {
		s.ops[i] = diff_op(params, i);
	}
	if (s.ops) {
		search(&s);
	}
	free(s.ops);
	munmap(s.v, sizeof(*s.v));
}
