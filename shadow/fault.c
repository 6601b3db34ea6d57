/* SPDX-License-Identifier: BSD-2-Clause */
#include "shadow/fault.h"

#include "shadow/fill.h"
#include "shadow/page.h"
#include "shadow/reclaim.h"
#include "shadow/refs.h"
#include "shadow/root.h"
#include "shadow/set.h"
#include "shadow/unsync.h"

/* A fault on its way through the steps. */
struct fault {
	struct gn_sh_vcpu *vcpu;
	struct gn_sh *sh;
	gnomon_gva_t gva;
	uint64_t rip;
	uint32_t access;
	/* Found by the walk. */
	struct gn_gpt_walk walk;
	uint64_t gfn;
	struct gnomon_frame frame;
	/* The shadow's path: the page of each level, root first. */
	struct gn_sh_page *path[GNOMON_MAX_LEVELS + 1];
	unsigned top;
	unsigned leaf;		/* level of the spte that will map gfn */
	bool trace;		/* it stores to a traced frame */
	bool relinked;		/* a page from before comes back into use */
	struct gnomon_outcome *out;
};

/* NEXT: go on with the next step; DONE: the outcome is complete. */
enum step { NEXT, DONE };

static enum step answer(struct fault *f, enum gnomon_action action,
			enum gnomon_fault_kind kind)
{
	f->out->action = action;
	f->out->kind = kind;
	f->out->gpa = f->walk.gpa;
	return DONE;
}

static enum step inject(struct fault *f, uint32_t error_code)
{
	f->out->error_code = error_code;
	f->out->gva = f->gva;
	return answer(f, GNOMON_INJECT, GNOMON_KIND_TRUE);
}

/* A table outside memory reads as if it held nothing. */
static uint32_t absent_code(const struct fault *f)
{
	bool user = (f->access & GNOMON_USER) && !(f->access & GNOMON_IMPLICIT);

	return (f->access & GNOMON_WRITE ? X86_PF_W : 0u) |
	       (user ? X86_PF_U : 0u) |
	       (f->access & GNOMON_EXEC ? f->vcpu->ctx.fetch_code : 0u);
}

/* The guest's own tables decide first; A and D are set on the way. */
static enum step step_walk(struct fault *f)
{
	enum gnomon_status status =
		gn_gpt_walk(&f->vcpu->ctx, f->sh->mem, f->gva, f->access,
			    GN_GPT_SET_AD, &f->walk);

	f->sh->stats->guest_walk_refs +=
		gn_gpt_walk_refs(&f->vcpu->ctx, &f->walk);
	if (status == GNOMON_FAULT) {
		return inject(f, f->walk.error_code);
	}
	if (status == GNOMON_ABSENT) {
		return inject(f, absent_code(f));
	}
	if (status != GNOMON_OK) {
		/* Not canonical: the CPU finds out itself. Or a lost race. */
		return answer(f, GNOMON_RESUME, GNOMON_KIND_SPURIOUS);
	}
	f->gfn = f->walk.gpa.v >> GNOMON_PAGE_SHIFT;
	return NEXT;
}

/* A root that lost its memory under the vcpu is exchanged for a new one. */
static enum step step_root(struct fault *f)
{
	uint32_t old = f->vcpu->root;

	if (!gn_sh_root_usable(f->vcpu)) {
		if (gn_sh_root_load(f->vcpu, &f->vcpu->ctx) != GNOMON_OK) {
			return answer(f, GNOMON_STOP_NOMEM,
				      GNOMON_KIND_HIDDEN);
		}
		f->out->root_changed = f->vcpu->root != old;
	}
	f->top = gn_sh_page_at(f->sh, f->vcpu->root)->role.level;
	return NEXT;
}

/* Is it a store to a traced frame, and does the frame deserve its trace? */
static enum step step_trace(struct fault *f)
{
	struct gn_sh *sh = f->sh;
	struct gn_tf_record *record;

	if (!(f->access & GNOMON_WRITE)) {
		return NEXT;
	}
	record = gn_tf_find(&sh->tf, f->gfn);
	if (!record || !record->tables) {
		return NEXT;
	}
	bool again = f->vcpu->gave_up_rip == f->rip &&
		     f->vcpu->gave_up_gva == f->gva.v;

	f->trace = true;
	if (!again && gn_sh_unsync_open(sh, record)) {
		return NEXT;
	}
	if (again ||
	    gn_tf_decide_fault(record, f->access) != GN_TF_GIVE_UP) {
		return answer(f, GNOMON_EMULATE, GNOMON_KIND_TRACE);
	}
	f->vcpu->gave_up_rip = f->rip;
	f->vcpu->gave_up_gva = f->gva.v;
	sh->stats->mmu_flooded++;
	gn_sh_page_zap_gfn(sh, record);
	return NEXT;
}

/* The VMM's own interest in the frame. */
static enum step step_watch(struct fault *f)
{
	uint8_t watch = gn_tf_watched(&f->sh->tf, f->gfn);
	uint8_t now = f->access & GNOMON_WRITE  ? GNOMON_WATCH_WRITE
		      : f->access & GNOMON_EXEC ? GNOMON_WATCH_EXEC
						: GNOMON_WATCH_READ;

	/* Without R there is no mapping at all to serve the others. */
	if (watch & (now | GNOMON_WATCH_READ)) {
		return answer(f, GNOMON_TRACKED, GNOMON_KIND_WATCH);
	}
	return NEXT;
}

static enum step step_host(struct fault *f)
{
	bool write = f->access & GNOMON_WRITE;

	gn_slots_frame(f->sh->slots, f->sh->host, f->sh->ctx, gn_gfn(f->gfn),
		       write ? GNOMON_WANT_WRITE : GNOMON_WANT_READ,
		       &f->frame);
	switch (f->frame.kind) {
	case GNOMON_FRAME_NOT_NOW:
		return answer(f, GNOMON_RETRY, GNOMON_KIND_HOST);
	case GNOMON_FRAME_ABSENT:
	case GNOMON_FRAME_MMIO:
		return answer(f, GNOMON_DO_MMIO, GNOMON_KIND_MMIO);
	case GNOMON_FRAME_RAM:
	case GNOMON_FRAME_ROM:
		break;
	}
	if (f->frame.hfn.v >> (f->sh->config.host_maxphyaddr - 12)) {
		return answer(f, GNOMON_STOP_BUG, GNOMON_KIND_HOST);
	}
	return write && !f->frame.writable
		       ? answer(f, GNOMON_DO_MMIO, GNOMON_KIND_MMIO)
		       : NEXT;
}

static unsigned path_levels(const struct fault *f)
{
	return f->vcpu->ctx.format->levels;
}

/* All that may fail for want of memory. */
static enum gnomon_status reserve(struct fault *f)
{
	struct gn_sh *sh = f->sh;
	unsigned low = f->walk.level ? f->walk.level : 1;

	if (gn_sh_refs_reserve(sh, GN_SH_PATH_MAX + 1 + sh->config.prefetch) !=
	    GNOMON_OK) {
		return GNOMON_NOMEM;
	}
	for (unsigned l = low; l <= path_levels(f); l++) {
		uint64_t gfn = f->walk.step[l].gpa.v >> GNOMON_PAGE_SHIFT;

		if (gn_frames_ensure(&sh->frames, gfn) != GNOMON_OK) {
			return GNOMON_NOMEM;
		}
	}
	/* Direct pages and large leaves are filed under their first frame. */
	for (unsigned l = 1; l <= 4; l++) {
		uint64_t first = gn_align_down(f->gfn, gn_level_frames(l));

		if (gn_frames_ensure(&sh->frames, first) != GNOMON_OK) {
			return GNOMON_NOMEM;
		}
	}
	/* Last, for it counts what the pool has left. */
	return gn_sh_make_room(sh, GN_SH_PATH_MAX);
}

static enum step step_reserve(struct fault *f)
{
	return reserve(f) == GNOMON_OK
		       ? NEXT
		       : answer(f, GNOMON_STOP_NOMEM, GNOMON_KIND_HIDDEN);
}

/* What the parent's entry at level holds, as far as the key depends on it. */
static uint64_t gpte_at(const struct fault *f, unsigned level)
{
	const struct gn_gpt_ctx *ctx = &f->vcpu->ctx;

	if (level > path_levels(f)) {
		return gn_sh_top_entry(ctx, f->gva.v >> 30 & 3);
	}
	return level >= f->walk.level ? f->walk.step[level].gpte : 0;
}

static unsigned index_at(const struct fault *f, unsigned level)
{
	return (unsigned)(f->gva.v >> (3 + 9 * level)) & 511;
}

/* The page below path[level], existing or new. */
static enum step descend(struct fault *f, unsigned level)
{
	struct gn_sh_page *page = f->path[level], *child = NULL;
	unsigned index = index_at(f, level);
	uint64_t spte = page->spt[index];
	struct gn_sh_key key;

	if (page->role.top && level == 4) {
		f->path[3] = gn_sh_child(f->sh, page, 0);
		return NEXT;
	}
	/* The guest took the entry away after our walk. */
	if (!gn_sh_child_key(f->sh, page, index, gpte_at(f, level), &key)) {
		return answer(f, GNOMON_RESUME, GNOMON_KIND_SPURIOUS);
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
	return NEXT;
}

/* No frame of the block needs a leaf of its own. */
static bool block_free(const struct fault *f, unsigned level)
{
	uint64_t frames = gn_level_frames(level);

	return !gn_frames_marked(&f->sh->frames, f->gfn, 9 * (level - 1)) &&
	       !gn_dirty_logged(&f->sh->mem->dirty,
				gn_align_down(f->gfn, frames), frames);
}

/* The largest leaf that guest, host and traces allow for gfn. */
static unsigned leaf_level(const struct fault *f)
{
	unsigned guest = f->walk.level ? f->walk.level : 3;
	unsigned host = f->frame.order / 9u + 1;
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
static enum step step_path(struct fault *f)
{
	unsigned mirrors = f->walk.level ? f->walk.level : 4;

	f->path[f->top] = gn_sh_page_at(f->sh, f->vcpu->root);
	for (unsigned l = f->top; l > mirrors; l--) {
		if (descend(f, l) == DONE) {
			return DONE;
		}
	}
	f->leaf = leaf_level(f);
	for (unsigned l = mirrors < f->top ? mirrors : f->top; l > f->leaf;
	     l--) {
		if (descend(f, l) == DONE) {
			return DONE;
		}
	}
	return NEXT;
}

/*
 * Traces are on, so no store can come between this look at the entries and
 * their shadows: whoever changed one before must be seen here.
 */
static enum step step_recheck(struct fault *f)
{
	unsigned bytes = gn_gpt_entry_bytes(&f->vcpu->ctx);

	for (unsigned l = f->walk.level; l && l <= path_levels(f); l++) {
		const struct gn_gpt_step *step = &f->walk.step[l];
		uint64_t now;
		enum gnomon_status status =
			bytes == 8 ? gn_mem_load8(f->sh->mem, step->gpa.v, &now)
				   : gn_mem_load_slow(f->sh->mem, step->gpa.v,
						      bytes, &now);

		if (status != GNOMON_OK || now != step->gpte) {
			return answer(f, GNOMON_RESUME, GNOMON_KIND_SPURIOUS);
		}
	}
	return NEXT;
}

static void use(struct gn_sh *sh, const struct gn_sh_page *page)
{
	if (gn_sh_page_mirrors(page)) {
		gn_tf_used(gn_tf_find(&sh->tf, page->gfn));
	}
}

static enum step step_link(struct fault *f)
{
	/* From absent to present the guest need not flush: be up to date. */
	if (f->relinked) {
		gn_sh_unsync_sync(f->sh);
	}
	for (unsigned l = f->top; l > f->leaf; l--) {
		struct gn_sh_page *page = f->path[l], *child = f->path[l - 1];
		unsigned index = index_at(f, l);
		uint64_t spte = page->spt[index];

		use(f->sh, page);
		if (page->role.top && l == 4) {
			continue;
		}
		if (gn_spte_table(spte, l) &&
		    gn_sh_child(f->sh, page, index) == child) {
			gn_sh_set_snap(page, index, gpte_at(f, l));
			continue;
		}
		if (gn_spte_leaf(spte, l)) {
			f->sh->stats->splits++;
			gn_sh_event(f->sh, GNOMON_EVENT_SPLIT, f->walk.gpa.v,
				    l);
		}
		gn_sh_set_table(f->sh, page, index, child, gpte_at(f, l));
	}
	return NEXT;
}

/* With WP = 1 the CPU heeds PKRU.WD where the guest's WP = 0 does not. */
static bool key_denies(const struct fault *f, const struct gn_spte_attr *attr)
{
	const uint16_t *deny = f->vcpu->ctx.key_deny;

	return attr->rights & GN_GPT_U &&
	       deny[GNOMON_WRITE | GNOMON_USER] >> attr->pkey & 1;
}

/*
 * CR0.WP = 0: a supervisor may write where nobody may. The CPU runs with
 * WP = 1, so the page gets W and loses U; a user access faults and turns it
 * back. SMEP must not be fooled by that. Where SMAP or a key would be, and on
 * direct pages, shared by entries with and without D, the store is emulated.
 */
static bool flip(const struct fault *f, const struct gn_sh_page *page,
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

static enum step set(struct fault *f, struct gn_sh_page *page, unsigned index,
		     uint64_t spte, uint64_t gpte)
{
	uint64_t old = page->spt[index];
	bool same = gn_spte_leaf(old, f->leaf) &&
		    gn_spte_hpa(old, f->leaf) == gn_spte_hpa(spte, f->leaf) &&
		    gn_sh_leaf_gfn(f->sh, page, index) ==
			    gn_align_down(f->gfn, gn_level_frames(f->leaf));

	if (old == spte && same) {
		return answer(f, GNOMON_RESUME, GNOMON_KIND_SPURIOUS);
	}
	if (same) {
		gn_sh_set_rights(f->sh, page, index, spte, gpte);
		return NEXT;
	}
	gn_sh_set_leaf(f->sh, page, index, spte, gpte);
	/* Another frame where one was: the guest does not know of a change. */
	if (gn_spte_present(old)) {
		gn_sh_flush_stale(f->sh);
	}
	return NEXT;
}

static enum step step_leaf(struct fault *f)
{
	struct gn_sh_page *page = f->path[f->leaf];
	unsigned index = index_at(f, f->leaf);
	uint64_t gpte = gpte_at(f, f->leaf);
	struct gn_sh_want want;

	use(f->sh, page);
	/* A table closed in step_link() may lie below a large leaf: anew. */
	if (f->leaf > 1 && gn_frames_marked(&f->sh->frames, f->gfn,
					    9 * (f->leaf - 1))) {
		return answer(f, GNOMON_RESUME, GNOMON_KIND_SPURIOUS);
	}
	if (!gn_sh_want(f->sh, page, index, gpte, &want)) {
		return answer(f, GNOMON_RESUME, GNOMON_KIND_SPURIOUS);
	}
	/* The frame may have become a table on this very path. */
	if ((f->access & GNOMON_WRITE) && gn_tf_traced(&f->sh->tf, f->gfn)) {
		f->trace = true;
		return answer(f, GNOMON_EMULATE, GNOMON_KIND_TRACE);
	}
	if (!flip(f, page, &want.attr)) {
		return answer(f, GNOMON_EMULATE, GNOMON_KIND_HIDDEN);
	}
	if (f->access & GNOMON_WRITE) {
		gn_dirty_mark(&f->sh->mem->dirty, f->gfn);
	}
	return set(f, page, index,
		   gn_sh_make_leaf(f->sh, &want, f->leaf, &f->frame), gpte);
}

static void finish(struct fault *f)
{
	struct gn_sh *sh = f->sh;

	if (f->leaf == 1 && gn_sh_option(sh, GNOMON_OPT_PREFETCH)) {
		gn_sh_prefetch(sh, f->path[1], index_at(f, 1));
	}
	sh->stats->pf_fixed++;
	gn_sh_event(sh, GNOMON_EVENT_FILL, f->gva.v, f->leaf);
	answer(f, GNOMON_RESUME,
	       f->trace ? GNOMON_KIND_TRACE : GNOMON_KIND_HIDDEN);
}

void gn_sh_fault(struct gn_sh_vcpu *vcpu, const struct gnomon_fault *fault,
		 struct gnomon_outcome *outcome)
{
	struct fault f = {
		.vcpu = vcpu,
		.sh = vcpu->sh,
		.gva = fault->gva,
		.rip = fault->rip,
		.access = fault->access,
		.out = outcome,
	};

	bool done = step_walk(&f) == DONE || step_root(&f) == DONE ||
		    step_watch(&f) == DONE || step_trace(&f) == DONE ||
		    step_host(&f) == DONE ||
		    step_reserve(&f) == DONE || step_path(&f) == DONE ||
		    step_recheck(&f) == DONE || step_link(&f) == DONE ||
		    step_leaf(&f) == DONE;

	if (!done) {
		finish(&f);
	}
	gn_sh_reap(vcpu->sh);
}
