/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A fault on its way: what the steps of fault.c (whose fault is it, what will
 * the leaf be), those of path.c (the pages down to it) and quick.c (all of it,
 * where the path is there) share.
 */
#ifndef SHADOW_STEP_H
#define SHADOW_STEP_H

#include "shadow/page.h"
#include "shadow/root.h"
#include "shadow/shadow.h"
#include "shadow/view.h"

/* A fault on its way through the steps. */
struct gn_sh_fault {
	struct gn_sh_vcpu *vcpu;
	struct gn_sh *sh;
	gnomon_gva_t gva;
	uint64_t rip;
	uint32_t access;
	/* Found by the walk. */
	struct gn_gpt_walk walk;
	uint64_t gfn;		/* of memory */
	struct gn_frame *known;	/* what is known of gfn, or null */
	struct gn_tf_record *record; /* of gfn, or null */
	struct gnomon_frame frame;
	/* The shadow's path: the page of each level, root first. */
	struct gn_sh_page *path[GNOMON_MAX_LEVELS + 1];
	unsigned top;
	unsigned leaf;		/* level of the spte that will map gfn */
	unsigned below;		/* level of the table the CPU walks; 0: none */
	bool alone;		/* no other vcpu holds the vm */
	bool trace;		/* it stores to a traced frame */
	bool relinked;		/* a page from before comes back into use */
	struct gnomon_outcome *out;
};

/* GN_SH_NEXT: go on with the next step; GN_SH_DONE: the outcome is complete. */
enum gn_sh_step { GN_SH_NEXT, GN_SH_DONE };

static inline enum gn_sh_step gn_sh_answer(struct gn_sh_fault *f,
					   enum gnomon_action action,
					   enum gnomon_fault_kind kind)
{
	f->out->action = action;
	f->out->kind = kind;
	f->out->gpa = f->walk.gpa;
	return GN_SH_DONE;
}

/* The host has to fetch a frame of memory first. */
static inline enum gn_sh_step gn_sh_retry(struct gn_sh_fault *f, uint64_t gfn)
{
	gn_sh_answer(f, GNOMON_RETRY, GNOMON_KIND_HOST);
	f->out->gpa.v = gfn << GNOMON_PAGE_SHIFT |
			(f->walk.gpa.v & (GNOMON_PAGE_BYTES - 1));
	return GN_SH_DONE;
}

/* Of the largest block around the frame, for the guest and for the host. */
static inline uint8_t gn_sh_order(const struct gn_sh_fault *f)
{
	return gn_slots_view_order(f->sh->slots, f->vcpu->view,
				   f->walk.gpa.v >> GNOMON_PAGE_SHIFT,
				   f->frame.order);
}

/* The frame of memory that holds the guest's entry of a level. */
static inline uint64_t gn_sh_table_at(const struct gn_sh_fault *f,
				      unsigned level)
{
	return gn_sh_memory(f->sh, f->vcpu->role,
			    f->walk.step[level].gpa.v >> GNOMON_PAGE_SHIFT);
}

static inline unsigned gn_sh_path_levels(const struct gn_sh_fault *f)
{
	return f->vcpu->ctx.format->levels;
}

static inline unsigned gn_sh_index_at(const struct gn_sh_fault *f,
				      unsigned level)
{
	return (unsigned)(f->gva.v >> (3 + 9 * level)) & 511;
}

/* Other vcpus may be at it too; mostly there is nothing to be written. */
static inline void gn_sh_use(struct gn_sh_page *page)
{
	if (!__atomic_load_n(&page->referenced, __ATOMIC_RELAXED)) {
		__atomic_store_n(&page->referenced, true, __ATOMIC_RELAXED);
	}
	if (gn_sh_page_mirrors(page)) {
		gn_tf_used(page->trace);
	}
}

/* What the parent's entry at level holds, as far as the key depends on it. */
static inline uint64_t gn_sh_gpte_at(const struct gn_sh_fault *f,
				     unsigned level)
{
	const struct gn_gpt_ctx *ctx = &f->vcpu->ctx;

	if (level > gn_sh_path_levels(f)) {
		return gn_sh_top_entry(ctx, f->gva.v >> 30 & 3);
	}
	return level >= f->walk.level ? f->walk.step[level].gpte : 0;
}

/* Ask the host what backs the frame. */
enum gn_sh_step gn_sh_step_host(struct gn_sh_fault *f);
/*
 * The whole fault at once, for whoever holds the vm, alone or with other
 * vcpus: where nothing but one spte is to change, and its neighbours.
 * GN_SH_NEXT: nothing has changed, and the steps below are called for.
 */
enum gn_sh_step gn_sh_step_quick(struct gn_sh_fault *f);
/* The leaf is there: its neighbours, and the answer. */
void gn_sh_step_finish(struct gn_sh_fault *f);

/* Room for everything below. */
enum gn_sh_step gn_sh_step_reserve(struct gn_sh_fault *f);
enum gn_sh_step gn_sh_step_path(struct gn_sh_fault *f);
enum gn_sh_step gn_sh_step_recheck(struct gn_sh_fault *f);
enum gn_sh_step gn_sh_step_link(struct gn_sh_fault *f);

#endif
