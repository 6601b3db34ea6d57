/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A key-value store that saves itself: fork, the child reads everything, the
 * parent goes on serving writes and pays for copies.
 */
#include "sim/work_int.h"

enum { PAGES, SNAPSHOTS, WRITES };

static void serve(struct sim_work_run *r, struct sim_proc *p, uint64_t n)
{
	for (uint64_t i = 0; i < n && !work_failed(r); i++) {
		uint64_t page = work_below(r, r->value[PAGES]);

		work_touch(r, p, WORK_HEAP + page * WORK_PAGE,
			   i % 10 == 0 ? SIM_F_WRITE : 0);
	}
}

static void save(struct sim_work_run *r, struct sim_proc *p)
{
	struct sim_proc *child = sim_kern_fork(r->k, p);
	uint64_t pages = r->value[PAGES], slices = 16;

	/* The two take turns, as the scheduler would let them. */
	for (uint64_t s = 0; child && s < slices && !work_failed(r); s++) {
		sim_kern_run(r->k, child);
		for (uint64_t i = pages * s / slices;
		     i < pages * (s + 1) / slices; i++) {
			work_touch(r, child, WORK_HEAP + i * WORK_PAGE, 0);
		}
		sim_kern_run(r->k, p);
		serve(r, p, r->value[WRITES] * 10 / slices);
	}
	if (child) {
		sim_kern_run(r->k, child);
		work_reap(r, child, p);
	}
}

static void run(struct sim_work_run *r)
{
	struct sim_kern_file *files[SIM_PROGRAM_FILES_MAX];
	struct sim_proc *p = work_proc(r, files, r->value[PAGES]);

	if (!p) {
		return;
	}
	work_fill(r, p, WORK_HEAP, r->value[PAGES]);
	sim_kern_marker(r->k, 2);
	for (uint64_t i = 0; i < r->value[SNAPSHOTS] && !work_failed(r); i++) {
		save(r, p);
		serve(r, p, r->value[WRITES] * 10);
	}
	sim_kern_marker(r->k, 3);
}

const struct sim_work sim_work_snapshot = {
	.name = "snapshot",
	.help = "key-value store that forks to save itself",
	.params = {
		{ "pages", "pages of data", 8192, 16, 1u << 24 },
		{ "snapshots", "saves", 3, 1, 10000 },
		{ "writes", "pages written during and after each", 2000, 0,
		  100000000 },
	},
	.run = run,
};
