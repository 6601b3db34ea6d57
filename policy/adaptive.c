/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Adaptive, for today's CPUs: each address space starts nested and is rented
 * or bought by what it has cost (meter.h). docs/adaptive.md tells why and what
 * can be promised.
 *
 * What a space costs under nested paging is counted by the CPU: cycles in the
 * nested part of its walks. What it costs under shadow paging is counted by
 * the exits. What the other mode would have cost is believed to be what it
 * cost before: walks have a mean cost, and shadowing has one per cycle.
 */
#include "policy/policy.h"

#include <string.h>

enum {
	/*
	 * Hidden faults in the least price. A change also drops the TLB and
	 * walk caches, there and back; 64 measured better than 16 and 128.
	 */
	BUILD_MIN = 64,
	KIN_MIN = 2,		/* children before one believes in them */
	TRUST = 8,		/* prices that a memory may save its subject
				 * from paying, before it is put to the test */
};

static const struct gnomon_policy_prices *
prices_of(const struct gnomon_policy *policy)
{
	return &policy->config.prices;
}

static uint64_t least_price(const struct gnomon_policy *policy)
{
	return (uint64_t)BUILD_MIN * prices_of(policy)->hidden +
	       prices_of(policy)->exit + 1;
}

/* ---- spaces ------------------------------------------------------------- */

static bool go(struct gnomon_policy *policy, struct gn_space *s)
{
	struct gn_adaptive *a = &policy->of.adaptive;
	bool shadow = !s->meter.shadowed;
	struct gnomon_policy_decision d = {
		.scope = GNOMON_SCOPE_SPACE,
		.mode = shadow ? a->shadow_mode : GNOMON_POLICY_NESTED,
		.space = { s->key - 1 },
	};

	if (!gn_policy_decide(policy, &d)) {
		return false;	/* the next event asks again */
	}
	gn_meter_switch(&s->meter);
	a->shadowed += shadow ? 1u : -1u;
	s->building = shadow ? s->meter.price : 0;
	s->taxed = a->tax;
	s->believed = 0;
	s->counted = 0;
	return true;
}

/* A space that is seen for the first time. */
static void begin(struct gnomon_policy *policy, struct gn_space *s,
		  gnomon_gpa_t gpa, uint64_t before)
{
	struct gn_adaptive *a = &policy->of.adaptive;
	struct gn_space *creator = before ?
		gn_space_find(&a->spaces, (gnomon_gpa_t){ before - 1 }) : NULL;

	memset(s, 0, sizeof(*s));
	s->key = gn_space_key(gpa);
	s->meter.price = least_price(policy);
	if (!creator) {
		return;
	}
	s->creator = creator->key;
	s->steady = creator->kin;
	if (creator->born >= KIN_MIN &&
	    creator->bought > creator->born / 2) {
		/* Most of its kin were worth it: half way there. */
		s->meter.value = s->meter.price / 2;
		s->ahead = true;
	}
	creator->born++;
}

static void forget(struct gnomon_policy *policy, struct gn_space *s)
{
	if (s->key && s->meter.shadowed && !go(policy, s)) {
		policy->of.adaptive.shadowed--;
	}
	s->key = 0;
}

static struct gn_space *space_of(struct gnomon_policy *policy,
				 gnomon_gpa_t gpa, uint64_t before)
{
	struct gn_adaptive *a = &policy->of.adaptive;
	struct gn_space *s = gn_space_find(&a->spaces, gpa);

	if (!s) {
		s = gn_space_place(&a->spaces, gpa);
		forget(policy, s);
		begin(policy, s, gpa, before);
	}
	s->used = ++a->spaces.age;
	return s;
}

/* ---- what a piece of life has cost -------------------------------------- */

static struct gn_space *creator_of(struct gnomon_policy *policy,
				   const struct gn_space *s)
{
	return s->creator ?
		gn_space_find(&policy->of.adaptive.spaces,
			      (gnomon_gpa_t){ s->creator - 1 }) : NULL;
}

/* What shadowing s costs, apart from building; its kin are told. */
static void learn(struct gnomon_policy *policy, struct gn_space *s,
		  uint64_t cost, uint64_t cycles)
{
	struct gn_space *creator = creator_of(policy, s);

	gn_rate_add(&s->steady, cost, cycles);
	if (creator) {
		gn_rate_add(&creator->kin, cost, cycles);
	}
}

static void ask_for_count(struct gnomon_policy *policy, struct gn_space *s)
{
	struct gnomon_policy_decision d = {
		.scope = GNOMON_SCOPE_COUNT, .space = { s->key - 1 },
	};

	s->asked = gn_policy_decide(policy, &d);
}

/* The meter of s has moved: is it time to go over? */
static void consider(struct gnomon_policy *policy, struct gn_space *s)
{
	if (s->asked || !gn_meter_stops(&s->meter)) {
		return;
	}
	if (s->meter.shadowed) {
		go(policy, s);
	} else if (s->counted < s->meter.price / 2) {
		/* The price is old: ask what it is now. */
		ask_for_count(policy, s);
	} else if (go(policy, s)) {
		struct gn_space *creator = creator_of(policy, s);

		if (creator) {
			creator->bought++;
		}
	}
}

/* Exits that shadowing this space has caused. */
static void pay(struct gnomon_policy *policy, struct gn_space *s,
		uint64_t cost)
{
	learn(policy, s, cost, 0);
	gn_meter_run(&s->meter, 0, cost);
	consider(policy, s);
}

/* The same where a nested space was hit: all the shadowed ones owe it. */
static void tax(struct gnomon_policy *policy, uint64_t cost)
{
	struct gn_adaptive *a = &policy->of.adaptive;

	if (!a->shadowed) {
		return;
	}
	a->tax += cost / a->shadowed;
	if (a->tax - a->tax_taken < least_price(policy) / 4) {
		return;
	}
	a->tax_taken = a->tax;
	for (uint32_t i = 0; i < a->spaces.count; i++) {
		struct gn_space *s = &a->spaces.list[i];

		if (s->key && s->meter.shadowed) {
			uint64_t due = a->tax - s->taxed;

			s->taxed = a->tax;
			pay(policy, s, due);
		}
	}
}

static void blame(struct gnomon_policy *policy, struct gn_space *s,
		  uint64_t cost)
{
	if (s->meter.shadowed) {
		pay(policy, s, cost);
	} else {
		tax(policy, cost);
	}
}

/* A fill: first of all it is the building that the price was for. */
static void filled(struct gnomon_policy *policy, struct gn_space *s,
		   uint64_t cost)
{
	uint64_t paid = cost < s->building ? cost : s->building;

	s->building -= paid;
	if (cost > paid) {
		blame(policy, s, cost - paid);
	}
}

static void walked(struct gnomon_policy *policy, struct gn_space *s,
		   const struct gnomon_policy_event *event)
{
	struct gn_adaptive *a = &policy->of.adaptive;
	uint64_t count = gn_policy_count(event);

	if (event->nested) {
		gn_rate_add(&s->walk, event->cycles, count);
		gn_rate_add(&a->walk, event->cycles, count);
	}
	if (!s->meter.shadowed) {
		/* What would be left of it below a switching bit. */
		gn_meter_run(&s->meter, event->cycles,
			     gn_rate_of(&a->left, count));
	} else {
		const struct gn_rate *walk = s->walk.over ? &s->walk
							  : &a->walk;

		gn_rate_add(&a->left, event->cycles, count);
		/* Below a switching bit walks have cycles all the same. */
		gn_meter_run(&s->meter, gn_rate_of(walk, count),
			     event->cycles);
	}
	consider(policy, s);
}

/* The space ran for so many cycles. */
static void ran(struct gnomon_policy *policy, struct gn_space *s,
		uint64_t cycles)
{
	uint64_t less;

	if (s->meter.shadowed) {
		learn(policy, s, 0, cycles);
		return;
	}
	less = gn_rate_of(&s->steady, cycles);
	less = less < s->meter.value ? less : s->meter.value;
	s->meter.value -= less;
	s->believed += less;
	if (s->believed > TRUST * s->meter.price) {
		/* So much was paid on the word of an old rate: test it. */
		s->believed = 0;
		s->steady = (struct gn_rate){ 0, 0 };
	}
}

static void sized(struct gnomon_policy *policy, struct gn_space *s,
		  const struct gnomon_policy_event *event)
{
	const struct gn_adaptive *a = &policy->of.adaptive;
	const struct gnomon_policy_prices *p = prices_of(policy);
	/* With open leaves a fill is a table's place in the one above. */
	uint64_t fills = !a->leaves.count && p->fills ? p->fills : 1;
	uint64_t price = least_price(policy) + event->cycles +
			 event->count / fills * p->hidden;

	s->asked = false;
	if (s->meter.shadowed) {
		return;
	}
	s->counted = s->meter.value;
	if (s->ahead) {
		/* Half of the true price, not of the least one. */
		s->ahead = false;
		s->meter.value += price / 2 - s->meter.price / 2;
	}
	s->meter.price = price;
	s->counted = s->counted ? s->counted : 1;
	consider(policy, s);
}

/* ---- events ------------------------------------------------------------- */

void gn_adaptive_start(struct gnomon_policy *policy)
{
	struct gn_adaptive *a = &policy->of.adaptive;

	a->spaces.list = (struct gn_space *)(policy + 1);
	a->spaces.count = policy->config.spaces;
	a->shadow_mode = GNOMON_POLICY_UNSYNCED;
	if (policy->config.kind == GNOMON_POLICY_ADAPTIVE_HW) {
		a->shadow_mode = GNOMON_POLICY_SHADOWED;
		gn_leaf_start(policy, a->spaces.list + a->spaces.count);
	}
	memset(a->spaces.list, 0, a->spaces.count * sizeof(struct gn_space));
	gn_rate_add(&a->walk, policy->config.prices.walk_nested, 1);
}

static void loaded(struct gnomon_policy *policy, struct gn_space *s,
		   const struct gnomon_policy_event *event, uint64_t before)
{
	struct gn_adaptive *a = &policy->of.adaptive;
	struct gn_space *old = before ?
		gn_space_find(&a->spaces, (gnomon_gpa_t){ before - 1 }) : NULL;

	if (!event->exited) {
		return;
	}
	/* Either end of the change may be why it left the guest. */
	blame(policy, old && old->meter.shadowed ? old : s,
	      prices_of(policy)->cr3);
}

static void one_event(struct gnomon_policy *policy, struct gn_space *s,
		      const struct gnomon_policy_event *event)
{
	const struct gn_adaptive *a = &policy->of.adaptive;
	const struct gnomon_policy_prices *p = prices_of(policy);
	uint64_t count = gn_policy_count(event);

	if (a->leaves.count && event->gfn.v &&
	    gn_leaf_event(policy, event)) {
		return;
	}
	switch (event->kind) {
	case GNOMON_PE_TRACE:
		blame(policy, s, event->level > 1 ? p->trace_upper
						  : p->trace_leaf);
		break;
	case GNOMON_PE_OPEN:
		blame(policy, s, p->trace_open);
		break;
	case GNOMON_PE_SYNC:
		blame(policy, s, p->sync_table +
		      (uint64_t)p->sync_entry * event->count);
		break;
	case GNOMON_PE_HIDDEN:
		filled(policy, s, p->hidden);
		break;
	case GNOMON_PE_FAULT:
		if (event->exited) {
			blame(policy, s, count * p->true_fault);
		}
		break;
	case GNOMON_PE_INVLPG:
		blame(policy, s, count * p->invlpg);
		break;
	case GNOMON_PE_WALK:
		walked(policy, s, event);
		break;
	case GNOMON_PE_SIZE:
		sized(policy, s, event);
		break;
	case GNOMON_PE_TABLE_ZAP:
		blame(policy, s, p->zap);
		break;
	case GNOMON_PE_SPACE_END:
		forget(policy, s);
		break;
	case GNOMON_PE_CR3:
	case GNOMON_PE_TABLE_NEW:
	case GNOMON_PE_TICK:
	case GNOMON_PE_WRITTEN:
		break;
	}
}

void gn_adaptive_event(struct gnomon_policy *policy,
		       const struct gnomon_policy_event *event)
{
	struct gn_adaptive *a = &policy->of.adaptive;
	struct gn_vcpu_view *v = &a->vcpu[event->vcpu % GNOMON_VCPUS_MAX];
	uint64_t before = v->space, cycles = event->now - v->now;
	struct gn_space *s;

	if (before && event->now > v->now) {
		s = gn_space_find(&a->spaces, (gnomon_gpa_t){ before - 1 });
		if (s) {
			ran(policy, s, cycles);
		}
	}
	v->now = event->now;
	s = space_of(policy, event->space, before);
	v->space = s->key;
	if (event->kind == GNOMON_PE_CR3) {
		loaded(policy, s, event, before);
		return;
	}
	one_event(policy, s, event);
}

enum gnomon_policy_mode gn_adaptive_mode(const struct gnomon_policy *policy,
					 gnomon_gpa_t gpa)
{
	const struct gn_adaptive *a = &policy->of.adaptive;
	const struct gn_space *s = gn_space_find(&a->spaces, gpa);

	return s && s->meter.shadowed ? a->shadow_mode : GNOMON_POLICY_NESTED;
}
