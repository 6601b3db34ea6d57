/* SPDX-License-Identifier: BSD-2-Clause */
/* A pointer chase: each page once per round, in an order without pattern. */
#include "sim/work_int.h"

enum { PAGES, STEPS };

static void run(struct sim_work_run *r)
{
	struct sim_kern_file *files[SIM_PROGRAM_FILES_MAX];
	uint64_t pages = r->value[PAGES], at = 0;
	struct sim_proc *p = work_proc(r, files, pages);

	if (!p) {
		return;
	}
	work_fill(r, p, WORK_HEAP, pages);
	sim_kern_marker(r->k, 2);
	for (uint64_t i = 0; i < r->value[STEPS] && !work_failed(r); i++) {
		/*
		 * A linear congruence over the next power of two has full
		 * period; values beyond the last page are skipped.
		 */
		uint64_t span = 4;

		while (span < pages) {
			span *= 2;
		}
		do {
			at = (at * 1103515245 + 12345) & (span - 1);
		} while (at >= pages);
		work_touch(r, p, WORK_HEAP + at * WORK_PAGE + at % 64 * 64, 0);
	}
	sim_kern_marker(r->k, 3);
}

const struct sim_work sim_work_chase = {
	.name = "chase",
	.help = "pointer chase over pages",
	.params = {
		{ "pages", "pages", 16384, 2, 1u << 28 },
		{ "steps", "loads", 500000, 1, UINT64_C(1) << 40 },
	},
	.run = run,
};
