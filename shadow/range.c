/* SPDX-License-Identifier: BSD-2-Clause */
/* What is done to all leaves of a range of guest frames, some at a time. */
#include "shadow/agile.h"
#include "shadow/fill.h"
#include "shadow/page.h"
#include "shadow/set.h"
#include "shadow/sync.h"

/* The next frame that something is known of; one step for each look. */
static bool next_frame(const struct gn_sh *sh, uint64_t *next, uint64_t end,
		       uint32_t *budget)
{
	while (*next < end && *budget > 0) {
		--*budget;
		if (gn_frames_find(&sh->frames, *next)) {
			return true;
		}
		/* Nothing is known of all 512 frames here. */
		*next = gn_align_down(*next, 512) + 512;
	}
	return false;
}

static enum gnomon_status finish(struct gn_sh *sh, uint64_t next, uint64_t end)
{
	gn_sh_flush_stale(sh);
	return next < end ? GNOMON_MORE : GNOMON_OK;
}

/* What the VMM has said of the frame goes with its memory. */
static void forget_frame(struct gn_sh *sh, uint64_t gfn)
{
	if (gn_tf_watched(&sh->tf, gfn)) {
		gn_tf_watch(&sh->tf, gfn, 0);
	}
	if (gn_sh_agile_marked(sh, gfn)) {
		gn_tf_mark_below(&sh->tf, gfn, false);
		sh->below--;
	}
	gn_tf_sweep_space(&sh->tf, gfn);
	gn_tf_set_space(&sh->tf, gfn, 0);
}

enum gnomon_status gn_sh_drop_range(struct gn_sh *sh, uint64_t *next,
				    uint64_t end, bool stays, uint32_t *budget)
{
	while (next_frame(sh, next, end, budget)) {
		gn_sh_unmap(sh, *next);
		struct gn_tf_record *record = gn_tf_find(&sh->tf, *next);

		if (record && (record->tables || record->open)) {
			gn_sh_page_zap_gfn(sh, record);
		}
		if (!stays) {
			forget_frame(sh, *next);
		}
		++*next;
	}
	return finish(sh, *next, end);
}

enum gnomon_status gn_sh_unmap_range(struct gn_sh *sh, uint64_t *next,
				     uint64_t end, uint32_t *budget)
{
	while (next_frame(sh, next, end, budget)) {
		gn_sh_unmap(sh, *next);
		++*next;
	}
	return finish(sh, *next, end);
}

enum gnomon_status gn_sh_protect_range(struct gn_sh *sh, uint64_t *next,
				       uint64_t end, uint32_t *budget)
{
	while (next_frame(sh, next, end, budget)) {
		gn_sh_protect(sh, *next);
		++*next;
	}
	return finish(sh, *next, end);
}

static bool could_be_large(struct gn_sh *sh, uint64_t gfn)
{
	struct gnomon_frame frame;

	gn_slots_frame(sh->slots, sh->host, sh->ctx, gn_gfn(gfn), 0, &frame);
	return frame.order >= 9 && !gn_frames_marked(&sh->frames, gfn, 9) &&
	       !gn_dirty_logged(&sh->mem->dirty, gfn, 512);
}

/* Direct pages are filed under the first guest frame of their block. */
static void drop_direct(struct gn_sh *sh, unsigned view, uint64_t gfn)
{
	const struct gn_tf_record *record = gn_tf_find(&sh->tf, gfn);
	uint32_t number = record ? record->pages : 0;

	while (number) {
		struct gn_sh_page *page = gn_sh_page_at(sh, number);

		number = page->next;
		if (page->role.direct && page->role.level == 1 &&
		    page->role.view == view) {
			gn_sh_page_zap(sh, page);
		}
	}
}

/* Wherever the block of memory shows as a whole, if one leaf can map it. */
static void drop_direct_of(struct gn_sh *sh, uint64_t block)
{
	for (unsigned v = 0; v < GN_SLOTS_VIEWS; v++) {
		struct gn_slots_shown it = { v, block, 512, 0 };
		uint64_t first, frames;

		while (gn_slots_shown_next(sh->slots, &it, &first, &frames)) {
			if (frames == 512 && gn_tf_find(&sh->tf, first) &&
			    could_be_large(sh, block)) {
				drop_direct(sh, v, first);
			}
		}
	}
}

enum gnomon_status gn_sh_collapse_range(struct gn_sh *sh, uint64_t *next,
					uint64_t end, uint32_t *budget)
{
	*next = gn_align_down(*next + 511, 512);
	while (*next + 512 <= end && *budget > 0) {
		--*budget;
		drop_direct_of(sh, *next);
		*next += 512;
	}
	return finish(sh, *next, *next + 512 <= end ? end : *next);
}

enum gnomon_status gn_sh_young_range(struct gn_sh *sh, uint64_t *next,
				     uint64_t end, bool clear, uint64_t *young,
				     uint32_t *budget)
{
	while (next_frame(sh, next, end, budget)) {
		*young += gn_sh_is_mapped(sh, *next);
		if (clear) {
			gn_sh_unmap(sh, *next);
		}
		++*next;
	}
	return finish(sh, *next, end);
}
