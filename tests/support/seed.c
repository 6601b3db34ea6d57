/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/support/seed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t number_from_env(const char *name, uint64_t fallback)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : fallback;
}

uint64_t test_seed(void)
{
	return number_from_env("GNOMON_SEED", 0x676e6f6d6f6e);
}

uint64_t test_rounds(uint64_t fallback)
{
	return number_from_env("GNOMON_ROUNDS", fallback);
}

struct test_rng test_rng_init(uint64_t seed)
{
	return (struct test_rng){ .state = seed };
}

uint64_t test_rng_next(struct test_rng *rng)
{
	uint64_t z = rng->state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

uint64_t test_rng_below(struct test_rng *rng, uint64_t bound)
{
	return bound ? test_rng_next(rng) % bound : 0;
}

void test_print_repeat(const char *program, const char *name, uint64_t seed)
{
	fprintf(stderr, "repeat: GNOMON_SEED=%" PRIu64 " %s --filter '%s'\n",
		seed, program, name);
}
