/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/program.h"

void sim_program_load(struct sim_kern *k, const struct sim_program *prog,
		      struct sim_kern_file **files)
{
	for (unsigned i = 0; i < prog->file_count; i++) {
		files[i] = sim_kern_file(k, prog->file_pages[i]);
	}
}

static void step(struct sim_kern *k, struct sim_proc *p,
		 const struct sim_step *s, struct sim_kern_file *const *files)
{
	uint64_t bytes = (uint64_t)s->pages << 12;

	switch ((enum sim_step_op)s->op) {
	case SIM_STEP_TOUCH:
		sim_kern_touch(k, p, s->gva, s->arg);
		break;
	case SIM_STEP_MMAP:
		sim_kern_mmap(k, p, s->gva, bytes, s->arg, 0,
			      s->file < 0 ? NULL : files[s->file],
			      s->file_page);
		break;
	case SIM_STEP_MUNMAP:
		sim_kern_munmap(k, p, s->gva, bytes);
		break;
	case SIM_STEP_MPROTECT:
		sim_kern_mprotect(k, p, s->gva, bytes, s->arg);
		break;
	}
}

void sim_program_run(struct sim_kern *k, struct sim_proc *p,
		     const struct sim_program *prog,
		     struct sim_kern_file *const *files)
{
	sim_kern_exec(k, p, prog->maps, prog->map_count, files,
		      prog->stack_top, prog->stack_pages);
	for (size_t i = 0; i < prog->step_count && !sim_kern_error(k); i++) {
		sim_kern_compute(k, prog->instructions / prog->step_count);
		step(k, p, &prog->steps[i], files);
	}
}

void sim_steps_run(struct sim_kern *k, struct sim_proc *p,
		   const struct sim_steps *steps, uint64_t instructions)
{
	for (size_t i = 0; i < steps->count && !sim_kern_error(k); i++) {
		sim_kern_compute(k, instructions / steps->count);
		step(k, p, &steps->step[i], NULL);
	}
}
