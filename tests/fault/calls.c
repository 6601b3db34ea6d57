/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * As nth.c, over the public calls that its life does without: fills and splits
 * ahead of time, compare-exchanges, questions, walks without a vm.
 */
#include <string.h>

#include "tests/fault/life.h"

/* ---- fills and splits ahead of time ------------------------------------ */

static void prefault(struct guest *g, unsigned vcpu, uint64_t gva,
		     uint64_t bytes)
{
	struct gnomon_span span = { { gva }, bytes };
	unsigned nomem = 0;
	enum gnomon_status s;

	THROUGH(g, gnomon_prefault(g->vcpu[vcpu], &span, &budget));
	life_through("prefault", s);
}

static void split(struct guest *g, uint64_t first, uint64_t frames)
{
	struct gnomon_range range = { { first }, frames }, again = range;
	unsigned nomem = 0;
	enum gnomon_status s;

	THROUGH(g, gnomon_split(g->vm, &range, &budget));
	life_through("split", s);
	guest_access(g, 0, HUGE_PAGE + 0x3000, GNOMON_WRITE, 1);
	nomem = 0;
	THROUGH(g, gnomon_collapse(g->vm, &again, &budget));
	life_through("collapse", s);
	guest_access(g, 0, HUGE_PAGE + 0x4000, GNOMON_READ, 0);
}

static void ahead(struct guest *g)
{
	for (unsigned i = 0; i < 2; i++) {
		prefault(g, i, CODE, 4 << 12);
		prefault(g, i, DATA - 0x2000, 8 << 12);
		prefault(g, i, HUGE_PAGE, 16 << 12);
		prefault(g, i, CALLS, 1 << 12);
		prefault(g, i, DEVICE, 2 << 12);
	}
	split(g, 2048, 512);
	split(g, 0, 64);
}

/* ---- compare-exchanges -------------------------------------------------- */

/* Exactly one of: stored, another value found, refused and unchanged. */
static void exchange(struct guest *g, uint64_t gpa, unsigned bytes,
		     uint64_t expected, uint64_t value)
{
	uint64_t before = fh_load(g->fh, gpa, bytes), old = expected, after;
	enum gnomon_status s = gnomon_cmpxchg(g->vm, g->vcpu[0],
					      (gnomon_gpa_t){ gpa }, bytes,
					      &old, value);

	guest_audit(g);
	after = fh_load(g->fh, gpa, bytes);
	if (s != GNOMON_OK) {
		cr_expect(s == GNOMON_ABSENT && g->fh->fail_hit,
			  "cmpxchg: %s", gnomon_status_text(s));
		cr_expect_eq(after, before, "refused, yet stored");
		return;
	}
	cr_expect_eq(old, before, "another value found than was there");
	cr_expect_eq(after, before == expected ? value : before);
}

static void exchanges(struct guest *g)
{
	unsigned bytes = g->o.levels == 2 ? 4 : 8;
	uint64_t gpte = guest_entry(g, g->root, DATA, 1), was;
	uint64_t places[] = { 701 << 12, 4100 << 12, gpte };

	for (unsigned i = 0; i < 3; i++) {
		for (unsigned half = 4; half <= bytes; half += 4) {
			was = fh_load(g->fh, places[i], half);
			exchange(g, places[i], half, was, was ^ X86_PTE_U);
			exchange(g, places[i], half, was, 0);
			exchange(g, places[i], half, was ^ X86_PTE_U, was);
			guest_access(g, 0, DATA, GNOMON_READ | GNOMON_USER,
				     0);
		}
	}
	/* A leaf that goes, and one that comes back. */
	was = fh_load(g->fh, gpte, bytes);
	exchange(g, gpte, bytes, was, 0);
	guest_invlpg(g, 0, DATA);
	guest_access(g, 0, DATA, GNOMON_WRITE, 1);
	exchange(g, gpte, bytes, 0, was);
	guest_access(g, 0, DATA, GNOMON_WRITE, 1);
}

/* ---- questions ---------------------------------------------------------- */

static bool may_say(const struct guest *g, enum gnomon_status s)
{
	return s == GNOMON_OK || s == GNOMON_FAULT ||
	       (s == GNOMON_ABSENT && g->fh->fail_hit);
}

static void translate(struct guest *g, unsigned vcpu, uint64_t gva)
{
	for (uint32_t i = 0; i < 6; i++) {
		uint32_t access = (i & 1 ? GNOMON_WRITE : GNOMON_READ) |
				  (i & 4 ? GNOMON_USER : 0);
		struct gnomon_translation t;
		enum gnomon_status s;

		s = gnomon_translate(g->vcpu[vcpu], (gnomon_gva_t){ gva },
				     access, i & 2 ? GNOMON_TRANSLATE_SET_AD
						   : 0, &t);
		cr_expect(may_say(g, s), "translate: %s",
			  gnomon_status_text(s));
		guest_audit(g);
	}
}

/* A walk without a vm knows no windows. */
static enum gnomon_status load_anywhere(void *ctx, gnomon_gpa_t gpa,
					unsigned bytes, uint64_t *value)
{
	struct fakehost *fh = ctx;

	if (++fh->calls_all == fh->fail_at) {
		fh->fail_hit = true;
		return GNOMON_ABSENT;
	}
	*value = fh_load(fh, gpa.v, bytes);
	return GNOMON_OK;
}

static void walk(struct guest *g, unsigned vcpu, uint64_t gva)
{
	struct gnomon_host host = { .size = sizeof(host),
				    .load = load_anywhere };
	uint64_t at = guest_entry(g, g->root, gva, 1);
	uint64_t was = guest_peek(g, at);
	struct gnomon_trail trail;
	enum gnomon_status s = gnomon_walk(&g->regs[vcpu], &g->ref.caps,
					   &host, g->fh, (gnomon_gva_t){ gva },
					   GNOMON_READ, 0, &trail);

	cr_expect(may_say(g, s), "walk: %s", gnomon_status_text(s));
	cr_expect_eq(guest_peek(g, at), was, "a look has changed the tables");
}

static void look(struct guest *g, unsigned vcpu, enum gnomon_tables tables)
{
	struct gnomon_look look = { 0 };
	enum gnomon_status s;
	unsigned calls = 0;

	do {
		uint32_t budget = 3;

		s = gnomon_look(g->vcpu[vcpu], tables, &look, &budget);
		calls++;
	} while ((s == GNOMON_MORE || (s == GNOMON_OK && !look.end)) &&
		 calls < 20000);
	cr_expect(calls < 20000, "a dump without an end");
	cr_expect(s == GNOMON_OK || s == GNOMON_ABSENT ||
		  s == GNOMON_UNSUPPORTED || s == GNOMON_INVAL, "look: %s",
		  gnomon_status_text(s));
	guest_audit(g);
}

static void ask(struct guest *g)
{
	static const uint64_t where[] = { CODE, DATA, HUGE_PAGE, CALLS,
					  0x50000000 };

	for (unsigned i = 0; i < 5; i++) {
		translate(g, i & 1, where[i]);
	}
	translate(g, 0, DATA);
	for (unsigned i = 0; i < 2; i++) {
		gnomon_gpa_t cr3 = { g->regs[i].cr3 };

		look(g, i, GNOMON_TABLES_GUEST);
		look(g, i, GNOMON_TABLES_SHADOW);
		look(g, i, GNOMON_TABLES_NESTED);
		cr_expect_eq(gnomon_mode_get(g->vm, &cr3),
			     gnomon_mode_get(g->vm, NULL));
	}
	walk(g, 0, DATA);
}

static void story(struct guest *g, uint64_t other)
{
	guest_load(g, 1, other);
	ahead(g);
	exchanges(g);
	ask(g);
	if (g->o.modes) {
		guest_switch(g, 0, GNOMON_MODE_NESTED, 2);
		ahead(g);
		guest_switch(g, 0, GNOMON_MODE_SHADOW, 2);
		exchanges(g);
	}
	guest_load(g, 1, g->root);
	life_touch(g, 1);
	ahead(g);
}

static struct guest_options options(unsigned levels, enum gnomon_mode mode)
{
	struct guest_options o = guest_defaults();

	o.levels = levels;
	o.mode = mode;
	return o;
}

Test(nth_calls, shadow_4_level, .timeout = 120)
{
	life_every_call(options(4, GNOMON_MODE_SHADOW), story);
}

Test(nth_calls, shadow_pae, .timeout = 120)
{
	life_every_call(options(3, GNOMON_MODE_SHADOW), story);
}

Test(nth_calls, shadow_32_bit, .timeout = 120)
{
	life_every_call(options(2, GNOMON_MODE_SHADOW), story);
}

Test(nth_calls, nested_5_level, .timeout = 120)
{
	life_every_call(options(5, GNOMON_MODE_NESTED), story);
}

Test(nth_calls, both_modes, .timeout = 120)
{
	struct guest_options o = options(4, GNOMON_MODE_SHADOW);

	o.modes = 1u << GNOMON_MODE_SHADOW | 1u << GNOMON_MODE_NESTED;
	life_every_call(o, story);
}

/* The host stays without pages until the story is over. */
Test(nth_calls, host_runs_dry, .timeout = 120)
{
	for (uint32_t spare = 1; spare < 32; spare++) {
		life_once(options(4, GNOMON_MODE_SHADOW), 0, spare, story);
		life_once(options(4, GNOMON_MODE_NESTED), 0, spare, story);
	}
}
