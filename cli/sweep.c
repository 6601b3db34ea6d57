/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/sweep.h"

#include <err.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/atomic_out.h"
#include "cli/cmd.h"
#include "cli/code.h"
#include "cli/crash.h"
#include "cli/point_file.h"
#include "cli/table.h"
#include "cli/term.h"
#include "sim/mode.h"
#include "sim/text.h"

enum { PART = 1000, THREADS_MAX = 1024 };

struct pool {
	const struct points *p;
	const char *dir;
	const struct point **todo;
	size_t share, shares;	/* of the places in p->list */
	size_t count;
	_Atomic size_t next;
	_Atomic uint64_t done;	/* in parts of PART per point */
	_Atomic bool failed;
	pthread_mutex_t talk;	/* one message at a time */
};

struct worker {
	struct pool *pool;
	uint64_t part;		/* of the point under way */
};

static bool on_progress(void *ctx, uint64_t done, uint64_t total)
{
	struct worker *w = ctx;
	uint64_t part = total ? (uint64_t)((double)done / (double)total *
					   (PART - 1)) : 0;

	if (part > w->part && part < PART) {
		uint64_t more = part - w->part;
		w->part = part;
		progress_update(atomic_fetch_add(&w->pool->done, more) + more);
	}
	return !atomic_load(&w->pool->failed);
}

static void on_failed(void *ctx, const struct sim_error *error)
{
	(void)ctx;
	crash_report("a run failed", error->text);
}

/* The first failure is reported; the cancelled runs that follow are not. */
static void fail(struct pool *pool, const struct point *pt,
		 const struct sim_error *error)
{
	pthread_mutex_lock(&pool->talk);
	if (!atomic_exchange(&pool->failed, true) && error) {
		char what[PATH_MAX];
		snprintf(what, sizeof(what), "%s, %s, %s, seed %llu",
			 pt->input->name, sim_mode_name(pt->mode), pt->preset,
			 (unsigned long long)pt->seed);
		cmd_error(what, "%s", error->text);
	}
	pthread_mutex_unlock(&pool->talk);
}

/* Runs a point; the caller frees what it gives. NULL: *error says why. */
static struct point_outcome *run_point(struct sim_job job,
				       const struct point *pt,
				       struct sim_error *error)
{
	struct point_outcome *out = calloc(1, sizeof(*out));
	struct sim_epochs epochs = { 0 };

	if (!out) {
		err(CMD_FAILED, "out of memory");
	}
	job.failed = on_failed;
	job.epochs = pt->timeline ? &epochs : NULL;
	bool ok = sim_run(&job, &out->result, error);
	if (ok && pt->timeline &&
	    !series_take(&out->series, &epochs,
			 sim_mode_is(pt->mode, SIM_MF_MIXED))) {
		sim_fail(error, SIM_ERR_NOMEM, "no timeline: out of memory");
		ok = false;
	}
	sim_epochs_free(&epochs);
	if (!ok) {
		free(out);
		return NULL;
	}
	return out;
}

static void compute(struct worker *w, const struct point *pt)
{
	struct pool *pool = w->pool;
	struct sim_job job = point_job(pool->p, pt);
	struct sim_error error = { 0 };

	job.progress = on_progress;
	job.ctx = w;
	w->part = 0;
	struct point_outcome *out = run_point(job, pt, &error);
	if (!out) {
		fail(pool, pt, &error);
	} else if (!point_store(pool->dir, pt, out)) {
		fail(pool, pt, NULL);
	}
	free(out);
	uint64_t more = PART - w->part;
	progress_update(atomic_fetch_add(&pool->done, more) + more);
}

static void *work(void *arg)
{
	struct worker w = { .pool = arg };

	while (!atomic_load(&w.pool->failed)) {
		size_t i = atomic_fetch_add(&w.pool->next, 1);
		if (i >= w.pool->count) {
			break;
		}
		compute(&w, w.pool->todo[i]);
	}
	return NULL;
}

static int by_id(const void *a, const void *b)
{
	const struct point *const *x = a, *const *y = b;
	int c = strcmp((*x)->id, (*y)->id);

	/* Among equals the one that comes first in the scenario. */
	return c ? c : (*x > *y) - (*x < *y);
}

static int by_place(const void *a, const void *b)
{
	const struct point *const *x = a, *const *y = b;

	return (*x > *y) - (*x < *y);
}

/* The points without a result, each once, in the scenario's order. */
static size_t find_todo(struct pool *pool)
{
	const struct points *p = pool->p;
	struct sim_result *r = malloc(sizeof(*r));
	size_t n = 0, kept = 0;

	pool->todo = calloc(p->count + 1, sizeof(*pool->todo));
	if (!r || !pool->todo) {
		err(CMD_FAILED, "out of memory");
	}
	for (size_t i = pool->share; i < p->count; i += pool->shares) {
		if (!point_fetch(pool->dir, &p->list[i], r)) {
			pool->todo[n++] = &p->list[i];
		}
	}
	free(r);
	qsort(pool->todo, n, sizeof(*pool->todo), by_id);
	for (size_t i = 0; i < n; i++) {
		if (!kept || strcmp(pool->todo[kept - 1]->id,
				    pool->todo[i]->id)) {
			pool->todo[kept++] = pool->todo[i];
		}
	}
	qsort(pool->todo, kept, sizeof(*pool->todo), by_place);
	return kept;
}

static void run_threads(struct pool *pool, unsigned int threads)
{
	pthread_t ids[THREADS_MAX];
	unsigned int started = 0;

	while (started < threads && started < pool->count &&
	       !pthread_create(&ids[started], NULL, work, pool)) {
		started++;
	}
	if (!started) {
		work(pool);
	}
	for (unsigned int i = 0; i < started; i++) {
		pthread_join(ids[i], NULL);
	}
}

size_t sweep_missing(const struct points *p, const char *dir)
{
	struct sim_result *r = malloc(sizeof(*r));
	size_t missing = 0;

	if (!r) {
		err(CMD_FAILED, "out of memory");
	}
	for (size_t i = 0; i < p->count; i++) {
		missing += !point_fetch(dir, &p->list[i], r);
	}
	free(r);
	return missing;
}

bool sweep_share(const struct points *p, const char *dir,
		 unsigned int threads, size_t share, size_t count, FILE *say)
{
	struct pool pool = { .p = p, .dir = dir, .share = share,
			     .shares = count,
			     .talk = PTHREAD_MUTEX_INITIALIZER };

	pool.count = find_todo(&pool);
	fprintf(say, "%s points, %s to compute\n", text_count(p->count),
		text_count(pool.count));
	fflush(say);
	progress_start("sweeping", pool.count * PART);
	run_threads(&pool, threads < THREADS_MAX ? threads : THREADS_MAX);
	progress_end();
	free(pool.todo);
	return !pool.failed;
}

static bool is_same_bytes(const char *path, const char *text)
{
	size_t n = strlen(text);
	char *old = malloc(n + 2);
	FILE *f = fopen(path, "r");
	bool same = f && old && fread(old, 1, n + 1, f) == n &&
		    !memcmp(old, text, n);

	if (f) {
		fclose(f);
	}
	free(old);
	return same;
}

static void complain_other(const struct points *p, const char *path)
{
	if (access(path, F_OK)) {
		cmd_error(path, "is not there");
	} else if (strcmp(p->origin, code_origin())) {
		cmd_error(path, "computing it again gives another result: it "
			  "is of gnomon %s, this is %s", p->origin,
			  code_origin());
	} else {
		cmd_error(path, "computing it again gives another result, "
			  "though the code is the same");
	}
}

static bool check_point(const struct points *p, const char *dir,
			const struct point *pt)
{
	struct sim_error error = { 0 };
	struct point_outcome *out = run_point(point_job(p, pt), pt, &error);
	char path[PATH_MAX];
	bool ok = false;

	point_path(dir, pt, path);
	if (!out) {
		cmd_error(path, "%s", error.text);
	} else {
		char *text = point_text(pt, out);
		ok = is_same_bytes(path, text);
		if (!ok) {
			complain_other(p, path);
		}
		free(text);
	}
	free(out);
	return ok;
}

bool sweep_check(const struct points *p, const char *dir, size_t sample,
		 FILE *say)
{
	size_t n = sample && sample < p->count ? sample : p->count;
	size_t good = 0;

	if (strcmp(p->origin, code_origin())) {
		fprintf(say, "computed by gnomon %s, checked by %s\n",
			p->origin, code_origin());
	}
	progress_start("checking", n);
	for (size_t i = 0; i < n; i++) {
		good += check_point(p, dir, &p->list[i * p->count / n]);
		progress_update(i + 1);
	}
	progress_end();
	fprintf(say, "%s of %s points computed again, %s the same\n",
		text_count(n), text_count(p->count), text_count(good));
	return good == n;
}
