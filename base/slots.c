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

static bool meets(uint64_t a, uint64_t a_frames, uint64_t b,
		  uint64_t b_frames)
{
	return a < b + b_frames && b < a + a_frames;
}

static bool id_taken(const struct gn_slots *slots, uint32_t id)
{
	for (uint32_t i = 0; i < slots->count; i++) {
		if (slots->slot[i].id == id) {
			return true;
		}
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

/* Does a slot show something in these guest frames already? */
static bool overlaps(const struct gn_slots *slots, unsigned v, uint64_t first,
		     uint64_t frames)
{
	const struct gn_slots_view *view = &slots->view[v];

	for (uint32_t i = 0; i < slots->count; i++) {
		const struct gnomon_slot *s = &slots->slot[i];

		if (meets(s->first.v, s->frames, first, frames)) {
			return true;
		}
	}
	for (uint32_t i = 0; i < view->count; i++) {
		const struct gn_slots_piece *p = &view->piece[i];

		if (meets(p->first, p->frames, first, frames)) {
			return true;
		}
	}
	return false;
}

static void add_memory(struct gn_slots *slots, const struct gnomon_slot *slot)
{
	uint32_t i = slots->count++;

	for (; i > 0 && slots->slot[i - 1].first.v > slot->first.v; i--) {
		slots->slot[i] = slots->slot[i - 1];
	}
	slots->slot[i] = (struct gnomon_slot){
		.id = slot->id, .flags = slot->flags, .first = slot->first,
		.frames = slot->frames, .hva = slot->hva,
	};
	find_largest(slots);
}

static void add_piece(struct gn_slots *slots, unsigned v,
		      const struct gn_slots_piece *piece)
{
	struct gn_slots_view *view = &slots->view[v];

	view->piece[view->count++] = *piece;
	slots->pieces++;
}

static enum gnomon_status add_alias(struct gn_slots *slots,
				    const struct gnomon_slot *slot)
{
	const struct gnomon_slot *of = gn_slots_find(slots, slot->target);
	struct gn_slots_piece piece = {
		.first = slot->first.v, .frames = slot->frames,
		.memory = slot->target.v, .id = slot->id,
	};

	if (slot->flags != GNOMON_SLOT_ALIAS || slot->hva) {
		return GNOMON_INVAL;
	}
	if (!of || slot->frames >
			   of->frames - (slot->target.v - of->first.v)) {
		return GNOMON_ABSENT;
	}
	add_piece(slots, 0, &piece);
	return GNOMON_OK;
}

enum gnomon_status gn_slots_add(struct gn_slots *slots,
				const struct gnomon_slot *slot,
				uint64_t gfn_limit)
{
	uint64_t first = slot->first.v;

	if (slot->id >= GNOMON_SLOTS_MAX || slot->frames == 0 ||
	    first >= gfn_limit || slot->frames > gfn_limit - first) {
		return GNOMON_INVAL;
	}
	if (id_taken(slots, slot->id) ||
	    overlaps(slots, 0, first, slot->frames)) {
		return GNOMON_EXISTS;
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

/* Those of the slot map nothing new. True: it is an alias. */
static bool retire(struct gn_slots_view *view, uint32_t id,
		   struct gnomon_slot *old)
{
	for (uint32_t i = 0; i < view->count; i++) {
		struct gn_slots_piece *p = &view->piece[i];

		if (p->id == id && !p->gone) {
			p->gone = true;
			*old = (struct gnomon_slot){
				.id = id, .flags = GNOMON_SLOT_ALIAS,
				.first = { p->first }, .frames = p->frames,
				.target = { p->memory },
			};
			return true;
		}
	}
	return false;
}

bool gn_slots_remove(struct gn_slots *slots, uint32_t id,
		     struct gnomon_slot *old)
{
	return remove_memory(slots, id, old) ||
	       retire(&slots->view[0], id, old);
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

/* ---- views --------------------------------------------------------------- */

static const struct gn_slots_piece *piece_of(const struct gn_slots *slots,
					     unsigned v, uint64_t gfn)
{
	const struct gn_slots_view *view = &slots->view[v];

	for (uint32_t i = 0; i < view->count; i++) {
		const struct gn_slots_piece *p = &view->piece[i];

		if (gfn - p->first < p->frames) {
			return p;
		}
	}
	return NULL;
}

uint64_t gn_slots_mapped_slow(const struct gn_slots *slots, unsigned view,
			      uint64_t gfn)
{
	const struct gn_slots_piece *p = piece_of(slots, view, gfn);

	return p ? p->memory + (gfn - p->first) : gfn;
}

uint64_t gn_slots_memory_slow(const struct gn_slots *slots, unsigned view,
			      uint64_t gfn)
{
	const struct gn_slots_piece *p = piece_of(slots, view, gfn);

	if (!p) {
		return gfn;
	}
	return p->gone ? gfn | GN_SLOTS_NOWHERE : p->memory + (gfn - p->first);
}

static bool shows(const struct gn_slots_piece *p,
		  const struct gn_slots_shown *it, uint64_t *first,
		  uint64_t *frames)
{
	uint64_t from = it->first > p->memory ? it->first : p->memory;
	uint64_t a = it->first + it->frames, b = p->memory + p->frames;
	uint64_t end = a < b ? a : b;

	if (from >= end) {
		return false;
	}
	*first = p->first + (from - p->memory);
	*frames = end - from;
	return true;
}

bool gn_slots_shown_next(const struct gn_slots *slots,
			 struct gn_slots_shown *it, uint64_t *first,
			 uint64_t *frames)
{
	const struct gn_slots_view *view = &slots->view[it->view];

	if (it->next == 0) {
		it->next++;
		*first = it->first;
		*frames = it->frames;
		return true;
	}
	while (it->next <= view->count) {
		if (shows(&view->piece[it->next++ - 1], it, first, frames)) {
			return true;
		}
	}
	return false;
}

/* Does the block around gfn show one block of memory? */
static bool shows_block(const struct gn_slots *slots, unsigned v, uint64_t gfn,
			unsigned order)
{
	const struct gn_slots_view *view = &slots->view[v];
	uint64_t frames = GN_BIT(order);
	uint64_t base = gn_align_down(gfn, frames);

	for (uint32_t i = 0; i < view->count; i++) {
		const struct gn_slots_piece *p = &view->piece[i];

		if (meets(base, frames, p->first, p->frames)) {
			return base >= p->first &&
			       base - p->first + frames <= p->frames &&
			       gn_is_aligned(p->first ^ p->memory, frames);
		}
	}
	return true;
}

uint8_t gn_slots_view_order(const struct gn_slots *slots, unsigned view,
			    uint64_t gfn, uint8_t order)
{
	unsigned o = order >= 18 ? 18 : order >= 9 ? 9 : 0;

	while (o && !shows_block(slots, view, gfn, o)) {
		o -= 9;
	}
	return (uint8_t)o;
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
