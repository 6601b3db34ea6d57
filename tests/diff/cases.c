/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lists of operations that once failed, as the machine printed them, each
 * with what was wrong.
 */
#include "tests/diff/cases.h"

/* Not a bug: shows what a case looks like, and that one can be run. */
static const struct op ops_first[] = {
	{ OP_ACCESS, 0, 0x0, 0x0 },
	{ OP_CR3, 0, 0x1, 0x0 },
	{ OP_ACCESS, 0, 0x0, 0x4 },
};

static const struct diff_params world_first = {
	.seed = 0x1, .mode = 0, .levels = 4,
	.maxphyaddr = 40, .windows = 1, .big = 0,
	.options = 0xffffffff, .features = 0x1,
	.table_pages_max = 0, .live_max = 0,
	.audit_every = 1, .scan_every = 1,
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

const struct diff_case diff_cases[] = {
	{ "first", &world_first, ops_first, COUNT(ops_first) },
};
const unsigned diff_case_count = COUNT(diff_cases);
