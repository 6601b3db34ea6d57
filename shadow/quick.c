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

/*
 * An entry that was made from the very gpte that the walk has read leads to
 * the right page, whatever its key.
 */
static bool made_of(const struct gn_sh_fault *f, const struct gn_sh_page *page,
		    unsigned index, unsigned level)
{
	if (page->role.direct || (page->role.top && level == 4)) {
		return true;
	}
	return page->snap[index] == gn_sh_gpte_at(f, level);
}

static bool find_path(struct gn_sh_fault *f)
{
	struct gn_sh_page *page = f->vcpu->top;

	for (unsigned l = page->role.level; l > 1; l--) {
		unsigned index = gn_sh_index_at(f, l);

		if (!gn_spte_table(page->spt[index], l) ||
		    !made_of(f, page, index, l)) {
			return false;
		}
		gn_sh_use(page);
		page = page->kids[index];
	}
	gn_sh_use(page);
	f->path[1] = page;
	return true;
}

/* Is the access the business of a trace or a watch? */
static bool is_special(const struct gn_sh_fault *f)
{
	const struct gn_tf_record *record = f->record;

	return record && (record->watch ||
			  (record->tables && (f->access & GNOMON_WRITE)));
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
	return f->walk.level != 1 && f->frame.order >= 9 &&
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

enum gn_sh_step gn_sh_step_quick(struct gn_sh_fault *f)
{
	struct gn_sh_fill fill;

	if (gn_sh_step_walk(f) == GN_SH_DONE) {
		return GN_SH_DONE;
	}
	f->known = gn_frames_find(&f->sh->frames, f->gfn);
	f->record = f->known && f->known->trace
			    ? gn_tf_at(&f->sh->tf, f->known->trace)
			    : NULL;
	if (is_special(f) || !gn_sh_root_usable(f->vcpu) || !find_path(f)) {
		return GN_SH_NEXT;
	}
	if (gn_sh_step_host(f) == GN_SH_DONE) {
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
		gn_sh_step_finish(f);
		return GN_SH_DONE;
	case GN_SH_PUT_SAME:
		return gn_sh_answer(f, GNOMON_RESUME, GNOMON_KIND_SPURIOUS);
	case GN_SH_PUT_NO:
		break;
	}
	return GN_SH_NEXT;
}
