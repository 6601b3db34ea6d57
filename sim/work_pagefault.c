/* SPDX-License-Identifier: BSD-2-Clause */
/* lmbench's lat_pagefault: touch the pages of a mapped, cached file. */
#include "sim/work_int.h"

enum { PAGES, ROUNDS };

static void run(struct sim_work_run *r)
{
	struct sim_kern_file *files[SIM_PROGRAM_FILES_MAX];
	struct sim_proc *p = work_proc(r, files, 0);
	struct sim_kern_file *file = sim_kern_file(r->k, r->value[PAGES]);
	uint64_t bytes = r->value[PAGES] * WORK_PAGE;

	sim_kern_marker(r->k, 2);
	for (uint64_t i = 0; p && i < r->value[ROUNDS] && !work_failed(r);
	     i++) {
		sim_kern_mmap(r->k, p, WORK_HEAP, bytes, SIM_PROT_R,
			      SIM_KERN_SHARED, file, 0);
		for (uint64_t j = 0; j < r->value[PAGES]; j++) {
			work_touch(r, p, WORK_HEAP + j * WORK_PAGE, 0);
		}
		sim_kern_munmap(r->k, p, WORK_HEAP, bytes);
	}
	sim_kern_marker(r->k, 3);
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
