/* SPDX-License-Identifier: BSD-2-Clause */
/* lmbench's lat_sig prot: write to a read-only page, take the signal. */
#include "sim/work_int.h"

enum { COUNT };

static void once(struct sim_work_run *r, struct work_body *b)
{
	sim_kern_bad_touch(r->k, b->p, WORK_HEAP, SIM_F_USER | SIM_F_WRITE,
			   WORK_STACK);
	work_touch(r, b->p, 0x5555555563d0, SIM_F_FETCH);
	sim_kern_syscall(r->k, b->p);	/* sigreturn */
}

static void run(struct sim_work_run *r)
{
	struct work_body b = { 0 };

	b.p = work_proc(r, b.files, 0);
	if (b.p) {
		sim_kern_mmap(r->k, b.p, WORK_HEAP, WORK_PAGE, SIM_PROT_R,
			      SIM_KERN_SHARED, sim_kern_file(r->k, 1), 0);
		work_touch(r, b.p, WORK_HEAP, 0);
	}
	work_repeat(r, &b, r->value[COUNT], once);
}

const struct sim_work sim_work_protfault = {
	.name = "protfault",
	.help = "lmbench: write to a read-only page, take the signal",
	.params = { { "count", "faults", 2000, 1, 100000000 } },
	.run = run,
};
