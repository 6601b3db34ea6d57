/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The common fault: every table down to the leaf is there and the fault needs
 * one spte. Runs for one vcpu that holds the vm alone and for many that hold
 * it together; what it writes is listed in shadow.h. The reasons why that is
 * enough:
 *
 *   - the tables on the path are traced, or open until the next flush point:
 *     what the walk has read holds, as far as anybody may rely on it, until
 *     the vm is let go;
 *   - traces, watches, logs, slots, host changes and all pages stay as they
 *     are meanwhile, for they change under a vm held alone;
 *   - what the host answers is mapped before gnomon_host_change_begin() can
 *     come in and drop it.
 */
#include "shadow/fill.h"
#include "shadow/page.h"
#include "shadow/refs.h"
#include "shadow/set.h"
#include "shadow/step.h"
#include "shadow/unsync.h"

static enum gn_sh_step inject(struct gn_sh_fault *f, uint32_t error_code)
{
	f->out->error_code = error_code;
	f->out->gva = f->gva;
	return gn_sh_answer(f, GNOMON_INJECT, GNOMON_KIND_TRUE);
}

/* A table outside memory reads as if it held nothing. */
static uint32_t absent_code(const struct gn_sh_fault *f)
{
	bool user = (f->access & GNOMON_USER) && !(f->access & GNOMON_IMPLICIT);

	return (f->access & GNOMON_WRITE ? X86_PF_W : 0u) |
	       (user ? X86_PF_U : 0u) |
	       (f->access & GNOMON_EXEC ? f->vcpu->ctx.fetch_code : 0u);
}

static enum gn_sh_step not_ok(struct gn_sh_fault *f, enum gnomon_status status)
{
	f->vcpu->stats->guest_walk_refs +=
		gn_gpt_walk_refs(&f->vcpu->ctx, &f->walk);
	if (status != GNOMON_ABSENT) {
		f->walk.gpa.v = 0;
	}
	if (status == GNOMON_FAULT) {
		return inject(f, f->walk.error_code);
	}
	if (status == GNOMON_ABSENT) {
		return inject(f, absent_code(f));
	}
	/* Not canonical: the CPU finds out itself. Or a lost race. */
	return gn_sh_answer(f, GNOMON_RESUME, GNOMON_KIND_SPURIOUS);
}

/* The guest's own tables decide first; A and D are set on the way. */
static enum gn_sh_step step_walk(struct gn_sh_fault *f)
{
	enum gnomon_status status =
		gn_gpt_walk(&f->vcpu->ctx, f->vcpu->mem, f->gva, f->access,
			    GN_GPT_SET_AD, &f->walk);

	if (__builtin_expect(status != GNOMON_OK, 0)) {
		return not_ok(f, status);
	}
	/* Both are 0 with paging off. */
	f->vcpu->stats->guest_walk_refs +=
		gn_sh_path_levels(f) + (f->walk.level > 0) - f->walk.level;
	f->gfn = gn_sh_memory(f->sh, f->vcpu->role,
			      f->walk.gpa.v >> GNOMON_PAGE_SHIFT);
	return GN_SH_NEXT;
}

/* Of pages that mirror no table: the rule of find_path() for them. */
static bool leads_on(const struct gn_sh_fault *f, const struct gn_sh_page *page,
		     unsigned index, unsigned level)
{
	return page->role.direct || (page->role.top && level == 4) ||
	       page->snap[index] == gn_sh_gpte_at(f, level);
}

/* The way of an earlier fault, if nothing has come in it since. */
static struct gn_sh_page *known_way(const struct gn_sh_fault *f)
{
	uint64_t tag = f->gva.v >> 21;
	const struct gn_sh_way *way = &f->vcpu->way[tag % GN_SH_WAYS];

	/* The leaf table is that of the walk also when a store went unseen. */
	return way->tag == tag && way->shape == f->sh->shape &&
			       way->root == f->vcpu->root &&
			       f->walk.level == 1 &&
			       f->walk.step[1].gpa.v >> GNOMON_PAGE_SHIFT ==
				       way->page->gfn
		       ? way->page
		       : NULL;
}

static void keep_way(const struct gn_sh_fault *f, struct gn_sh_page *page)
{
	uint64_t tag = f->gva.v >> 21;

	if (f->walk.level == 1 && gn_sh_page_mirrors(page)) {
		f->vcpu->way[tag % GN_SH_WAYS] = (struct gn_sh_way){
			.root = f->vcpu->root,
			.tag = tag,
			.shape = f->sh->shape,
			.page = page,
		};
	}
}

/*
 * Down the tables: an entry that was made from the very gpte that the walk has
 * read leads to the right page, whatever its key.
 */
static bool find_path(struct gn_sh_fault *f)
{
	struct gn_sh_page *page = f->vcpu->top;

	if (!gn_sh_root_usable(f->vcpu)) {
		return false;
	}
	for (unsigned l = page->role.level; l > 1; l--) {
		unsigned index = gn_sh_index_at(f, l);
		bool mirror = gn_sh_page_mirrors(page);

		if (!gn_spte_table(page->spt[index], l) ||
		    (mirror ? page->snap[index] != f->walk.step[l].gpte
			    : !leads_on(f, page, index, l))) {
			return false;
		}
		gn_sh_use(page);
		page = page->kids[index];
	}
	keep_way(f, page);
	f->path[1] = page;
	return true;
}

/* It cannot be mapped, or not for a write. */
static enum gn_sh_step refuse(struct gn_sh_fault *f)
{
	switch (f->frame.kind) {
	case GNOMON_FRAME_NOT_NOW:
		return gn_sh_retry(f, f->gfn);
	case GNOMON_FRAME_ABSENT:
	case GNOMON_FRAME_MMIO:
		return gn_sh_answer(f, GNOMON_DO_MMIO, GNOMON_KIND_MMIO);
	case GNOMON_FRAME_RAM:
	case GNOMON_FRAME_ROM:
		break;
	}
	return gn_sh_mappable(f->sh, &f->frame)
		       ? gn_sh_answer(f, GNOMON_DO_MMIO, GNOMON_KIND_MMIO)
		       : gn_sh_answer(f, GNOMON_STOP_BUG, GNOMON_KIND_HOST);
}

static inline enum gn_sh_step ask_host(struct gn_sh_fault *f)
{
	bool write = f->access & GNOMON_WRITE;

	gn_slots_frame(f->sh->slots, f->sh->host, f->sh->ctx, gn_gfn(f->gfn),
		       write ? GNOMON_WANT_WRITE : GNOMON_WANT_READ,
		       &f->frame);
	return gn_sh_mappable(f->sh, &f->frame) &&
			       (!write || f->frame.writable)
		       ? GN_SH_NEXT
		       : refuse(f);
}

enum gn_sh_step gn_sh_step_host(struct gn_sh_fault *f)
{
	/* The frame is that of a table then, and known already. */
	return f->below ? GN_SH_NEXT : ask_host(f);
}

/* Is the access the business of a trace or a watch? */
static bool is_special(const struct gn_sh_fault *f)
{
	const struct gn_tf_record *record = f->record;

	return record && (record->watch ||
			  (record->tables && (f->access & GNOMON_WRITE)));
}

/* A store to a table that stays as it is: nothing changes, it is followed. */
static enum gn_sh_step step_trace(struct gn_sh_fault *f)
{
	const struct gn_tf_record *record = f->record;

	if (record->watch || f->sh->below || !gn_sh_root_usable(f->vcpu) ||
	    gn_sh_unsync_may_open(f->sh, record) ||
	    gn_tf_decide_fault(record, f->access) == GN_TF_GIVE_UP) {
		return GN_SH_NEXT;
	}
	return gn_sh_answer(f, GNOMON_EMULATE, GNOMON_KIND_TRACE);
}

/*
 * What only one alone may do: room for the frame, references for the reverse
 * maps. It is not done for each fault, so those who may not find it done.
 */
static void prepare(struct gn_sh_fault *f)
{
	struct gn_sh *sh = f->sh;
	uint32_t keep = GN_SH_PATH_MAX + 1;

	if (!f->known &&
	    gn_frames_ensure(&sh->frames, f->gfn) == GNOMON_OK) {
		f->known = gn_frames_find(&sh->frames, f->gfn);
	}
	if (f->vcpu->stock_count < GN_SH_STOCK_MAX / 2 &&
	    gn_sh_refs_reserve(sh, keep + GN_SH_STOCK_MAX) == GNOMON_OK) {
		gn_sh_refs_stock(f->vcpu, keep);
	}
}

/* Where a large leaf could stand as well, a small one is not the answer. */
static bool may_be_large(const struct gn_sh_fault *f)
{
	return f->walk.level != 1 && gn_sh_order(f) >= 9 &&
	       gn_sh_option(f->sh, GNOMON_OPT_LARGE) &&
	       !gn_frames_marked(&f->sh->frames, f->gfn, 9);
}

/* False where the entry takes more thought: WP = 0, a large leaf, ROM. */
static bool compose(const struct gn_sh_fault *f, const struct gn_sh_page *page,
		    unsigned index, struct gn_sh_fill *fill)
{
	uint64_t gpte = page->role.direct ? 0 : f->walk.step[1].gpte;

	if (!f->known || may_be_large(f) ||
	    !gn_sh_compose(&f->vcpu->ctx, page, index, gpte, fill)) {
		return false;
	}
	fill->gfn = f->gfn;
	if (f->access & GNOMON_WRITE) {
		if (!f->vcpu->role.wp || !(fill->spte & GN_SPTE_W)) {
			return false;
		}
		gn_dirty_mark(&f->sh->mem->dirty, f->gfn);
	}
	fill->frame = f->known;
	gn_sh_back(f->sh, fill, &f->frame);
	return true;
}

static inline void finish(struct gn_sh_fault *f)
{
	const struct gn_sh *sh = f->sh;

	if (f->leaf == 1 && gn_sh_option(sh, GNOMON_OPT_PREFETCH)) {
		gn_sh_prefetch(f->vcpu, f->path[1], gn_sh_index_at(f, 1));
	}
	f->vcpu->stats->pf_fixed++;
	gn_sh_event(sh, GNOMON_EVENT_FILL, f->gva.v, f->leaf);
	gn_sh_answer(f, GNOMON_RESUME,
	       f->trace ? GNOMON_KIND_TRACE : GNOMON_KIND_HIDDEN);
}

void gn_sh_step_finish(struct gn_sh_fault *f)
{
	finish(f);
}

/*
 * The entry is there, yet the CPU faults. It may have come before another
 * vcpu's fill; or a table above changed untold, and the CPU goes by what our
 * entries say, not by the way that is known: then it must be made anew.
 */
static enum gn_sh_step same(struct gn_sh_fault *f)
{
	const struct gn_sh_page *page = f->path[1];

	if (!find_path(f) || f->path[1] != page) {
		return GN_SH_NEXT;
	}
	return gn_sh_answer(f, GNOMON_RESUME, GNOMON_KIND_SPURIOUS);
}

/* Apart from the store to a trace, which needs none of its variables. */
static __attribute__((noinline)) enum gn_sh_step
step_fill(struct gn_sh_fault *f)
{
	struct gn_sh_fill fill;

	f->path[1] = known_way(f);
	if (!f->path[1] && !find_path(f)) {
		return GN_SH_NEXT;
	}
	gn_sh_use(f->path[1]);
	if (ask_host(f) == GN_SH_DONE) {
		return GN_SH_DONE;
	}
	if (f->alone) {
		prepare(f);
	}
	unsigned index = gn_sh_index_at(f, 1);

	if (!compose(f, f->path[1], index, &fill)) {
		return GN_SH_NEXT;
	}
	switch (gn_sh_put_leaf(f->vcpu, f->path[1], index, &fill)) {
	case GN_SH_PUT_DONE:
		f->leaf = 1;
		finish(f);
		return GN_SH_DONE;
	case GN_SH_PUT_SAME:
		return same(f);
	case GN_SH_PUT_NO:
		break;
	}
	return GN_SH_NEXT;
}

enum gn_sh_step gn_sh_step_quick(struct gn_sh_fault *f)
{
	if (step_walk(f) == GN_SH_DONE) {
		return GN_SH_DONE;
	}
	f->known = gn_frames_find(&f->sh->frames, f->gfn);
	f->record = f->known && f->known->trace
			    ? gn_tf_at(&f->sh->tf, f->known->trace)
			    : NULL;
	return is_special(f) ? step_trace(f) : step_fill(f);
}
