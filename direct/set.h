/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one writer of machine entries, and the list of leaves per frame.
 */
#ifndef DIRECT_SET_H
#define DIRECT_SET_H

#include "direct/table.h"

#define GN_DP_AD (X86_PTE_A | X86_PTE_D)

/* What the guest wrote, with the A and D bits that the CPU has set since. */
uint64_t gn_dp_gpte(const struct gn_dp *dp, uint32_t table, unsigned index);
/* The guest wrote another entry; its machine entry is dropped. */
void gn_dp_store(struct gn_dp *dp, uint32_t table, unsigned index,
		 uint64_t gpte);

enum gn_dp_fill {
	GN_DP_FILLED,
	GN_DP_NOTHING,		/* a hole, a reserved bit, no RAM for it */
	GN_DP_NOT_NOW,		/* the host must fetch the frame first */
	GN_DP_CLASH,		/* the target is a table of another level */
	GN_DP_NO_MEMORY,
	GN_DP_BELOW,		/* filled with a split: go on there */
};

/*
 * Make the machine entry anew. write: one that may write, if the guest's
 * does; it counts as the write for A, D (of a split) and dirty logs.
 */
enum gn_dp_fill gn_dp_fill(struct gn_dp *dp, uint32_t table, unsigned index,
			   bool write);
/* Would a leaf there put out another one of its frame? */
bool gn_dp_crowded(const struct gn_dp *dp, uint32_t table, unsigned index);
/* Empty the machine entry; the guest's entry keeps its A and D. */
void gn_dp_drop(struct gn_dp *dp, uint32_t table, unsigned index);
/* Empty every machine entry that maps gfn; with writable_only those that may
 * write. */
void gn_dp_drop_frame(struct gn_dp *dp, uint64_t gfn, bool writable_only);

/* The frame is a table from now on: what the guest wrote moves aside. */
void gn_dp_take_over(struct gn_dp_table *t);
/* The frame, all of whose machine entries are empty, is the guest's again. */
void gn_dp_give_back(struct gn_dp_table *t);

#endif
