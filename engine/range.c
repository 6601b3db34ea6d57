/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ranges of frames of memory where the vm has two hierarchies, or shows a
 * frame more than once. One cursor serves all: a piece of the range is done in
 * the one, then in the other wherever it is shown, and only then is it behind
 * the cursor. A piece is small enough for the budget, and at least one frame,
 * so that every call gets on.
 */
#include "engine/calls.h"

#include "base/bits.h"
#include "shadow/set.h"
#include "shadow/sync.h"

#define BLOCK 512u

static enum gnomon_status in_shadow(struct gnomon_vm *vm,
				    enum gn_eng_range_op op, uint64_t *next,
				    uint64_t end, uint32_t *budget)
{
	switch (op) {
	case GN_ENG_UNMAP:
		return gn_sh_unmap_range(&vm->sh, next, end, budget);
	case GN_ENG_PROTECT:
		return gn_sh_protect_range(&vm->sh, next, end, budget);
	case GN_ENG_SPLIT:
	case GN_ENG_HARVEST:
		*next = end;
		return GNOMON_OK;
	case GN_ENG_COLLAPSE:
		break;
	}
	enum gnomon_status status =
		gn_sh_collapse_range(&vm->sh, next, end, budget);

	if (status == GNOMON_OK) {
		*next = end;
	}
	return status;
}

static enum gnomon_status in_direct(struct gnomon_vm *vm,
				    enum gn_eng_range_op op, uint64_t *next,
				    uint64_t end, uint32_t *budget)
{
	return op == GN_ENG_COLLAPSE
		       ? gn_dp_collapse_range(&vm->dp, next, end, budget)
		       : gn_dp_drop_range(&vm->dp, next, end,
					  op == GN_ENG_PROTECT, budget);
}

/* Guest frames of one view. */
static enum gnomon_status in_view(struct gn_np *np, enum gn_eng_range_op op,
				  struct gn_np_range *range, uint32_t *budget)
{
	switch (op) {
	case GN_ENG_UNMAP:
		return gn_np_unmap(np, range, budget);
	case GN_ENG_PROTECT:
		return gn_np_protect(np, range, budget);
	case GN_ENG_COLLAPSE:
		return gn_np_collapse(np, range, budget);
	case GN_ENG_SPLIT:
		return gn_np_split(np, range, 1, budget);
	case GN_ENG_HARVEST:
		break;
	}
	return gn_np_harvest(np, range, np->dirty, budget);
}

enum gnomon_status gn_eng_nested(struct gnomon_vm *vm, enum gn_eng_range_op op,
				 uint64_t first, uint64_t end, uint32_t *budget)
{
	enum gnomon_status status = GNOMON_OK;

	for (unsigned v = 0; v < gn_eng_nested_views(vm); v++) {
		struct gn_slots_shown it = { v, first, end - first, 0 };
		struct gn_np_range r;

		while (status == GNOMON_OK &&
		       gn_slots_shown_next(&vm->slots, &it, &r.first.v,
					   &r.frames)) {
			status = in_view(&vm->np[v], op, &r, budget);
		}
	}
	return status;
}

void gn_eng_nested_settle(struct gnomon_vm *vm)
{
	for (unsigned v = 0; v < gn_eng_nested_views(vm); v++) {
		gn_np_settle(&vm->np[v]);
	}
}

/* nested_once() */
static enum gnomon_status in_nested(struct gnomon_vm *vm,
				    enum gn_eng_range_op op, uint64_t *next,
				    uint64_t end, uint32_t *budget)
{
	struct gn_np_range range = { { *next }, end - *next };
	enum gnomon_status status = in_view(&vm->np[0], op, &range, budget);

	*next = status == GNOMON_OK ? end : range.first.v;
	return status;
}

/* How often a frame may have to be looked for. */
static uint32_t ways_to(const struct gnomon_vm *vm, uint64_t first,
			uint64_t frames)
{
	uint32_t ways = 1;

	for (unsigned v = 0; v < gn_eng_views(vm); v++) {
		struct gn_slots_shown it = { v, first, frames, 0 };
		uint64_t at, length;

		while (gn_slots_shown_next(&vm->slots, &it, &at, &length)) {
			ways++;
		}
	}
	return ways;
}

/* Where a piece that starts at next ends. */
static uint64_t piece_end(const struct gnomon_vm *vm, enum gn_eng_range_op op,
			  uint64_t next, uint64_t end, uint32_t budget)
{
	uint32_t ways = ways_to(vm, next, end - next);
	uint64_t frames = budget / ways ? budget / ways : 1;

	/* Whole blocks are what is joined. */
	if (op == GN_ENG_COLLAPSE) {
		frames = gn_align_down(next, BLOCK) + BLOCK - next +
			 gn_align_down(frames, BLOCK);
	}
	return frames < end - next ? next + frames : end;
}

static void spend(uint32_t *budget, uint32_t left)
{
	uint32_t used = UINT32_MAX - left;

	*budget -= used < *budget ? used : *budget;
}

/* Where each frame is shown once, in nested tables alone. */
static bool nested_once(const struct gnomon_vm *vm)
{
	return !gn_eng_has_shadow(vm) && !vm->slots.pieces &&
	       gn_eng_views(vm) == 1;
}

enum gnomon_status gn_eng_range(struct gnomon_vm *vm, enum gn_eng_range_op op,
				uint64_t *next, uint64_t end, uint32_t *budget)
{
	if (gn_eng_direct(vm)) {
		return in_direct(vm, op, next, end, budget);
	}
	if (!gn_eng_has_nested(vm)) {
		return in_shadow(vm, op, next, end, budget);
	}
	if (nested_once(vm)) {
		return in_nested(vm, op, next, end, budget);
	}
	while (*next < end && *budget > 0) {
		uint64_t stop = piece_end(vm, op, *next, end, *budget);
		uint64_t shadow = *next;
		uint32_t left = UINT32_MAX;
		enum gnomon_status status =
			in_shadow(vm, op, &shadow, stop, &left);

		if (status == GNOMON_OK) {
			status = gn_eng_nested(vm, op, *next, stop, &left);
		}
		spend(budget, left);
		if (status != GNOMON_OK && status != GNOMON_MORE) {
			return status;
		}
		*next = stop;
	}
	return *next < end ? GNOMON_MORE : GNOMON_OK;
}

/* ---- young --------------------------------------------------------------- */

/* Frames from next on that need no look; hole: what nested/ says of them. */
static uint64_t stride(const struct gnomon_vm *vm, uint64_t next,
		       uint64_t hole)
{
	uint64_t block = BLOCK - next % BLOCK;

	if (hole == 1 || gn_frames_find(&vm->sh.frames, next)) {
		return 1;
	}
	return hole < block ? hole : block;
}

/* By any guest frame that shows it; *hole: frames that need no look. */
static bool nested_young(struct gnomon_vm *vm, uint64_t gfn, bool clear,
			 bool last, uint64_t *hole)
{
	bool used = false;

	*hole = UINT64_MAX;
	for (unsigned v = 0; v < gn_eng_views(vm); v++) {
		struct gn_slots_shown it = { v, gfn, 1, 0 };
		uint64_t at, frames, skip;

		while (gn_slots_shown_next(&vm->slots, &it, &at, &frames)) {
			if (gn_slots_mapped(&vm->slots, v, at) != gfn) {
				*hole = 1;
				continue;
			}
			/* A large leaf of a piece ends with it. */
			used |= gn_np_is_young(&vm->np[v], at, clear, last,
					       &skip);
			*hole = skip < *hole ? skip : *hole;
		}
	}
	return used;
}

static enum gnomon_status young_both(struct gnomon_vm *vm, uint64_t *next,
				     uint64_t end, bool clear, uint64_t *young,
				     uint32_t *budget)
{
	while (*next < end && *budget > 0) {
		uint64_t hole;
		bool used = nested_young(vm, *next, clear, *next + 1 == end,
					 &hole);

		--*budget;
		*young += gn_sh_is_mapped(&vm->sh, *next) || used;
		if (clear) {
			gn_sh_unmap(&vm->sh, *next);
		}
		uint64_t skip = stride(vm, *next, hole);

		*next = skip < end - *next ? *next + skip : end;
	}
	gn_sh_flush_stale(&vm->sh);
	gn_eng_nested_settle(vm);
	return *next < end ? GNOMON_MORE : GNOMON_OK;
}

static enum gnomon_status young_nested(struct gnomon_vm *vm, uint64_t *next,
				       uint64_t end, bool clear,
				       uint64_t *young, uint32_t *budget)
{
	struct gn_np_range range = { { *next }, end - *next };
	enum gnomon_status status = gn_np_young(&vm->np[0], &range, clear,
						young, budget);

	*next = status == GNOMON_OK ? end : range.first.v;
	return status;
}

enum gnomon_status gn_eng_range_young(struct gnomon_vm *vm, uint64_t *next,
				      uint64_t end, bool clear,
				      uint64_t *young, uint32_t *budget)
{
	if (gn_eng_direct(vm)) {
		return gn_dp_young_range(&vm->dp, next, end, clear, young,
					 budget);
	}
	if (!gn_eng_has_nested(vm)) {
		return gn_sh_young_range(&vm->sh, next, end, clear, young,
					 budget);
	}
	return nested_once(vm)
		       ? young_nested(vm, next, end, clear, young, budget)
		       : young_both(vm, next, end, clear, young, budget);
}
