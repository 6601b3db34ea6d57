/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A server with a pool of forked workers; each is replaced after a number of
 * requests.
 */
#include "sim/work_int.h"

enum { WORKERS, REQUESTS, LIFE, PAGES };

struct pool {
	struct sim_proc *master;
	struct sim_proc *worker[64];
	uint64_t served[64];
};

static void start_worker(struct sim_work_run *r, struct pool *s, uint64_t i)
{
	sim_kern_run(r->k, s->master);
	s->worker[i] = sim_kern_fork(r->k, s->master);
	work_touch(r, s->master, WORK_STACK, SIM_F_WRITE);
	s->served[i] = 0;
	if (s->worker[i]) {
		sim_kern_run(r->k, s->worker[i]);
		work_child_start(r, s->worker[i]);
	}
}

static void request(struct sim_work_run *r, struct pool *s, uint64_t i)
{
	struct sim_proc *p = s->worker[i];

	sim_kern_run(r->k, p);
	sim_kern_syscall(r->k, p);	/* accept */
	for (unsigned j = 0; j < 40 && !work_failed(r); j++) {
		uint64_t page = work_below(r, r->value[PAGES]);

		/* Shared data is read, a few pages become private. */
		work_touch(r, p, WORK_HEAP + page * WORK_PAGE,
			   page < 16 ? SIM_F_WRITE : 0);
	}
	sim_kern_syscall(r->k, p);	/* send */
	s->served[i]++;
}

static void run(struct sim_work_run *r)
{
	struct sim_kern_file *files[SIM_PROGRAM_FILES_MAX];
	struct pool s = { .master = work_proc(r, files, r->value[PAGES]) };
	uint64_t n = r->value[WORKERS];

	if (!s.master) {
		return;
	}
	work_fill(r, s.master, WORK_HEAP, r->value[PAGES]);
	for (uint64_t i = 0; i < n && !work_failed(r); i++) {
		start_worker(r, &s, i);
	}
	sim_kern_marker(r->k, 2);
	for (uint64_t i = 0; i < r->value[REQUESTS] && !work_failed(r); i++) {
		uint64_t w = work_below(r, n);

		request(r, &s, w);
		if (s.served[w] == r->value[LIFE]) {
			work_reap(r, s.worker[w], s.master);
			start_worker(r, &s, w);
		}
	}
	sim_kern_marker(r->k, 3);
}

const struct sim_work sim_work_prefork = {
	.name = "prefork",
	.help = "server with forked workers",
	.params = {
		{ "workers", "processes", 8, 1, 64 },
		{ "requests", "requests in all", 3000, 1, 100000000 },
		{ "life", "requests before a worker is replaced", 100, 1,
		  1000000 },
		{ "pages", "pages the master has", 512, 32, 1u << 22 },
	},
	.run = run,
};
