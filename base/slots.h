/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which guest frames exist, and what the host puts behind them. Sits between
 * host->frame() and whoever writes table entries: an answer of gn_slots_frame()
 * may be mapped as it stands.
 */
#ifndef BASE_SLOTS_H
#define BASE_SLOTS_H

#include "base/addr.h"

#define GN_SLOTS_CHANGES 16u

/* Frames that the host is about to back otherwise. */
struct gn_slots_change {
	uint64_t first;
	uint64_t frames;	/* 0: free cell */
	uint64_t next;		/* first frame that may still be mapped */
};

struct gn_slots {
	uint32_t count;
	uint32_t changes;	/* cells in use */
	uint32_t largest;	/* index of the slot that most frames are in */
	uint64_t sequence;	/* of changes, at begin and end */
	struct gnomon_slot slot[GNOMON_SLOTS_MAX]; /* ascending by first */
	struct gn_slots_change change[GN_SLOTS_CHANGES];
};

/* GNOMON_OK, _EXISTS, or _INVAL: see gnomon_slot_set(). */
enum gnomon_status gn_slots_add(struct gn_slots *slots,
				const struct gnomon_slot *slot,
				uint64_t gfn_limit) GNOMON_MUST_USE;
/* False when there is no slot of that id; else *old is what it was. */
bool gn_slots_remove(struct gn_slots *slots, uint32_t id,
		     struct gnomon_slot *old);
const struct gnomon_slot *gn_slots_find_slow(const struct gn_slots *slots,
					     gnomon_gfn_t gfn);

/* The slot that holds gfn, or null. Cells beyond the last are empty. */
static inline const struct gnomon_slot *
gn_slots_find(const struct gn_slots *slots, gnomon_gfn_t gfn)
{
	const struct gnomon_slot *s = &slots->slot[slots->largest];

	return __builtin_expect(gfn.v - s->first.v < s->frames, 1)
		       ? s
		       : gn_slots_find_slow(slots, gfn);
}

/*
 * The cell of a change of exactly these frames, made if there is none; null
 * when all are in use.
 */
struct gn_slots_change *gn_slots_change_begin(struct gn_slots *slots,
					      uint64_t first, uint64_t frames);
/* False when there is no such change. */
bool gn_slots_change_end(struct gn_slots *slots, uint64_t first,
			 uint64_t frames);

/*
 * gn_slots_frame() for who maps 4K whatever the order, and does not wait: a
 * guess. False where the answer is not memory, or not now.
 */
static inline bool gn_slots_frame_small(const struct gn_slots *slots,
					const struct gnomon_host *host,
					void *ctx, gnomon_gfn_t gfn,
					struct gnomon_frame *frame)
{
	const struct gnomon_slot *slot = gn_slots_find(slots, gfn);

	if (!slot || slots->changes) {
		return false;
	}
	host->frame(ctx, gfn, 0, frame);
	if (frame->kind != GNOMON_FRAME_RAM ||
	    (slot->flags & (GNOMON_SLOT_ROM | GNOMON_SLOT_READONLY))) {
		frame->writable = false;
	}
	return frame->kind == GNOMON_FRAME_RAM ||
	       frame->kind == GNOMON_FRAME_ROM;
}

/*
 * Ask the host about gfn. Outside every slot the answer is GNOMON_FRAME_MMIO
 * without asking; in a change under way it is GNOMON_FRAME_NOT_NOW. order is
 * cut down to 0, 9 or 18 such that the block lies in the slot and is aligned
 * alike on both sides; writable is never set for ROM and read-only slots.
 */
void gn_slots_frame(const struct gn_slots *slots,
		    const struct gnomon_host *host, void *ctx,
		    gnomon_gfn_t gfn, uint32_t want,
		    struct gnomon_frame *frame);

#endif
