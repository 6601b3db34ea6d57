/* SPDX-License-Identifier: BSD-2-Clause */
/* lmbench's lat_proc exec: fork, execute a small program, exit. */
#include "sim/work_int.h"

enum { COUNT, VFORK };

static void once(struct sim_work_run *r, struct work_body *b)
{
	work_exec_once(r, b->p, b->files, r->value[VFORK]);
}

static void run(struct sim_work_run *r)
{
	struct work_body b = { 0 };

	b.p = work_proc(r, b.files, 0);
	work_repeat(r, &b, r->value[COUNT], once);
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
