/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which guest frames exist, and what the host puts behind them. Sits between
 * host->frame() and whoever writes table entries: an answer of gn_slots_frame()
 * may be mapped as it stands.
 */
#ifndef BASE_SLOTS_H
#define BASE_SLOTS_H

#include "base/addr.h"

struct gn_slots {
	uint32_t count;
	struct gnomon_slot slot[GNOMON_SLOTS_MAX]; /* ascending by first */
};

/* GNOMON_OK, _EXISTS, or _INVAL: see gnomon_slot_set(). */
enum gnomon_status gn_slots_add(struct gn_slots *slots,
				const struct gnomon_slot *slot,
				uint64_t gfn_limit) GNOMON_MUST_USE;
/* False when there is no slot of that id; else *old is what it was. */
bool gn_slots_remove(struct gn_slots *slots, uint32_t id,
		     struct gnomon_slot *old);
/* The slot that holds gfn, or null. */
const struct gnomon_slot *gn_slots_find(const struct gn_slots *slots,
					gnomon_gfn_t gfn);

/*
 * Ask the host about gfn. Outside every slot the answer is GNOMON_FRAME_MMIO
 * without asking. order is cut down to 0, 9 or 18 such that the block lies in
 * the slot and is aligned alike on both sides; writable is never set for ROM
 * and read-only slots.
 */
void gn_slots_frame(const struct gn_slots *slots,
		    const struct gnomon_host *host, void *ctx,
		    gnomon_gfn_t gfn, uint32_t want,
		    struct gnomon_frame *frame);

#endif
