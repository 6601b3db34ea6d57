/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dash with a large variable runs subshells: fork and copy on write without
 * exec, as in the recording subshell-40.
 */
#include "sim/work_int.h"

enum { COUNT, PAGES };

/* The recorded shell had its 4 MB string here, across three tables. */
#define VARIABLE_END UINT64_C(0x7ffff7781000)

static void run(struct sim_work_run *r)
{
	struct sim_kern_file *files[SIM_PROGRAM_FILES_MAX];
	struct sim_proc *sh = sim_kern_spawn(r->k);
	uint64_t at = VARIABLE_END - r->value[PAGES] * WORK_PAGE;

	if (!sh) {
		return;
	}
	sim_program_load(r->k, &sim_program_dash, files);
	sim_kern_run(r->k, sh);
	sim_program_run(r->k, sh, &sim_program_dash, files);
	sim_kern_mmap(r->k, sh, at, r->value[PAGES] * WORK_PAGE,
		      SIM_PROT_R | SIM_PROT_W, 0, NULL, 0);
	work_fill(r, sh, at, r->value[PAGES]);
	sim_kern_marker(r->k, 2);
	for (uint64_t i = 0; i < r->value[COUNT] && !work_failed(r); i++) {
		struct sim_proc *child = sim_kern_fork(r->k, sh);

		sim_steps_run(r->k, sh, &sim_steps_before_wait, 8000);
		if (child) {
			sim_kern_run(r->k, child);
			sim_steps_run(r->k, child, &sim_steps_subshell, 30000);
			work_reap(r, child, sh);
		}
		sim_steps_run(r->k, sh, &sim_steps_after_wait, 20000);
	}
	sim_kern_marker(r->k, 3);
}

const struct sim_work sim_work_subshell = {
	.name = "subshell",
	.help = "dash with a large variable forks subshells",
	.params = {
		{ "count", "subshells", 40, 1, 10000000 },
		{ "pages", "pages of the variable", 1025, 1, 100000 },
	},
	.run = run,
};
