/* SPDX-License-Identifier: BSD-2-Clause */
/* Map, write, unmap: what allocators do to page tables. */
#include "sim/work_int.h"

enum { ROUNDS, PAGES, PLACES };

static void once(struct sim_work_run *r, struct work_body *b)
{
	uint64_t bytes = r->value[PAGES] * WORK_PAGE;
	uint64_t at = WORK_HEAP + WORK_PAGE +
		      work_below(r, r->value[PLACES]) * bytes;

	sim_kern_mmap(r->k, b->p, at, bytes, SIM_PROT_R | SIM_PROT_W, 0, NULL,
		      0);
	work_fill(r, b->p, at, r->value[PAGES]);
	sim_kern_munmap(r->k, b->p, at, bytes);
}

static void run(struct sim_work_run *r)
{
	struct work_body b = { 0 };

	b.p = work_proc(r, b.files, 0);
	if (b.p) {
		/* A page that stays, so that the tables do, too. */
		sim_kern_mmap(r->k, b.p, WORK_HEAP, WORK_PAGE,
			      SIM_PROT_R | SIM_PROT_W, 0, NULL, 0);
		work_fill(r, b.p, WORK_HEAP, 1);
	}
	work_repeat(r, &b, r->value[ROUNDS], once);
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
