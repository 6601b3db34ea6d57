/* SPDX-License-Identifier: BSD-2-Clause */
/* System calls that do nothing: with kpti=1 two CR3 loads each. */
#include "sim/work_int.h"

enum { COUNT };

static void run(struct sim_work_run *r)
{
	struct sim_kern_file *files[SIM_PROGRAM_FILES_MAX];
	struct sim_proc *p = work_proc(r, files, 0);

	sim_kern_marker(r->k, 2);
	for (uint64_t i = 0; p && i < r->value[COUNT] && !work_failed(r);
	     i++) {
		work_touch(r, p, 0x5555555563d0, SIM_F_FETCH);
		sim_kern_syscall(r->k, p);
	}
	sim_kern_marker(r->k, 3);
}

const struct sim_work sim_work_getpid = {
	.name = "getpid",
	.help = "lmbench: a system call that does nothing",
	.params = { { "count", "system calls", 5000, 1, 100000000 } },
	.run = run,
};
