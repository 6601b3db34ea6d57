/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Real programs as the guest kernel model runs them: what they map, touch and
 * ask of the kernel from exec to exit, in order. Taken from the page faults of
 * recordings and from the system calls of the same program.
 */
#ifndef SIM_PROGRAM_H
#define SIM_PROGRAM_H

#include "sim/kern.h"

enum sim_step_op {
	SIM_STEP_TOUCH,		/* gva; arg = SIM_F_* */
	SIM_STEP_MMAP,		/* gva, pages; arg = prot; file, file_page */
	SIM_STEP_MUNMAP,	/* gva, pages */
	SIM_STEP_MPROTECT,	/* gva, pages; arg = prot */
};

struct sim_step {
	uint64_t gva;
	uint32_t pages;
	uint32_t file_page;
	uint8_t op, arg;
	int8_t file;		/* -1: anonymous */
};

struct sim_program {
	const char *name;
	const struct sim_image_map *maps;
	size_t map_count;
	const struct sim_step *steps;
	size_t step_count;
	const uint32_t *file_pages;	/* of each file */
	unsigned file_count;
	uint64_t stack_top;
	uint32_t stack_pages;
	uint64_t instructions;	/* of the user's own, from exec to exit */
};

enum { SIM_PROGRAM_FILES_MAX = 8 };

/* Programs of Debian 12 with its dynamic loader and libc. */
extern const struct sim_program sim_program_true, sim_program_dash;

/* A stretch of a program's life that maps no files. */
struct sim_steps {
	const struct sim_step *step;
	size_t count;
};

/* A subshell `(y=1)` of dash; dash itself around waiting for it. */
extern const struct sim_steps sim_steps_subshell, sim_steps_before_wait,
	sim_steps_after_wait;

/* Put the program's files into the page cache; files has room for all. */
void sim_program_load(struct sim_kern *k, const struct sim_program *prog,
		      struct sim_kern_file **files);
/* p, which runs, becomes the program and goes up to its exit call. */
void sim_program_run(struct sim_kern *k, struct sim_proc *p,
		     const struct sim_program *prog,
		     struct sim_kern_file *const *files);

/* p, which runs, takes the steps with so many instructions of its own. */
void sim_steps_run(struct sim_kern *k, struct sim_proc *p,
		   const struct sim_steps *steps, uint64_t instructions);

#endif
