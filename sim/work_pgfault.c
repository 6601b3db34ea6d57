/* SPDX-License-Identifier: BSD-2-Clause */
/* Nano benchmark: a true fault whose handler returns at once. */
#include "sim/work_int.h"

enum { COUNT };

static void run(struct sim_work_run *r)
{
	struct sim_kern_file *files[SIM_PROGRAM_FILES_MAX];
	struct sim_proc *p = work_proc(r, files, 0);

	sim_kern_marker(r->k, 2);
	for (uint64_t i = 0; p && i < r->value[COUNT] && !work_failed(r);
	     i++) {
		sim_kern_bad_touch(r->k, p, WORK_HEAP, SIM_F_USER, 0);
	}
	sim_kern_marker(r->k, 3);
}

const struct sim_work sim_work_pgfault = {
	.name = "pgfault",
	.help = "nano: a page fault whose handler returns",
	.params = { { "count", "faults", 5000, 1, 100000000 } },
	.run = run,
};
