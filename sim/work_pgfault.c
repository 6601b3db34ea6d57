/* SPDX-License-Identifier: BSD-2-Clause */
/* Nano benchmark: a true fault whose handler returns at once. */
#include "sim/work_int.h"

enum { COUNT };

static void once(struct sim_work_run *r, struct work_body *b)
{
	sim_kern_bad_touch(r->k, b->p, WORK_HEAP, SIM_F_USER, 0);
}

static void run(struct sim_work_run *r)
{
	struct work_body b = { 0 };

	b.p = work_proc(r, b.files, 0);
	work_repeat(r, &b, r->value[COUNT], once);
}

const struct sim_work sim_work_pgfault = {
	.name = "pgfault",
	.help = "nano: a page fault whose handler returns",
	.params = { { "count", "faults", 5000, 1, 100000000 } },
	.run = run,
};
