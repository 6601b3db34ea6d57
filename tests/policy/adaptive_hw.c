/* SPDX-License-Identifier: BSD-2-Clause */
/* The adaptive policy with a switching bit: leaf tables one by one. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include <gnomon/policy.h>

enum { HIT = 50, HIDDEN = 200, EXIT = 100, FILLS = 8, ENTRIES = 80 };

static const struct gnomon_policy_prices prices = {
	.exit = EXIT, .hidden = HIDDEN, .true_fault = HIT, .trace_leaf = 500,
	.trace_upper = 900, .trace_open = HIT, .sync_table = 30,
	.sync_entry = 2, .cr3 = HIT, .invlpg = HIT, .zap = 10,
	.walk_nested = HIT, .fills = FILLS,
};

static const uint64_t leaf_price = 4 * HIDDEN + 1 + ENTRIES / FILLS * HIDDEN;
static const gnomon_gpa_t space = { 0x1000 };
static uint64_t now;

static struct gnomon_policy *make(void)
{
	struct gnomon_policy_config config = {
		.size = sizeof(config), .kind = GNOMON_POLICY_ADAPTIVE_HW,
		.prices = prices, .spaces = 16, .tables = 16,
		.hardware = GNOMON_HW_SWITCH_BIT,
	};
	struct gnomon_policy *policy;
	void *memory = malloc(gnomon_policy_bytes(&config));

	now = 0;
	cr_assert_eq(gnomon_policy_create(memory, &config, &policy),
		     GNOMON_OK);
	return policy;
}

static void send(struct gnomon_policy *policy,
		 enum gnomon_policy_event_kind kind, uint64_t gfn, bool nested,
		 uint64_t cycles)
{
	struct gnomon_policy_event e = {
		.kind = kind, .level = gfn ? 1 : 0, .nested = nested,
		.space = space, .gfn = { gfn }, .cycles = cycles, .now = now,
	};

	gnomon_policy_event(policy, &e);
}

/* Answers counts; the first decision that is none of them. */
static bool next(struct gnomon_policy *policy,
		 struct gnomon_policy_decision *d)
{
	while (gnomon_policy_poll(policy, d)) {
		struct gnomon_policy_event e = {
			.kind = GNOMON_PE_SIZE, .space = space, .now = now,
			.gfn = d->gfn, .count = d->gfn.v ? ENTRIES : 3,
			.level = d->level,
		};

		if (d->scope != GNOMON_SCOPE_COUNT) {
			return true;
		}
		gnomon_policy_event(policy, &e);
	}
	return false;
}

/* The space pays for nested walks until it is bought. */
static void buy_space(struct gnomon_policy *policy)
{
	struct gnomon_policy_decision d;

	do {
		send(policy, GNOMON_PE_WALK, 0, true, HIT);
	} while (!next(policy, &d));
	cr_assert_eq(d.scope, GNOMON_SCOPE_SPACE);
	cr_assert_eq(d.mode, GNOMON_POLICY_SHADOWED);
	cr_assert_eq(gnomon_policy_space_mode(policy, space), d.mode);
}

Test(adaptive_hw, needs_the_switching_bit)
{
	struct gnomon_policy_config config = {
		.size = sizeof(config), .kind = GNOMON_POLICY_ADAPTIVE_HW,
	};
	struct gnomon_policy *policy;
	void *memory = malloc(gnomon_policy_bytes(&config));

	cr_assert_eq(gnomon_policy_create(memory, &config, &policy),
		     GNOMON_UNSUPPORTED);
	free(memory);
}

Test(adaptive_hw, leaves_of_a_shadowed_space_begin_open)
{
	struct gnomon_policy *policy = make();
	struct gnomon_policy_decision d;

	buy_space(policy);
	send(policy, GNOMON_PE_TABLE_NEW, 7, false, 0);
	cr_assert(next(policy, &d));
	cr_assert_eq(d.scope, GNOMON_SCOPE_TABLE);
	cr_assert_eq(d.mode, GNOMON_POLICY_NESTED);
	cr_assert_eq(d.gfn.v, 7);
	cr_assert_not(next(policy, &d));
	free(policy);
}

/* Until the walks below it have cost its price; returns what they cost. */
static uint64_t buy_leaf(struct gnomon_policy *policy)
{
	struct gnomon_policy_decision d;
	uint64_t paid = 0;

	do {
		now += 100;
		send(policy, GNOMON_PE_WALK, 7, false, HIT);
		paid += HIT;
	} while (!next(policy, &d));
	cr_assert_eq(d.scope, GNOMON_SCOPE_TABLE);
	cr_assert_eq(d.mode, GNOMON_POLICY_SHADOWED);
	cr_assert_eq(d.gfn.v, 7);
	return paid;
}

/* Traps come in so often until it is given back; what they cost. */
static uint64_t give_back(struct gnomon_policy *policy, uint64_t every)
{
	struct gnomon_policy_decision d;
	uint64_t paid = 0;

	for (uint64_t c = 0; c < leaf_price; c += HIDDEN) {
		send(policy, GNOMON_PE_HIDDEN, 7, false, 0);
	}
	do {
		now += every;
		send(policy, GNOMON_PE_TRACE, 7, false, 0);
		paid += prices.trace_leaf;
		cr_assert_lt(paid, 1000000);
	} while (!next(policy, &d));
	cr_assert_eq(d.scope, GNOMON_SCOPE_TABLE);
	cr_assert_eq(d.mode, GNOMON_POLICY_NESTED);
	return paid;
}

Test(adaptive_hw, a_leaf_is_bought_and_given_back_at_its_price)
{
	struct gnomon_policy *policy = make();
	uint64_t paid;

	buy_space(policy);
	paid = buy_leaf(policy);
	cr_assert_geq(paid, leaf_price);
	cr_assert_leq(paid, leaf_price + HIT);
	paid = give_back(policy, 0);
	cr_assert_leq(paid, leaf_price + prices.trace_leaf);
	/* What failed once costs twice as much the next time. */
	paid = buy_leaf(policy);
	cr_assert_geq(paid, 2 * leaf_price - HIT);
	cr_assert_leq(paid, 2 * leaf_price + 2 * HIT);
	free(policy);
}

Test(adaptive_hw, what_walks_would_have_cost_counts_for_a_bought_leaf)
{
	struct gnomon_policy *policy = make();
	uint64_t paid;

	buy_space(policy);
	buy_leaf(policy);
	/* Walks cost 50 in 100 cycles; a trap in 900 saves 450 of its 500. */
	paid = give_back(policy, 900);
	cr_assert_geq(paid, 9 * leaf_price);
	free(policy);
}

/* More tables than are remembered: what falls out is told to be nested. */
Test(adaptive_hw, forgotten_tables_go_back)
{
	struct gnomon_policy *policy = make();
	struct gnomon_policy_decision d;
	unsigned bought = 0, back = 0;

	buy_space(policy);
	for (uint64_t gfn = 100; gfn < 200; gfn++) {
		for (bool mine = false; !mine;) {
			send(policy, GNOMON_PE_WALK, gfn, false, HIT);
			while (next(policy, &d)) {
				mine |= d.gfn.v == gfn;
				bought += d.mode == GNOMON_POLICY_SHADOWED;
				back += d.mode == GNOMON_POLICY_NESTED;
			}
		}
	}
	cr_assert_eq(bought, 100);
	cr_assert_eq(back, 100 - 16);
	free(policy);
}
