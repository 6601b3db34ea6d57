/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A key-value store with skewed popularity. The rank of a key comes from the
 * continuous form of Zipf's law with exponent 1, in integer arithmetic so that
 * every machine draws the same keys: rank = n^u, u uniform in [0, 1).
 */
#include "sim/work_int.h"

enum { PAGES, REQUESTS, WRITES };

/* n^(u / 2^16) for a 16-bit u, by squaring roots of n kept as 32.32. */
static uint64_t square_root(uint64_t v)
{
	uint64_t x = v, next = (v + 1) / 2;

	while (next < x) {
		x = next;
		next = (x + v / x) / 2;
	}
	return x;
}

static uint64_t rank(struct sim_work_run *r, uint64_t n)
{
	uint64_t u = work_random(r) >> 48;
	uint64_t power = UINT64_C(1) << 20;	/* 1.0 in 44.20 */
	uint64_t root = n << 20;

	for (unsigned bit = 0; bit < 16; bit++) {
		/* root = n^(2^-(bit+1)), in 44.20 */
		root = square_root(root) << 10;
		if (u >> (15 - bit) & 1) {
			power = (power >> 10) * (root >> 10);
		}
	}
	uint64_t k = power >> 20;

	return k < 1 ? 0 : k > n ? n - 1 : k - 1;
}

static void run(struct sim_work_run *r)
{
	struct sim_kern_file *files[SIM_PROGRAM_FILES_MAX];
	uint64_t pages = r->value[PAGES];
	struct sim_proc *p = work_proc(r, files, pages);

	if (!p) {
		return;
	}
	work_fill(r, p, WORK_HEAP, pages);
	sim_kern_marker(r->k, 2);
	for (uint64_t i = 0; i < r->value[REQUESTS] && !work_failed(r); i++) {
		/* Scatter: popular keys are not neighbours. */
		uint64_t key = rank(r, pages) * UINT64_C(2654435761) % pages;

		work_touch(r, p, WORK_HEAP + key * WORK_PAGE,
			   work_below(r, 100) < r->value[WRITES] ?
			   SIM_F_WRITE : 0);
	}
	sim_kern_marker(r->k, 3);
}

const struct sim_work sim_work_zipf = {
	.name = "zipf",
	.help = "key-value store with skewed popularity",
	.params = {
		{ "pages", "pages of data", 16384, 2, 1u << 24 },
		{ "requests", "requests", 500000, 1, UINT64_C(1) << 40 },
		{ "writes", "percent of writes", 10, 0, 100 },
	},
	.run = run,
};
