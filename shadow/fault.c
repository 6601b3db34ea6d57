/* SPDX-License-Identifier: BSD-2-Clause */
#include "shadow/fault.h"

#include "shadow/agile.h"
#include "shadow/fill.h"
#include "shadow/page.h"
#include "shadow/reclaim.h"
#include "shadow/set.h"
#include "shadow/step.h"
#include "shadow/unsync.h"

/* A root that lost its memory under the vcpu is exchanged for a new one. */
static enum gn_sh_step exchange_root(struct gn_sh_fault *f)
{
	uint32_t old = f->vcpu->root;

	if (gn_sh_root_load(f->vcpu, &f->vcpu->ctx) != GNOMON_OK) {
		return gn_sh_answer(f, GNOMON_STOP_NOMEM, GNOMON_KIND_HIDDEN);
	}
	f->out->root_changed = f->vcpu->root != old;
	/* The pages of the old root may have taken the record along. */
	f->record = gn_tf_find(&f->sh->tf, f->gfn);
	return GN_SH_NEXT;
}

static enum gn_sh_step step_root(struct gn_sh_fault *f)
{
	if (!gn_sh_root_usable(f->vcpu) && exchange_root(f) == GN_SH_DONE) {
		return GN_SH_DONE;
	}
	f->top = f->vcpu->top->role.level;
	return GN_SH_NEXT;
}

/* Is it a store to a traced frame, and does the frame deserve its trace? */
static enum gn_sh_step step_trace(struct gn_sh_fault *f)
{
	struct gn_sh *sh = f->sh;
	struct gn_tf_record *record = f->record;

	if (!(f->access & GNOMON_WRITE) || !record || !record->tables ||
	    f->below) {
		return GN_SH_NEXT;
	}
	bool again = f->vcpu->gave_up_rip == f->rip &&
		     f->vcpu->gave_up_gva == f->gva.v;

	f->trace = true;
	if (!again && gn_sh_unsync_open(sh, record)) {
		return GN_SH_NEXT;
	}
	if (again ||
	    gn_tf_decide_fault(record, f->access) != GN_TF_GIVE_UP) {
		return gn_sh_answer(f, GNOMON_EMULATE, GNOMON_KIND_TRACE);
	}
	f->vcpu->gave_up_rip = f->rip;
	f->vcpu->gave_up_gva = f->gva.v;
	sh->stats->mmu_flooded++;
	gn_sh_page_zap_gfn(sh, record);
	return GN_SH_NEXT;
}

/* The VMM's own interest in the frame. */
static enum gn_sh_step step_watch(struct gn_sh_fault *f)
{
	uint8_t watch = f->record && !f->below ? f->record->watch : 0;
	uint8_t now = f->access & GNOMON_WRITE  ? GNOMON_WATCH_WRITE
		      : f->access & GNOMON_EXEC ? GNOMON_WATCH_EXEC
						: GNOMON_WATCH_READ;

	/* Without R there is no mapping at all to serve the others. */
	if (watch & (now | GNOMON_WATCH_READ)) {
		return gn_sh_answer(f, GNOMON_TRACKED, GNOMON_KIND_WATCH);
	}
	return GN_SH_NEXT;
}

/* With WP = 1 the CPU heeds PKRU.WD where the guest's WP = 0 does not. */
static bool key_denies(const struct gn_sh_fault *f,
		       const struct gn_spte_attr *attr)
{
	const uint16_t *deny = f->vcpu->ctx.key_deny;

	return attr->rights & GN_GPT_U &&
	       deny[GNOMON_WRITE | GNOMON_USER] >> attr->pkey & 1;
}

/*
 * CR0.WP = 0: a supervisor may write where nobody may. The CPU runs with
 * WP = 1, so the page gets W and loses U; a user access faults and turns it
 * back. SMEP must not be fooled by that. Where SMAP or a key would be, on
 * direct pages, shared by entries with and without D, and where D could not be
 * set because the host keeps the table read-only, the store is emulated.
 */
static bool flip(const struct gn_sh_fault *f, const struct gn_sh_page *page,
		 struct gn_spte_attr *attr)
{
	union gn_sh_role role = f->vcpu->role;

	if (!(f->access & GNOMON_WRITE)) {
		return true;
	}
	if (attr->rights & GN_GPT_W) {
		return role.wp || !key_denies(f, attr);
	}
	if (role.wp || page->role.direct ||
	    !(gn_sh_gpte_at(f, f->leaf) & X86_PTE_D) ||
	    ((attr->rights & GN_GPT_U) && (role.smap || role.pke))) {
		return false;
	}
	attr->flip = true;
	if (attr->rights & GN_GPT_U) {
		attr->rights &= role.smep ? 0 : GN_GPT_X;
	}
	attr->rights |= GN_GPT_W;
	return true;
}

static enum gn_sh_step set(struct gn_sh_fault *f, struct gn_sh_page *page,
			   unsigned index, uint64_t spte, uint64_t gpte)
{
	uint64_t old = page->spt[index];
	bool same = gn_spte_leaf(old, f->leaf) &&
		    gn_spte_hpa(old, f->leaf) == gn_spte_hpa(spte, f->leaf) &&
		    gn_sh_leaf_gfn(f->sh, page, index) ==
			    gn_align_down(f->gfn, gn_level_frames(f->leaf));

	if (old == spte && same) {
		/* It got W as the trace went. */
		return gn_sh_answer(f, GNOMON_RESUME,
				    f->trace ? GNOMON_KIND_TRACE
					     : GNOMON_KIND_SPURIOUS);
	}
	if (same) {
		gn_sh_set_rights(f->sh, page, index, spte, gpte);
		return GN_SH_NEXT;
	}
	gn_sh_set_leaf(f->sh, page, index, spte, gpte);
	/* Another frame where one was: the guest does not know of a change. */
	if (gn_spte_present(old)) {
		gn_sh_flush_stale(f->sh);
	}
	return GN_SH_NEXT;
}

static enum gn_sh_step step_leaf(struct gn_sh_fault *f)
{
	struct gn_sh_page *page = f->path[f->leaf];
	unsigned index = gn_sh_index_at(f, f->leaf);
	uint64_t gpte = gn_sh_gpte_at(f, f->leaf);
	struct gn_sh_want want;

	if (f->below) {
		return gn_sh_step_switch(f);
	}
	gn_sh_use(page);
	/* A table closed by the link step may lie below a large leaf: anew. */
	if (f->leaf > 1 && gn_frames_marked(&f->sh->frames, f->gfn,
					    9 * (f->leaf - 1))) {
		return gn_sh_answer(f, GNOMON_RESUME, GNOMON_KIND_SPURIOUS);
	}
	if (!gn_sh_want(f->sh, page, index, gpte, &want)) {
		return gn_sh_answer(f, GNOMON_RESUME, GNOMON_KIND_SPURIOUS);
	}
	/* The frame may have become a table on this very path. */
	if ((f->access & GNOMON_WRITE) && gn_tf_traced(&f->sh->tf, f->gfn)) {
		f->trace = true;
		return gn_sh_answer(f, GNOMON_EMULATE, GNOMON_KIND_TRACE);
	}
	if (!flip(f, page, &want.attr)) {
		return gn_sh_answer(f, GNOMON_EMULATE, GNOMON_KIND_HIDDEN);
	}
	if (f->access & GNOMON_WRITE) {
		gn_dirty_mark(&f->sh->mem->dirty, f->gfn);
	}
	return set(f, page, index,
		   gn_sh_make_leaf(f->sh, &want, f->leaf, &f->frame), gpte);
}

static void begin(struct gn_sh_fault *f, struct gn_sh_vcpu *vcpu,
		  const struct gnomon_fault *fault, bool alone,
		  struct gnomon_outcome *outcome)
{
	f->vcpu = vcpu;
	f->sh = vcpu->sh;
	f->gva = fault->gva;
	f->rip = fault->rip;
	f->access = fault->access;
	f->below = 0;
	f->alone = alone;
	f->trace = false;
	f->relinked = false;
	f->out = outcome;
}

bool gn_sh_fault_shared(struct gn_sh_vcpu *vcpu,
			const struct gnomon_fault *fault,
			struct gnomon_outcome *outcome)
{
	struct gn_sh_fault f;

	begin(&f, vcpu, fault, false, outcome);
	return gn_sh_step_quick(&f) == GN_SH_DONE;
}

/* Out of the way of faults that need none of them. */
static __attribute__((noinline)) void all_steps(struct gn_sh_fault *f)
{
	bool done = step_root(f) == GN_SH_DONE ||
		    (f->sh->below &&
		     gn_sh_step_agile(f) == GN_SH_DONE) ||
		    step_watch(f) == GN_SH_DONE ||
		    step_trace(f) == GN_SH_DONE ||
		    gn_sh_step_host(f) == GN_SH_DONE ||
		    gn_sh_step_reserve(f) == GN_SH_DONE ||
		    gn_sh_step_path(f) == GN_SH_DONE ||
		    gn_sh_step_recheck(f) == GN_SH_DONE ||
		    gn_sh_step_link(f) == GN_SH_DONE ||
		    step_leaf(f) == GN_SH_DONE;

	if (!done) {
		gn_sh_step_finish(f);
	}
	gn_sh_reap(f->sh);
}

void gn_sh_fault(struct gn_sh_vcpu *vcpu, const struct gnomon_fault *fault,
		 struct gnomon_outcome *outcome)
{
	struct gn_sh_fault f;

	begin(&f, vcpu, fault, true, outcome);
	if (gn_sh_step_quick(&f) != GN_SH_DONE) {
		all_steps(&f);
	}
}
