/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's side changes: frames, pages, budget; and the VMM's watches. */
#include "engine/calls.h"

#include "base/bits.h"
#include "shadow/page.h"
#include "shadow/reclaim.h"
#include "shadow/set.h"
#include "shadow/sync.h"

static bool wraps(gnomon_gfn_t first, uint64_t frames)
{
	return frames == 0 || first.v >= GN_BIT(40) ||
	       frames > GN_BIT(40) - first.v;
}

enum gnomon_status gn_eng_host_change_begin(struct gnomon_vm *vm,
					    gnomon_gfn_t first,
					    uint64_t frames, uint32_t *budget)
{
	struct gn_slots_change *c;
	uint32_t none;

	if (wraps(first, frames)) {
		return GNOMON_INVAL;
	}
	c = gn_slots_change_begin(&vm->slots, first.v, frames);
	if (!c) {
		return GNOMON_INVAL;
	}
	budget = gn_eng_budget(budget, &none);
	if (gn_eng_direct(vm)) {
		return gn_dp_drop_range(&vm->dp, &c->next, first.v + frames,
					false, budget);
	}
	if (gn_eng_shadow(vm)) {
		return gn_sh_unmap_range(&vm->sh, &c->next, first.v + frames,
					 budget);
	}
	struct gn_np_range range = { { c->next }, first.v + frames - c->next };
	enum gnomon_status status = gn_np_unmap(&vm->np, &range, budget);

	c->next = range.first.v;
	return status;
}

enum gnomon_status gn_eng_host_change_end(struct gnomon_vm *vm,
					  gnomon_gfn_t first, uint64_t frames)
{
	return gn_slots_change_end(&vm->slots, first.v, frames)
		       ? GNOMON_OK
		       : GNOMON_INVAL;
}

/* Write back how far a call that works on next .. end came. */
static enum gnomon_status advance(struct gnomon_range *range, uint64_t next,
				  uint64_t end, enum gnomon_status status)
{
	next = next < end ? next : end;
	range->first.v = next;
	range->frames = end - next;
	return status;
}

static enum gnomon_status nested_young(struct gnomon_vm *vm, uint64_t *next,
				       uint64_t end, bool clear,
				       uint64_t *young, uint32_t *budget)
{
	struct gn_np_range range = { { *next }, end - *next };
	enum gnomon_status status = gn_np_young(&vm->np, &range, clear, young,
						budget);

	*next = status == GNOMON_OK ? end : range.first.v;
	return status;
}

enum gnomon_status gn_eng_young(struct gnomon_vm *vm,
				struct gnomon_range *range, bool clear,
				uint64_t *young, uint32_t *budget)
{
	uint64_t next = range->first.v, end = next + range->frames;
	enum gnomon_status status;
	uint32_t none;

	if (range->frames && wraps(range->first, range->frames)) {
		return GNOMON_INVAL;
	}
	budget = gn_eng_budget(budget, &none);
	if (gn_eng_direct(vm)) {
		status = gn_dp_young_range(&vm->dp, &next, end, clear, young,
					   budget);
		return advance(range, next, end, status);
	}
	status = gn_eng_shadow(vm)
			 ? gn_sh_young_range(&vm->sh, &next, end, clear, young,
					     budget)
			 : nested_young(vm, &next, end, clear, young, budget);
	return advance(range, next, end, status);
}

static enum gnomon_status watch_one(struct gn_sh *sh, uint64_t gfn,
				    uint32_t watch)
{
	if (watch && (gn_frames_ensure(&sh->frames, gfn) != GNOMON_OK ||
		      gn_tf_reserve(&sh->tf, 1) != GNOMON_OK)) {
		return GNOMON_NOMEM;
	}
	gn_tf_watch(&sh->tf, gfn, (uint8_t)watch);
	/* Whatever is mapped may grant what is watched now. */
	if (watch) {
		gn_sh_unmap(sh, gfn);
	}
	return GNOMON_OK;
}

enum gnomon_status gn_eng_watch(struct gnomon_vm *vm,
				struct gnomon_range *range, uint32_t watch,
				uint32_t *budget)
{
	uint64_t next = range->first.v, end = next + range->frames;
	enum gnomon_status status = GNOMON_OK;
	uint32_t none;

	if (!gn_eng_shadow(vm)) {
		return GNOMON_UNSUPPORTED;
	}
	if (watch > 7 ||
	    (range->frames && wraps(range->first, range->frames))) {
		return GNOMON_INVAL;
	}
	budget = gn_eng_budget(budget, &none);
	for (; next < end && *budget > 0; next++) {
		--*budget;
		status = watch_one(&vm->sh, next, watch);
		if (status != GNOMON_OK) {
			break;
		}
	}
	gn_sh_flush_stale(&vm->sh);
	if (status == GNOMON_OK && next < end) {
		status = GNOMON_MORE;
	}
	return advance(range, next, end, status);
}

enum gnomon_status gn_eng_collapse(struct gnomon_vm *vm,
				   struct gnomon_range *range,
				   uint32_t *budget)
{
	uint64_t next = range->first.v, end = next + range->frames;
	enum gnomon_status status;
	uint32_t none;

	if (range->frames && wraps(range->first, range->frames)) {
		return GNOMON_INVAL;
	}
	budget = gn_eng_budget(budget, &none);
	if (gn_eng_direct(vm)) {
		status = gn_dp_collapse_range(&vm->dp, &next, end, budget);
		return advance(range, next, end, status);
	}
	if (gn_eng_shadow(vm)) {
		status = gn_sh_collapse_range(&vm->sh, &next, end, budget);
		next = status == GNOMON_OK ? end : next;
		return advance(range, next, end, status);
	}
	struct gn_np_range r = { range->first, range->frames };

	status = gn_np_collapse(&vm->np, &r, budget);
	range->first = r.first;
	range->frames = r.frames;
	return status;
}

enum gnomon_status gn_eng_zap_all(struct gnomon_vm *vm, uint32_t *budget)
{
	uint32_t none;

	if (gn_eng_shadow(vm)) {
		gn_sh_zap_all(&vm->sh);
		return GNOMON_OK;
	}
	if (gn_eng_direct(vm)) {
		return gn_dp_zap_all(&vm->dp, gn_eng_budget(budget, &none));
	}
	struct gn_np_range *r = &vm->zap;

	if (r->frames == 0) {
		*r = (struct gn_np_range){ { 0 }, gn_np_gfn_limit(&vm->np) };
	}
	return gn_np_unmap(&vm->np, r, gn_eng_budget(budget, &none));
}

enum gnomon_status gn_eng_shrink(struct gnomon_vm *vm, uint32_t *pages,
				 uint32_t *budget)
{
	uint32_t none, left = 0;

	budget = gn_eng_budget(budget, &none);
	while (gn_eng_shadow(vm) && *pages > 0) {
		if (*budget == 0) {
			left = 1;
			break;
		}
		--*budget;
		if (!gn_sh_reclaim_one(&vm->sh)) {
			break;
		}
		--*pages;
	}
	if (gn_eng_shadow(vm)) {
		gn_sh_flush_stale(&vm->sh);
	}
	if (gn_eng_direct(vm)) {
		left = gn_eng_direct_shrink(vm, pages, budget) !=
		       GNOMON_OK;
	}
	gn_pool_trim(&vm->pool, GNOMON_PAGE_TABLE, 0);
	gn_pool_trim(&vm->pool, GNOMON_PAGE_META, 0);
	return left ? GNOMON_MORE : GNOMON_OK;
}
