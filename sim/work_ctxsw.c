/* SPDX-License-Identifier: BSD-2-Clause */
/* lmbench's lat_ctx: processes in a ring, each with a working set. */
#include "sim/work_int.h"

enum { PROCS, PAGES, SWITCHES };

static void run(struct sim_work_run *r)
{
	struct sim_kern_file *files[SIM_PROGRAM_FILES_MAX];
	struct sim_proc *proc[64] = { 0 };
	uint64_t n = r->value[PROCS];

	proc[0] = work_proc(r, files, r->value[PAGES]);
	for (uint64_t i = 1; i < n && proc[i - 1]; i++) {
		proc[i] = sim_kern_fork(r->k, proc[0]);
	}
	for (uint64_t i = 0; i < n && !work_failed(r); i++) {
		sim_kern_run(r->k, proc[i]);
		work_child_start(r, proc[i]);
		work_fill(r, proc[i], WORK_HEAP, r->value[PAGES]);
	}
	sim_kern_marker(r->k, 2);
	for (uint64_t i = 0; i < r->value[SWITCHES] && !work_failed(r); i++) {
		struct sim_proc *p = proc[i % n];

		sim_kern_run(r->k, p);
		work_touch(r, p, WORK_STACK, SIM_F_WRITE);
		for (uint64_t j = 0; j < r->value[PAGES]; j++) {
			work_touch(r, p, WORK_HEAP + j * WORK_PAGE, 0);
		}
		sim_kern_syscall(r->k, p);	/* the token, by a pipe */
	}
	sim_kern_marker(r->k, 3);
}

const struct sim_work sim_work_ctxsw = {
	.name = "ctxsw",
	.help = "lmbench: switch round a ring of processes",
	.params = {
		{ "procs", "processes", 2, 2, 64 },
		{ "pages", "working set of each, pages", 16, 0, 4096 },
		{ "switches", "context switches", 2000, 1, 100000000 },
	},
	.run = run,
};
