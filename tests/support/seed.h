/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Seeds for property tests. A run uses a fixed seed unless the environment
 * names another, so a failure is repeated by the command that it prints.
 */
#ifndef GN_TESTS_SUPPORT_SEED_H
#define GN_TESTS_SUPPORT_SEED_H

#include <stdint.h>

/* A splitmix64 stream: any value is a good seed, including 0. */
struct test_rng {
	uint64_t state;
};

/* The run's seed: GNOMON_SEED (decimal or 0x...), else a constant. */
uint64_t test_seed(void);

/* How many rounds to run: GNOMON_ROUNDS, else `fallback`. */
uint64_t test_rounds(uint64_t fallback);

struct test_rng test_rng_init(uint64_t seed);
uint64_t test_rng_next(struct test_rng *rng);

/* Uniform enough for tests: a value in [0, bound), and 0 if bound is 0. */
uint64_t test_rng_below(struct test_rng *rng, uint64_t bound);

/* Print how to repeat test `name` with `seed`; call it before failing. */
void test_print_repeat(const char *program, const char *name, uint64_t seed);

#endif
