/* SPDX-License-Identifier: BSD-2-Clause */
#include "nested/map.h"

#include "nested/step.h"

#define FRAME_RIGHTS (GN_NP_R | GN_NP_W | GN_NP_X | GN_NP_HOST_W)

static gnomon_hfn_t leaf_hfn(uint64_t npte, unsigned level)
{
	uint64_t hfn = gn_np_entry_addr(npte) >> GNOMON_PAGE_SHIFT;

	return gn_hfn(gn_align_down(hfn, gn_level_frames(level)));
}

uint32_t gn_np_rights_left(const struct gn_np *np, uint64_t gfn)
{
	const struct gn_tf_record *record = np->tf ? gn_tf_find(np->tf, gfn)
						   : NULL;
	uint32_t rights = GN_NP_R | GN_NP_W | GN_NP_X | GN_NP_HOST_W;

	if (!record) {
		return rights;
	}
	if (record->watch & GNOMON_WATCH_READ) {
		return 0;
	}
	if (gn_tf_guarded(record) || (record->watch & GNOMON_WATCH_WRITE)) {
		rights &= ~(uint32_t)GN_NP_W;
	}
	if (record->watch & GNOMON_WATCH_EXEC) {
		rights &= ~(uint32_t)GN_NP_X;
	}
	return rights;
}

void gn_np_frame(const struct gn_np *np, uint64_t gfn, uint32_t want,
		 struct gnomon_frame *frame)
{
	gn_slots_frame(np->slots, np->host, np->ctx,
		       gn_gfn(gn_np_memory(np, gfn)), want, frame);
	if (np->slots->pieces) {
		frame->order = gn_slots_view_order(np->slots, np->view, gfn,
						   frame->order);
	}
}

bool gn_np_spot_is_leaf(const struct gn_np *np,
			const struct gn_np_spot *spot)
{
	return gn_np_entry_kind(np->config.format, spot->npte, spot->level) ==
	       GN_NP_LEAF;
}

void gn_np_split_spot(struct gn_np *np, const struct gn_np_spot *spot)
{
	unsigned level = spot->level - 1;
	uint32_t rights = gn_np_entry_rights(np->config.format, spot->npte);
	uint64_t hfn = leaf_hfn(spot->npte, spot->level).v;
	struct gn_np_table *child = gn_np_table_make(np, level);

	for (unsigned i = 0; i < GN_NP_ENTRIES; i++) {
		gn_np_set_leaf(np, child, i,
			       gn_hfn(hfn + i * gn_level_frames(level)),
			       rights);
	}
	gn_np_set_table(np, spot->table, spot->index, child);
	np->stats.splits++;
	if (np->host->event) {
		np->host->event(np->ctx, GNOMON_EVENT_SPLIT,
				spot->first << GNOMON_PAGE_SHIFT, spot->level);
	}
}

/* Does the spot's leaf reach over an edge of the range? */
static bool overhangs(const struct gn_np_range *range,
		      const struct gn_np_spot *spot)
{
	return spot->first < range->first.v ||
	       spot->first + spot->frames > range->first.v + range->frames;
}

bool gn_np_try_split(struct gn_np *np, const struct gn_np_spot *spot)
{
	uint32_t max = np->config.tables_max;

	if (spot->level == 1 || (max && np->stats.tables >= max) ||
	    gn_np_table_reserve(np, 1) != GNOMON_OK) {
		return false;
	}
	gn_np_split_spot(np, spot);
	return true;
}

void gn_np_advance(struct gn_np_range *range, const struct gn_np_spot *spot)
{
	uint64_t done = spot->first + spot->frames - range->first.v;

	done = done < range->frames ? done : range->frames;
	range->first.v += done;
	range->frames -= done;
}

enum gnomon_status gn_np_next_spot(struct gn_np *np, struct gn_np_range *range,
				   uint32_t *budget, struct gn_np_spot *spot)
{
	uint64_t limit = gn_np_gfn_limit(np);

	if (range->first.v >= limit) {
		range->frames = 0;
	} else if (range->frames > limit - range->first.v) {
		range->frames = limit - range->first.v;
	}
	if (range->frames == 0) {
		return GNOMON_ABSENT;
	}
	if (!gn_np_step(budget)) {
		return GNOMON_MORE;
	}
	gn_np_locate(np, range->first.v, spot);
	return GNOMON_OK;
}

enum gnomon_status gn_np_finish(struct gn_np *np, enum gnomon_status s)
{
	gn_np_settle(np);
	return s == GNOMON_ABSENT ? GNOMON_OK : s;
}

enum gnomon_status gn_np_unmap(struct gn_np *np, struct gn_np_range *range,
			       uint32_t *budget)
{
	struct gn_np_spot spot;
	enum gnomon_status s;

	while ((s = gn_np_next_spot(np, range, budget, &spot)) ==
	       GNOMON_OK) {
		if (gn_np_spot_is_leaf(np, &spot)) {
			if (overhangs(range, &spot) &&
			    gn_np_try_split(np, &spot)) {
				continue;
			}
			gn_np_clear(np, spot.table, spot.index);
		}
		gn_np_advance(range, &spot);
	}
	return gn_np_finish(np, s);
}

enum gnomon_status gn_np_protect(struct gn_np *np, struct gn_np_range *range,
				 uint32_t *budget)
{
	const struct gn_np_format *f = np->config.format;
	struct gn_np_spot spot;
	enum gnomon_status s;

	while ((s = gn_np_next_spot(np, range, budget, &spot)) ==
	       GNOMON_OK) {
		if (gn_np_spot_is_leaf(np, &spot) &&
		    (gn_np_entry_rights(f, spot.npte) & GN_NP_W)) {
			if (overhangs(range, &spot) &&
			    gn_np_try_split(np, &spot)) {
				continue;
			}
			gn_np_lower(np, spot.table, spot.index);
		}
		gn_np_advance(range, &spot);
	}
	return gn_np_finish(np, s);
}

static void guard(struct gn_np *np, uint64_t gfn)
{
	struct gn_np_spot spot;

	if (gfn >= gn_np_gfn_limit(np)) {
		return;
	}
	gn_np_locate(np, gfn, &spot);
	if (gn_np_spot_is_leaf(np, &spot) &&
	    (gn_np_entry_rights(np->config.format, spot.npte) & GN_NP_W)) {
		gn_np_lower(np, spot.table, spot.index);
		np->stats.guarded++;
	}
}

void gn_np_guard(struct gn_np *np, uint64_t gfn)
{
	struct gn_slots_shown it = { np->view, gfn, 1, 0 };
	uint64_t at, frames;

	while (gn_slots_shown_next(np->slots, &it, &at, &frames)) {
		guard(np, at);
	}
	gn_np_settle(np);
}

static void guard_other(void *tables, uint64_t gfn)
{
	for (struct gn_np *np = tables; np; np = np->next) {
		gn_np_guard(np, gfn);
	}
}

const struct gn_tf_other gn_np_other = { .protect = guard_other };

enum gnomon_status gn_np_split(struct gn_np *np, struct gn_np_range *range,
			       unsigned level, uint32_t *budget)
{
	struct gn_np_spot spot;
	enum gnomon_status s;

	while ((s = gn_np_next_spot(np, range, budget, &spot)) ==
	       GNOMON_OK) {
		if (gn_np_spot_is_leaf(np, &spot) && spot.level > level &&
		    spot.level > 1) {
			if (!gn_np_try_split(np, &spot)) {
				s = GNOMON_NOMEM;
				break;
			}
			continue;
		}
		gn_np_advance(range, &spot);
	}
	return gn_np_finish(np, s);
}

/* ---- collapse ------------------------------------------------------------ */

/*
 * Do all entries of the table say what one leaf above it would? Then *rights
 * are the leaf's, A and D gathered from all of them.
 */
static bool uniform(const struct gn_np *np, const struct gn_np_table *table,
		    uint32_t *rights)
{
	const struct gn_np_format *f = np->config.format;
	uint64_t frames = gn_level_frames(table->level);
	uint64_t npte = gn_np_read(table, 0);
	uint64_t hfn = leaf_hfn(npte, table->level).v;
	uint32_t common = gn_np_entry_rights(f, npte) & FRAME_RIGHTS;

	if (table->used < GN_NP_ENTRIES ||
	    !gn_is_aligned(hfn, frames * GN_NP_ENTRIES)) {
		return false;
	}
	*rights = 0;
	for (unsigned i = 0; i < GN_NP_ENTRIES; i++) {
		npte = gn_np_read(table, i);
		uint32_t r = gn_np_entry_rights(f, npte);

		if (gn_np_entry_kind(f, npte, table->level) != GN_NP_LEAF ||
		    leaf_hfn(npte, table->level).v != hfn + i * frames ||
		    (r & FRAME_RIGHTS) != common) {
			return false;
		}
		*rights |= r;
	}
	return true;
}

/* Join the table into its parent's entry if slot and host agree. */
static bool try_join(struct gn_np *np, struct gn_np_table *table)
{
	unsigned level = table->level + 1u;
	uint64_t npte = gn_np_read(table, 0);
	struct gnomon_frame frame;
	uint32_t rights;

	/* While the CPU keeps a log, small leaves are what it is good for. */
	if (!table->parent || level > np->config.leaf_levels ||
	    np->harvesting ||
	    gn_np_marked(np, gn_np_memory(np, table->first), level) ||
	    !uniform(np, table, &rights)) {
		return false;
	}
	gn_np_frame(np, table->first, 0, &frame);
	if ((frame.kind != GNOMON_FRAME_RAM &&
	     frame.kind != GNOMON_FRAME_ROM) ||
	    frame.order < 9 * (level - 1) ||
	    frame.hfn.v != leaf_hfn(npte, table->level).v ||
	    (!frame.writable && (rights & (GN_NP_W | GN_NP_HOST_W)))) {
		return false;
	}
	gn_np_set_join(np, table->parent, table->index, frame.hfn, rights);
	np->stats.collapses++;
	return true;
}

enum gnomon_status gn_np_collapse(struct gn_np *np, struct gn_np_range *range,
				  uint32_t *budget)
{
	struct gn_np_spot spot;
	enum gnomon_status s;

	while ((s = gn_np_next_spot(np, range, budget, &spot)) ==
	       GNOMON_OK) {
		struct gn_np_table *table = spot.table;

		if (spot.level == 1) {
			/* The whole table is looked at in one step. */
			spot.frames = GN_NP_ENTRIES;
			spot.first = gn_align_down(spot.first, spot.frames);
		}
		bool last = spot.index == GN_NP_ENTRIES - 1 ||
			    spot.first + spot.frames >=
				    range->first.v + range->frames;

		gn_np_advance(range, &spot);
		if (spot.level > 1 && !last) {
			continue;
		}
		/* Upwards: a full 2M table may complete a 1G one. */
		while (table) {
			struct gn_np_table *up = table->parent;

			table = try_join(np, table) ? up : NULL;
		}
	}
	return gn_np_finish(np, s);
}
