/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/slots.h"

#include "base/bits.h"

#define SPACES ((uint32_t)(GNOMON_SLOT_SMM | GNOMON_SLOT_NO_SMM))

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

static const struct gnomon_slot *by_id(const struct gn_slots *slots,
				       uint32_t id)
{
	for (uint32_t i = 0; i < slots->count; i++) {
		if (slots->slot[i].id == id) {
			return &slots->slot[i];
		}
	}
	return NULL;
}

static bool id_taken(const struct gn_slots *slots, uint32_t id)
{
	if (by_id(slots, id)) {
		return true;
	}
	for (unsigned v = 0; v < GN_SLOTS_VIEWS; v++) {
		const struct gn_slots_view *view = &slots->view[v];

		for (uint32_t i = 0; i < view->count; i++) {
			if (view->piece[i].id == id) {
				return true;
			}
		}
	}
	return false;
}

static bool hides(const struct gn_slots_piece *piece)
{
	return piece->memory & GN_SLOTS_NOWHERE;
}

/* Does a slot show something in these guest frames of the view already? */
static bool overlaps(const struct gn_slots *slots, unsigned v, uint64_t first,
		     uint64_t frames)
{
	const struct gn_slots_view *view = &slots->view[v];

	for (uint32_t i = 0; i < slots->count; i++) {
		const struct gnomon_slot *s = &slots->slot[i];

		if (gn_slots_in_view(s->flags, v) &&
		    gn_slots_meet(s->first.v, s->frames, first, frames)) {
			return true;
		}
	}
	for (uint32_t i = 0; i < view->count; i++) {
		const struct gn_slots_piece *p = &view->piece[i];

		if (!hides(p) &&
		    gn_slots_meet(p->first, p->frames, first, frames)) {
			return true;
		}
	}
	return false;
}

/* What hides comes last: something may show in its place. */
static void add_piece(struct gn_slots *slots, unsigned v,
		      const struct gn_slots_piece *piece)
{
	struct gn_slots_view *view = &slots->view[v];
	uint32_t i = view->count++;

	for (; !hides(piece) && i > 0; i--) {
		view->piece[i] = view->piece[i - 1];
	}
	view->piece[i] = *piece;
	slots->pieces++;
}

static void add_memory(struct gn_slots *slots, const struct gnomon_slot *slot)
{
	bool smm = slot->flags & GNOMON_SLOT_SMM;
	uint64_t memory = slot->first.v + (smm ? GNOMON_SMM_GFN : 0);
	uint32_t i = slots->count++;
	struct gn_slots_piece piece = {
		.first = slot->first.v, .frames = slot->frames,
		.memory = smm ? memory : memory | GN_SLOTS_NOWHERE,
		.id = slot->id,
	};

	for (; i > 0 && slots->slot[i - 1].first.v > memory; i--) {
		slots->slot[i] = slots->slot[i - 1];
	}
	slots->slot[i] = (struct gnomon_slot){
		.id = slot->id, .flags = slot->flags, .first = { memory },
		.frames = slot->frames, .hva = slot->hva,
	};
	find_largest(slots);
	if (slot->flags & SPACES) {
		add_piece(slots, GN_SLOTS_SMM, &piece);
	}
}

static enum gnomon_status add_alias(struct gn_slots *slots,
				    const struct gnomon_slot *slot)
{
	const struct gnomon_slot *of = gn_slots_find(slots, slot->target);
	struct gn_slots_piece piece = {
		.first = slot->first.v, .frames = slot->frames,
		.memory = slot->target.v, .id = slot->id,
	};

	if (slot->hva ||
	    (slot->flags & (GNOMON_SLOT_ROM | GNOMON_SLOT_READONLY))) {
		return GNOMON_INVAL;
	}
	if (!of || slot->frames >
			   of->frames - (slot->target.v - of->first.v)) {
		return GNOMON_ABSENT;
	}
	for (unsigned v = 0; v < GN_SLOTS_VIEWS; v++) {
		if (gn_slots_in_view(slot->flags, v)) {
			add_piece(slots, v, &piece);
		}
	}
	return GNOMON_OK;
}

enum gnomon_status gn_slots_add(struct gn_slots *slots,
				const struct gnomon_slot *slot,
				uint64_t gfn_limit)
{
	uint64_t first = slot->first.v;

	if (slot->id >= GNOMON_SLOTS_MAX || slot->frames == 0 ||
	    first >= gfn_limit || slot->frames > gfn_limit - first ||
	    (slot->flags & SPACES) == SPACES) {
		return GNOMON_INVAL;
	}
	if (id_taken(slots, slot->id)) {
		return GNOMON_EXISTS;
	}
	for (unsigned v = 0; v < GN_SLOTS_VIEWS; v++) {
		if (gn_slots_in_view(slot->flags, v) &&
		    overlaps(slots, v, first, slot->frames)) {
			return GNOMON_EXISTS;
		}
	}
	if (slot->flags & GNOMON_SLOT_ALIAS) {
		return add_alias(slots, slot);
	}
	add_memory(slots, slot);
	return GNOMON_OK;
}

static bool remove_memory(struct gn_slots *slots, uint32_t id,
			  struct gnomon_slot *old)
{
	const struct gnomon_slot *s = by_id(slots, id);

	if (!s) {
		return false;
	}
	*old = *s;
	slots->count--;
	for (uint32_t i = (uint32_t)(s - slots->slot); i < slots->count; i++) {
		slots->slot[i] = slots->slot[i + 1];
	}
	slots->slot[slots->count] = (struct gnomon_slot){ 0 };
	find_largest(slots);
	return true;
}

/* Those of the slot map nothing new; what they were, as one of an alias. */
static bool retire(struct gn_slots *slots, uint32_t id,
		   struct gnomon_slot *old)
{
	uint32_t seen = 0;

	for (unsigned v = 0; v < GN_SLOTS_VIEWS; v++) {
		struct gn_slots_view *view = &slots->view[v];

		for (uint32_t i = 0; i < view->count; i++) {
			struct gn_slots_piece *p = &view->piece[i];

			if (p->id != id || p->gone) {
				continue;
			}
			p->gone = true;
			seen |= 1u << v;
			*old = (struct gnomon_slot){
				.id = id, .first = { p->first },
				.frames = p->frames, .target = { p->memory },
			};
		}
	}
	old->flags = GNOMON_SLOT_ALIAS |
		     (seen == 1 ? GNOMON_SLOT_NO_SMM
				: seen == 2 ? GNOMON_SLOT_SMM : 0u);
	return seen != 0;
}

bool gn_slots_remove(struct gn_slots *slots, uint32_t id,
		     struct gnomon_slot *old)
{
	struct gnomon_slot shown = { 0 };
	bool pieces = retire(slots, id, &shown);

	if (remove_memory(slots, id, old)) {
		return true;
	}
	*old = shown;
	return pieces;
}

void gn_slots_forget(struct gn_slots *slots, uint32_t id)
{
	for (unsigned v = 0; v < GN_SLOTS_VIEWS; v++) {
		struct gn_slots_view *view = &slots->view[v];
		uint32_t kept = 0;

		for (uint32_t i = 0; i < view->count; i++) {
			if (view->piece[i].id != id) {
				view->piece[kept++] = view->piece[i];
			}
		}
		slots->pieces -= view->count - kept;
		view->count = kept;
	}
}

bool gn_slots_is_target(const struct gn_slots *slots, uint32_t id)
{
	const struct gnomon_slot *s = by_id(slots, id);

	for (unsigned v = 0; s && v < GN_SLOTS_VIEWS; v++) {
		const struct gn_slots_view *view = &slots->view[v];

		for (uint32_t i = 0; i < view->count; i++) {
			const struct gn_slots_piece *p = &view->piece[i];

			if (p->id != id && p->memory - s->first.v < s->frames) {
				return true;
			}
		}
	}
	return false;
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

		if (c->frames &&
		    gn_slots_meet(c->first, c->frames, first, frames)) {
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
