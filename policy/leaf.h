/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's leaf tables, below a CPU's switching bit: each is rented
 * (nested: the guest's own entries are read, nothing of it is traced) or
 * bought (shadowed), with a meter of its own. They begin nested: the upper
 * levels of a shadowed space are shadowed, its leaves are open.
 */
#ifndef POLICY_LEAF_H
#define POLICY_LEAF_H

#include "policy/space.h"

struct gn_leaf {
	uint64_t key;		/* gfn + 1; 0: free */
	uint64_t used;		/* by age of the table of leaves */
	struct gn_meter meter;
	uint64_t counted;	/* meter at the last count of entries, or 0 */
	bool asked;
	uint8_t level;
	uint8_t failures;	/* times that it was given back */
	uint64_t building;	/* of the price, fills to come */
	struct gn_rate walk;	/* nested: cycles added, over cycles of time */
	uint64_t since;		/* nested: of walk; shadowed: of the meter */
};

/* 8-way, as spaces. */
struct gn_leaves {
	struct gn_leaf *list;
	uint32_t count;
	uint64_t age;
};

#endif
