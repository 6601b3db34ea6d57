/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A build: for each file a shell, a compiler that grows its heap, and an
 * assembler.
 */
#include "sim/work_int.h"

enum { FILES, PAGES, WORK };

static void stage(struct sim_work_run *r, struct sim_proc *p,
		  struct sim_kern_file *const *files, uint64_t pages,
		  uint64_t touches)
{
	sim_program_run(r->k, p, &sim_program_true, files);
	sim_kern_mmap(r->k, p, WORK_HEAP, pages * WORK_PAGE,
		      SIM_PROT_R | SIM_PROT_W, 0, NULL, 0);
	uint64_t grown = 0;

	/* Memory grows as the work goes on; old data is read again. */
	for (uint64_t i = 0; i < touches && !work_failed(r); i++) {
		uint64_t want = 1 + pages * i / touches;

		for (; grown < want; grown++) {
			work_touch(r, p, WORK_HEAP + grown * WORK_PAGE,
				   SIM_F_WRITE);
		}
		work_touch(r, p, WORK_HEAP + work_below(r, grown) * WORK_PAGE,
			   i % 3 == 0 ? SIM_F_WRITE : 0);
	}
}

static void child(struct sim_work_run *r, struct sim_proc *parent,
		  struct sim_kern_file *const *files, uint64_t pages,
		  uint64_t touches)
{
	struct sim_proc *p = sim_kern_vfork(r->k, parent);

	if (p) {
		sim_kern_run(r->k, p);
		stage(r, p, files, pages, touches);
		work_reap(r, p, parent);
	}
}

static void run(struct sim_work_run *r)
{
	struct sim_kern_file *files[SIM_PROGRAM_FILES_MAX];
	struct sim_proc *make = work_proc(r, files, 256);

	if (!make) {
		return;
	}
	work_fill(r, make, WORK_HEAP, 256);
	sim_kern_marker(r->k, 2);
	for (uint64_t i = 0; i < r->value[FILES] && !work_failed(r); i++) {
		struct sim_proc *sh = sim_kern_fork(r->k, make);

		work_touch(r, make, WORK_STACK, SIM_F_WRITE);
		if (!sh) {
			return;
		}
		sim_kern_run(r->k, sh);
		work_child_start(r, sh);
		stage(r, sh, files, 40, 100);
		child(r, sh, files, r->value[PAGES], r->value[WORK]);
		child(r, sh, files, r->value[PAGES] / 8 + 1,
		      r->value[WORK] / 10 + 1);
		work_reap(r, sh, make);
	}
	sim_kern_marker(r->k, 3);
}

const struct sim_work sim_work_build = {
	.name = "build",
	.help = "make-like tree of shells, compilers, assemblers",
	.params = {
		{ "files", "files to build", 10, 1, 100000 },
		{ "pages", "heap of a compiler, pages", 4000, 1, 1u << 22 },
		{ "work", "accesses of a compiler", 50000, 1, 1000000000 },
	},
	.run = run,
};
