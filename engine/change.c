/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's side changes: frames, pages, budget; and the VMM's watches. */
#include "engine/calls.h"

#include "base/bits.h"
#include "shadow/page.h"
#include "shadow/reclaim.h"
#include "shadow/set.h"
#include "shadow/sync.h"

static bool wraps(const struct gnomon_vm *vm, gnomon_gfn_t first,
		  uint64_t frames)
{
	return frames == 0 || first.v >= gn_eng_frames(vm) ||
	       frames > gn_eng_frames(vm) - first.v;
}

enum gnomon_status gn_eng_host_change_begin(struct gnomon_vm *vm,
					    gnomon_gfn_t first,
					    uint64_t frames, uint32_t *budget)
{
	struct gn_slots_change *c;
	uint32_t none;

	vm->slot_generation++;
	if (wraps(vm, first, frames)) {
		return GNOMON_INVAL;
	}
	c = gn_slots_change_begin(&vm->slots, first.v, frames);
	if (!c) {
		return GNOMON_INVAL;
	}
	budget = gn_eng_budget(budget, &none);
	return gn_eng_range(vm, GN_ENG_UNMAP, &c->next, first.v + frames,
			    budget);
}

enum gnomon_status gn_eng_host_change_end(struct gnomon_vm *vm,
					  gnomon_gfn_t first, uint64_t frames)
{
	vm->slot_generation++;
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

enum gnomon_status gn_eng_young(struct gnomon_vm *vm,
				struct gnomon_range *range, bool clear,
				uint64_t *young, uint32_t *budget)
{
	uint64_t next = range->first.v, end = next + range->frames;
	enum gnomon_status status;
	uint32_t none;

	if (range->frames && wraps(vm, range->first, range->frames)) {
		return GNOMON_INVAL;
	}
	budget = gn_eng_budget(budget, &none);
	status = gn_eng_range_young(vm, &next, end, clear, young, budget);
	return advance(range, next, end, status);
}

static enum gnomon_status watch_one(struct gnomon_vm *vm, uint64_t gfn,
				    uint32_t watch)
{
	struct gn_sh *sh = &vm->sh;
	uint32_t none = UINT32_MAX;

	gfn = gn_eng_vm_memory(vm, gn_gfn(gfn)).v;
	if (watch && (gn_frames_ensure(&sh->frames, gfn) != GNOMON_OK ||
		      gn_tf_reserve(&sh->tf, 1) != GNOMON_OK)) {
		return GNOMON_NOMEM;
	}
	gn_tf_watch(&sh->tf, gfn, (uint8_t)watch);
	/* Whatever is mapped may grant what is watched now. */
	if (watch) {
		gn_sh_unmap(sh, gfn);
	}
	/* Nested leaves do not get X back by themselves. */
	return gn_eng_nested(vm, GN_ENG_UNMAP, gfn, gfn + 1, &none);
}

enum gnomon_status gn_eng_watch(struct gnomon_vm *vm,
				struct gnomon_range *range, uint32_t watch,
				uint32_t *budget)
{
	uint64_t next = range->first.v, end = next + range->frames;
	enum gnomon_status status = GNOMON_OK;
	uint32_t none;

	if (gn_eng_direct(vm)) {
		return GNOMON_UNSUPPORTED;
	}
	if (watch > 7 ||
	    (range->frames && wraps(vm, range->first, range->frames))) {
		return GNOMON_INVAL;
	}
	budget = gn_eng_budget(budget, &none);
	for (; next < end && *budget > 0; next++) {
		--*budget;
		status = watch_one(vm, next, watch);
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

	if (range->frames && wraps(vm, range->first, range->frames)) {
		return GNOMON_INVAL;
	}
	budget = gn_eng_budget(budget, &none);
	status = gn_eng_range(vm, GN_ENG_COLLAPSE, &next, end, budget);
	return advance(range, next, end, status);
}

static bool zap_under_way(const struct gnomon_vm *vm)
{
	bool any = false;

	for (unsigned v = 0; v < gn_eng_views(vm); v++) {
		any = any || vm->zap[v].frames;
	}
	return any;
}

static void zap_nested_begin(struct gnomon_vm *vm)
{
	for (unsigned v = 0; v < gn_eng_nested_views(vm); v++) {
		vm->zap[v] = (struct gn_np_range){
			{ 0 }, gn_np_gfn_limit(&vm->np[v]),
		};
	}
}

enum gnomon_status gn_eng_zap_all(struct gnomon_vm *vm, uint32_t *budget)
{
	enum gnomon_status status = GNOMON_OK;
	uint32_t none;

	budget = gn_eng_budget(budget, &none);
	if (gn_eng_direct(vm)) {
		return gn_dp_zap_all(&vm->dp, budget);
	}
	if (!zap_under_way(vm)) {
		if (gn_eng_has_shadow(vm)) {
			gn_sh_zap_all(&vm->sh);
		}
		zap_nested_begin(vm);
	}
	for (unsigned v = 0; v < gn_eng_views(vm) && status == GNOMON_OK;
	     v++) {
		if (vm->zap[v].frames) {
			status = gn_np_unmap(&vm->np[v], &vm->zap[v], budget);
		}
	}
	return status;
}

static bool shrink_nested(struct gnomon_vm *vm)
{
	for (unsigned v = gn_eng_views(vm); v-- > 0;) {
		if (gn_np_shrink_one(&vm->np[v])) {
			return true;
		}
	}
	return false;
}

static bool shrink_one(struct gnomon_vm *vm)
{
	return (gn_eng_has_shadow(vm) && gn_sh_reclaim_one(&vm->sh)) ||
	       (gn_eng_has_nested(vm) && shrink_nested(vm));
}

static enum gnomon_status shrink(struct gnomon_vm *vm, uint32_t *pages,
				 uint32_t *budget)
{
	enum gnomon_status status = GNOMON_OK;

	while (*pages > 0) {
		if (*budget == 0) {
			status = GNOMON_MORE;
			break;
		}
		--*budget;
		if (!shrink_one(vm)) {
			break;
		}
		--*pages;
	}
	gn_sh_flush_stale(&vm->sh);
	gn_eng_nested_settle(vm);
	return status;
}

enum gnomon_status gn_eng_shrink(struct gnomon_vm *vm, uint32_t *pages,
				 uint32_t *budget)
{
	enum gnomon_status status;
	uint32_t none;

	budget = gn_eng_budget(budget, &none);
	status = gn_eng_direct(vm) ? gn_eng_direct_shrink(vm, pages, budget)
				   : shrink(vm, pages, budget);
	gn_pool_trim(&vm->pool, GNOMON_PAGE_TABLE, 0);
	gn_pool_trim(&vm->pool, GNOMON_PAGE_META, 0);
	return status;
}
