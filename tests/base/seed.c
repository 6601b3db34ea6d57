/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/support/seed.h"

#include <criterion/criterion.h>

Test(seed, same_seed_same_stream)
{
	struct test_rng a = test_rng_init(7), b = test_rng_init(7);

	for (int i = 0; i < 100; i++) {
		cr_assert(test_rng_next(&a) == test_rng_next(&b));
	}
}

Test(seed, below_stays_below)
{
	struct test_rng rng = test_rng_init(test_seed());

	cr_assert(test_rng_below(&rng, 0) == 0);
	for (int i = 0; i < 1000; i++) {
		cr_assert(test_rng_below(&rng, 7) < 7);
	}
}
