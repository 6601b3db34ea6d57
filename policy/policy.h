/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the policies share: the memory behind struct gnomon_policy, the queue
 * of decisions, costs. Each kind has a file of its own with two functions,
 * start and event, and a member of the union for its state.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include <gnomon/policy.h>

enum { GN_POLICY_QUEUE = 64 };

/* SHSP: counts of the interval under way. */
struct gn_shsp {
	bool started;
	uint64_t since;		/* when the interval began */
	uint64_t misses;
	uint64_t faults;
	enum gnomon_policy_mode mode;
	enum gnomon_policy_mode wish; /* of the interval before */
	/* What the nested dimension has been seen to add, over all time. */
	uint64_t nested_walks;
	uint64_t nested_cycles;
};

struct gnomon_policy {
	struct gnomon_policy_config config;
	struct gnomon_policy_decision queue[GN_POLICY_QUEUE];
	uint32_t first;		/* of the queue */
	uint32_t waiting;
	union {
		struct gn_shsp shsp;
	} of;
};

/* False when the queue is full. */
bool gn_policy_decide(struct gnomon_policy *policy,
		      const struct gnomon_policy_decision *decision);

static inline uint32_t gn_policy_count(const struct gnomon_policy_event *event)
{
	return event->count ? event->count : 1;
}

void gn_shsp_start(struct gnomon_policy *policy);
void gn_shsp_event(struct gnomon_policy *policy,
		   const struct gnomon_policy_event *event);

#endif
