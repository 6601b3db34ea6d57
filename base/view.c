/* SPDX-License-Identifier: BSD-2-Clause */
/* Which memory guest frames show, and where memory shows. */
#include "base/bits.h"
#include "base/slots.h"

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

		if (gn_slots_meet(base, frames, p->first, p->frames)) {
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
