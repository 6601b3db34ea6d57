/* SPDX-License-Identifier: BSD-2-Clause */
/* System calls that do nothing: with kpti=1 two CR3 loads each. */
#include "sim/work_int.h"

enum { COUNT };

static void once(struct sim_work_run *r, struct work_body *b)
{
	work_touch(r, b->p, 0x5555555563d0, SIM_F_FETCH);
	sim_kern_syscall(r->k, b->p);
}

static void run(struct sim_work_run *r)
{
	struct work_body b = { 0 };

	b.p = work_proc(r, b.files, 0);
	work_repeat(r, &b, r->value[COUNT], once);
}

const struct sim_work sim_work_getpid = {
	.name = "getpid",
	.help = "lmbench: a system call that does nothing",
	.params = { { "count", "system calls", 5000, 1, 100000000 } },
	.run = run,
};
