/* SPDX-License-Identifier: BSD-2-Clause */
/* What the adaptive policies remember of each address space. */
#ifndef POLICY_SPACE_H
#define POLICY_SPACE_H

#include <gnomon/policy.h>

#include "policy/meter.h"

/* A mean that follows: a sum of costs over what they were seen on. */
struct gn_rate {
	uint64_t cost;
	uint64_t over;
};

struct gn_space {
	uint64_t key;		/* gpa of the root table + 1; 0: free */
	uint64_t used;		/* by age of the table of spaces */
	uint64_t creator;	/* key of the space that it was first seen
				 * after, or 0 */
	struct gn_meter meter;
	uint64_t counted;	/* meter at the last count of entries, or 0 */
	bool asked;		/* for a count, not answered yet */
	uint64_t building;	/* shadowed: of the price, fills to come */
	uint64_t taxed;		/* shadowed: of adaptive's tax, taken so far */
	uint64_t believed;	/* nested: taken off the meter by steady */
	struct gn_rate walk;	/* nested: cycles added, over walks */
	struct gn_rate steady;	/* shadowed: costs without fills, over cycles */
	bool ahead;		/* starts half way, by its kin */
	/* Of the spaces that were first seen after this one. */
	struct gn_rate kin;	/* their steady */
	uint32_t born;
	uint32_t bought;	/* times that one of them was shadowed */
};

/* 8-way, by the hash of the key; ways lie side by side. */
struct gn_spaces {
	struct gn_space *list;
	uint32_t count;		/* a multiple of 8 */
	uint64_t age;
};

enum { GN_SPACE_WAYS = 8 };

/* The space, or NULL when it is not remembered. */
struct gn_space *gn_space_find(const struct gn_spaces *spaces,
			       gnomon_gpa_t gpa);
/*
 * The place for a space that is not remembered: a free one, else of the
 * nested ones the one longest unused, else of all. What is in it is the
 * caller's to end.
 */
struct gn_space *gn_space_place(struct gn_spaces *spaces, gnomon_gpa_t gpa);

static inline uint64_t gn_space_key(gnomon_gpa_t gpa)
{
	return gpa.v + 1;
}

enum { GN_RATE_BITS = 38, GN_RATE_MAX = 1 << 25 };

/* The mean cost of `over` units (GN_RATE_MAX at most); 0: nothing known. */
static inline uint64_t gn_rate_of(const struct gn_rate *rate, uint64_t over)
{
	over = over < GN_RATE_MAX ? over : GN_RATE_MAX;
	return rate->over ? rate->cost * over / rate->over : 0;
}

/* Old pieces fade: both halves are halved when they get too long. */
static inline void gn_rate_add(struct gn_rate *rate, uint64_t cost,
			       uint64_t over)
{
	rate->cost += cost;
	rate->over += over;
	while ((rate->cost | rate->over) >> GN_RATE_BITS) {
		rate->cost /= 2;
		rate->over /= 2;
	}
}

#endif
