/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/work_int.h"

struct sim_proc *work_proc(struct sim_work_run *r,
			   struct sim_kern_file **files, uint64_t heap_pages)
{
	struct sim_proc *p;

	sim_program_load(r->k, &sim_program_true, files);
	p = sim_kern_spawn(r->k);
	if (!p) {
		return NULL;
	}
	sim_kern_run(r->k, p);
	sim_program_run(r->k, p, &sim_program_true, files);
	if (heap_pages) {
		sim_kern_mmap(r->k, p, WORK_HEAP, heap_pages * WORK_PAGE,
			      SIM_PROT_R | SIM_PROT_W, 0, NULL, 0);
	}
	return p;
}

void work_repeat(struct sim_work_run *r, struct work_body *body,
		 uint64_t count,
		 void (*once)(struct sim_work_run *r, struct work_body *body))
{
	sim_kern_marker(r->k, 2);
	for (body->turn = 0;
	     body->p && body->turn < count && !work_failed(r); body->turn++) {
		once(r, body);
	}
	sim_kern_marker(r->k, 3);
}

void work_fill(struct sim_work_run *r, struct sim_proc *p, uint64_t gva,
	       uint64_t pages)
{
	for (uint64_t i = 0; i < pages && !work_failed(r); i++) {
		work_touch(r, p, gva + i * WORK_PAGE, SIM_F_WRITE);
	}
}

void work_child_start(struct sim_work_run *r, struct sim_proc *p)
{
	/* Its stack, the thread block, libc's and the program's data. */
	static const uint64_t written[] = {
		WORK_STACK, 0x7ffff7dce740, 0x7ffff7fa5868, 0x7ffff7fab550,
		0x7ffff7ffde06, 0x55555555d1e0,
	};

	for (unsigned i = 0; i < sizeof(written) / sizeof(written[0]); i++) {
		work_touch(r, p, written[i], SIM_F_WRITE);
	}
	work_touch(r, p, 0x7ffff7e81a60, SIM_F_FETCH);
	work_touch(r, p, 0x7ffff7ea55e0, SIM_F_FETCH);
	work_touch(r, p, 0x5555555563d0, SIM_F_FETCH);
}

void work_reap(struct sim_work_run *r, struct sim_proc *child,
	       struct sim_proc *parent)
{
	sim_kern_exit(r->k, child);
	sim_kern_run(r->k, parent);
}

void work_fork_once(struct sim_work_run *r, struct sim_proc *p)
{
	struct sim_proc *child = sim_kern_fork(r->k, p);

	work_touch(r, p, WORK_STACK, SIM_F_WRITE);
	if (child) {
		sim_kern_run(r->k, child);
		work_child_start(r, child);
		work_reap(r, child, p);
	}
}

void work_exec_once(struct sim_work_run *r, struct sim_proc *p,
		    struct sim_kern_file *const *files, bool vfork)
{
	struct sim_proc *child = vfork ? sim_kern_vfork(r->k, p) :
					 sim_kern_fork(r->k, p);

	if (!child) {
		return;
	}
	if (!vfork) {
		work_touch(r, p, WORK_STACK, SIM_F_WRITE);
	}
	sim_kern_run(r->k, child);
	work_touch(r, child, WORK_STACK, SIM_F_WRITE);
	sim_program_run(r->k, child, &sim_program_true, files);
	work_reap(r, child, p);
}
