/* SPDX-License-Identifier: BSD-2-Clause */
/* Ranges of frames: the host takes them, logs them, asks about them. */
#include "direct/set.h"

/* The next frame after gfn that something is known of, or end. */
static uint64_t known_after(const struct gn_dp *dp, uint64_t gfn, uint64_t end)
{
	gfn++;
	return gfn < end && gn_frames_next(&dp->frames, &gfn) && gfn < end
		       ? gfn
		       : end;
}

enum gnomon_status gn_dp_drop_range(struct gn_dp *dp, uint64_t *next,
				    uint64_t end, bool protect,
				    uint32_t *budget)
{
	enum gnomon_status status = GNOMON_OK;

	while (*next < end) {
		if (*budget == 0) {
			status = GNOMON_MORE;
			break;
		}
		--*budget;
		if (!protect && gn_dp_find(dp, *next)) {
			status = GNOMON_EXISTS;
			break;
		}
		gn_dp_drop_frame(dp, *next, protect);
		*next = known_after(dp, *next, end);
	}
	gn_dp_settle(dp);
	return status;
}

/* Is gfn mapped, perhaps by a large leaf that starts before it? */
static bool mapped(const struct gn_dp *dp, uint64_t gfn)
{
	for (unsigned level = 1; level <= 3; level++) {
		uint64_t base = gn_align_down(gfn, gn_level_frames(level));
		const struct gn_frame *f = gn_frames_find(&dp->frames, base);
		uint32_t number = f ? f->rmap : 0;

		while (number) {
			const struct gn_dp_cell *c =
				gn_slab_at(&dp->cells, number);

			if (base == gfn ||
			    gn_dp_table_at(dp, c->table)->level >= level) {
				return true;
			}
			number = c->next;
		}
	}
	return false;
}

enum gnomon_status gn_dp_young_range(struct gn_dp *dp, uint64_t *next,
				     uint64_t end, bool clear,
				     uint64_t *young, uint32_t *budget)
{
	enum gnomon_status status = GNOMON_OK;

	for (; *next < end; ++*next) {
		if (*budget == 0) {
			status = GNOMON_MORE;
			break;
		}
		--*budget;
		if (!mapped(dp, *next)) {
			continue;
		}
		++*young;
		if (clear) {
			gn_dp_drop_frame(dp, *next, false);
		}
	}
	gn_dp_settle(dp);
	return status;
}

/* A split below which nothing needs small leaves, that maps gfn; or 0. */
static uint32_t idle_split(const struct gn_dp *dp, uint64_t gfn)
{
	const struct gn_frame *f = gn_frames_find(&dp->frames, gfn);
	uint32_t number = f ? f->rmap : 0;

	while (number) {
		const struct gn_dp_cell *c = gn_slab_at(&dp->cells, number);
		const struct gn_dp_table *t = gn_dp_table_at(dp, c->table);
		uint64_t frames = gn_level_frames(t->level + 1u);
		uint64_t first = gn_align_down(gfn, frames);

		if ((t->flags & GN_DP_SPLIT) &&
		    !gn_frames_marked(&dp->frames, first, 9u * t->level) &&
		    !gn_dirty_logged(&dp->mem->dirty, first, frames)) {
			return c->table;
		}
		number = c->next;
	}
	return 0;
}

enum gnomon_status gn_dp_collapse_range(struct gn_dp *dp, uint64_t *next,
					uint64_t end, uint32_t *budget)
{
	enum gnomon_status status = GNOMON_OK;

	while (*next < end) {
		uint32_t split = idle_split(dp, *next);

		if (*budget == 0) {
			status = GNOMON_MORE;
			break;
		}
		--*budget;
		if (split) {
			const struct gn_dp_table *s = gn_dp_table_at(dp, split);

			gn_dp_drop(dp, (uint32_t)s->gfn, s->index);
		} else {
			*next = known_after(dp, *next, end);
		}
	}
	gn_dp_settle(dp);
	return status;
}

enum gnomon_status gn_dp_zap_all(struct gn_dp *dp, uint32_t *budget)
{
	const struct gn_frame *frame;

	while ((frame = gn_frames_next(&dp->frames, &dp->zap_next))) {
		if (*budget == 0) {
			gn_dp_settle(dp);
			return GNOMON_MORE;
		}
		--*budget;
		for (unsigned i = 0; frame->trace && i < GN_DP_ENTRIES; i++) {
			gn_dp_drop(dp, frame->trace, i);
		}
		dp->zap_next++;
	}
	dp->zap_next = 0;
	gn_dp_settle(dp);
	return GNOMON_OK;
}

bool gn_dp_holds_table(const struct gn_dp *dp, uint64_t first, uint64_t frames)
{
	uint64_t end = first + frames;

	while (first < end) {
		unsigned level = 3;

		while (level > 1 &&
		       (first % gn_level_frames(level) ||
			end - first < gn_level_frames(level))) {
			level--;
		}
		if (level == 1 ? gn_dp_find(dp, first) != 0
			       : gn_frames_marked(&dp->frames, first,
						  9 * (level - 1))) {
			return true;
		}
		first += gn_level_frames(level);
	}
	return false;
}
