/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dash, Debian 12's /bin/sh, up to the point where it runs its script; what a
 * subshell of it and the shell itself then touch. From the recording
 * subshell-40: page faults and the ranges of the entries that they filled.
 */
#include "sim/program_int.h"

static const uint32_t files[F_COUNT] = { [F_SELF] = 34, LIBRARY_FILES };

static const struct sim_image_map maps[] = {
	{ 0x555555554000, 4, R, 0, F_SELF, 0 },
	{ 0x555555558000, 19, RX, 0, F_SELF, 4 },
	{ 0x55555556b000, 6, R, 0, F_SELF, 23 },
	{ 0x555555571000, 4, RW, 0, F_SELF, 29 },
	{ 0x555555575000, 4, RW, 0, -1, 0 },
	LIBRARY_MAPS,
};

static const struct sim_step steps[] = {
	TOUCH(0x555555574ff0, KW), TOUCH(0x7ffff7ffe110, KW),
	LOADER_START,
	TOUCH(0x555555554040, UR), TOUCH(0x555555571dd8, UW),
	TOUCH(0x555555572eb0, UW),
	LOADER_LIBC,
	MPROTECT(0x7ffff7fa0000, 4, R), MPROTECT(0x555555571000, 2, R),
	MPROTECT(0x7ffff7ffb000, 2, R),
	MUNMAP(0x7ffff7fb3000, 15),
	/* the interpreter comes up */
	TOUCH(0x55555555f8a0, UF), TOUCH(0x555555561528, UF),
	TOUCH(0x5555555733c0, UW), TOUCH(0x5555555757d0, UW),
	TOUCH(0x55555557647f, UW), TOUCH(0x5555555777f8, UW),
	TOUCH(0x55555556b3f8, UR), TOUCH(0x7ffff7faaa88, UW),
	TOUCH(0x7fffffffde00, UW), TOUCH(0x7fffffffe958, UW),
};

const struct sim_program sim_program_dash = {
	.name = "dash",
	.maps = maps,
	.map_count = sizeof(maps) / sizeof(maps[0]),
	.steps = steps,
	.step_count = sizeof(steps) / sizeof(steps[0]),
	.file_pages = files,
	.file_count = F_COUNT,
	.stack_top = 0x7ffffffff000,
	.stack_pages = 34,
	.instructions = 600000,
};

/* A subshell assigns a variable and exits. */
static const struct sim_step subshell[] = {
	TOUCH(0x7ffff7dcea10, KW), TOUCH(0x7ffff7dcf068, KW),
	TOUCH(0x7ffff7ea5353, UF), TOUCH(0x7ffff7faaa88, UW),
	TOUCH(0x7ffff7ffda48, UW), TOUCH(0x7ffff7ffe0e0, UW),
	TOUCH(0x7fffffffe958, UW), TOUCH(0x555555561528, UF),
	TOUCH(0x5555555757d0, UW), TOUCH(0x55555555f8a0, UF),
	TOUCH(0x7ffff7ec99e0, UF), TOUCH(0x5555555733c0, UW),
	TOUCH(0x55555557647f, UW), TOUCH(0x55555556b3f8, UR),
	TOUCH(0x7ffff7e0cd90, UF), TOUCH(0x7ffff7f43470, UF),
	TOUCH(0x7ffff7f634c8, UR), TOUCH(0x7ffff7f23a30, UF),
	TOUCH(0x7ffff7e69930, UF), TOUCH(0x7ffff7fa4cc0, UW),
	TOUCH(0x7ffff7df7110, UF), TOUCH(0x7ffff7ee9060, UF),
	TOUCH(0x7ffff7e58950, UF),
};

/* The shell between fork and wait, and after it. */
static const struct sim_step before_wait[] = {
	TOUCH(0x7fffffffe958, UW), TOUCH(0x55555557647c, UW),
	TOUCH(0x5555555733c0, UW), TOUCH(0x555555575ac0, UW),
};
static const struct sim_step after_wait[] = {
	TOUCH(0x7ffff7dcf068, KW), TOUCH(0x7fffffffde00, KW),
	TOUCH(0x7ffff7dce6c0, UW), TOUCH(0x7ffff7fa4cc0, UW),
	TOUCH(0x5555555777f8, UW),
};

const struct sim_steps sim_steps_subshell = {
	subshell, sizeof(subshell) / sizeof(subshell[0])
};
const struct sim_steps sim_steps_before_wait = {
	before_wait, sizeof(before_wait) / sizeof(before_wait[0])
};
const struct sim_steps sim_steps_after_wait = {
	after_wait, sizeof(after_wait) / sizeof(after_wait[0])
};
