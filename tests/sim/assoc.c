/* SPDX-License-Identifier: BSD-2-Clause */
/* Set-associative arrays against plain models of their policies. */
#include <criterion/criterion.h>
#include <string.h>

#include "sim/assoc.h"
#include "tests/support/seed.h"

enum { WAYS_MAX = 16, STEPS = 20000 };

static struct sim_arena arena;

static void set_up(void)
{
	cr_assert(sim_arena_init(&arena, NULL, 0));
}

static void tear_down(void)
{
	sim_arena_done(&arena);
}

TestSuite(assoc, .init = set_up, .fini = tear_down);

/* A list, most recent first. */
struct list {
	uint64_t tag[WAYS_MAX];
	unsigned count;
};

static bool list_use(struct list *list, uint64_t tag, unsigned ways)
{
	unsigned at = 0;
	bool hit;

	while (at < list->count && list->tag[at] != tag) {
		at++;
	}
	hit = at < list->count;
	if (!hit && list->count < ways) {
		list->count++;
	}
	if (at >= ways) {
		at = ways - 1;
	}
	memmove(&list->tag[1], &list->tag[0], at * sizeof(list->tag[0]));
	list->tag[0] = tag;
	return hit;
}

static void compare_lru(unsigned ways, unsigned sets, uint64_t seed)
{
	struct test_rng rng = test_rng_init(seed);
	static struct list model[8];
	struct sim_assoc a;

	memset(model, 0, sizeof(model));
	cr_assert(sim_assoc_init(&a, &arena, ways * sets, ways,
				 SIM_POLICY_LRU, 1));
	for (int i = 0; i < STEPS; i++) {
		uint64_t tag = 1 + test_rng_below(&rng, ways * sets * 2);
		bool hit = (i & 1 ? sim_assoc_find(&a, tag, tag) :
				    sim_assoc_find_again(&a, tag, tag)) >= 0;
		bool expected = list_use(&model[tag % sets], tag, ways);

		cr_assert_eq(hit, expected, "seed %llu, step %d, %u ways",
			     (unsigned long long)seed, i, ways);
		if (!hit && (i & 2)) {
			sim_assoc_put(&a, tag, tag, tag);
		} else if (!hit) {
			sim_assoc_put_new(&a, tag, tag, tag);
		}
	}
	sim_assoc_done(&a, &arena);
}

Test(assoc, lru_equals_a_list_for_every_number_of_ways)
{
	for (unsigned ways = 1; ways <= WAYS_MAX; ways++) {
		compare_lru(ways, 1, test_seed());
		compare_lru(ways, 8, test_seed() + ways);
	}
}

static void fills_before_it_evicts(enum sim_policy policy, unsigned ways)
{
	struct sim_assoc a;

	cr_assert(sim_assoc_init(&a, &arena, ways, ways, policy, 1));
	for (uint64_t tag = 1; tag <= ways; tag++) {
		sim_assoc_put(&a, 0, tag, tag);
	}
	for (uint64_t tag = 1; tag <= ways; tag++) {
		ptrdiff_t at = sim_assoc_find(&a, 0, tag);

		cr_assert(at >= 0);
		cr_assert_eq(a.data[at], tag);
	}
	sim_assoc_put(&a, 0, 1000, 1);
	cr_assert(sim_assoc_find(&a, 0, 1000) >= 0);
	sim_assoc_done(&a, &arena);
}

Test(assoc, every_policy_fills_before_it_evicts)
{
	fills_before_it_evicts(SIM_POLICY_LRU, 16);
	fills_before_it_evicts(SIM_POLICY_NRU, 1);
	fills_before_it_evicts(SIM_POLICY_NRU, 64);
	fills_before_it_evicts(SIM_POLICY_RANDOM, 48);
}

Test(assoc, nru_spares_the_entry_just_used)
{
	struct sim_assoc a;

	cr_assert(sim_assoc_init(&a, &arena, 64, 64, SIM_POLICY_LRU, 1));
	cr_assert_eq(a.policy, SIM_POLICY_NRU);
	for (uint64_t tag = 1; tag < 1000; tag++) {
		cr_assert(tag == 1 || sim_assoc_find(&a, 0, tag - 1) >= 0);
		sim_assoc_put(&a, 0, tag, tag);
	}
	sim_assoc_done(&a, &arena);
}

Test(assoc, put_over_an_equal_tag_replaces_its_data)
{
	struct sim_assoc a;

	cr_assert(sim_assoc_init(&a, &arena, 8, 4, SIM_POLICY_LRU, 1));
	sim_assoc_put(&a, 3, 77, 1);
	sim_assoc_put(&a, 3, 77, 2);
	cr_assert_eq(a.data[sim_assoc_find(&a, 3, 77)], 2);
	sim_assoc_clear_if(&a, ~(uint64_t)0, 77);
	cr_assert_eq(sim_assoc_find(&a, 3, 77), SIM_ASSOC_MISS);
	sim_assoc_done(&a, &arena);
}

Test(assoc, array_without_entries_never_hits)
{
	struct sim_assoc a;

	cr_assert(sim_assoc_init(&a, &arena, 0, 4, SIM_POLICY_LRU, 1));
	sim_assoc_put(&a, 0, 5, 5);
	cr_assert_eq(sim_assoc_find(&a, 0, 5), SIM_ASSOC_MISS);
}
