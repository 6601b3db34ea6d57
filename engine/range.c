/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ranges of frames where the vm has two hierarchies. One cursor serves both:
 * a piece of the range is done in the one, then in the other, and only then is
 * it behind the cursor. A piece is small enough for the budget, and at least
 * one frame, so that every call gets on.
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

static enum gnomon_status in_nested(struct gnomon_vm *vm,
				    enum gn_eng_range_op op, uint64_t *next,
				    uint64_t end, uint32_t *budget)
{
	struct gn_np_range range = { { *next }, end - *next };
	enum gnomon_status status = GNOMON_OK;

	switch (op) {
	case GN_ENG_UNMAP:
		status = gn_np_unmap(&vm->np, &range, budget);
		break;
	case GN_ENG_PROTECT:
		status = gn_np_protect(&vm->np, &range, budget);
		break;
	case GN_ENG_COLLAPSE:
		status = gn_np_collapse(&vm->np, &range, budget);
		break;
	}
	*next = status == GNOMON_OK ? end : range.first.v;
	return status;
}

/* Where a piece that starts at next ends. */
static uint64_t piece_end(enum gn_eng_range_op op, uint64_t next, uint64_t end,
			  uint32_t budget)
{
	uint64_t frames = budget / 2 ? budget / 2 : 1;

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

enum gnomon_status gn_eng_range(struct gnomon_vm *vm, enum gn_eng_range_op op,
				uint64_t *next, uint64_t end, uint32_t *budget)
{
	if (gn_eng_direct(vm)) {
		return in_direct(vm, op, next, end, budget);
	}
	if (!gn_eng_has_nested(vm)) {
		return in_shadow(vm, op, next, end, budget);
	}
	if (!gn_eng_has_shadow(vm)) {
		return in_nested(vm, op, next, end, budget);
	}
	while (*next < end && *budget > 0) {
		uint64_t stop = piece_end(op, *next, end, *budget);
		uint64_t shadow = *next, nested = *next;
		uint32_t left = UINT32_MAX;
		enum gnomon_status status =
			in_shadow(vm, op, &shadow, stop, &left);

		if (status == GNOMON_OK) {
			status = in_nested(vm, op, &nested, stop, &left);
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

static enum gnomon_status young_both(struct gnomon_vm *vm, uint64_t *next,
				     uint64_t end, bool clear, uint64_t *young,
				     uint32_t *budget)
{
	while (*next < end && *budget > 0) {
		uint64_t hole;
		bool used = gn_np_is_young(&vm->np, *next, clear,
					   *next + 1 == end, &hole);

		--*budget;
		*young += gn_sh_is_mapped(&vm->sh, *next) || used;
		if (clear) {
			gn_sh_unmap(&vm->sh, *next);
		}
		uint64_t skip = stride(vm, *next, hole);

		*next = skip < end - *next ? *next + skip : end;
	}
	gn_sh_flush_stale(&vm->sh);
	gn_np_settle(&vm->np);
	return *next < end ? GNOMON_MORE : GNOMON_OK;
}

static enum gnomon_status young_nested(struct gnomon_vm *vm, uint64_t *next,
				       uint64_t end, bool clear,
				       uint64_t *young, uint32_t *budget)
{
	struct gn_np_range range = { { *next }, end - *next };
	enum gnomon_status status = gn_np_young(&vm->np, &range, clear, young,
						budget);

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
	return gn_eng_has_shadow(vm)
		       ? young_both(vm, next, end, clear, young, budget)
		       : young_nested(vm, next, end, clear, young, budget);
}
