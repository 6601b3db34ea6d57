/* SPDX-License-Identifier: BSD-2-Clause */
/* gnomon_look(): a hierarchy entry by entry. */
#include <criterion/criterion.h>

#include "tests/support/guest.h"

#define LOW UINT64_C(0x40000000)
#define HIGH UINT64_C(0xffff888000000000)

struct seen {
	unsigned tables, leaves;
	uint64_t last;		/* address of the last leaf */
	unsigned level;		/* of it */
};

static struct seen look_all(struct guest *g, enum gnomon_tables tables)
{
	struct gnomon_look look = { 0 };
	struct seen seen = { 0 };
	enum gnomon_status status;
	uint32_t budget;

	do {
		budget = 3;
		status = gnomon_look(g->vcpu[0], tables, &look, &budget);
		if (status == GNOMON_OK && look.table) {
			seen.tables++;
		} else if (status == GNOMON_OK) {
			seen.leaves++;
			seen.last = look.address;
			seen.level = look.entry_level;
		}
	} while (status == GNOMON_OK || status == GNOMON_MORE);
	cr_assert_eq(status, GNOMON_ABSENT);
	return seen;
}

static struct guest *with_two(enum gnomon_mode mode)
{
	struct guest_options o = guest_defaults();
	struct guest *g;

	o.mode = mode;
	o.options &= ~(uint32_t)GNOMON_OPT_PREFETCH;
	g = guest_create(o);
	guest_map(g, g->root, LOW, 700 << 12, GUEST_RWU, 1);
	guest_map(g, g->root, HIGH, 1024 << 12, GUEST_RW, 2);
	cr_assert_eq(guest_load(g, 0, g->root), GNOMON_OK);
	cr_assert_eq(guest_access(g, 0, LOW, GNOMON_READ, 0).end, GUEST_DONE);
	cr_assert_eq(guest_access(g, 0, HIGH, GNOMON_READ, 0).end, GUEST_DONE);
	return g;
}

Test(look, guest_tables_in_order)
{
	struct guest *g = with_two(GNOMON_MODE_SHADOW);
	struct seen seen = look_all(g, GNOMON_TABLES_GUEST);

	cr_assert_eq(seen.tables, 3 + 2);
	cr_assert_eq(seen.leaves, 2);
	cr_assert_eq(seen.last, HIGH);
	cr_assert_eq(seen.level, 2);
	cr_assert_eq(guest_destroy(g), 0);
}

Test(look, shadow_tables_mirror_what_was_used)
{
	struct guest *g = with_two(GNOMON_MODE_SHADOW);
	struct seen seen = look_all(g, GNOMON_TABLES_SHADOW);

	cr_assert_eq(seen.tables, 3 + 2);
	cr_assert_eq(seen.leaves, 2);
	cr_assert_eq(seen.last, HIGH);
	cr_assert_eq(look_all(g, GNOMON_TABLES_NESTED).leaves, 0);
	cr_assert_eq(guest_destroy(g), 0);
}

Test(look, nested_tables_by_gpa)
{
	struct guest *g = with_two(GNOMON_MODE_NESTED);
	struct seen seen = look_all(g, GNOMON_TABLES_NESTED);

	cr_assert_geq(seen.leaves, 2);
	cr_assert_eq(seen.last, UINT64_C(1024) << 12);
	cr_assert_eq(guest_destroy(g), 0);
}

Test(look, every_guest_format)
{
	for (unsigned levels = 2; levels <= 5; levels++) {
		struct guest_options o = guest_defaults();
		struct guest *g;

		o.levels = levels;
		g = guest_create(o);
		guest_map(g, g->root, LOW, 700 << 12, GUEST_RWU, 1);
		cr_assert_eq(guest_load(g, 0, g->root), GNOMON_OK);
		cr_assert_eq(guest_access(g, 0, LOW, GNOMON_READ, 0).end,
			     GUEST_DONE);
		cr_assert_eq(look_all(g, GNOMON_TABLES_GUEST).leaves, 1, "%u",
			     levels);
		cr_assert_geq(look_all(g, GNOMON_TABLES_SHADOW).leaves, 1);
		cr_assert_eq(guest_destroy(g), 0);
	}
}
