/* SPDX-License-Identifier: BSD-2-Clause */
/* The offline optimum against every sequence of modes, tried one by one. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "sim/epochs.h"
#include "tests/support/seed.h"

enum { MODES = 3, EPOCHS = 7, SPACES = 3, SEQUENCES = 2187 };

static const bool shadow[MODES] = { true, true, false };

/* Runs with random costs; epochs in which a space does not run are left out. */
static void make(struct sim_epochs runs[MODES], struct test_rng *rng)
{
	memset(runs, 0, MODES * sizeof(*runs));
	for (int m = 0; m < MODES; m++) {
		runs[m].list = calloc(EPOCHS * SPACES, sizeof(*runs[m].list));
		runs[m].price[SIM_CAT_EXIT] = 10;
		runs[m].hidden[SIM_CAT_EXIT] = 4;
		runs[m].hidden[SIM_CAT_VMM] = 1;
	}
	for (uint64_t e = 0; e < EPOCHS; e++) {
		for (uint64_t s = 0; s < SPACES; s++) {
			bool there = test_rng_below(rng, 4);

			for (int m = 0; m < MODES && there; m++) {
				struct sim_epochs *r = &runs[m];

				r->list[r->count++] = (struct sim_epoch){
					.space = 7 - s, .number = e,
					.cycles = {
						[SIM_CAT_COMPUTE] = 100,
						[SIM_CAT_VMM] =
							test_rng_below(rng, 90),
					},
					.filled = (int64_t)test_rng_below(
						rng, 99) - 20,
				};
			}
		}
	}
}

/* The cost of one sequence for one space: the digits of n to base 3. */
static uint64_t sequence(const struct sim_epochs runs[], uint64_t space,
			 unsigned n)
{
	uint64_t cost = 0;
	int64_t live = 0;
	int before = -1;

	for (size_t i = 0; i < runs[0].count; i++) {
		int m = (int)(n % 3);

		if (runs[0].list[i].space != space) {
			continue;
		}
		if (before >= 0 && m != before) {
			cost += 10;
			if (shadow[m] && !shadow[before] && live > 0) {
				cost += 5 * ((uint64_t)live /
					     SIM_EPOCH_FILLS);
			}
		}
		cost += 100 + runs[m].list[i].cycles[SIM_CAT_VMM];
		live += runs[0].list[i].filled;
		before = m;
		n /= 3;
	}
	return cost;
}

Test(optimal, is_the_best_of_all_sequences)
{
	struct test_rng rng = test_rng_init(test_seed());

	for (uint64_t round = 0; round < test_rounds(50); round++) {
		struct sim_epochs runs[MODES];
		const struct sim_epochs *pointers[] = { &runs[0], &runs[1],
							&runs[2] };
		struct sim_result best = { .walks = 5, .accesses = 6 };
		uint64_t wanted = 0, sum = 0;

		make(runs, &rng);
		for (uint64_t s = 0; s < SPACES; s++) {
			uint64_t least = UINT64_MAX;

			for (unsigned n = 0; n < SEQUENCES; n++) {
				uint64_t c = sequence(runs, 7 - s, n);

				least = c < least ? c : least;
			}
			wanted += least;
		}
		cr_assert(sim_optimal(pointers, shadow, MODES, &best));
		cr_assert_eq(best.cycles, wanted);
		for (int cat = 0; cat < SIM_CAT_COUNT; cat++) {
			sum += best.cycles_by[cat];
		}
		cr_assert_eq(sum, wanted);
		cr_assert_eq(best.walks, 0);
		cr_assert_eq(best.accesses, 6);
		cr_assert_str_eq(best.mode, "optimal");
		for (int m = 0; m < MODES; m++) {
			sim_epochs_free(&runs[m]);
		}
	}
}

Test(optimal, runs_that_do_not_match_have_none)
{
	struct test_rng rng = test_rng_init(1);
	struct sim_epochs runs[MODES];
	const struct sim_epochs *pointers[] = { &runs[0], &runs[1], &runs[2] };
	struct sim_result best = { 0 };

	make(runs, &rng);
	runs[1].list[0].number++;
	cr_assert_not(sim_optimal(pointers, shadow, MODES, &best));
	runs[1].list[0].number--;
	runs[2].count--;
	cr_assert_not(sim_optimal(pointers, shadow, MODES, &best));
	runs[2].count++;
	cr_assert(sim_optimal(pointers, shadow, MODES, &best));
	for (int m = 0; m < MODES; m++) {
		sim_epochs_free(&runs[m]);
	}
}

/* Every cycle of a run is in one cell, and cells do not depend on the mode. */
Test(optimal, cells_hold_the_whole_run)
{
	static const enum sim_mode modes[] = {
		SIM_MODE_SHADOW, SIM_MODE_SHADOW_UNSYNC, SIM_MODE_NESTED,
	};
	struct sim_epochs runs[MODES] = { 0 };

	for (int m = 0; m < MODES; m++) {
		struct sim_job job = sim_job_default();
		struct sim_result result;
		struct sim_error error;
		uint64_t sum = 0;

		job.input = "forkwait,children=20";
		job.mode = modes[m];
		job.epochs = &runs[m];
		cr_assert(sim_run(&job, &result, &error), "%s", error.text);
		for (size_t i = 0; i < runs[m].count; i++) {
			for (int c = 0; c < SIM_CAT_COUNT; c++) {
				sum += runs[m].list[i].cycles[c];
			}
		}
		cr_assert_eq(sum, result.cycles);
		cr_assert_eq(runs[m].count, runs[0].count);
		cr_assert_gt(runs[m].count, 10);
	}
	for (int m = 0; m < MODES; m++) {
		sim_epochs_free(&runs[m]);
	}
}
