/* SPDX-License-Identifier: BSD-2-Clause */
/* lmbench's lat_proc exec: fork, execute a small program, exit. */
#include "sim/work_int.h"

enum { COUNT, VFORK };

static void run(struct sim_work_run *r)
{
	struct sim_kern_file *files[SIM_PROGRAM_FILES_MAX];
	struct sim_proc *p = work_proc(r, files, 0);

	sim_kern_marker(r->k, 2);
	for (uint64_t i = 0; p && i < r->value[COUNT] && !work_failed(r);
	     i++) {
		work_exec_once(r, p, files, r->value[VFORK]);
	}
	sim_kern_marker(r->k, 3);
}

const struct sim_work sim_work_exec = {
	.name = "exec",
	.help = "lmbench: fork, execute a small program, exit",
	.params = {
		{ "count", "programs executed", 100, 1, 10000000 },
		{ "vfork", "1: vfork instead of fork", 0, 0, 1 },
	},
	.run = run,
};
