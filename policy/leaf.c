/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/leaf.h"

#include <string.h>

#include "policy/policy.h"

enum {
	BUILD_MIN = 4,		/* hidden faults in the least price */
	FAILURES_MAX = 4,	/* prices double up to 2^4 */
};

static uint64_t least_price(const struct gnomon_policy *policy)
{
	return (uint64_t)BUILD_MIN * policy->config.prices.hidden + 1;
}

static struct gn_leaf *set_of(const struct gn_leaves *leaves, uint64_t key)
{
	uint64_t hash = key * 0x9e3779b97f4a7c15u >> 32;

	return leaves->list +
	       hash % (leaves->count / GN_SPACE_WAYS) * GN_SPACE_WAYS;
}

static struct gn_leaf *find(const struct gn_leaves *leaves, gnomon_gfn_t gfn)
{
	struct gn_leaf *way = set_of(leaves, gfn.v + 1);

	for (int i = 0; i < GN_SPACE_WAYS; i++) {
		if (way[i].key == gfn.v + 1) {
			return &way[i];
		}
	}
	return NULL;
}

static bool decide(struct gnomon_policy *policy, const struct gn_leaf *leaf,
		   enum gnomon_policy_scope scope,
		   enum gnomon_policy_mode mode)
{
	struct gnomon_policy_decision d = {
		.scope = scope, .mode = mode, .level = leaf->level,
		.gfn = { leaf->key - 1 },
	};

	return gn_policy_decide(policy, &d);
}

static bool go(struct gnomon_policy *policy, struct gn_leaf *leaf,
	       uint64_t now)
{
	bool shadow = !leaf->meter.shadowed;

	if (!decide(policy, leaf, GNOMON_SCOPE_TABLE,
		    shadow ? GNOMON_POLICY_SHADOWED : GNOMON_POLICY_NESTED)) {
		return false;
	}
	gn_meter_switch(&leaf->meter);
	if (shadow) {
		leaf->building = leaf->meter.price;
		gn_rate_add(&leaf->walk, 0, now - leaf->since);
	} else {
		if (leaf->failures < FAILURES_MAX) {
			leaf->failures++;
		}
		leaf->walk = (struct gn_rate){ 0, 0 };
	}
	leaf->since = now;
	leaf->counted = 0;
	return true;
}

/* The leaf, with room made for it; NULL when none can be made. */
static struct gn_leaf *leaf_of(struct gnomon_policy *policy,
			       const struct gnomon_policy_event *event)
{
	struct gn_leaves *leaves = &policy->of.adaptive.leaves;
	struct gn_leaf *leaf = find(leaves, event->gfn), *way;

	if (!leaf) {
		way = set_of(leaves, event->gfn.v + 1);
		leaf = way;
		for (int i = 1; i < GN_SPACE_WAYS; i++) {
			leaf = way[i].used < leaf->used ? &way[i] : leaf;
		}
		if (leaf->key && leaf->meter.shadowed &&
		    !decide(policy, leaf, GNOMON_SCOPE_TABLE,
			    GNOMON_POLICY_NESTED)) {
			return NULL;
		}
		*leaf = (struct gn_leaf){
			.key = event->gfn.v + 1, .since = event->now,
			.meter = { .price = least_price(policy) },
		};
	}
	leaf->used = ++leaves->age;
	leaf->level = event->level;
	return leaf;
}

static void consider(struct gnomon_policy *policy, struct gn_leaf *leaf,
		     uint64_t now)
{
	if (leaf->asked || !gn_meter_stops(&leaf->meter)) {
		return;
	}
	if (!leaf->meter.shadowed && leaf->counted < leaf->meter.price / 2) {
		leaf->asked = decide(policy, leaf, GNOMON_SCOPE_COUNT,
				     GNOMON_POLICY_NESTED);
	} else {
		go(policy, leaf, now);
	}
}

static void walked(struct gnomon_policy *policy, struct gn_leaf *leaf,
		   const struct gnomon_policy_event *event)
{
	if (!leaf->meter.shadowed) {
		gn_rate_add(&leaf->walk, event->cycles, 0);
		gn_meter_run(&leaf->meter, event->cycles, 0);
		consider(policy, leaf, event->now);
	}
}

static void paid(struct gnomon_policy *policy, struct gn_leaf *leaf,
		 uint64_t cost, uint64_t now)
{
	uint64_t saved;

	if (!leaf->meter.shadowed) {
		return;		/* on its way there, or from there */
	}
	/* What walks have cost per cycle, they would have cost since. */
	saved = gn_rate_of(&leaf->walk,
			   now > leaf->since ? now - leaf->since : 0);
	leaf->since = now;
	gn_meter_run(&leaf->meter, saved, cost);
	consider(policy, leaf, now);
}

static void filled(struct gnomon_policy *policy, struct gn_leaf *leaf,
		   uint64_t now)
{
	uint64_t cost = policy->config.prices.hidden;
	uint64_t part = cost < leaf->building ? cost : leaf->building;

	leaf->building -= part;
	if (cost > part) {
		paid(policy, leaf, cost - part, now);
	}
}

static void sized(struct gnomon_policy *policy, struct gn_leaf *leaf,
		  const struct gnomon_policy_event *event)
{
	const struct gnomon_policy_prices *p = &policy->config.prices;
	uint64_t fills = p->fills ? p->fills : 1;
	uint64_t price = least_price(policy) +
			 event->count / fills * p->hidden + event->cycles;

	leaf->asked = false;
	if (!leaf->meter.shadowed) {
		leaf->counted = leaf->meter.value;
		leaf->meter.price = price << leaf->failures;
		consider(policy, leaf, event->now);
	}
}

static uint64_t cost_of(const struct gnomon_policy *policy,
			const struct gnomon_policy_event *event)
{
	const struct gnomon_policy_prices *p = &policy->config.prices;

	if (event->kind == GNOMON_PE_TRACE) {
		return event->level > 1 ? p->trace_upper : p->trace_leaf;
	}
	return event->kind == GNOMON_PE_OPEN ? p->trace_open :
	       p->sync_table + (uint64_t)p->sync_entry * event->count;
}

/* Of a table that is bought. True: nobody else's affair. */
static bool bought_event(struct gnomon_policy *policy, struct gn_leaf *leaf,
			 const struct gnomon_policy_event *event)
{
	if (event->kind == GNOMON_PE_HIDDEN) {
		filled(policy, leaf, event->now);
		return true;
	}
	if (event->kind == GNOMON_PE_TRACE || event->kind == GNOMON_PE_OPEN ||
	    event->kind == GNOMON_PE_SYNC) {
		paid(policy, leaf, cost_of(policy, event), event->now);
		return true;
	}
	return event->kind == GNOMON_PE_TABLE_NEW ||
	       event->kind == GNOMON_PE_SIZE;
}

bool gn_leaf_event(struct gnomon_policy *policy,
		   const struct gnomon_policy_event *event)
{
	struct gn_leaf *leaf = find(&policy->of.adaptive.leaves, event->gfn);

	if (leaf && leaf->meter.shadowed) {
		return bought_event(policy, leaf, event);
	}
	if (event->kind == GNOMON_PE_WALK && !event->nested) {
		leaf = leaf_of(policy, event);
		if (leaf) {
			walked(policy, leaf, event);
		}
		return false;	/* of the space as well */
	}
	if (event->kind == GNOMON_PE_TABLE_NEW && event->level == 1) {
		leaf = leaf_of(policy, event);
		if (leaf) {
			decide(policy, leaf, GNOMON_SCOPE_TABLE,
			       GNOMON_POLICY_NESTED);
		}
		return true;
	}
	if (event->kind == GNOMON_PE_SIZE && leaf) {
		sized(policy, leaf, event);
	}
	return event->kind == GNOMON_PE_SIZE;
}

void gn_leaf_start(struct gnomon_policy *policy, void *memory)
{
	struct gn_leaves *leaves = &policy->of.adaptive.leaves;

	leaves->list = memory;
	leaves->count = policy->config.tables;
	memset(memory, 0, leaves->count * sizeof(struct gn_leaf));
}
