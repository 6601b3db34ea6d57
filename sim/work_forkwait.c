/* SPDX-License-Identifier: BSD-2-Clause */
/* Fork a child that exits at once, wait for it, again and again. */
#include "sim/work_int.h"

enum { CHILDREN, PAGES };

static void once(struct sim_work_run *r, struct work_body *b)
{
	work_fork_once(r, b->p);
}

static void run(struct sim_work_run *r)
{
	struct work_body b = { 0 };

	b.p = work_proc(r, b.files, r->value[PAGES]);
	if (b.p) {
		work_fill(r, b.p, WORK_HEAP, r->value[PAGES]);
	}
	work_repeat(r, &b, r->value[CHILDREN], once);
}

const struct sim_work sim_work_forkwait = {
	.name = "forkwait",
	.help = "fork a child that exits, wait, repeat",
	.params = {
		{ "children", "forks", 200, 1, 10000000 },
		{ "pages", "heap pages of the parent, all written", 64, 0,
		  1u << 24 },
	},
	.run = run,
};
