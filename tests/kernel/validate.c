/* SPDX-License-Identifier: BSD-2-Clause */
/* The exact rows of the validation table, and that each row is there. */
#include <criterion/criterion.h>
#include <string.h>

#include "sim/validate.h"

struct seen {
	unsigned rows[16];
	char missed[96];
	const char *only;
};

static void found(void *ctx, const struct sim_check *c)
{
	struct seen *s = ctx;
	int row = atoi(c->id + 1);

	cr_assert(row > 0 && row < 16);
	cr_assert_not_null(c->source);
	if (s->only) {
		cr_assert_str_eq(c->id, s->only);
	}
	if (c->kind == SIM_CHECK_CALIBRATION) {
		cr_assert(c->pass, "%s: no price fits", c->what);
	}
	s->rows[row]++;
	if (!c->pass && c->kind == SIM_CHECK_EXACT) {
		memcpy(s->missed, c->what, sizeof(s->missed));
	}
}

Test(validate, exact_rows_are_met)
{
	static const int rows[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
				    12 };
	struct seen seen = { .missed = "" };
	struct sim_validation v = { .found = found, .ctx = &seen };

	cr_assert(sim_validate(&v), "%s", v.error);
	cr_assert_str_empty(seen.missed, "%s", seen.missed);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_assert_gt(seen.rows[rows[i]], 0, "V%d", rows[i]);
	}
}

Test(validate, one_row_can_be_asked_for)
{
	struct seen seen = { .missed = "", .only = "V2" };
	struct sim_validation v = {
		.found = found, .ctx = &seen, .only = "V2"
	};

	cr_assert(sim_validate(&v), "%s", v.error);
	cr_assert_eq(seen.rows[2], 8);
	cr_assert_eq(v.passed, 8);
	cr_assert_eq(seen.rows[4], 0);
}
