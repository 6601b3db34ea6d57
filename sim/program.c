/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/program.h"

#define R SIM_PROT_R
#define RW (SIM_PROT_R | SIM_PROT_W)
#define RX (SIM_PROT_R | SIM_PROT_X)
#define UR SIM_F_USER
#define UW (SIM_F_USER | SIM_F_WRITE)
#define UF (SIM_F_USER | SIM_F_FETCH)
#define KW SIM_F_WRITE

#define TOUCH(at, how) { .op = SIM_STEP_TOUCH, .gva = (at), .arg = (how) }
#define MMAP(at, n, rights, f, page) \
	{ .op = SIM_STEP_MMAP, .gva = (at), .pages = (n), .arg = (rights), \
	  .file = (f), .file_page = (page) }
#define MUNMAP(at, n) { .op = SIM_STEP_MUNMAP, .gva = (at), .pages = (n) }
#define MPROTECT(at, n, rights) \
	{ .op = SIM_STEP_MPROTECT, .gva = (at), .pages = (n), .arg = (rights) }

enum { F_TRUE, F_LD, F_LIBC, F_CACHE, F_VDSO };

static const uint32_t true_files[] = {
	[F_TRUE] = 16, [F_LD] = 64, [F_LIBC] = 480, [F_CACHE] = 15,
	[F_VDSO] = 2,
};

/* What exec itself maps; addresses as with address randomisation off. */
static const struct sim_image_map true_maps[] = {
	{ 0x555555554000, 2, R, 0, F_TRUE, 0 },
	{ 0x555555556000, 4, RX, 0, F_TRUE, 2 },
	{ 0x55555555a000, 2, R, 0, F_TRUE, 6 },
	{ 0x55555555c000, 2, RW, 0, F_TRUE, 7 },
	{ 0x7ffff7fc8000, 2, RX, SIM_KERN_SPECIAL, F_VDSO, 0 },
	{ 0x7ffff7fca000, 1, R, 0, F_LD, 0 },
	{ 0x7ffff7fcb000, 38, RX, 0, F_LD, 1 },
	{ 0x7ffff7ff1000, 10, R, 0, F_LD, 39 },
	{ 0x7ffff7ffb000, 3, RW, 0, F_LD, 48 },
	{ 0x7ffff7ffe000, 1, RW, 0, -1, 0 },
};

static const struct sim_step true_steps[] = {
	/* exec clears the ends of the data segments */
	TOUCH(0x55555555d1e0, KW), TOUCH(0x7ffff7ffe110, KW),
	/* the loader relocates itself */
	TOUCH(0x7ffff7fe4b70, UF), TOUCH(0x7ffff7ffde06, UR),
	TOUCH(0x7ffff7ffde06, UW), TOUCH(0x7ffff7ffca80, UW),
	TOUCH(0x7ffff7fcad40, UR), TOUCH(0x7ffff7ffb910, UW),
	TOUCH(0x7ffff7fda4b0, UF), TOUCH(0x7ffff7ff1308, UR),
	TOUCH(0x555555554040, UR), TOUCH(0x55555555cdd8, UR),
	TOUCH(0x55555555ceb0, UW), TOUCH(0x7ffff7fc8020, UR),
	MMAP(0x7ffff7fc2000, 2, RW, -1, 0), TOUCH(0x7ffff7fc2008, UW),
	TOUCH(0x7ffff7fcc0c0, UF), TOUCH(0x7fffffffdfd8, UW),
	/* it finds and maps libc */
	MMAP(0x7ffff7fb3000, 15, R, F_CACHE, 0), TOUCH(0x7ffff7fb3008, UR),
	MMAP(0x7ffff7dd1000, 38, R, F_LIBC, 0),
	MMAP(0x7ffff7df7000, 342, RX, F_LIBC, 38),
	MMAP(0x7ffff7f4d000, 83, R, F_LIBC, 380),
	MMAP(0x7ffff7fa0000, 6, RW, F_LIBC, 463),
	MMAP(0x7ffff7fa6000, 13, RW, -1, 0),
	TOUCH(0x7ffff7fa5868, UW), TOUCH(0x7ffff7fa3b60, UR),
	TOUCH(0x7ffff7fa3ba8, UW), TOUCH(0x7ffff7dd1318, UR),
	TOUCH(0x7ffff7df3603, UR),
	MMAP(0x7ffff7dce000, 3, RW, -1, 0), TOUCH(0x7ffff7dce740, UW),
	TOUCH(0x7ffff7dcf078, UW), TOUCH(0x7ffff7fa08d0, UW),
	TOUCH(0x7ffff7fa1000, UW), TOUCH(0x7ffff7fa2000, UW),
	TOUCH(0x7ffff7fa4540, UW), TOUCH(0x7ffff7de909c, UR),
	TOUCH(0x7ffff7e81a60, UF), TOUCH(0x7ffff7fab550, UW),
	TOUCH(0x7ffff7e70550, UF), TOUCH(0x7ffff7e6e700, UF),
	/* relocated data becomes read-only */
	MPROTECT(0x7ffff7fa0000, 4, R), MPROTECT(0x55555555c000, 1, R),
	MPROTECT(0x7ffff7ffb000, 2, R),
	TOUCH(0x7ffff7f20ee0, UF), TOUCH(0x7ffff7e06360, UF),
	TOUCH(0x7ffff7fb2f4e, UW), TOUCH(0x7ffff7fac5d8, UW),
	TOUCH(0x7ffff7ece7e0, UF), TOUCH(0x7ffff7faaaf0, UW),
	TOUCH(0x7ffff7e5c9b0, UF), TOUCH(0x7ffff7df72c0, UF),
	TOUCH(0x7ffff7fa6a30, UR),
	MUNMAP(0x7ffff7fb3000, 15),
	/* main() and exit */
	TOUCH(0x7ffff7ed9a40, UF), TOUCH(0x5555555563d0, UF),
	TOUCH(0x7ffff7fa62c8, UW), TOUCH(0x7ffff7ea55e0, UF),
};

const struct sim_program sim_program_true = {
	.name = "true",
	.maps = true_maps,
	.map_count = sizeof(true_maps) / sizeof(true_maps[0]),
	.steps = true_steps,
	.step_count = sizeof(true_steps) / sizeof(true_steps[0]),
	.file_pages = true_files,
	.file_count = sizeof(true_files) / sizeof(true_files[0]),
	.stack_top = 0x7ffffffff000,
	.stack_pages = 34,
	.instructions = 330000,
};

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
