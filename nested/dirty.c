/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the CPU notes in the leaves by itself: used, written.
 */
#include "nested/map.h"

/* Frames that the spot and what is left of the range have in common. */
static uint64_t common(const struct gn_np_range *range,
		       const struct gn_np_spot *spot)
{
	uint64_t left = spot->first + spot->frames - range->first.v;

	return left < range->frames ? left : range->frames;
}

enum gnomon_status gn_np_young(struct gn_np *np, struct gn_np_range *range,
			       bool clear, uint64_t *young, uint32_t *budget)
{
	const struct gn_np_format *f = np->config.format;
	struct gn_np_spot spot;
	enum gnomon_status s;

	while ((s = gn_np_next_spot(np, range, budget, &spot)) ==
	       GNOMON_OK) {
		if (gn_np_spot_is_leaf(np, &spot) &&
		    (gn_np_entry_rights(f, spot.npte) & GN_NP_ACCESSED)) {
			*young += common(range, &spot);
			if (clear) {
				gn_np_age(np, spot.table, spot.index,
					  GN_NP_ACCESSED);
			}
		}
		gn_np_advance(range, &spot);
	}
	return gn_np_finish(np, s);
}

bool gn_np_is_young(struct gn_np *np, uint64_t gfn, bool clear, bool last,
		    uint64_t *skip)
{
	struct gn_np_spot spot;

	*skip = UINT64_MAX;
	if (gfn >= gn_np_gfn_limit(np)) {
		return false;
	}
	gn_np_locate(np, gfn, &spot);
	if (!gn_np_spot_is_leaf(np, &spot)) {
		*skip = spot.first + spot.frames - gfn;
		return false;
	}
	*skip = 1;
	last = last || gfn == spot.first + spot.frames - 1;
	if (!(gn_np_entry_rights(np->config.format, spot.npte) &
	      GN_NP_ACCESSED)) {
		return false;
	}
	if (clear && last) {
		gn_np_age(np, spot.table, spot.index, GN_NP_ACCESSED);
	}
	return true;
}

enum gnomon_status gn_np_harvest(struct gn_np *np, struct gn_np_range *range,
				 const struct gn_dirty *dirty,
				 uint32_t *budget)
{
	struct gn_np_spot spot;
	enum gnomon_status s;

	while ((s = gn_np_next_spot(np, range, budget, &spot)) ==
	       GNOMON_OK) {
		/* The mark of a large leaf is for all of it, so it goes only
		 * with the last of its frames. */
		uint64_t count = common(range, &spot);
		uint64_t memory = gn_slots_mapped(np->slots, np->view,
						  range->first.v);
		bool last = range->first.v + count == spot.first + spot.frames;

		if (gn_np_spot_is_leaf(np, &spot) &&
		    (gn_np_entry_rights(np->config.format, spot.npte) &
		     GN_NP_DIRTY)) {
			/* Cleared first: a write in between sets it again. */
			if (last) {
				gn_np_age(np, spot.table, spot.index,
					  GN_NP_DIRTY);
			}
			for (uint64_t i = 0; i < count; i++) {
				gn_dirty_mark(dirty, memory + i);
			}
		}
		gn_np_advance(range, &spot);
	}
	return gn_np_finish(np, s);
}
