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

/*
 * Take a leaf's mark over into the log. One of 2M is taken for all its frames,
 * in the range or not: where the next range begins nobody knows, and a mark
 * that is kept for it is told again by each. In a larger one that would be
 * too many: it is told for the range, and goes if that was all of it.
 */
static void take_mark(struct gn_np *np, const struct gn_np_range *range,
		      const struct gn_np_spot *spot,
		      const struct gn_dirty *dirty)
{
	uint64_t first = range->first.v, count = common(range, spot);

	if (spot->level <= 2) {
		first = spot->first;
		count = spot->frames;
	}
	uint64_t memory = gn_slots_mapped(np->slots, np->view, first);

	/* Cleared first: a write in between sets it again. */
	if (count == spot->frames) {
		gn_np_age(np, spot->table, spot->index, GN_NP_DIRTY);
	}
	for (uint64_t i = 0; i < count; i++) {
		gn_dirty_mark(dirty, memory + i);
	}
}

enum gnomon_status gn_np_harvest(struct gn_np *np, struct gn_np_range *range,
				 const struct gn_dirty *dirty,
				 uint32_t *budget)
{
	struct gn_np_spot spot;
	enum gnomon_status s;

	while ((s = gn_np_next_spot(np, range, budget, &spot)) ==
	       GNOMON_OK) {
		if (gn_np_spot_is_leaf(np, &spot) &&
		    (gn_np_entry_rights(np->config.format, spot.npte) &
		     GN_NP_DIRTY)) {
			/* Ranges smaller than it would never clear it. */
			if (spot.level > 2 && common(range, &spot) <
			    spot.frames && gn_np_try_split(np, &spot)) {
				continue;
			}
			take_mark(np, range, &spot, dirty);
		}
		gn_np_advance(range, &spot);
	}
	return gn_np_finish(np, s);
}
