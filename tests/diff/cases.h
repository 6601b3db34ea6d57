/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef GN_TESTS_DIFF_CASES_H
#define GN_TESTS_DIFF_CASES_H

#include "tests/diff/world.h"

struct diff_case {
	const char *name;
	const struct diff_params *params;
	const struct op *ops;
	uint64_t count;
};

extern const struct diff_case diff_cases[];
extern const unsigned diff_case_count;

#endif
