/* SPDX-License-Identifier: BSD-2-Clause */
/* Random updates over a large table. */
#include "sim/work_int.h"

enum { PAGES, UPDATES };

static void run(struct sim_work_run *r)
{
	struct sim_kern_file *files[SIM_PROGRAM_FILES_MAX];
	struct sim_proc *p = work_proc(r, files, r->value[PAGES]);

	if (!p) {
		return;
	}
	work_fill(r, p, WORK_HEAP, r->value[PAGES]);
	sim_kern_marker(r->k, 2);
	for (uint64_t i = 0; i < r->value[UPDATES] && !work_failed(r); i++) {
		uint64_t x = work_below(r, r->value[PAGES] * WORK_PAGE / 8);

		work_touch(r, p, WORK_HEAP + x * 8, SIM_F_WRITE);
	}
	sim_kern_marker(r->k, 3);
}

const struct sim_work sim_work_gups = {
	.name = "gups",
	.help = "random updates over a table",
	.params = {
		{ "pages", "pages of the table", 16384, 1, 1u << 28 },
		{ "updates", "updates", 500000, 1, UINT64_C(1) << 40 },
	},
	.run = run,
};
