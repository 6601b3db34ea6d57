/* SPDX-License-Identifier: BSD-2-Clause */
/* lmbench's lat_sig prot: write to a read-only page, take the signal. */
#include "sim/work_int.h"

enum { COUNT };

static void run(struct sim_work_run *r)
{
	struct sim_kern_file *files[SIM_PROGRAM_FILES_MAX];
	struct sim_proc *p = work_proc(r, files, 0);
	struct sim_kern_file *file = sim_kern_file(r->k, 1);

	if (!p) {
		return;
	}
	sim_kern_mmap(r->k, p, WORK_HEAP, WORK_PAGE, SIM_PROT_R,
		      SIM_KERN_SHARED, file, 0);
	work_touch(r, p, WORK_HEAP, 0);
	sim_kern_marker(r->k, 2);
	for (uint64_t i = 0; i < r->value[COUNT] && !work_failed(r); i++) {
		sim_kern_bad_touch(r->k, p, WORK_HEAP,
				   SIM_F_USER | SIM_F_WRITE, WORK_STACK);
		work_touch(r, p, 0x5555555563d0, SIM_F_FETCH);
		sim_kern_syscall(r->k, p);	/* sigreturn */
	}
	sim_kern_marker(r->k, 3);
}

const struct sim_work sim_work_protfault = {
	.name = "protfault",
	.help = "lmbench: write to a read-only page, take the signal",
	.params = { { "count", "faults", 2000, 1, 100000000 } },
	.run = run,
};
