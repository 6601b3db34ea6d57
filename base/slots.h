/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which guest frames exist, and what the host puts behind them. Sits between
 * host->frame() and whoever writes table entries: an answer of gn_slots_frame()
 * may be mapped as it stands.
 *
 * Two numberings. A guest frame is what the guest's tables name; a frame of
 * memory is what the slot that has the memory calls it. They are the same but
 * in the pieces of a view. Everything that is kept about memory (reverse maps,
 * traces, logs, changes) is kept by frames of memory: a guest frame is turned
 * into one as soon as it is read (gn_slots_memory()), and never back.
 * docs/decisions/0014-frames-of-memory.md.
 */
#ifndef BASE_SLOTS_H
#define BASE_SLOTS_H

#include "base/addr.h"

#define GN_SLOTS_CHANGES 16u
#define GN_SLOTS_VIEWS 2u
#define GN_SLOTS_SMM 1u		/* the view from inside SMM */
/* Added to a guest frame that shows no memory: no slot has such frames. */
#define GN_SLOTS_NOWHERE (UINT64_C(1) << 42)

/* Frames that the host is about to back otherwise. */
struct gn_slots_change {
	uint64_t first;
	uint64_t frames;	/* 0: free cell */
	uint64_t next;		/* first frame that may still be mapped */
};

/* Guest frames that show memory of another number. */
struct gn_slots_piece {
	uint64_t first;
	uint64_t frames;
	uint64_t memory;	/* frame of memory that first shows */
	uint32_t id;		/* of the slot that it is there for */
	bool gone;		/* on its way out: maps nothing new */
};

/* How an address space sees memory; the first piece that fits is it. */
struct gn_slots_view {
	uint32_t count;
	struct gn_slots_piece piece[GNOMON_SLOTS_MAX];
};

static inline bool gn_slots_meet(uint64_t a, uint64_t a_frames, uint64_t b,
				 uint64_t b_frames)
{
	return a < b + b_frames && b < a + a_frames;
}

/* Do slots with these flags show in the view? */
static inline bool gn_slots_in_view(uint32_t flags, unsigned view)
{
	return !(flags & (view == GN_SLOTS_SMM ? GNOMON_SLOT_NO_SMM
					       : GNOMON_SLOT_SMM));
}

struct gn_slots {
	uint32_t count;
	uint32_t pieces;	/* of all views */
	uint32_t changes;	/* cells in use */
	uint32_t largest;	/* index of the slot that most frames are in */
	uint64_t sequence;	/* of changes, at begin and end */
	/* Those that have memory, ascending by first. */
	struct gnomon_slot slot[GNOMON_SLOTS_MAX];
	struct gn_slots_change change[GN_SLOTS_CHANGES];
	struct gn_slots_view view[GN_SLOTS_VIEWS];
};

/* GNOMON_OK, _EXISTS, _INVAL, _ABSENT: see gnomon_slot_set(). */
enum gnomon_status gn_slots_add(struct gn_slots *slots,
				const struct gnomon_slot *slot,
				uint64_t gfn_limit) GNOMON_MUST_USE;
/*
 * False when there is no slot of that id; else *old is what it was. No frame
 * of it is found any more; what was mapped by its pieces can be told until
 * gn_slots_forget().
 */
bool gn_slots_remove(struct gn_slots *slots, uint32_t id,
		     struct gnomon_slot *old);
void gn_slots_forget(struct gn_slots *slots, uint32_t id);
/* Do pieces of other slots show memory of the slot? */
bool gn_slots_is_target(const struct gn_slots *slots, uint32_t id);
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
 * The frame of memory that a guest frame shows in a view. Where there is none
 * gn_slots_find() finds no slot for the answer.
 */
uint64_t gn_slots_memory_slow(const struct gn_slots *slots, unsigned view,
			      uint64_t gfn);
static inline uint64_t gn_slots_memory(const struct gn_slots *slots,
				       unsigned view, uint64_t gfn)
{
	return __builtin_expect(!slots->pieces, 1)
		       ? gfn
		       : gn_slots_memory_slow(slots, view, gfn);
}

/* The same for what was mapped earlier, by a piece that goes perhaps. */
uint64_t gn_slots_mapped_slow(const struct gn_slots *slots, unsigned view,
			      uint64_t gfn);
static inline uint64_t gn_slots_mapped(const struct gn_slots *slots,
				       unsigned view, uint64_t gfn)
{
	return __builtin_expect(!slots->pieces, 1)
		       ? gfn
		       : gn_slots_mapped_slow(slots, view, gfn);
}

/* Where a view shows frames of memory: zeros but for the first three. */
struct gn_slots_shown {
	unsigned view;
	uint64_t first;		/* of memory */
	uint64_t frames;
	uint32_t next;
};

/*
 * The next range of guest frames that may show some of them, in no order:
 * those of the same numbers, and what pieces show of them. False: that was
 * all.
 */
bool gn_slots_shown_next(const struct gn_slots *slots,
			 struct gn_slots_shown *it, uint64_t *first,
			 uint64_t *frames);
/*
 * The largest of the orders 18, 9 and 0 up to order whose block around a guest
 * frame shows one block of memory, aligned alike.
 */
uint8_t gn_slots_view_order(const struct gn_slots *slots, unsigned view,
			    uint64_t gfn, uint8_t order);

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
