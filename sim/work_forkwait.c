/* SPDX-License-Identifier: BSD-2-Clause */
/* Fork a child that exits at once, wait for it, again and again. */
#include "sim/work_int.h"

enum { CHILDREN, PAGES };

static void run(struct sim_work_run *r)
{
	struct sim_kern_file *files[SIM_PROGRAM_FILES_MAX];
	struct sim_proc *p = work_proc(r, files, r->value[PAGES]);

	if (!p) {
		return;
	}
	work_fill(r, p, WORK_HEAP, r->value[PAGES]);
	sim_kern_marker(r->k, 2);
	for (uint64_t i = 0; i < r->value[CHILDREN] && !work_failed(r); i++) {
		work_fork_once(r, p);
	}
	sim_kern_marker(r->k, 3);
}

const struct sim_work sim_work_forkwait = {
	.name = "forkwait",
	.help = "fork a child that exits, wait, repeat",
	.params = {
		{ "children", "forks", 200, 1, 10000000 },
		{ "pages", "heap pages of the parent, all written", 64, 0,
		  1u << 24 },
	},
	.run = run,
};
