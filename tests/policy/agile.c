/* SPDX-License-Identifier: BSD-2-Clause */
/* The agile paper's policy: two stores in an interval, and the way back. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include <gnomon/policy.h>

#define INTERVAL 1000u

static struct gnomon_policy *policy;

static struct gnomon_policy_config config_of(enum gnomon_agile_back back)
{
	return (struct gnomon_policy_config){
		.size = sizeof(struct gnomon_policy_config),
		.kind = GNOMON_POLICY_AGILE,
		.hardware = GNOMON_HW_SWITCH_BIT,
		.interval = INTERVAL, .agile_back = back,
	};
}

static void make(const struct gnomon_policy_config *config)
{
	void *memory = malloc(gnomon_policy_bytes(config));

	cr_assert_eq(gnomon_policy_create(memory, config, &policy),
		     GNOMON_OK);
}

static void tell(enum gnomon_policy_event_kind kind, uint64_t gfn,
		 unsigned level, uint64_t now)
{
	struct gnomon_policy_event e = {
		.kind = kind, .gfn = { gfn }, .level = (uint8_t)level,
		.now = now,
	};

	gnomon_policy_event(policy, &e);
}

static void expect(enum gnomon_policy_scope scope, uint64_t gfn,
		   unsigned level, enum gnomon_policy_mode mode)
{
	struct gnomon_policy_decision d;

	cr_assert(gnomon_policy_poll(policy, &d), "gfn %u", (unsigned)gfn);
	cr_expect_eq(d.scope, scope);
	cr_expect_eq(d.gfn.v, gfn);
	cr_expect_eq(d.level, level);
	cr_expect_eq(d.mode, mode);
}

static void expect_none(void)
{
	struct gnomon_policy_decision d;

	cr_expect_not(gnomon_policy_poll(policy, &d));
}

Test(agile, needs_the_switching_bit)
{
	struct gnomon_policy_config config =
		config_of(GNOMON_AGILE_BACK_ALL);
	void *memory = malloc(gnomon_policy_bytes(&config));

	config.hardware = 0;
	cr_expect_eq(gnomon_policy_create(memory, &config, &policy),
		     GNOMON_UNSUPPORTED);
	free(memory);
}

Test(agile, two_stores_in_an_interval_and_not_over_its_end)
{
	struct gnomon_policy_config config =
		config_of(GNOMON_AGILE_BACK_ALL);

	make(&config);
	tell(GNOMON_PE_TRACE, 7, 1, 0);
	tell(GNOMON_PE_TRACE, 8, 2, 1);
	expect_none();
	tell(GNOMON_PE_TRACE, 7, 1, INTERVAL + 1);
	expect_none();
	tell(GNOMON_PE_TRACE, 7, 1, INTERVAL + 2);
	expect(GNOMON_SCOPE_TABLE, 7, 1, GNOMON_POLICY_NESTED);
	expect_none();
	free(policy);
}

Test(agile, the_number_of_stores_is_a_parameter)
{
	struct gnomon_policy_config config =
		config_of(GNOMON_AGILE_BACK_ALL);

	config.agile_writes = 5;
	make(&config);
	for (unsigned i = 0; i < 4; i++) {
		tell(GNOMON_PE_TRACE, 7, 1, i);
	}
	expect_none();
	tell(GNOMON_PE_TRACE, 7, 1, 4);
	expect(GNOMON_SCOPE_TABLE, 7, 1, GNOMON_POLICY_NESTED);
	free(policy);
}

Test(agile, everything_comes_back_at_the_end_parents_first)
{
	struct gnomon_policy_config config =
		config_of(GNOMON_AGILE_BACK_ALL);

	make(&config);
	for (unsigned level = 1; level <= 4; level++) {
		tell(GNOMON_PE_TRACE, 10 + level, level, 1);
		tell(GNOMON_PE_TRACE, 10 + level, level, 2);
		expect(GNOMON_SCOPE_TABLE, 10 + level, level,
		       GNOMON_POLICY_NESTED);
	}
	tell(GNOMON_PE_TICK, 0, 0, INTERVAL);
	expect_none();
	tell(GNOMON_PE_TICK, 0, 0, INTERVAL + 1);
	for (unsigned level = 4; level >= 1; level--) {
		expect(GNOMON_SCOPE_TABLE, 10 + level, level,
		       GNOMON_POLICY_SHADOWED);
	}
	expect_none();
	free(policy);
}

Test(agile, clean_tables_come_back_and_written_ones_stay)
{
	struct gnomon_policy_config config =
		config_of(GNOMON_AGILE_BACK_CLEAN);

	make(&config);
	for (unsigned i = 0; i < 2; i++) {
		tell(GNOMON_PE_TRACE, 20, 1, 1);
		tell(GNOMON_PE_TRACE, 30, 2, 1);
	}
	expect(GNOMON_SCOPE_TABLE, 20, 1, GNOMON_POLICY_NESTED);
	expect(GNOMON_SCOPE_TABLE, 30, 2, GNOMON_POLICY_NESTED);
	tell(GNOMON_PE_TICK, 0, 0, INTERVAL + 1);
	expect(GNOMON_SCOPE_WRITTEN, 30, 2, GNOMON_POLICY_SHADOWED);
	expect(GNOMON_SCOPE_WRITTEN, 20, 1, GNOMON_POLICY_SHADOWED);
	expect_none();
	tell(GNOMON_PE_WRITTEN, 20, 1, INTERVAL + 2);
	tell(GNOMON_PE_TICK, 0, 0, 2 * INTERVAL + 1);
	expect(GNOMON_SCOPE_TABLE, 30, 2, GNOMON_POLICY_SHADOWED);
	expect(GNOMON_SCOPE_WRITTEN, 20, 1, GNOMON_POLICY_SHADOWED);
	expect_none();
	tell(GNOMON_PE_TICK, 0, 0, 3 * INTERVAL + 1);
	expect(GNOMON_SCOPE_TABLE, 20, 1, GNOMON_POLICY_SHADOWED);
	expect_none();
	free(policy);
}

Test(agile, a_full_queue_only_delays)
{
	struct gnomon_policy_config config =
		config_of(GNOMON_AGILE_BACK_ALL);
	struct gnomon_policy_decision d;
	unsigned back = 0;

	make(&config);
	for (unsigned gfn = 1; gfn <= 200; gfn++) {
		tell(GNOMON_PE_TRACE, gfn, 1, 1);
		tell(GNOMON_PE_TRACE, gfn, 1, 1);
		expect(GNOMON_SCOPE_TABLE, gfn, 1, GNOMON_POLICY_NESTED);
	}
	for (unsigned i = 0; i < 10; i++) {
		tell(GNOMON_PE_TICK, 0, 0, INTERVAL + 1);
		while (gnomon_policy_poll(policy, &d)) {
			cr_assert_eq(d.mode, GNOMON_POLICY_SHADOWED);
			back++;
		}
	}
	cr_expect_eq(back, 200);
	free(policy);
}

Test(agile, more_tables_than_fit_bring_old_ones_back)
{
	struct gnomon_policy_config config =
		config_of(GNOMON_AGILE_BACK_CLEAN);
	struct gnomon_policy_decision d;
	unsigned nested = 0;

	config.tables = 8;
	make(&config);
	for (unsigned gfn = 1; gfn <= 50; gfn++) {
		tell(GNOMON_PE_TRACE, gfn, 1, 1);
		tell(GNOMON_PE_TRACE, gfn, 1, 1);
		while (gnomon_policy_poll(policy, &d)) {
			nested += d.mode == GNOMON_POLICY_NESTED ? 1u : -1u;
		}
		cr_assert_leq(nested, 8);
	}
	cr_expect_eq(nested, 8);
	free(policy);
}

static void walk(uint64_t space, uint64_t cycles, uint64_t now)
{
	struct gnomon_policy_event e = {
		.kind = GNOMON_PE_WALK, .space = { space }, .nested = true,
		.cycles = cycles, .now = now,
	};

	gnomon_policy_event(policy, &e);
}

Test(agile, a_space_may_begin_nested_and_grow_up)
{
	struct gnomon_policy_config config =
		config_of(GNOMON_AGILE_BACK_ALL);
	struct gnomon_policy_decision d;

	config.start = GNOMON_POLICY_NESTED;
	config.agile_trial = 5000;
	make(&config);
	walk(0x1000, 0, 1);
	cr_assert(gnomon_policy_poll(policy, &d));
	cr_expect_eq(d.scope, GNOMON_SCOPE_SPACE);
	cr_expect_eq(d.mode, GNOMON_POLICY_NESTED);
	cr_expect_eq(gnomon_policy_space_mode(policy,
			(gnomon_gpa_t){ 0x1000 }), GNOMON_POLICY_NESTED);
	/* Old enough, but walks have cost it less than 5 % of its time. */
	walk(0x1000, 200, 4000);
	walk(0x1000, 0, 5002);
	expect_none();
	walk(0x1000, 200, 5003);
	cr_assert(gnomon_policy_poll(policy, &d));
	cr_expect_eq(d.mode, GNOMON_POLICY_SHADOWED);
	cr_expect_eq(d.space.v, 0x1000);
	cr_expect_eq(gnomon_policy_space_mode(policy,
			(gnomon_gpa_t){ 0x1000 }), GNOMON_POLICY_SHADOWED);
	/* Time that another space ran is not its own. */
	walk(0x2000, 0, 6000);
	cr_assert(gnomon_policy_poll(policy, &d));
	walk(0x3000, 0, 16000);
	cr_assert(gnomon_policy_poll(policy, &d));
	walk(0x2000, 4000, 16001);
	expect_none();
	free(policy);
}
