/* SPDX-License-Identifier: BSD-2-Clause */
/* SHSP: two intervals that agree turn the whole vm round. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include <gnomon/policy.h>

#define INTERVAL 1000u

static const struct gnomon_policy_prices prices = {
	.exit = 100, .hidden = 200, .true_fault = 150, .trace_leaf = 500,
	.walk_nested = 20,
};

static struct gnomon_policy *make(enum gnomon_policy_mode start)
{
	struct gnomon_policy_config config = {
		.size = sizeof(config), .kind = GNOMON_POLICY_SHSP,
		.prices = prices, .interval = INTERVAL, .start = start,
	};
	struct gnomon_policy *policy;
	void *memory = malloc(gnomon_policy_bytes(&config));

	cr_assert_eq(gnomon_policy_create(memory, &config, &policy),
		     GNOMON_OK);
	return policy;
}

/* An interval with so many misses and faults, then its end. */
static void interval(struct gnomon_policy *policy, uint64_t *now,
		     uint32_t misses, uint32_t faults)
{
	struct gnomon_policy_event walks = {
		.kind = GNOMON_PE_WALK, .count = misses, .now = *now,
	};
	struct gnomon_policy_event pf = {
		.kind = GNOMON_PE_FAULT, .count = faults, .now = *now,
	};
	struct gnomon_policy_event tick = { .kind = GNOMON_PE_TICK };

	if (misses) {
		gnomon_policy_event(policy, &walks);
	}
	if (faults) {
		gnomon_policy_event(policy, &pf);
	}
	*now += INTERVAL;
	tick.now = *now;
	gnomon_policy_event(policy, &tick);
}

Test(shsp, misses_ask_for_shadow_and_faults_for_nested)
{
	struct gnomon_policy *policy = make(GNOMON_POLICY_NESTED);
	struct gnomon_policy_decision d;
	uint64_t now = 0;

	/* A fault weighs 850 cycles, a miss 20: 42.5 misses a fault. */
	interval(policy, &now, 43, 1);
	cr_assert_not(gnomon_policy_poll(policy, &d));
	interval(policy, &now, 43, 1);
	cr_assert(gnomon_policy_poll(policy, &d));
	cr_assert_eq(d.scope, GNOMON_SCOPE_VM);
	cr_assert_eq(d.mode, GNOMON_POLICY_SHADOWED);
	interval(policy, &now, 42, 1);
	interval(policy, &now, 42, 1);
	cr_assert(gnomon_policy_poll(policy, &d));
	cr_assert_eq(d.mode, GNOMON_POLICY_NESTED);
	cr_assert_not(gnomon_policy_poll(policy, &d));
	free(policy);
}

Test(shsp, one_interval_alone_changes_nothing)
{
	struct gnomon_policy *policy = make(GNOMON_POLICY_SHADOWED);
	struct gnomon_policy_decision d;
	uint64_t now = 0;

	for (int i = 0; i < 20; i++) {
		interval(policy, &now, 0, 10);
		interval(policy, &now, 1000, 0);
	}
	cr_assert_not(gnomon_policy_poll(policy, &d));
	cr_assert_eq(gnomon_policy_space_mode(policy, (gnomon_gpa_t){ 0 }),
		     GNOMON_POLICY_SHADOWED);
	free(policy);
}

Test(shsp, a_measured_nested_walk_takes_the_place_of_the_guess)
{
	struct gnomon_policy *policy = make(GNOMON_POLICY_NESTED);
	struct gnomon_policy_event walks = {
		.kind = GNOMON_PE_WALK, .count = 1000, .nested = true,
		.cycles = 2000,
	};
	struct gnomon_policy_decision d;
	uint64_t now = 0;

	gnomon_policy_event(policy, &walks);
	/* About 2 cycles a walk now: 100 misses are no reason any more. */
	for (int i = 0; i < 4; i++) {
		interval(policy, &now, i ? 100 : 0, 1);
	}
	cr_assert_not(gnomon_policy_poll(policy, &d));
	free(policy);
}

/* As many walks as a VMM sees in days. */
Test(shsp, long_runs_do_not_overflow)
{
	struct gnomon_policy *policy = make(GNOMON_POLICY_NESTED);
	struct gnomon_policy_event walks = {
		.kind = GNOMON_PE_WALK, .count = 1u << 31, .nested = true,
		.cycles = UINT64_C(20) << 31,
	};
	struct gnomon_policy_decision d;
	uint64_t now = 0;

	for (int i = 0; i < 2; i++) {
		walks.now = now;
		gnomon_policy_event(policy, &walks);
		interval(policy, &now, 0, 1);
	}
	cr_assert(gnomon_policy_poll(policy, &d));
	cr_assert_eq(d.mode, GNOMON_POLICY_SHADOWED);
	free(policy);
}

Test(shsp, configurations_that_make_no_sense_are_refused)
{
	struct gnomon_policy_config config = {
		.size = sizeof(config) - 1, .kind = GNOMON_POLICY_SHSP,
	};
	struct gnomon_policy *policy;
	void *memory = malloc(gnomon_policy_bytes(&config));

	cr_assert_eq(gnomon_policy_create(memory, &config, &policy),
		     GNOMON_INVAL);
	config.size = sizeof(config);
	cr_assert_eq(gnomon_policy_create(NULL, &config, &policy),
		     GNOMON_INVAL);
	config.kind = (enum gnomon_policy_kind)99;
	cr_assert_eq(gnomon_policy_create(memory, &config, &policy),
		     GNOMON_UNSUPPORTED);
	free(memory);
}
