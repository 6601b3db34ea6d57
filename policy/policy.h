/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the policies share: the memory behind struct gnomon_policy, the queue
 * of decisions, costs. Each kind has a file of its own with two functions,
 * start and event, and a member of the union for its state.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include <gnomon/policy.h>

#include "policy/leaf.h"
#include "policy/space.h"

enum { GN_POLICY_QUEUE = 64 };

/* SHSP: counts of the interval under way. */
struct gn_shsp {
	bool started;
	uint64_t since;		/* when the interval began */
	uint64_t misses;
	uint64_t faults;
	enum gnomon_policy_mode mode;
	enum gnomon_policy_mode wish; /* of the interval before */
	struct gn_rate walk;	/* what the nested dimension adds to one */
};

/* What a vcpu does, as far as events have told. */
struct gn_vcpu_view {
	uint64_t space;		/* key of the space loaded; 0: not known */
	uint64_t now;
};

struct gn_adaptive {
	struct gn_spaces spaces;
	struct gn_leaves leaves; /* ADAPTIVE_HW; else none */
	uint32_t shadowed;	/* spaces */
	enum gnomon_policy_mode shadow_mode; /* of a space that is bought */
	/* What shadowed spaces cost others, for each of them, ever since. */
	uint64_t tax;
	uint64_t tax_taken;	/* when they were last made to pay */
	struct gn_rate walk;	/* of all spaces */
	struct gn_rate left;	/* shadowed: what walks still cost, below */
	struct gn_vcpu_view vcpu[GNOMON_VCPUS_MAX];
};

/* A guest table that was stored to. */
struct gn_agile_table {
	uint64_t key;		/* gfn + 1; 0: free */
	uint32_t interval;	/* in which writes were counted */
	uint32_t writes;
	uint8_t level;
	bool nested;
	bool written;		/* since the end of the interval before */
};

struct gn_agile_space {
	uint64_t key;		/* gpa of the root table + 1; 0: free */
	uint64_t lived;		/* cycles */
	uint64_t walks;		/* cycles that the nested dimension added */
	bool nested;		/* all of it */
};

struct gn_agile {
	struct gn_agile_table *table;
	struct gn_agile_space *space;
	uint32_t count;		/* of tables */
	uint32_t spaces;
	uint32_t nested;	/* tables */
	uint32_t interval;	/* number of the one under way */
	uint64_t since;		/* when it began */
	bool started;
	uint8_t level;		/* being brought back; 0: all done */
	uint32_t next;		/* table to look at */
	uint64_t running;	/* key of the space that runs */
	uint64_t ran_since;
};

struct gnomon_policy {
	struct gnomon_policy_config config;
	struct gnomon_policy_decision queue[GN_POLICY_QUEUE];
	uint32_t first;		/* of the queue */
	uint32_t waiting;
	union {
		struct gn_shsp shsp;
		struct gn_adaptive adaptive;
		struct gn_agile agile;
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

void gn_adaptive_start(struct gnomon_policy *policy);
void gn_adaptive_event(struct gnomon_policy *policy,
		       const struct gnomon_policy_event *event);
enum gnomon_policy_mode gn_adaptive_mode(const struct gnomon_policy *policy,
					 gnomon_gpa_t gpa);

/* Is the event, whose gfn names a table, a leaf's own affair? */
bool gn_leaf_event(struct gnomon_policy *policy,
		   const struct gnomon_policy_event *event);
void gn_leaf_start(struct gnomon_policy *policy, void *memory);

void gn_agile_start(struct gnomon_policy *policy);
void gn_agile_event(struct gnomon_policy *policy,
		    const struct gnomon_policy_event *event);
enum gnomon_policy_mode gn_agile_mode(const struct gnomon_policy *policy,
				      gnomon_gpa_t gpa);
/* What follows struct gnomon_policy; config->spaces has its default. */
size_t gn_agile_bytes(const struct gnomon_policy_config *config);
uint32_t gn_agile_tables(const struct gnomon_policy_config *config);

#endif
