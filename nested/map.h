/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What faults and range operations share.
 */
#ifndef NESTED_MAP_H
#define NESTED_MAP_H

#include "nested/set.h"

/*
 * Replace the leaf at spot by a table of leaves one level down that say the
 * same. One table must be reserved.
 */
void gn_np_split_spot(struct gn_np *np, const struct gn_np_spot *spot);
/* The same if there is a table to be had for it; else false, and no change. */
bool gn_np_try_split(struct gn_np *np, const struct gn_np_spot *spot);

/* The frame of memory that a guest frame shows. */
static inline uint64_t gn_np_memory(const struct gn_np *np, uint64_t gfn)
{
	return gn_slots_memory(np->slots, np->view, gfn);
}

/*
 * Does a frame of the block that a leaf of the level maps need its own? gfn is
 * one of memory, and the block shows one of it.
 */
static inline bool gn_np_marked(const struct gn_np *np, uint64_t gfn,
				unsigned level)
{
	return np->tf && level > 1 &&
	       gn_frames_marked(np->tf->frames, gfn, 9 * (level - 1));
}

/*
 * What trace and watch of a frame of memory leave of the rights to it; no R:
 * nothing.
 */
uint32_t gn_np_rights_left(const struct gn_np *np, uint64_t gfn);
/*
 * The leaf at spot has been filled: fill the holes beside it, as many as
 * config.around says. The vm is held, alone or together with others. How many.
 */
unsigned gn_np_around(const struct gn_np *np, const struct gn_np_spot *spot);
/*
 * The table holds the pieces of a large leaf that had lost W: they get it back,
 * but for those that a trace or a watch is on. The vm is held alone. How many.
 */
unsigned gn_np_around_split(struct gn_np *np, const struct gn_np_table *table);
/* gn_slots_frame() for a guest frame; order is also that of its block. */
void gn_np_frame(const struct gn_np *np, uint64_t gfn, uint32_t want,
		 struct gnomon_frame *frame);

bool gn_np_spot_is_leaf(const struct gn_np *np,
			const struct gn_np_spot *spot);
/*
 * Find the next spot of a range to work on and use a step of the budget.
 * GNOMON_OK with *spot set, GNOMON_MORE, or GNOMON_ABSENT: the range is done.
 */
enum gnomon_status gn_np_next_spot(struct gn_np *np, struct gn_np_range *range,
				   uint32_t *budget, struct gn_np_spot *spot)
	GNOMON_MUST_USE;
/* Go on behind the spot. */
void gn_np_advance(struct gn_np_range *range, const struct gn_np_spot *spot);
/* Settle, and turn the status of gn_np_next_spot() into that of the call. */
enum gnomon_status gn_np_finish(struct gn_np *np, enum gnomon_status status);

#endif
