/* SPDX-License-Identifier: BSD-2-Clause */
#include "shadow/fill.h"

#include "shadow/page.h"
#include "shadow/refs.h"
#include "shadow/set.h"

static void want_direct(const struct gn_sh_page *page, unsigned index,
			struct gn_sh_want *want)
{
	union gn_sh_role role = page->role;

	*want = (struct gn_sh_want){
		.gfn = page->gfn + index * gn_level_frames(role.level),
		.attr = {
			.rights = role.rights,
			.pkey = role.pkey,
			.type = role.type,
			.global = role.global,
		},
	};
}

bool gn_sh_want(struct gn_sh *sh, const struct gn_sh_page *page,
		unsigned index, uint64_t gpte, struct gn_sh_want *want)
{
	union gn_sh_role role = page->role;
	struct gn_gpt_entry e;

	if (role.direct) {
		want_direct(page, index, want);
		return true;
	}
	gn_gpt_decode(gn_sh_mode(sh, role), role.level, gpte, &e);
	if (e.kind != GN_GPT_LEAF || !e.accessed) {
		return false;
	}
	uint64_t gfn = e.frame.v >> GNOMON_PAGE_SHIFT;

	/* A 4M leaf fills two entries. */
	if (gn_sh_role_small(role) && role.level == 2) {
		gfn += (uint64_t)(index & 1) << 9;
	}
	*want = (struct gn_sh_want){
		.gfn = gfn,
		.attr = {
			.rights = role.rights & e.rights &
				  (e.dirty ? 7 : 7 & ~GN_GPT_W),
			.pkey = e.pkey,
			.type = (uint8_t)(e.pwt | e.pcd << 1 | e.pat << 2),
			.global = e.global,
		},
	};
	return true;
}

/* What trace, watch and dirty log leave of the rights to one frame. */
static uint8_t small_rights(const struct gn_sh *sh, uint64_t gfn)
{
	const struct gn_tf_record *record = gn_tf_find(&sh->tf, gfn);
	uint8_t rights = GN_GPT_RIGHTS;

	if (record &&
	    (record->tables || (record->watch & GNOMON_WATCH_WRITE))) {
		rights &= (uint8_t)~GN_GPT_W;
	}
	if (record && (record->watch & GNOMON_WATCH_EXEC)) {
		rights &= (uint8_t)~GN_GPT_X;
	}
	if (gn_dirty_clean(&sh->mem->dirty, gfn)) {
		rights &= (uint8_t)~GN_GPT_W;
	}
	return rights;
}

uint64_t gn_sh_make_leaf(struct gn_sh *sh, const struct gn_sh_want *want,
			 unsigned level, const struct gnomon_frame *frame)
{
	struct gn_spte_attr attr = want->attr;
	uint64_t hpa = frame->hfn.v << GNOMON_PAGE_SHIFT;

	attr.host_w = frame->writable;
	attr.rights &= level == 1 ? small_rights(sh, want->gfn)
				  : GN_GPT_RIGHTS;
	if (!frame->writable) {
		attr.rights &= (uint8_t)~GN_GPT_W;
	}
	hpa = gn_align_down(hpa, gn_level_frames(level) << GNOMON_PAGE_SHIFT);
	return gn_spte_make_leaf(hpa, level, attr);
}

enum gnomon_status gn_sh_read_gpte(const struct gn_sh *sh,
				   const struct gn_sh_page *page,
				   unsigned index, uint64_t *gpte)
{
	uint64_t table = page->gfn << GNOMON_PAGE_SHIFT;
	unsigned at = gn_sh_gpte_index(page->role, index);

	if (gn_sh_role_small(page->role)) {
		return gn_mem_load_slow(sh->mem, table + 4 * at, 4, gpte);
	}
	return gn_mem_load8(sh->mem, table + 8 * at, gpte);
}

static bool mappable(const struct gn_sh *sh, const struct gnomon_frame *frame)
{
	return (frame->kind == GNOMON_FRAME_RAM ||
		frame->kind == GNOMON_FRAME_ROM) &&
	       frame->hfn.v >> (sh->config.host_maxphyaddr - 12) == 0;
}

void gn_sh_spare_refs(struct gn_sh *sh)
{
	if (gn_sh_refs_reserve(sh, 2 * (GN_SH_PATH_MAX + 1)) != GNOMON_OK) {
		return;
	}
}

bool gn_sh_prefill(struct gn_sh *sh, struct gn_sh_page *page, unsigned index,
		   uint64_t gpte)
{
	struct gn_sh_want want;
	struct gnomon_frame frame;

	/* What a fault has reserved for itself is not for guesses. */
	if (sh->chunks.free_count <= GN_SH_PATH_MAX + 1 ||
	    !gn_sh_want(sh, page, index, gpte, &want) ||
	    !gn_frames_find(&sh->frames, want.gfn) ||
	    (gn_tf_watched(&sh->tf, want.gfn) & GNOMON_WATCH_READ)) {
		return false;
	}
	gn_slots_frame(sh->slots, sh->host, sh->ctx, gn_gfn(want.gfn), 0,
		       &frame);
	if (!mappable(sh, &frame)) {
		return false;
	}
	gn_sh_set_leaf(sh, page, index,
		       gn_sh_make_leaf(sh, &want, 1, &frame), gpte);
	return true;
}

void gn_sh_prefetch(struct gn_sh *sh, struct gn_sh_page *page, unsigned index)
{
	unsigned width = sh->config.prefetch;
	unsigned first = index / width * width;

	for (unsigned i = first; i < first + width; i++) {
		uint64_t gpte = 0;

		if (gn_spte_present(page->spt[i]) ||
		    (gn_sh_page_mirrors(page) &&
		     gn_sh_read_gpte(sh, page, i, &gpte) != GNOMON_OK)) {
			continue;
		}
		gn_sh_prefill(sh, page, i, gpte);
	}
}
