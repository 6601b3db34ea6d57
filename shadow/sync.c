/* SPDX-License-Identifier: BSD-2-Clause */
#include "shadow/sync.h"

#include "shadow/agile.h"
#include "shadow/fill.h"
#include "shadow/page.h"
#include "shadow/plain.h"
#include "shadow/reclaim.h"
#include "shadow/refs.h"
#include "shadow/set.h"
#include "shadow/unsync.h"

/* Keep a child only where the new entry leads to the very same page. */
static void update_table(struct gn_sh *sh, struct gn_sh_page *page,
			 unsigned index, uint64_t gpte)
{
	const struct gn_sh_page *child = gn_sh_child(sh, page, index);
	struct gn_sh_key key;

	if (gn_sh_child_key(sh, page, index, gpte, &key) &&
	    key.gfn == child->gfn && key.role.bits == child->role.bits) {
		gn_sh_set_snap(page, index, gpte);
	} else {
		gn_sh_clear(sh, page, index);
	}
}

/* The leaf's frame stays: rights by gpte, and by what else limits them. */
static void renew(struct gn_sh *sh, struct gn_sh_page *page, unsigned index,
		  uint64_t gpte, const struct gn_sh_want *want)
{
	unsigned level = page->role.level;
	uint64_t spte = page->spt[index];
	struct gnomon_frame frame = {
		.kind = GNOMON_FRAME_RAM,
		.hfn = { gn_spte_hpa(spte, level) >> GNOMON_PAGE_SHIFT },
		.writable = (spte & GN_SPTE_HOST_W) != 0,
	};

	gn_sh_set_rights(sh, page, index,
			 gn_sh_make_leaf(sh, want, level, &frame), gpte);
}

/* Same frame: give it the new rights. Another, or none: drop it. */
static void update_leaf(struct gn_sh *sh, struct gn_sh_page *page,
			unsigned index, uint64_t gpte)
{
	struct gn_sh_want want;

	/*
	 * A large leaf may show the same memory elsewhere, yet not all of it:
	 * then it is the fault that finds out.
	 */
	if ((page->role.level > 1 && sh->slots->pieces) ||
	    !gn_sh_want(sh, page, index, gpte, &want) ||
	    want.gfn != gn_sh_leaf_gfn(sh, page, index)) {
		gn_sh_clear(sh, page, index);
		return;
	}
	renew(sh, page, index, gpte, &want);
}

static void unlock(struct gn_sh *sh, struct gn_sh_page *page, unsigned index,
		   uint64_t gfn)
{
	uint64_t gpte = page->snap ? page->snap[index] : 0;
	struct gn_sh_want want;

	/* An alias may have moved, and its leaves not be dropped yet. */
	if (page->role.level == 1 && !(page->spt[index] & GN_SPTE_W) &&
	    gn_sh_want(sh, page, index, gpte, &want) && want.gfn == gfn &&
	    (want.attr.rights & GN_GPT_W)) {
		renew(sh, page, index, gpte, &want);
	}
}

void gn_sh_untraced(struct gn_sh *sh, uint64_t gfn)
{
	const struct gn_frame *frame = gn_frames_find(&sh->frames, gfn);
	struct gn_sh_refs_iter iter;
	uint32_t ref;

	gn_sh_refs_begin(sh, frame ? frame->rmap : 0, &iter);
	while ((ref = gn_sh_refs_next(sh, &iter)) != 0) {
		unlock(sh, gn_sh_ref_page(sh, ref), gn_sh_ref_index(ref), gfn);
	}
}

void gn_sh_follow(struct gn_sh *sh, struct gn_sh_page *page, unsigned index,
		  uint64_t gpte, bool fill)
{
	unsigned level = page->role.level;
	uint64_t spte = page->spt[index];

	if (gn_sh_plain(page)) {
		gn_sh_follow_plain(sh, page, index, gpte, fill);
		return;
	}
	if (gn_spte_switch(spte)) {
		gn_sh_agile_follow(sh, page, index, gpte);
	} else if (gn_spte_table(spte, level)) {
		update_table(sh, page, index, gpte);
	} else if (gn_spte_leaf(spte, level)) {
		update_leaf(sh, page, index, gpte);
	}
	if (fill && level == 1 && !gn_spte_present(page->spt[index]) &&
	    gn_sh_option(sh, GNOMON_OPT_UPDATE)) {
		gn_sh_prefill(sh, page, index, gpte);
	}
	/* What a later comparison starts from, also where no spte is. */
	gn_sh_set_snap(page, index, gpte);
}

/* The guest's entry behind index may have changed: look at it again. */
static void update(struct gn_sh *sh, struct gn_sh_page *page, unsigned index)
{
	uint64_t gpte;

	if (gn_sh_read_gpte(sh, page, index, &gpte) == GNOMON_OK) {
		gn_sh_follow(sh, page, index, gpte, true);
	} else {
		gn_sh_clear(sh, page, index);
	}
}

/* Entries of the page that mirror gptes span.first and on. */
static void update_span(struct gn_sh *sh, struct gn_sh_page *page,
			struct gn_gpt_span span)
{
	for (unsigned i = 0; i < GN_SH_ENTRIES; i++) {
		unsigned at = gn_sh_gpte_index(page->role, i);

		if (at - span.first < span.count) {
			update(sh, page, i);
		}
	}
}

static unsigned entry_bytes(const struct gn_sh_page *page)
{
	return gn_sh_role_small(page->role) ? 4 : 8;
}

static void update_page(struct gn_sh *sh, struct gn_sh_page *page,
			struct gn_gpt_span span)
{
	sh->stats->mmu_pte_write += span.count;
	if (gn_sh_role_small(page->role)) {
		update_span(sh, page, span);
		return;
	}
	for (unsigned i = 0; i < span.count; i++) {
		update(sh, page, span.first + i);
	}
}

/* Updates drop links, never pages: the list stands still. */
static void update_pages(struct gn_sh *sh, const struct gn_tf_record *record,
			 gnomon_gpa_t gpa, uint32_t bytes)
{
	for (uint32_t n = record->pages; n;) {
		struct gn_sh_page *page = gn_sh_page_at(sh, n);

		if (gn_sh_page_mirrors(page)) {
			update_page(sh, page,
				    gn_gpt_store_span(entry_bytes(page), gpa,
						      bytes));
		}
		n = page->next;
	}
}

/* Of the first mirror in a list of pages. */
static unsigned mirror_bytes(const struct gn_sh *sh,
			     const struct gn_sh_page *page)
{
	while (!gn_sh_page_mirrors(page) && page->next) {
		page = gn_sh_page_at(sh, page->next);
	}
	return entry_bytes(page);
}

/* Follow or give up? Counts the store. */
static inline __attribute__((always_inline)) enum gn_tf_verdict
decide(struct gn_sh *sh, struct gn_tf_record *record, gnomon_gpa_t gpa,
       uint32_t bytes, unsigned of_entry)
{
	gn_sh_event(sh, GNOMON_EVENT_TRACE_WRITE, gpa.v, bytes);
	gn_sh_spare_refs(sh, 1);
	/* The next fault that comes through the table counts as its use. */
	sh->shape += record->upper;
	return gn_tf_decide_store(record, &sh->config.flood,
				  (uint32_t)(gpa.v & (GNOMON_PAGE_BYTES - 1)),
				  bytes, of_entry);
}

static __attribute__((noinline)) void give_up(struct gn_sh *sh,
					      struct gn_tf_record *record)
{
	sh->stats->mmu_flooded++;
	gn_sh_page_zap_gfn(sh, record);
	gn_sh_reap(sh);
}

void gn_sh_written(struct gn_sh *sh, gnomon_gpa_t gpa, uint32_t bytes)
{
	uint64_t gfn = gpa.v >> GNOMON_PAGE_SHIFT;
	struct gn_tf_record *record = gn_tf_find(&sh->tf, gfn);

	if (!record || !record->tables) {
		return;
	}
	if (decide(sh, record, gpa, bytes,
		   mirror_bytes(sh, gn_sh_page_at(sh, record->pages))) !=
	    GN_TF_FOLLOW) {
		give_up(sh, record);
		return;
	}
	update_pages(sh, record, gpa, bytes);
	gn_sh_reap(sh);
}

void gn_sh_written_entry(struct gn_sh *sh, gnomon_gpa_t gpa)
{
	uint64_t gfn = gpa.v >> GNOMON_PAGE_SHIFT;
	struct gn_tf_record *record = gn_tf_find(&sh->tf, gfn);

	if (!record || !record->tables) {
		return;
	}
	struct gn_sh_page *page = gn_sh_page_at(sh, record->pages);
	uint64_t gpte;

	/* A store to a leaf table makes no page an orphan: none to reap. */
	if (!gn_sh_plain(page) || page->next ||
	    gn_mem_load8(sh->mem, gpa.v, &gpte) != GNOMON_OK) {
		gn_sh_written(sh, gpa, sizeof(gpte));
	} else if (decide(sh, record, gpa, sizeof(gpte), sizeof(gpte)) !=
		   GN_TF_FOLLOW) {
		give_up(sh, record);
	} else {
		sh->stats->mmu_pte_write++;
		gn_sh_follow_plain(sh, page,
				   (unsigned)(gpa.v >> 3) & (GN_SH_ENTRIES - 1),
				   gpte, true);
	}
}

static bool canonical(const struct gn_gpt_format *f, gnomon_gva_t gva)
{
	unsigned shift = 64u - f->gva_bits;
	uint64_t all = f->extend_sign
			       ? (uint64_t)((int64_t)(gva.v << shift) >> shift)
			       : gva.v << shift >> shift;

	return f->levels > 0 && all == gva.v;
}

/*
 * Bytes of the page that the guest maps at gva: INVLPG drops all pieces of a
 * large one, and ours may be smaller than the guest's. 0 = not to be told.
 */
static uint64_t guest_page_bytes(const struct gn_sh_vcpu *vcpu,
				 gnomon_gva_t gva)
{
	struct gn_gpt_walk walk;
	enum gnomon_status status = gn_gpt_translate(
		&vcpu->ctx, vcpu->mem, gva, GNOMON_READ, 0, &walk);

	if (status == GNOMON_OK) {
		return UINT64_C(1) << walk.page_shift;
	}
	/* A leaf, but not for such a read. */
	return status == GNOMON_FAULT && (walk.error_code & X86_PF_P) &&
			       walk.level > 1
		       ? 0
		       : GNOMON_PAGE_BYTES;
}

/* update(), where only a gpte that has changed can make a difference. */
static void refresh(struct gn_sh *sh, struct gn_sh_page *page, unsigned index)
{
	uint64_t gpte;

	if (gn_sh_read_gpte(sh, page, index, &gpte) != GNOMON_OK ||
	    gpte != page->snap[index]) {
		update(sh, page, index);
	}
}

/*
 * Read the entries of gva again, from the root down to the last that is
 * shadowed. True: that is a 4K leaf of the guest's own.
 */
static bool refresh_path(struct gn_sh_vcpu *vcpu, gnomon_gva_t gva)
{
	struct gn_sh_page *page = vcpu->top;

	for (unsigned level = page->role.level;; level--) {
		unsigned index = (unsigned)(gva.v >> (3 + 9 * level)) & 511;
		bool mirrors = gn_sh_page_mirrors(page);

		if (mirrors && gn_spte_present(page->spt[index])) {
			refresh(vcpu->sh, page, index);
		}
		if (!gn_spte_table(page->spt[index], level)) {
			return mirrors && level == 1 &&
			       gn_spte_present(page->spt[index]);
		}
		page = page->kids[index];
	}
}

void gn_sh_invlpg(struct gn_sh_vcpu *vcpu, gnomon_gva_t gva)
{
	struct gn_sh *sh = vcpu->sh;

	if (!canonical(vcpu->ctx.format, gva)) {
		return;
	}
	/* The CPU forgets its path to every gva. */
	gn_sh_loose_sync(sh);
	bool small = refresh_path(vcpu, gva);

	/*
	 * A CPU drops a large page as a whole, whatever its entry says by now;
	 * ours may hold it in pieces, and which page it was is not known.
	 */
	if (sh->stale_pieces >> vcpu->id & 1) {
		gn_sh_flush_page(sh, vcpu->id, 0, 0);
		gn_sh_flushed(sh, vcpu->id, true);
	} else {
		gn_sh_flush_page(sh, vcpu->id, gva.v,
				 small ? GNOMON_PAGE_BYTES
				       : guest_page_bytes(vcpu, gva));
	}
	gn_sh_reap(sh);
}
