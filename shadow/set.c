/* SPDX-License-Identifier: BSD-2-Clause */
#include "shadow/set.h"

#include "shadow/plain.h"
#include "shadow/refs.h"
#include "shadow/view.h"

#define LEVEL_SWITCH 0u		/* no leaf, though in the reverse map */

static uint64_t table_gfn(const struct gn_sh_page *page, uint64_t gpte)
{
	const struct gn_gpt_format *f = gn_gpt_formats[page->role.format];

	return (gpte & f->level[page->role.level].table_frame) >>
	       GNOMON_PAGE_SHIFT;
}

uint64_t gn_sh_table_gfn(const struct gn_sh *sh, const struct gn_sh_page *page,
			 uint64_t gpte)
{
	return gn_sh_memory(sh, page->role, table_gfn(page, gpte));
}

/* The guest frame that spte, which stands or stood at index, leads to. */
static uint64_t guest_gfn(const struct gn_sh_page *page, unsigned index,
			  uint64_t spte)
{
	union gn_sh_role role = page->role;

	if (role.direct) {
		return page->gfn + index * gn_level_frames(role.level);
	}
	const struct gn_gpt_format *f = gn_gpt_formats[role.format];
	const struct gn_gpt_level *l = &f->level[role.level];
	uint64_t gpte = page->snap[index];
	uint64_t gpa = ((gpte << f->frame_up) & l->leaf_frame) |
		       (gpte & l->leaf_high) << 19;

	if (gn_spte_switch(spte)) {
		return table_gfn(page, gpte);
	}
	/* A 4M leaf fills two entries. */
	if (gn_sh_role_small(role) && role.level == 2) {
		gpa += (uint64_t)(index & 1) << 21;
	}
	return gpa >> GNOMON_PAGE_SHIFT;
}

/* And the frame of memory. */
static uint64_t mapped_gfn(const struct gn_sh *sh,
			   const struct gn_sh_page *page, unsigned index,
			   uint64_t spte)
{
	uint64_t gfn = gn_sh_plain(page) ? gn_sh_plain_gfn(page->snap[index])
					 : guest_gfn(page, index, spte);

	return gn_sh_mapped(sh, page->role, gfn);
}

uint64_t gn_sh_leaf_gfn(const struct gn_sh *sh, const struct gn_sh_page *page,
			unsigned index)
{
	return mapped_gfn(sh, page, index, page->spt[index]);
}

static void store(struct gn_sh_page *page, unsigned index, uint64_t spte)
{
	bool was = gn_spte_present(page->spt[index]);
	bool is = gn_spte_present(spte);

	page->used = (uint16_t)(page->used + is - was);
	__atomic_store_n(&page->spt[index], spte, __ATOMIC_RELEASE);
}

struct gn_sh_page *gn_sh_child(const struct gn_sh *sh,
			       const struct gn_sh_page *page, unsigned index)
{
	(void)sh;
	return page->kids[index];
}

/* A switch may have led to leaves of the guest's that are global. */
static inline void unmap_leaf(struct gn_sh *sh, struct gn_sh_page *page,
			      unsigned index, uint64_t old, uint64_t gfn)
{
	struct gn_frame *frame = gn_frames_find(&sh->frames, gfn);
	bool global = (old & GN_SPTE_G) != 0 || gn_spte_switch(old);
	bool found = frame && gn_sh_refs_remove(sh, &frame->rmap,
						gn_sh_ref(page, index));

	GN_ASSERT(found);
	sh->refs -= found;
	sh->large -= page->role.level > 1;
	gn_sh_note_stale(sh, global);
}

static void unlink_child(struct gn_sh *sh, struct gn_sh_page *page,
			 unsigned index)
{
	struct gn_sh_page *child = gn_sh_child(sh, page, index);
	bool found = gn_sh_refs_remove(sh, &child->parents,
				       gn_sh_ref(page, index));

	GN_ASSERT(found);
	(void)found;
	page->kids[index] = NULL;
	sh->shape++;
	if (child->role.direct) {
		sh->stale_pieces = sh->vcpus;
	}
	/* Leaves below may be global: the walk to them is gone for good. */
	sh->stale = sh->vcpus;
	sh->stale_global = sh->vcpus;
	if (!child->parents && !child->roots) {
		/* First to go when pages are wanted. */
		gn_list_del(&child->age);
		gn_list_add(sh->age.prev, &child->age);
		child->referenced = false;
		child->orphan = true;
	}
}

void gn_sh_clear(struct gn_sh *sh, struct gn_sh_page *page, unsigned index)
{
	uint64_t old = page->spt[index];

	if (!gn_spte_present(old)) {
		return;
	}
	store(page, index, 0);
	sh->stats->sptes_cleared++;
	if (gn_spte_table(old, page->role.level)) {
		unlink_child(sh, page, index);
	} else {
		unmap_leaf(sh, page, index, old,
			   mapped_gfn(sh, page, index, old));
	}
}

static void make_room(struct gn_sh *sh, uint32_t list)
{
	if (gn_sh_refs_full(sh, list)) {
		uint32_t ref = gn_sh_refs_first(sh, list);

		gn_sh_clear(sh, gn_sh_ref_page(sh, ref), gn_sh_ref_index(ref));
	}
}

static inline void link_leaf(struct gn_sh *sh, struct gn_sh_page *page,
			     unsigned index, struct gn_frame *frame,
			     uint64_t spte)
{
	make_room(sh, frame->rmap);
	gn_sh_refs_add(sh, &frame->rmap, gn_sh_ref(page, index));
	sh->refs++;
	store(page, index, spte);
	sh->stats->sptes_set++;
}

static void map(struct gn_sh *sh, struct gn_sh_page *page, unsigned index,
		uint64_t spte, uint64_t gpte)
{
	gn_sh_clear(sh, page, index);
	if (page->snap) {
		page->snap[index] = gpte;
	}
	uint64_t gfn = mapped_gfn(sh, page, index, spte);
	struct gn_frame *frame = gn_frames_find(&sh->frames, gfn);

	GN_ASSERT(frame);
	sh->large += page->role.level > 1;
	link_leaf(sh, page, index, frame, spte);
}

static inline bool leave_frame(struct gn_sh *sh, struct gn_sh_page *page,
			       unsigned index, uint64_t gfn)
{
	struct gn_frame *from = gn_frames_find(&sh->frames, gfn);

	return from && gn_sh_refs_remove(sh, &from->rmap,
					 gn_sh_ref(page, index));
}

/* First half of a swap: out of the list of the frame that was mapped. */
static inline void leave(struct gn_sh *sh, struct gn_sh_page *page,
			 unsigned index)
{
	uint64_t old = page->spt[index];

	if (!gn_spte_present(old)) {
		return;
	}
	uint64_t gfn = gn_sh_plain_gfn(page->snap[index]);

	if (!leave_frame(sh, page, index, gfn)) {
		/* It is a frame that an alias shows, in the target's list. */
		bool found = leave_frame(sh, page, index,
					 gn_sh_mapped(sh, page->role, gfn));

		GN_ASSERT(found);
		(void)found;
	}
	gn_sh_note_stale(sh, (old & GN_SPTE_G) != 0);
	sh->stats->sptes_cleared++;
}

/* Second half: where a leaf stood the sums stay as they are. */
static inline void arrive(struct gn_sh *sh, struct gn_sh_page *page,
			  unsigned index, const struct gn_sh_fill *fill)
{
	page->snap[index] = fill->gpte;
	make_room(sh, fill->frame->rmap);
	gn_sh_refs_add(sh, &fill->frame->rmap, gn_sh_ref(page, index));
	if (!gn_spte_present(page->spt[index])) {
		sh->refs++;
		page->used++;
	}
	__atomic_store_n(&page->spt[index], fill->spte, __ATOMIC_RELEASE);
	sh->stats->sptes_set++;
}

void gn_sh_swap_leaf(struct gn_sh *sh, struct gn_sh_page *page, unsigned index,
		     const struct gn_sh_fill *fill)
{
	leave(sh, page, index);
	arrive(sh, page, index, fill);
}

void gn_sh_swap_leaves(struct gn_sh *sh, struct gn_sh_page *page,
		       struct gn_sh_batch *batch)
{
	for (uint32_t i = 0; i < batch->count; i++) {
		leave(sh, page, batch->index[i]);
	}
	for (uint32_t i = 0; i < batch->count; i++) {
		arrive(sh, page, batch->index[i], &batch->fill[i]);
	}
	batch->count = 0;
}

void gn_sh_set_leaf(struct gn_sh *sh, struct gn_sh_page *page, unsigned index,
		    uint64_t spte, uint64_t gpte)
{
	map(sh, page, index, spte, gpte);
}

void gn_sh_set_switch(struct gn_sh *sh, struct gn_sh_page *page,
		      unsigned index, uint64_t spte, uint64_t gpte)
{
	map(sh, page, index, spte, gpte);
	sh->stats->switches_set++;
}

/* ---- several vcpus at once ----------------------------------------------- */

static bool claim(struct gn_sh_page *page, unsigned index, uint64_t old)
{
	return __atomic_compare_exchange_n(&page->spt[index], &old,
					   old | GN_SPTE_BUSY, false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* End of a claim: the CPU and the next claim see all that came before. */
static void publish(struct gn_sh_page *page, unsigned index, uint64_t spte)
{
	__atomic_store_n(&page->spt[index], spte, __ATOMIC_RELEASE);
}

static enum gn_sh_put put_hole(struct gn_sh_vcpu *vcpu,
			       struct gn_sh_page *page, unsigned index,
			       const struct gn_sh_fill *fill)
{
	if (!claim(page, index, 0)) {
		return GN_SH_PUT_NO;
	}
	/* The snapshot must be that of the spte: it says what it maps. */
	if (page->snap) {
		page->snap[index] = fill->gpte;
	}
	if (!gn_sh_refs_put(vcpu, &fill->frame->rmap,
			    gn_sh_ref(page, index))) {
		publish(page, index, 0);
		return GN_SH_PUT_NO;
	}
	vcpu->refs++;
	__atomic_fetch_add(&page->used, 1, __ATOMIC_RELAXED);
	publish(page, index, fill->spte);
	vcpu->stats->sptes_set++;
	return GN_SH_PUT_DONE;
}

enum gn_sh_put gn_sh_put_leaf(struct gn_sh_vcpu *vcpu, struct gn_sh_page *page,
			      unsigned index, const struct gn_sh_fill *fill)
{
	uint64_t old = __atomic_load_n(&page->spt[index], __ATOMIC_RELAXED);

	if (old == 0) {
		return put_hole(vcpu, page, index, fill);
	}
	if ((old & GN_SPTE_BUSY) || gn_spte_lowers(old, fill->spte) ||
	    !claim(page, index, old)) {
		return GN_SH_PUT_NO;
	}
	if (mapped_gfn(vcpu->sh, page, index, old) != fill->gfn) {
		publish(page, index, old);
		return GN_SH_PUT_NO;
	}
	if (page->snap) {
		page->snap[index] = fill->gpte;
	}
	publish(page, index, fill->spte);
	vcpu->stats->sptes_set += old != fill->spte;
	return old == fill->spte ? GN_SH_PUT_SAME : GN_SH_PUT_DONE;
}

/* ---- one alone ----------------------------------------------------------- */

void gn_sh_set_table(struct gn_sh *sh, struct gn_sh_page *page, unsigned index,
		     struct gn_sh_page *child, uint64_t gpte)
{
	GN_ASSERT(child->role.level + 1u == page->role.level);
	gn_sh_clear(sh, page, index);
	if (page->snap) {
		page->snap[index] = gpte;
	}
	make_room(sh, child->parents);
	gn_sh_refs_add(sh, &child->parents, gn_sh_ref(page, index));
	page->kids[index] = child;
	child->orphan = false;
	store(page, index, gn_spte_make_table(child->hpa));
	sh->stats->sptes_set++;
}

void gn_sh_set_rights(struct gn_sh *sh, struct gn_sh_page *page,
		      unsigned index, uint64_t spte, uint64_t gpte)
{
	uint64_t old = page->spt[index];

	if (page->snap) {
		page->snap[index] = gpte;
	}
	if (old == spte) {
		return;
	}
	if (gn_spte_lowers(old, spte)) {
		gn_sh_note_stale(sh, (old & GN_SPTE_G) != 0);
	}
	store(page, index, spte);
	sh->stats->sptes_set++;
}

void gn_sh_set_snap(struct gn_sh_page *page, unsigned index, uint64_t gpte)
{
	if (page->snap) {
		page->snap[index] = gpte;
	}
}

/* One list of the reverse map: leaves of exactly this level. */
static uint32_t protect_small(struct gn_sh *sh, uint64_t gfn)
{
	const struct gn_frame *frame = gn_frames_find(&sh->frames, gfn);
	struct gn_sh_refs_iter iter;
	uint32_t ref, count = 0;

	gn_sh_refs_begin(sh, frame ? frame->rmap : 0, &iter);
	while ((ref = gn_sh_refs_next(sh, &iter)) != 0) {
		struct gn_sh_page *page = gn_sh_ref_page(sh, ref);
		unsigned index = gn_sh_ref_index(ref);
		uint64_t spte = page->spt[index];

		if (page->role.level != 1 || !(spte & GN_SPTE_W)) {
			continue;
		}
		/* A flipped leaf without W would grant nothing. */
		spte &= ~GN_SPTE_W;
		gn_sh_note_stale(sh, (spte & GN_SPTE_G) != 0);
		store(page, index, spte);
		count++;
	}
	return count;
}

/* Of the leaf, or LEVEL_SWITCH. */
static unsigned ref_level(const struct gn_sh *sh, uint32_t ref)
{
	const struct gn_sh_page *page = gn_sh_ref_page(sh, ref);

	return gn_spte_switch(page->spt[gn_sh_ref_index(ref)])
		       ? LEVEL_SWITCH
		       : page->role.level;
}

static uint32_t find_level(const struct gn_sh *sh, uint32_t list,
			   unsigned level)
{
	struct gn_sh_refs_iter iter;
	uint32_t ref;

	gn_sh_refs_begin(sh, list, &iter);
	while ((ref = gn_sh_refs_next(sh, &iter)) != 0) {
		if (ref_level(sh, ref) == level) {
			break;
		}
	}
	return ref;
}

/* Drop the leaves of one level that map gfn; the list changes under us. */
static uint32_t drop_level(struct gn_sh *sh, uint64_t gfn, unsigned level)
{
	uint64_t frames = gn_level_frames(level == LEVEL_SWITCH ? 1 : level);
	uint64_t first = gn_align_down(gfn, frames);
	const struct gn_frame *frame = gn_frames_find(&sh->frames, first);
	uint32_t ref, count = 0;

	while (frame &&
	       (ref = find_level(sh, frame->rmap, level)) != 0) {
		struct gn_sh_page *page = gn_sh_ref_page(sh, ref);

		gn_sh_clear(sh, page, gn_sh_ref_index(ref));
		count++;
	}
	return count;
}

bool gn_sh_is_mapped(const struct gn_sh *sh, uint64_t gfn)
{
	for (unsigned level = 1; level <= 3; level++) {
		uint64_t first = gn_align_down(gfn, gn_level_frames(level));
		const struct gn_frame *frame =
			gn_frames_find(&sh->frames, first);

		if (frame && (find_level(sh, frame->rmap, level) ||
			      (level == 1 && find_level(sh, frame->rmap,
							LEVEL_SWITCH)))) {
			return true;
		}
	}
	return false;
}

uint32_t gn_sh_drop_switches(struct gn_sh *sh, uint64_t gfn)
{
	return sh->config.agile ? drop_level(sh, gfn, LEVEL_SWITCH) : 0;
}

uint32_t gn_sh_protect(struct gn_sh *sh, uint64_t gfn)
{
	uint32_t large = 0;

	if (sh->large) {
		large = drop_level(sh, gfn, 2) + drop_level(sh, gfn, 3);
		sh->stats->splits += large;
		large += gn_sh_drop_switches(sh, gfn);
	}
	return large + protect_small(sh, gfn);
}

uint32_t gn_sh_unmap(struct gn_sh *sh, uint64_t gfn)
{
	uint32_t count = drop_level(sh, gfn, 1);

	return sh->large ? count + drop_level(sh, gfn, 2) +
				   drop_level(sh, gfn, 3) +
				   gn_sh_drop_switches(sh, gfn)
			 : count;
}
