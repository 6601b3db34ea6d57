/* SPDX-License-Identifier: BSD-2-Clause */
/* I45: what may be a slot, and that a large leaf lies in one slot. */
#include <criterion/criterion.h>

#include "tests/support/guest.h"

static enum gnomon_status set(struct guest *g, uint32_t id, uint64_t first,
			      uint64_t frames)
{
	struct gnomon_slot slot = { .id = id, .first = { first },
				    .frames = frames };

	return gnomon_slot_set(g->vm, &slot);
}

Test(slots, overlap_is_refused_from_either_side)
{
	struct guest *g = guest_create(guest_defaults());

	cr_assert(set(g, 10, 8000, 10) == GNOMON_OK);
	cr_assert(set(g, 11, 8000, 10) == GNOMON_EXISTS);
	cr_assert(set(g, 11, 7999, 2) == GNOMON_EXISTS);
	cr_assert(set(g, 11, 8009, 1) == GNOMON_EXISTS);
	cr_assert(set(g, 11, 7000, 4000) == GNOMON_EXISTS);
	cr_assert(set(g, 10, 9000, 1) == GNOMON_EXISTS, "the id is taken");
	cr_assert(set(g, 11, 7999, 1) == GNOMON_OK);
	cr_assert(set(g, 12, 8010, 1) == GNOMON_OK);
	cr_assert(guest_destroy(g) == 0);
}

Test(slots, odd_ranges_are_refused)
{
	struct guest *g = guest_create(guest_defaults());
	uint64_t end = UINT64_C(1) << (40 - 12);

	cr_assert(set(g, 10, 8000, 0) == GNOMON_INVAL);
	cr_assert(set(g, GNOMON_SLOTS_MAX, 8000, 1) == GNOMON_INVAL);
	cr_assert(set(g, 10, end, 1) == GNOMON_INVAL);
	cr_assert(set(g, 10, end - 1, 2) == GNOMON_INVAL);
	cr_assert(set(g, 10, UINT64_MAX, 1) == GNOMON_INVAL);
	cr_assert(set(g, 10, 8000, UINT64_MAX) == GNOMON_INVAL);
	cr_assert(set(g, 10, 8000, UINT64_MAX - 7000) == GNOMON_INVAL);
	cr_assert(set(g, 10, end - 1, 1) == GNOMON_OK);
	cr_assert(guest_destroy(g) == 0);
}

/* The host says 2M, but the slot begins, or ends, in the middle. */
static void partly(uint64_t first, uint64_t frames, uint64_t touched)
{
	struct guest *g = guest_create(guest_defaults());
	uint64_t gva = UINT64_C(0x40000000);
	struct guest_access a;

	fh_frames(g->fh, 8192, 1024, (struct fh_frame){
		.kind = GNOMON_FRAME_RAM, .order = 9, .write = true });
	fh_slot(g->fh, 10, first, frames, 0, false);
	cr_assert(set(g, 10, first, frames) == GNOMON_OK);
	guest_map(g, g->root, gva, UINT64_C(8192) << 12, GUEST_RWU, 2);
	a = guest_access(g, 0, gva + ((touched - 8192) << 12), GNOMON_WRITE,
			 1);
	cr_assert(a.end == GUEST_DONE && a.gpa >> 12 == touched);
	for (uint64_t gfn = 8192; gfn < 8192 + 512; gfn++) {
		bool in = gfn - first < frames;

		a = guest_access(g, 0, gva + ((gfn - 8192) << 12),
				 GNOMON_READ, 0);
		cr_assert(a.end == (in ? GUEST_DONE : GUEST_MMIO));
	}
	cr_assert(guest_audit(g));
	cr_assert(guest_destroy(g) == 0);
}

/*
 * While its translations are still being dropped nothing may come into the
 * place of a slot, neither where that is done nor where it is not.
 */
Test(slots, nothing_new_before_all_is_dropped)
{
	for (unsigned mode = 0; mode < 2; mode++) {
		struct guest_options o = guest_defaults();
		uint64_t gva = UINT64_C(0x40000000);
		enum gnomon_status s;
		unsigned steps = 0;

		o.mode = mode;
		struct guest *g = guest_create(o);
		struct gnomon_slot slot = fh_slot(g->fh, 10, 8000, 64, 0,
						  true);

		cr_assert(gnomon_slot_set(g->vm, &slot) == GNOMON_OK);
		for (uint64_t i = 0; i < 64; i++) {
			guest_map(g, g->root, gva + (i << 12),
				  (8000 + i) << 12, GUEST_RWU, 1);
			guest_access(g, 0, gva + (i << 12), GNOMON_WRITE, 1);
		}
		do {
			uint32_t budget = 1;

			s = gnomon_slot_delete(g->vm, 10, &budget);
			cr_assert(s == GNOMON_OK ||
				  (set(g, 11, 8000, 1) == GNOMON_EXISTS &&
				   set(g, 11, 8063, 1) == GNOMON_EXISTS));
			steps++;
		} while (s == GNOMON_MORE);
		fh_slot_forget(g->fh, 10);
		cr_assert(s == GNOMON_OK && steps > 2);
		cr_assert(set(g, 11, 8000, 64) == GNOMON_OK);
		cr_assert(guest_destroy(g) == 0);
	}
}

Test(slots, large_leaf_stays_within_its_slot)
{
	partly(8192, 512, 8200);
	partly(8193, 700, 8200);
	partly(8000, 500, 8200);
}
