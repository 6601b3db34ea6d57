/* SPDX-License-Identifier: BSD-2-Clause */
/* lmbench's lat_proc shell: fork a shell (Debian's) that forks and runs a
 * program. */
#include "sim/work_int.h"

enum { COUNT, SHELL_PAGES };

static void one(struct sim_work_run *r, struct sim_proc *p,
		struct sim_kern_file *const *files,
		struct sim_kern_file *const *dash)
{
	struct sim_proc *shell = sim_kern_fork(r->k, p);

	if (!shell) {
		return;
	}
	work_touch(r, p, WORK_STACK, SIM_F_WRITE);
	sim_kern_run(r->k, shell);
	work_touch(r, shell, WORK_STACK, SIM_F_WRITE);
	sim_program_run(r->k, shell, &sim_program_dash, dash);
	if (r->value[SHELL_PAGES]) {
		sim_kern_mmap(r->k, shell, WORK_HEAP,
			      r->value[SHELL_PAGES] * WORK_PAGE,
			      SIM_PROT_R | SIM_PROT_W, 0, NULL, 0);
		work_fill(r, shell, WORK_HEAP, r->value[SHELL_PAGES]);
	}
	work_exec_once(r, shell, files, false);
	work_reap(r, shell, p);
}

static void once(struct sim_work_run *r, struct work_body *b)
{
	one(r, b->p, b->files, b->own);
}

static void run(struct sim_work_run *r)
{
	struct sim_kern_file *dash[SIM_PROGRAM_FILES_MAX];
	struct work_body b = { .own = dash };

	b.p = work_proc(r, b.files, 0);
	sim_program_load(r->k, &sim_program_dash, dash);
	work_repeat(r, &b, r->value[COUNT], once);
}

const struct sim_work sim_work_sh = {
	.name = "sh",
	.help = "lmbench: fork a shell that runs a program",
	.params = {
		{ "count", "shells", 60, 1, 10000000 },
		{ "shell-pages", "heap pages a shell writes besides its own",
		  0, 0, 100000 },
	},
	.run = run,
};
