/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The adaptive policy: decisions, and the bound of docs/adaptive.md against the
 * offline optimum, on cruel and on random lives.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include <gnomon/policy.h>

#include "tests/support/seed.h"

enum {
	HIT = 50, HIDDEN = 200, EXIT = 100, FILLS = 8, TRUST = 8,
	BUILD = 64,	/* hidden faults in the least price */
};

static const struct gnomon_policy_prices prices = {
	.exit = EXIT, .hidden = HIDDEN, .true_fault = HIT, .trace_leaf = 500,
	.trace_upper = 900, .trace_open = HIT, .sync_table = 30,
	.sync_entry = 2, .cr3 = HIT, .invlpg = HIT, .zap = 10,
	.walk_nested = HIT, .fills = FILLS,
};

/* A policy, the only space that runs under it, and what it has cost. */
struct life {
	struct gnomon_policy *policy;
	struct gnomon_policy_event base;
	uint64_t entries;	/* of the space */
	uint64_t price;		/* of building it, as the policy reckons */
	uint64_t cost;		/* without what is common to both modes */
	uint64_t switches;
	/* The optimum in each mode so far. */
	uint64_t best[2];
};

static void make(struct life *l, uint64_t entries)
{
	struct gnomon_policy_config config = {
		.size = sizeof(config), .kind = GNOMON_POLICY_ADAPTIVE,
		.prices = prices, .spaces = 16,
	};
	void *memory = malloc(gnomon_policy_bytes(&config));

	*l = (struct life){
		.base = { .space = { 0x1000 } }, .entries = entries,
		.price = BUILD * HIDDEN + EXIT + 1 + entries / FILLS * HIDDEN,
	};
	l->best[1] = l->price;
	cr_assert_eq(gnomon_policy_create(memory, &config, &l->policy),
		     GNOMON_OK);
	l->base.kind = GNOMON_PE_CR3;
	gnomon_policy_event(l->policy, &l->base);
}

static bool shadowed(const struct life *l)
{
	return gnomon_policy_space_mode(l->policy, l->base.space) !=
	       GNOMON_POLICY_NESTED;
}

static void send(struct life *l, enum gnomon_policy_event_kind kind,
		 uint32_t count, uint64_t cycles)
{
	struct gnomon_policy_event e = l->base;

	e.kind = kind;
	e.count = count;
	e.cycles = cycles;
	e.nested = !shadowed(l);
	gnomon_policy_event(l->policy, &e);
}

/* Carry out what is decided: count, build. */
static void obey(struct life *l)
{
	struct gnomon_policy_decision d;

	while (gnomon_policy_poll(l->policy, &d)) {
		if (d.space.v != l->base.space.v) {
			/* It was pushed out of the memory. */
			cr_assert_eq(d.mode, GNOMON_POLICY_NESTED);
			continue;
		}
		if (d.scope == GNOMON_SCOPE_COUNT) {
			send(l, GNOMON_PE_SIZE, (uint32_t)l->entries, 0);
			continue;
		}
		cr_assert_eq(d.scope, GNOMON_SCOPE_SPACE);
		l->switches++;
		if (d.mode != GNOMON_POLICY_NESTED) {
			l->cost += l->price;
			for (uint64_t c = 0; c + HIDDEN <= l->price;
			     c += HIDDEN) {
				send(l, GNOMON_PE_HIDDEN, 1, 0);
			}
		}
	}
}

/* A piece of life: a walk that nests, a flush that traps, or both. */
static void piece(struct life *l, bool walk, bool trap, uint64_t cycles)
{
	bool s = shadowed(l);

	l->base.now += cycles;
	if (walk) {
		send(l, GNOMON_PE_WALK, 1, s ? 0 : HIT);
	}
	if (s && trap) {
		send(l, GNOMON_PE_INVLPG, 1, 0);
	}
	l->cost += s ? trap * HIT : walk * HIT;
	obey(l);
	l->best[0] += walk * HIT;
	l->best[1] += trap * HIT;
	if (l->best[0] > l->best[1]) {
		l->best[0] = l->best[1];
	}
	if (l->best[1] > l->best[0] + l->price) {
		l->best[1] = l->best[0] + l->price;
	}
}

static double ratio(const struct life *l)
{
	uint64_t best = l->best[0] < l->best[1] ? l->best[0] : l->best[1];

	/* The bound has an additive part: the last turn may be unfinished. */
	return ((double)l->cost - (double)(TRUST + 3) * (double)l->price) /
	       (double)(best ? best : 1);
}

Test(adaptive, a_space_starts_nested_and_is_bought_at_its_price)
{
	struct life l;
	uint64_t paid = 0;

	make(&l, 800);
	while (!shadowed(&l)) {
		piece(&l, true, true, 0);
		paid += HIT;
		cr_assert_leq(paid, l.price + HIT);
	}
	cr_assert_geq(paid, l.price);
	cr_assert_eq(l.switches, 1);
	free(l.policy);
}

Test(adaptive, building_is_what_the_price_was_for)
{
	struct life l;

	make(&l, 800);
	while (!shadowed(&l)) {
		piece(&l, true, false, 0);
	}
	/* obey() has sent all the fills: the meter has not moved. */
	for (uint64_t c = HIT; c + HIDDEN < l.price; c += HIT) {
		piece(&l, false, true, 0);
		cr_assert(shadowed(&l));
	}
	while (shadowed(&l)) {
		piece(&l, false, true, 0);
		cr_assert_leq(l.cost, 3 * l.price + HIDDEN);
	}
	free(l.policy);
}

Test(adaptive, what_does_not_pay_is_not_tried_again_soon)
{
	struct life l;

	make(&l, 800);
	/* Walks cost 50 in 1000 cycles, shadowing would cost 100. */
	for (uint64_t i = 0; i < 20000; i++) {
		piece(&l, true, true, 500);
		piece(&l, false, true, 500);
	}
	/* One try, and one more after TRUST prices were saved. */
	cr_assert_leq(l.switches, 2 + 2 * (20000 * HIT / l.price / TRUST),
		      "%llu", (unsigned long long)l.switches);
	cr_assert_geq(l.switches, 2);
	cr_assert_not(shadowed(&l));
	free(l.policy);
}

Test(adaptive, what_pays_is_kept)
{
	struct life l;

	make(&l, 800);
	for (uint64_t i = 0; i < 20000; i++) {
		piece(&l, true, true, 500);
		piece(&l, true, false, 500);
	}
	cr_assert_eq(l.switches, 1);
	cr_assert(shadowed(&l));
	cr_assert_leq(l.cost, l.best[1] + l.price + HIT);
	free(l.policy);
}

/* Each piece costs in the mode that the policy is in, and in it alone. */
Test(adaptive, a_cruel_life_costs_no_more_than_the_bound)
{
	static const uint64_t cycles[] = { 0, 10, 1000, 100000 };

	for (size_t c = 0; c < sizeof(cycles) / sizeof(*cycles); c++) {
		struct life l;
		double bound = cycles[c] ? TRUST + 3 : 3;

		make(&l, 800);
		for (uint64_t i = 0; i < 400000; i++) {
			bool s = shadowed(&l);

			piece(&l, !s, s, cycles[c]);
		}
		cr_assert_gt(l.switches, 10);
		/* A hit may overshoot a stop by itself. */
		cr_assert_leq(ratio(&l), bound * 1.02 + 0.05,
			      "%g with %llu cycles", ratio(&l),
			      (unsigned long long)cycles[c]);
		free(l.policy);
	}
}

Test(adaptive, random_lives_cost_no_more_than_the_bound)
{
	struct test_rng rng = test_rng_init(test_seed());
	double worst = 0;

	for (int n = 0; n < 200; n++) {
		uint64_t length = 1 + test_rng_below(&rng, 3000);
		uint64_t walks = 0, traps = 0;
		struct life l;

		make(&l, test_rng_below(&rng, 2000));
		for (uint64_t i = 0; i < 60000; i++) {
			if (i % length == 0) {
				walks = test_rng_below(&rng, 101);
				traps = test_rng_below(&rng, 101);
			}
			piece(&l, test_rng_below(&rng, 100) < walks,
			      test_rng_below(&rng, 100) < traps,
			      test_rng_below(&rng, 200));
		}
		worst = ratio(&l) > worst ? ratio(&l) : worst;
		free(l.policy);
	}
	cr_assert_leq(worst, TRUST + 3, "%g", worst);
}

Test(adaptive, nested_spaces_make_the_shadowed_ones_pay)
{
	struct gnomon_policy_decision d;
	struct life l;
	uint64_t taxed = 0;

	make(&l, 0);
	while (!shadowed(&l)) {
		piece(&l, true, false, 0);
	}
	/* Another space runs into traces that the first one needs. */
	l.base.space.v = 0x2000;
	send(&l, GNOMON_PE_CR3, 1, 0);
	while (!gnomon_policy_poll(l.policy, &d)) {
		send(&l, GNOMON_PE_TRACE, 1, 0);
		taxed += prices.trace_leaf;
		cr_assert_leq(taxed, 3 * l.price);
	}
	cr_assert_eq(d.space.v, 0x1000);
	cr_assert_eq(d.mode, GNOMON_POLICY_NESTED);
	cr_assert_geq(taxed + BUILD / 4 * HIDDEN, l.price);
	free(l.policy);
}

Test(adaptive, kin_that_paid_gives_a_head_start)
{
	struct gnomon_policy_decision d;
	uint64_t paid[8] = { 0 };
	struct life l;

	make(&l, 800);
	for (uint32_t i = 0; i < 8; i++) {
		l.base.space.v = 0x1000;	/* the parent */
		send(&l, GNOMON_PE_CR3, 1, 0);
		l.base.space.v = 0x10000 + i * 0x1000u;
		send(&l, GNOMON_PE_CR3, 1, 0);
		while (!shadowed(&l)) {
			send(&l, GNOMON_PE_WALK, 1, HIT);
			paid[i] += HIT;
			while (gnomon_policy_poll(l.policy, &d)) {
				if (d.scope == GNOMON_SCOPE_COUNT) {
					send(&l, GNOMON_PE_SIZE, 800, 0);
				}
			}
		}
	}
	cr_assert_geq(paid[0], l.price);
	cr_assert_leq(paid[7], l.price / 2 + HIT);
	cr_assert_geq(paid[7], l.price / 2 - HIT);
	free(l.policy);
}

Test(adaptive, kin_that_was_not_worth_it_gives_none)
{
	struct life l;
	uint64_t paid = 0;

	make(&l, 800);
	for (uint32_t i = 0; i < 5; i++) {
		l.base.space.v = 0x1000;	/* the parent */
		send(&l, GNOMON_PE_CR3, 1, 0);
		l.base.space.v = 0x10000 + i * 0x1000u;
		send(&l, GNOMON_PE_CR3, 1, 0);
	}
	while (!shadowed(&l)) {
		piece(&l, true, false, 0);
		paid += HIT;
		cr_assert_leq(paid, l.price + HIT);
	}
	cr_assert_geq(paid, l.price);
	free(l.policy);
}

/* A load that leaves the guest is what shadowing costs. */
Test(adaptive, exits_of_loads_are_paid_for)
{
	struct gnomon_policy_event load;
	struct life l;
	uint64_t paid = 0;

	make(&l, 800);
	while (!shadowed(&l)) {
		piece(&l, true, false, 0);
	}
	load = l.base;
	load.kind = GNOMON_PE_CR3;
	load.exited = true;
	for (; shadowed(&l); paid += HIT) {
		cr_assert_leq(paid, TRUST * l.price);
		gnomon_policy_event(l.policy, &load);
		obey(&l);
	}
	free(l.policy);
}

Test(adaptive, spaces_pushed_out_while_shadowed_go_back)
{
	struct gnomon_policy_decision d;
	struct life l;
	int back = 0;

	make(&l, 0);
	for (uint64_t i = 0; i < 200; i++) {
		l.base.space.v = 0x100000 + i * 0x1000;
		send(&l, GNOMON_PE_CR3, 1, 0);
		while (gnomon_policy_poll(l.policy, &d)) {
			cr_assert_eq(d.mode, GNOMON_POLICY_NESTED);
			cr_assert_neq(d.space.v, l.base.space.v);
			back++;
		}
		while (!shadowed(&l)) {
			piece(&l, true, false, 0);
		}
	}
	/* 16 fit. */
	cr_assert_eq(back, 200 - 16);
	free(l.policy);
}
