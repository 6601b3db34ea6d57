/* SPDX-License-Identifier: BSD-2-Clause */
/* A/D updates when the guest changes an entry at the worst moment. */
#include "tests/guestpt/world.h"

#include <criterion/criterion.h>

#define GVA UINT64_C(0x00007f1234567abc)
#define PWU (X86_PTE_P | X86_PTE_W | X86_PTE_U)
#define MARKS (X86_PTE_A | X86_PTE_D)

static struct world w;
static unsigned calls, strike;	/* strike: before which exchange; 0 = never */
static uint64_t victim_at, victim_value;
static bool always;

static enum gnomon_status load(void *arg, gnomon_gpa_t gpa, unsigned bytes,
			       uint64_t *value)
{
	(void)arg;
	(void)bytes;
	*value = world_get(&w, gpa.v);
	return GNOMON_OK;
}

static enum gnomon_status cmpxchg(void *arg, gnomon_gpa_t gpa, unsigned bytes,
				  uint64_t *old, uint64_t value)
{
	uint64_t found;

	(void)arg;
	(void)bytes;
	if (++calls == strike || always) {
		/* Under always: a bit that software owns, flipped each time. */
		world_set(&w, victim_at, always ? world_get(&w, victim_at) ^
						  GN_BIT(9) : victim_value);
	}
	found = world_get(&w, gpa.v);
	if (found == *old) {
		world_set(&w, gpa.v, value);
	}
	*old = found;
	return GNOMON_OK;
}

static void init(void)
{
	world_init(&w);
	w.host.load = load;
	w.host.cmpxchg = cmpxchg;
	gn_mem_init(&w.mem, &w.host, NULL);
	gn_mem_add(&w.mem, &(struct gn_window){ .bytes = sizeof(w.ram),
						.writable = true });
	world_map(&w, GVA, 1, PWU, WORLD_PAGE | PWU);
}

TestSuite(ad, .init = init);

static enum gnomon_status write_with_strike(unsigned level, uint64_t value,
					    unsigned before)
{
	victim_at = world_at(&w, level, GVA);
	victim_value = value;
	strike = before;
	return world_walk(&w, GVA, GNOMON_WRITE, GN_GPT_SET_AD);
}

Test(ad, a_leaf_moved_before_its_mark_is_walked_again)
{
	/* Exchanges go from level 4 to level 1: the fourth is the leaf's. */
	cr_assert_eq(write_with_strike(1, 0x20000 | PWU, 4), GNOMON_OK);
	cr_assert_eq(w.walk.gpa.v, 0x20000 | (GVA & 0xfff));
	cr_assert_eq(world_get(&w, victim_at), 0x20000 | PWU | MARKS);
}

Test(ad, a_leaf_made_readonly_in_time_faults_and_stays_clean)
{
	uint64_t readonly = WORLD_PAGE | X86_PTE_P | X86_PTE_U;

	for (unsigned before = 1; before <= 4; before++) {
		init();
		calls = 0;
		cr_assert_eq(write_with_strike(1, readonly, before),
			     GNOMON_FAULT, "exchange %u", before);
		cr_assert_eq(w.walk.error_code, X86_PF_P | X86_PF_W);
		cr_assert_eq(world_get(&w, victim_at), readonly);
	}
}

Test(ad, an_upper_entry_taken_away_is_noticed_at_its_mark)
{
	for (unsigned level = 2; level <= 4; level++) {
		init();
		calls = 0;
		cr_assert_eq(write_with_strike(level, 0, 5 - level),
			     GNOMON_FAULT, "level %u", level);
		cr_assert_eq(w.walk.error_code, X86_PF_W);
		cr_assert_eq(world_get(&w, victim_at), 0);
		cr_assert_eq(world_get(&w, world_at(&w, 1, GVA)),
			     WORLD_PAGE | PWU);
	}
}

Test(ad, a_guest_that_never_stops_gets_more)
{
	victim_at = world_at(&w, 4, GVA);
	always = true;
	cr_assert_eq(world_walk(&w, GVA, GNOMON_WRITE, GN_GPT_SET_AD),
		     GNOMON_MORE);
	cr_assert(!(world_get(&w, victim_at) & X86_PTE_A));
}

Test(ad, marks_set_meanwhile_cost_one_restart_only)
{
	victim_at = world_at(&w, 1, GVA);
	cr_assert_eq(write_with_strike(1, WORLD_PAGE | PWU | MARKS, 4),
		     GNOMON_OK);
	cr_assert_eq(calls, 4);
	cr_assert_eq(w.walk.step[1].gpte, WORLD_PAGE | PWU | MARKS);
}
