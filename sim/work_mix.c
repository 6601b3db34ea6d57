/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every vcpu its own job at once, in turns of a few operations: some fork, some
 * map and unmap, some update a table. With vcpus=1 the jobs share it.
 */
#include "sim/work_int.h"

enum { JOBS, TURNS, PAGES };

struct job {
	struct sim_proc *p;
	unsigned kind;
};

static void turn(struct sim_work_run *r, const struct job *j)
{
	uint64_t pages = r->value[PAGES];
	uint64_t spare = WORK_HEAP + 2 * pages * WORK_PAGE;

	switch (j->kind) {
	case 0:
		work_fork_once(r, j->p);
		break;
	case 1:
		sim_kern_mmap(r->k, j->p, spare, 16 * WORK_PAGE,
			      SIM_PROT_R | SIM_PROT_W, 0, NULL, 0);
		work_fill(r, j->p, spare, 16);
		sim_kern_munmap(r->k, j->p, spare, 16 * WORK_PAGE);
		break;
	default:
		for (unsigned i = 0; i < 200 && !work_failed(r); i++) {
			work_touch(r, j->p, WORK_HEAP +
				   work_below(r, pages) * WORK_PAGE,
				   SIM_F_WRITE);
		}
		break;
	}
}

static void run(struct sim_work_run *r)
{
	struct sim_kern_file *files[SIM_PROGRAM_FILES_MAX];
	struct job job[64] = { 0 };

	for (uint64_t i = 0; i < r->value[JOBS] && !work_failed(r); i++) {
		sim_kern_on_vcpu(r->k, (unsigned)i);
		job[i].p = work_proc(r, files, r->value[PAGES]);
		job[i].kind = (unsigned)i % 3;
		if (job[i].p) {
			work_fill(r, job[i].p, WORK_HEAP, r->value[PAGES]);
		}
	}
	sim_kern_marker(r->k, 2);
	for (uint64_t t = 0; t < r->value[TURNS] && !work_failed(r); t++) {
		uint64_t i = t % r->value[JOBS];

		sim_kern_on_vcpu(r->k, (unsigned)i);
		sim_kern_run(r->k, job[i].p);
		turn(r, &job[i]);
	}
	sim_kern_marker(r->k, 3);
}

const struct sim_work sim_work_mix = {
	.name = "mix",
	.help = "forking, mapping and updating jobs together",
	.params = {
		{ "jobs", "jobs, one a vcpu where there are enough", 3, 1,
		  64 },
		{ "turns", "turns in all", 600, 1, 100000000 },
		{ "pages", "heap of each job, pages", 1024, 1, 1u << 22 },
	},
	.run = run,
};
