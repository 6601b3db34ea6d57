/* SPDX-License-Identifier: BSD-2-Clause */
/* Map, write, unmap: what allocators do to page tables. */
#include "sim/work_int.h"

enum { ROUNDS, PAGES, PLACES };

static void run(struct sim_work_run *r)
{
	struct sim_kern_file *files[SIM_PROGRAM_FILES_MAX];
	struct sim_proc *p = work_proc(r, files, 0);
	uint64_t bytes = r->value[PAGES] * WORK_PAGE;

	if (p) {
		/* A page that stays, so that the tables do, too. */
		sim_kern_mmap(r->k, p, WORK_HEAP, WORK_PAGE,
			      SIM_PROT_R | SIM_PROT_W, 0, NULL, 0);
		work_fill(r, p, WORK_HEAP, 1);
	}
	sim_kern_marker(r->k, 2);
	for (uint64_t i = 0; p && i < r->value[ROUNDS] && !work_failed(r);
	     i++) {
		uint64_t at = WORK_HEAP + WORK_PAGE +
			      work_below(r, r->value[PLACES]) * bytes;

		sim_kern_mmap(r->k, p, at, bytes, SIM_PROT_R | SIM_PROT_W, 0,
			      NULL, 0);
		work_fill(r, p, at, r->value[PAGES]);
		sim_kern_munmap(r->k, p, at, bytes);
	}
	sim_kern_marker(r->k, 3);
}

const struct sim_work sim_work_churn = {
	.name = "churn",
	.help = "map, write, unmap",
	.params = {
		{ "rounds", "times", 500, 1, 100000000 },
		{ "pages", "pages mapped each time", 32, 1, 1u << 20 },
		{ "places", "addresses it may go to", 64, 1, 1u << 20 },
	},
	.run = run,
};
