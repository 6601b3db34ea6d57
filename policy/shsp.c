/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Switching the whole vm between shadow and nested paging, after "Selective
 * hardware/software memory virtualization" (Wang et al., VEE 2011), of which
 * we have the abstract: at the end of each interval, TLB misses speak for
 * shadow paging and guest page faults for nested paging. Its thresholds are
 * not known to us; here both counts are weighed with the prices, and two
 * intervals in a row must agree.
 */
#include "policy/policy.h"

void gn_shsp_start(struct gnomon_policy *policy)
{
	struct gn_shsp *s = &policy->of.shsp;

	s->mode = policy->config.start;
	s->wish = s->mode;
	/* Worth one walk, so that what is measured soon outweighs it. */
	gn_rate_add(&s->walk, policy->config.prices.walk_nested, 1);
}

/* A guest page fault under shadow paging: it is injected, the store that
 * answers it is trapped, and the entry is filled. */
static uint64_t shadow_fault(const struct gnomon_policy *policy)
{
	const struct gnomon_policy_prices *p = &policy->config.prices;
	bool open = policy->config.start == GNOMON_POLICY_UNSYNCED;

	return (uint64_t)p->true_fault + p->hidden +
	       (open ? 0 : p->trace_leaf);
}

static enum gnomon_policy_mode wish(const struct gnomon_policy *policy)
{
	const struct gn_shsp *s = &policy->of.shsp;
	uint64_t shadow = s->faults * shadow_fault(policy);
	uint64_t nested = gn_rate_of(&s->walk, s->misses);

	if (shadow == nested) {
		return s->mode;
	}
	return shadow < nested ? GNOMON_POLICY_SHADOWED :
				 GNOMON_POLICY_NESTED;
}

static void end_interval(struct gnomon_policy *policy, uint64_t now)
{
	struct gn_shsp *s = &policy->of.shsp;
	enum gnomon_policy_mode mode = wish(policy);

	if (mode != s->mode && mode == s->wish) {
		struct gnomon_policy_decision d = {
			.scope = GNOMON_SCOPE_VM, .mode = mode,
		};

		if (gn_policy_decide(policy, &d)) {
			s->mode = mode;
		}
	}
	s->wish = mode;
	s->since = now;
	s->misses = s->faults = 0;
}

void gn_shsp_event(struct gnomon_policy *policy,
		   const struct gnomon_policy_event *event)
{
	struct gn_shsp *s = &policy->of.shsp;

	if (!s->started) {
		s->started = true;
		s->since = event->now;
	}
	if (event->kind == GNOMON_PE_WALK) {
		s->misses += gn_policy_count(event);
		if (event->nested) {
			gn_rate_add(&s->walk, event->cycles,
				    gn_policy_count(event));
		}
	} else if (event->kind == GNOMON_PE_FAULT) {
		s->faults += gn_policy_count(event);
	}
	if (event->now - s->since >= policy->config.interval) {
		end_interval(policy, event->now);
	}
}
