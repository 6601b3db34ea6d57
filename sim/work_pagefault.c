/* SPDX-License-Identifier: BSD-2-Clause */
/* lmbench's lat_pagefault: touch the pages of a mapped, cached file. */
#include "sim/work_int.h"

enum { PAGES, ROUNDS };

static void once(struct sim_work_run *r, struct work_body *b)
{
	uint64_t bytes = r->value[PAGES] * WORK_PAGE;

	sim_kern_mmap(r->k, b->p, WORK_HEAP, bytes, SIM_PROT_R,
		      SIM_KERN_SHARED, b->own, 0);
	for (uint64_t i = 0; i < r->value[PAGES]; i++) {
		work_touch(r, b->p, WORK_HEAP + i * WORK_PAGE, 0);
	}
	sim_kern_munmap(r->k, b->p, WORK_HEAP, bytes);
}

static void run(struct sim_work_run *r)
{
	struct work_body b = { 0 };

	b.p = work_proc(r, b.files, 0);
	b.own = sim_kern_file(r->k, r->value[PAGES]);
	work_repeat(r, &b, r->value[ROUNDS], once);
}

const struct sim_work sim_work_pagefault = {
	.name = "pagefault",
	.help = "lmbench: touch a mapped file page by page",
	.params = {
		{ "pages", "pages of the file", 1024, 1, 1u << 20 },
		{ "rounds", "times the file is mapped", 10, 1, 1000000 },
	},
	.run = run,
};
