/* SPDX-License-Identifier: BSD-2-Clause */
/* The pages that a fault needs, from the root down to its leaf. */
#include "shadow/page.h"
#include "shadow/reclaim.h"
#include "shadow/refs.h"
#include "shadow/set.h"
#include "shadow/step.h"
#include "shadow/unsync.h"

/* Direct pages and large leaves are filed under the first frame of a block. */
static enum gnomon_status reserve_blocks(struct gn_sh *sh, uint64_t gfn)
{
	for (unsigned l = 1; l <= 4; l++) {
		uint64_t first = gn_align_down(gfn, gn_level_frames(l));

		if (gn_frames_ensure(&sh->frames, first) != GNOMON_OK) {
			return GNOMON_NOMEM;
		}
	}
	return GNOMON_OK;
}

/* All that may fail for want of memory. */
static enum gnomon_status reserve(struct gn_sh_fault *f)
{
	struct gn_sh *sh = f->sh;
	uint64_t guest = f->walk.gpa.v >> GNOMON_PAGE_SHIFT;
	unsigned low = f->walk.level ? f->walk.level : 1;

	if (gn_sh_refs_reserve(sh, GN_SH_PATH_MAX + 1 + GN_SH_STOCK_MAX) !=
	    GNOMON_OK) {
		return GNOMON_NOMEM;
	}
	gn_sh_refs_stock(f->vcpu, GN_SH_PATH_MAX + 1);
	for (unsigned l = low; l <= gn_sh_path_levels(f); l++) {
		if (gn_frames_ensure(&sh->frames, gn_sh_table_at(f, l)) !=
		    GNOMON_OK) {
			return GNOMON_NOMEM;
		}
	}
	/* The pages by the guest's frames, the leaves by those of memory. */
	if (reserve_blocks(sh, f->gfn) != GNOMON_OK ||
	    (guest != f->gfn && reserve_blocks(sh, guest) != GNOMON_OK)) {
		return GNOMON_NOMEM;
	}
	/* Last, for it counts what the pool has left. */
	return gn_sh_make_room(sh, GN_SH_PATH_MAX);
}

enum gn_sh_step gn_sh_step_reserve(struct gn_sh_fault *f)
{
	return reserve(f) == GNOMON_OK
		       ? GN_SH_NEXT
		       : gn_sh_answer(f, GNOMON_STOP_NOMEM, GNOMON_KIND_HIDDEN);
}

/* The page below path[level], existing or new. */
static enum gn_sh_step descend(struct gn_sh_fault *f, unsigned level)
{
	struct gn_sh_page *page = f->path[level], *child = NULL;
	unsigned index = gn_sh_index_at(f, level);
	uint64_t spte = page->spt[index];
	struct gn_sh_key key;

	if (page->role.top && level == 4) {
		f->path[3] = gn_sh_child(f->sh, page, 0);
		return GN_SH_NEXT;
	}
	/* The guest took the entry away after our walk. */
	if (!gn_sh_child_key(f->sh, page, index, gn_sh_gpte_at(f, level),
			     &key)) {
		return gn_sh_answer(f, GNOMON_RESUME, GNOMON_KIND_SPURIOUS);
	}
	if (gn_spte_table(spte, level)) {
		child = gn_sh_child(f->sh, page, index);
	}
	if (!child || child->gfn != key.gfn ||
	    child->role.bits != key.role.bits) {
		child = gn_sh_page_find(f->sh, key.gfn, key.role);
	}
	if (!child) {
		child = gn_sh_page_new(f->sh, key.gfn, key.role);
	} else if (!gn_spte_table(spte, level)) {
		f->relinked = true;
	}
	child->referenced = true;
	f->path[level - 1] = child;
	return GN_SH_NEXT;
}

/* No frame of the block needs a leaf of its own. */
static bool block_free(const struct gn_sh_fault *f, unsigned level)
{
	uint64_t frames = gn_level_frames(level);

	return !gn_frames_marked(&f->sh->frames, f->gfn, 9 * (level - 1)) &&
	       !gn_dirty_logged(&f->sh->mem->dirty,
				gn_align_down(f->gfn, frames), frames);
}

/* The largest leaf that guest, host and traces allow for gfn. */
static unsigned leaf_level(const struct gn_sh_fault *f)
{
	unsigned guest = f->walk.level ? f->walk.level : 3;

	if (f->below) {
		return f->below + 1;
	}
	unsigned host = gn_sh_order(f) / 9u + 1;
	unsigned level = guest < host ? guest : host;

	if (!gn_sh_option(f->sh, GNOMON_OPT_LARGE)) {
		return 1;
	}
	while (level > 1 && !block_free(f, level)) {
		level--;
	}
	return level;
}

/*
 * Find or make the pages of the path. Mirrors of guest tables come first: they
 * start traces, which say how large the leaf may be.
 */
enum gn_sh_step gn_sh_step_path(struct gn_sh_fault *f)
{
	unsigned mirrors = f->below ? f->below + 1
			   : f->walk.level ? f->walk.level : 4;

	f->path[f->top] = gn_sh_page_at(f->sh, f->vcpu->root);
	for (unsigned l = f->top; l > mirrors; l--) {
		if (descend(f, l) == GN_SH_DONE) {
			return GN_SH_DONE;
		}
	}
	f->leaf = leaf_level(f);
	for (unsigned l = mirrors < f->top ? mirrors : f->top; l > f->leaf;
	     l--) {
		if (descend(f, l) == GN_SH_DONE) {
			return GN_SH_DONE;
		}
	}
	return GN_SH_NEXT;
}

/*
 * Traces are on, so no store can come between this look at the entries and
 * their shadows: whoever changed one before must be seen here.
 */
enum gn_sh_step gn_sh_step_recheck(struct gn_sh_fault *f)
{
	unsigned bytes = gn_gpt_entry_bytes(&f->vcpu->ctx);
	const struct gn_mem *mem = f->vcpu->mem;

	/* What the CPU walks itself may change at any time. */
	unsigned low = f->below ? f->below + 1 : f->walk.level;

	for (unsigned l = low; l && l <= gn_sh_path_levels(f); l++) {
		const struct gn_gpt_step *step = &f->walk.step[l];
		uint64_t now;
		enum gnomon_status status =
			bytes == 8 ? gn_mem_load8(mem, step->gpa.v, &now)
				   : gn_mem_load_slow(mem, step->gpa.v, bytes,
						      &now);

		if (status != GNOMON_OK || now != step->gpte) {
			return gn_sh_answer(f, GNOMON_RESUME,
					    GNOMON_KIND_SPURIOUS);
		}
	}
	return GN_SH_NEXT;
}

enum gn_sh_step gn_sh_step_link(struct gn_sh_fault *f)
{
	/* From absent to present the guest need not flush: be up to date. */
	if (f->relinked) {
		gn_sh_unsync_sync(f->sh);
	}
	for (unsigned l = f->top; l > f->leaf; l--) {
		struct gn_sh_page *page = f->path[l], *child = f->path[l - 1];
		unsigned index = gn_sh_index_at(f, l);
		uint64_t spte = page->spt[index];

		gn_sh_use(page);
		if (page->role.top && l == 4) {
			continue;
		}
		if (gn_spte_table(spte, l) &&
		    gn_sh_child(f->sh, page, index) == child) {
			gn_sh_set_snap(page, index, gn_sh_gpte_at(f, l));
			continue;
		}
		if (gn_spte_leaf(spte, l)) {
			f->sh->stats->splits++;
			gn_sh_event(f->sh, GNOMON_EVENT_SPLIT, f->walk.gpa.v,
				    l);
		}
		gn_sh_set_table(f->sh, page, index, child, gn_sh_gpte_at(f, l));
	}
	return GN_SH_NEXT;
}
