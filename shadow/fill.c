/* SPDX-License-Identifier: BSD-2-Clause */
#include "shadow/fill.h"

#include "shadow/page.h"
#include "shadow/refs.h"
#include "shadow/set.h"
#include "shadow/view.h"

/* Both: of the guest frame, which gn_sh_want() turns into one of memory. */
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

static bool want_by(const struct gn_gpt_ctx *ctx,
		    const struct gn_sh_page *page, unsigned index,
		    uint64_t gpte, struct gn_sh_want *want)
{
	union gn_sh_role role = page->role;
	struct gn_gpt_entry e;

	gn_gpt_decode(ctx, role.level, gpte, &e);
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
			/* As it is: the CPU's CR4.PGE is the guest's. */
			.global = (gpte & ctx->format->global) != 0,
		},
	};
	return true;
}

bool gn_sh_want(struct gn_sh *sh, const struct gn_sh_page *page,
		unsigned index, uint64_t gpte, struct gn_sh_want *want)
{
	if (page->role.direct) {
		want_direct(page, index, want);
	} else if (!want_by(gn_sh_mode(sh, page->role), page, index, gpte,
			    want)) {
		return false;
	}
	want->gfn = gn_sh_memory(sh, page->role, want->gfn);
	return true;
}

bool gn_sh_compose_slow(const struct gn_gpt_ctx *ctx,
			const struct gn_sh_page *page, unsigned index,
			uint64_t gpte, struct gn_sh_fill *fill)
{
	struct gn_sh_want want;

	if (page->role.direct) {
		want_direct(page, index, &want);
	} else if (!want_by(ctx, page, index, gpte, &want)) {
		return false;
	}
	fill->gfn = want.gfn;
	fill->spte = gn_spte_make_leaf(0, 1, want.attr);
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

uint64_t gn_sh_limit_slow(const struct gn_sh *sh, uint64_t gfn, uint64_t spte)
{
	uint8_t rights = small_rights(sh, gfn);

	if (!(rights & GN_GPT_W)) {
		spte &= ~GN_SPTE_W;
	}
	return rights & GN_GPT_X ? spte : spte | GN_SPTE_NX;
}

uint64_t gn_sh_make_leaf(const struct gn_sh *sh, const struct gn_sh_want *want,
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

bool gn_sh_hidden(const struct gn_sh *sh, const struct gn_frame *frame)
{
	return gn_tf_at(&sh->tf, frame->trace)->watch & GNOMON_WATCH_READ;
}

void gn_sh_spare_refs_slow(struct gn_sh *sh, uint32_t count)
{
	if (gn_sh_refs_reserve(sh, count) != GNOMON_OK) {
		return;
	}
}

bool gn_sh_prefill(struct gn_sh *sh, struct gn_sh_page *page, unsigned index,
		   uint64_t gpte)
{
	struct gn_sh_want want;
	struct gnomon_frame frame;
	const struct gn_frame *known;

	if (!gn_sh_want(sh, page, index, gpte, &want)) {
		return false;
	}
	known = gn_frames_find(&sh->frames, want.gfn);
	if (!known || !gn_sh_may_guess(sh, known, 0)) {
		return false;
	}
	gn_slots_frame(sh->slots, sh->host, sh->ctx, gn_gfn(want.gfn), 0,
		       &frame);
	if (!gn_sh_mappable(sh, &frame)) {
		return false;
	}
	gn_sh_set_leaf(sh, page, index,
		       gn_sh_make_leaf(sh, &want, 1, &frame), gpte);
	return true;
}

static void guess(struct gn_sh_vcpu *vcpu, struct gn_sh_page *page,
		  unsigned index)
{
	const struct gn_sh *sh = vcpu->sh;
	struct gnomon_frame frame;
	struct gn_sh_fill fill;
	uint64_t gpte = 0;

	if (__atomic_load_n(&page->spt[index], __ATOMIC_RELAXED) ||
	    (gn_sh_page_mirrors(page) &&
	     gn_sh_read_gpte(sh, page, index, &gpte) != GNOMON_OK) ||
	    !gn_sh_compose(&vcpu->ctx, page, index, gpte, &fill)) {
		return;
	}
	fill.gfn = gn_sh_memory(sh, page->role, fill.gfn);
	fill.frame = gn_frames_find(&sh->frames, fill.gfn);
	if (!fill.frame ||
	    (fill.frame->trace && gn_sh_hidden(sh, fill.frame))) {
		return;
	}
	gn_slots_frame(sh->slots, sh->host, sh->ctx, gn_gfn(fill.gfn), 0,
		       &frame);
	if (gn_sh_mappable(sh, &frame)) {
		gn_sh_back(sh, &fill, &frame);
		/* NO: then there is one guess less. */
		(void)gn_sh_put_leaf(vcpu, page, index, &fill);
	}
}

void gn_sh_prefetch(struct gn_sh_vcpu *vcpu, struct gn_sh_page *page,
		    unsigned index)
{
	unsigned width = vcpu->sh->config.prefetch;
	unsigned first = index / width * width;

	for (unsigned i = first; i < first + width; i++) {
		guess(vcpu, page, i);
	}
}
