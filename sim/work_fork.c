/* SPDX-License-Identifier: BSD-2-Clause */
/* lmbench's lat_proc fork: like forkwait, in a process of lmbench's size. */
#include "sim/work_int.h"

enum { COUNT };

static void run(struct sim_work_run *r)
{
	struct sim_kern_file *files[SIM_PROGRAM_FILES_MAX];
	struct sim_proc *p = work_proc(r, files, 0);

	sim_kern_marker(r->k, 2);
	for (uint64_t i = 0; p && i < r->value[COUNT] && !work_failed(r);
	     i++) {
		work_fork_once(r, p);
	}
	sim_kern_marker(r->k, 3);
}

const struct sim_work sim_work_fork = {
	.name = "fork",
	.help = "lmbench: fork a process that exits",
	.params = { { "count", "forks", 200, 1, 10000000 } },
	.run = run,
};
