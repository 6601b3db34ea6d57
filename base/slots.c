/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/slots.h"

#include "base/bits.h"

static void find_largest(struct gn_slots *slots)
{
	slots->largest = 0;
	for (uint32_t i = 1; i < slots->count; i++) {
		if (slots->slot[i].frames >
		    slots->slot[slots->largest].frames) {
			slots->largest = i;
		}
	}
}

enum gnomon_status gn_slots_add(struct gn_slots *slots,
				const struct gnomon_slot *slot,
				uint64_t gfn_limit)
{
	uint64_t first = slot->first.v;
	uint32_t at = 0;

	if (slot->id >= GNOMON_SLOTS_MAX || slot->frames == 0 ||
	    first >= gfn_limit || slot->frames > gfn_limit - first) {
		return GNOMON_INVAL;
	}
	for (uint32_t i = 0; i < slots->count; i++) {
		const struct gnomon_slot *s = &slots->slot[i];

		if (s->id == slot->id ||
		    (s->first.v < first + slot->frames &&
		     first < s->first.v + s->frames)) {
			return GNOMON_EXISTS;
		}
		at += s->first.v < first;
	}
	for (uint32_t i = slots->count++; i > at; i--) {
		slots->slot[i] = slots->slot[i - 1];
	}
	slots->slot[at] = *slot;
	find_largest(slots);
	return GNOMON_OK;
}

bool gn_slots_remove(struct gn_slots *slots, uint32_t id,
		     struct gnomon_slot *old)
{
	uint32_t i = 0;

	while (i < slots->count && slots->slot[i].id != id) {
		i++;
	}
	if (i == slots->count) {
		return false;
	}
	*old = slots->slot[i];
	for (slots->count--; i < slots->count; i++) {
		slots->slot[i] = slots->slot[i + 1];
	}
	slots->slot[slots->count] = (struct gnomon_slot){ 0 };
	find_largest(slots);
	return true;
}

const struct gnomon_slot *gn_slots_find_slow(const struct gn_slots *slots,
					     gnomon_gfn_t gfn)
{
	uint32_t low = 0, high = slots->count;

	/* The last slot that starts at or below gfn is the only candidate. */
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (slots->slot[mid].first.v <= gfn.v) {
			low = mid + 1;
		} else {
			high = mid;
		}
	}
	if (low == 0) {
		return NULL;
	}
	const struct gnomon_slot *s = &slots->slot[low - 1];

	return gfn.v - s->first.v < s->frames ? s : NULL;
}

static struct gn_slots_change *find_change(struct gn_slots *slots,
					   uint64_t first, uint64_t frames)
{
	for (uint32_t i = 0; i < GN_SLOTS_CHANGES; i++) {
		struct gn_slots_change *c = &slots->change[i];

		if (c->frames == frames && (frames == 0 || c->first == first)) {
			return c;
		}
	}
	return NULL;
}

struct gn_slots_change *gn_slots_change_begin(struct gn_slots *slots,
					      uint64_t first, uint64_t frames)
{
	struct gn_slots_change *c = find_change(slots, first, frames);

	if (!c) {
		c = find_change(slots, 0, 0);
		if (!c) {
			return NULL;
		}
		*c = (struct gn_slots_change){ first, frames, first };
		slots->changes++;
		slots->sequence++;
	}
	return c;
}

bool gn_slots_change_end(struct gn_slots *slots, uint64_t first,
			 uint64_t frames)
{
	struct gn_slots_change *c = find_change(slots, first, frames);

	if (!c || frames == 0) {
		return false;
	}
	c->frames = 0;
	slots->changes--;
	slots->sequence++;
	return true;
}

/* Does a change under way touch the block? */
static bool changing(const struct gn_slots *slots, uint64_t first,
		     uint64_t frames)
{
	for (uint32_t i = 0; i < GN_SLOTS_CHANGES; i++) {
		const struct gn_slots_change *c = &slots->change[i];

		if (c->frames && first < c->first + c->frames &&
		    c->first < first + frames) {
			return true;
		}
	}
	return false;
}

static bool block_fits(const struct gnomon_slot *slot, gnomon_gfn_t gfn,
		       gnomon_hfn_t hfn, unsigned order)
{
	uint64_t frames = UINT64_C(1) << order;
	uint64_t base = gn_align_down(gfn.v, frames);

	return base >= slot->first.v &&
	       base - slot->first.v + frames <= slot->frames &&
	       gn_is_aligned(gfn.v ^ hfn.v, frames);
}

/* The largest block around gfn that may be mapped as one. */
static uint8_t order_of(const struct gn_slots *slots,
			const struct gnomon_slot *slot, gnomon_gfn_t gfn,
			const struct gnomon_frame *frame)
{
	if (frame->order < 9) {
		return 0;
	}
	unsigned order = frame->order >= 18 ? 18 : 9;

	while (order &&
	       (!block_fits(slot, gfn, frame->hfn, order) ||
		(slots->changes &&
		 changing(slots, gn_align_down(gfn.v, GN_BIT(order)),
			  GN_BIT(order))))) {
		order -= 9;
	}
	return (uint8_t)order;
}

void gn_slots_frame(const struct gn_slots *slots,
		    const struct gnomon_host *host, void *ctx,
		    gnomon_gfn_t gfn, uint32_t want,
		    struct gnomon_frame *frame)
{
	const struct gnomon_slot *slot = gn_slots_find(slots, gfn);

	if (!slot || (slots->changes && changing(slots, gfn.v, 1))) {
		*frame = (struct gnomon_frame){
			.kind = slot ? GNOMON_FRAME_NOT_NOW
				     : GNOMON_FRAME_MMIO,
		};
		return;
	}
	host->frame(ctx, gfn, want, frame);
	frame->order = order_of(slots, slot, gfn, frame);
	if (frame->kind == GNOMON_FRAME_RAM &&
	    (slot->flags & GNOMON_SLOT_ROM)) {
		frame->kind = GNOMON_FRAME_ROM;
	}
	if (frame->kind != GNOMON_FRAME_RAM ||
	    (slot->flags & (GNOMON_SLOT_ROM | GNOMON_SLOT_READONLY))) {
		frame->writable = false;
	}
}
