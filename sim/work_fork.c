/* SPDX-License-Identifier: BSD-2-Clause */
/* lmbench's lat_proc fork, in one process of lmbench's size or in several side
 * by side. */
#include "sim/work_int.h"

enum { COUNT, PROCS, PROCS_MAX = 64 };

static uint64_t procs(const struct sim_work_run *r)
{
	return r->value[PROCS] ? r->value[PROCS] : sim_kern_vcpus(r->k);
}

static void once(struct sim_work_run *r, struct work_body *b)
{
	struct sim_proc *const *proc = b->own;

	for (unsigned i = 0; i < procs(r) && !work_failed(r); i++) {
		sim_kern_on_vcpu(r->k, i);
		sim_kern_run(r->k, proc[i]);
		work_fork_once(r, proc[i]);
	}
}

static void run(struct sim_work_run *r)
{
	struct sim_proc *proc[PROCS_MAX];
	struct work_body b = { .own = proc };

	for (unsigned i = 0; i < procs(r) && !work_failed(r); i++) {
		sim_kern_on_vcpu(r->k, i);
		b.p = proc[i] = work_proc(r, b.files, 0);
	}
	work_repeat(r, &b, r->value[COUNT], once);
}

const struct sim_work sim_work_fork = {
	.name = "fork",
	.help = "lmbench: fork a process that exits",
	.params = {
		{ "count", "forks of each process", 200, 1, 10000000 },
		{ "procs", "processes, one a vcpu where there are enough; 0: "
		  "as many as vcpus", 1, 0, PROCS_MAX },
	},
	.run = run,
};
