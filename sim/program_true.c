/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /bin/true of Debian 12: page faults from the recording fork-exec-50, system
 * calls as strace shows them for the same program.
 */
#include "sim/program_int.h"

static const uint32_t files[F_COUNT] = { [F_SELF] = 16, LIBRARY_FILES };

/* Addresses as with address randomisation off. */
static const struct sim_image_map maps[] = {
	{ 0x555555554000, 2, R, 0, F_SELF, 0 },
	{ 0x555555556000, 4, RX, 0, F_SELF, 2 },
	{ 0x55555555a000, 2, R, 0, F_SELF, 6 },
	{ 0x55555555c000, 2, RW, 0, F_SELF, 7 },
	LIBRARY_MAPS,
};

static const struct sim_step steps[] = {
	/* exec clears the ends of the data segments */
	TOUCH(0x55555555d1e0, KW), TOUCH(0x7ffff7ffe110, KW),
	LOADER_START,
	TOUCH(0x555555554040, UR), TOUCH(0x55555555cdd8, UR),
	TOUCH(0x55555555ceb0, UW),
	LOADER_LIBC,
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
	.maps = maps,
	.map_count = sizeof(maps) / sizeof(maps[0]),
	.steps = steps,
	.step_count = sizeof(steps) / sizeof(steps[0]),
	.file_pages = files,
	.file_count = F_COUNT,
	.stack_top = 0x7ffffffff000,
	.stack_pages = 34,
	.instructions = 330000,
};
