/* SPDX-License-Identifier: BSD-2-Clause */
/* Nano benchmark: the kernel rewrites one page-table entry over and over. */
#include "sim/work_int.h"

enum { COUNT, PAGES };

static void run(struct sim_work_run *r)
{
	struct sim_kern_file *files[SIM_PROGRAM_FILES_MAX];
	struct sim_proc *p = work_proc(r, files, r->value[PAGES]);

	if (!p) {
		return;
	}
	work_fill(r, p, WORK_HEAP, r->value[PAGES]);
	sim_kern_marker(r->k, 2);
	sim_kern_ptemod(r->k, p, WORK_HEAP, r->value[PAGES], r->value[COUNT]);
	sim_kern_marker(r->k, 3);
}

const struct sim_work sim_work_ptemod = {
	.name = "ptemod",
	.help = "nano: rewrite present page-table entries",
	.params = {
		{ "count", "stores", 5000, 1, 100000000 },
		{ "pages", "entries to rewrite in turn", 1, 1, 100000 },
	},
	.run = run,
};
