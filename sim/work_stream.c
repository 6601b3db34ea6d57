/* SPDX-License-Identifier: BSD-2-Clause */
/* Read one array, write another, from end to end. */
#include "sim/work_int.h"

enum { PAGES, ROUNDS, STRIDE };

static void run(struct sim_work_run *r)
{
	struct sim_kern_file *files[SIM_PROGRAM_FILES_MAX];
	uint64_t pages = r->value[PAGES], bytes = pages * WORK_PAGE;
	struct sim_proc *p = work_proc(r, files, 2 * pages);

	if (!p) {
		return;
	}
	work_fill(r, p, WORK_HEAP, 2 * pages);
	sim_kern_marker(r->k, 2);
	for (uint64_t i = 0; i < r->value[ROUNDS] && !work_failed(r); i++) {
		for (uint64_t at = 0; at < bytes; at += r->value[STRIDE]) {
			work_touch(r, p, WORK_HEAP + at, 0);
			work_touch(r, p, WORK_HEAP + bytes + at, SIM_F_WRITE);
		}
	}
	sim_kern_marker(r->k, 3);
}

const struct sim_work sim_work_stream = {
	.name = "stream",
	.help = "read one array, write another",
	.params = {
		{ "pages", "pages of each array", 2048, 1, 1u << 24 },
		{ "rounds", "times", 2, 1, 1000000 },
		{ "stride", "bytes between accesses", 64, 8, 4096 },
	},
	.run = run,
};
