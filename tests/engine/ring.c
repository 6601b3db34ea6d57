/* SPDX-License-Identifier: BSD-2-Clause */
/* The ring beside a dirty log: each frame once, in order, and what is lost. */
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/guest.h"

#define DATA UINT64_C(0x600000)		/* gfn 700 and on */
#define FIRST 700u
#define FRAMES 64u

static uint64_t bitmap[(FRAMES + 63) / 64], entries[64];
static struct gnomon_dirty_ring ring;

static struct guest *make(enum gnomon_mode mode)
{
	struct guest_options o = guest_defaults();

	o.mode = mode;
	struct guest *g = guest_create(o);

	for (uint64_t i = 0; i < FRAMES; i++) {
		guest_map(g, g->root, DATA + (i << 12), (FIRST + i) << 12,
			  GUEST_RWU, 1);
	}
	memset(bitmap, 0, sizeof(bitmap));
	memset(entries, 0, sizeof(entries));
	return g;
}

static enum gnomon_status start(struct guest *g, uint32_t size, uint32_t flags)
{
	struct gnomon_dirty_log log = {
		.flags = flags, .first = { FIRST }, .frames = FRAMES,
		.bitmap = bitmap, .ring = &ring,
	};

	ring = (struct gnomon_dirty_ring){ .entry = entries, .size = size };
	return gnomon_dirty_start(g->vm, &log, NULL);
}

static void store(struct guest *g, uint64_t page)
{
	struct guest_access a = guest_access(g, 0, DATA + (page << 12),
					     GNOMON_WRITE, 1);

	cr_assert_eq(a.end, GUEST_DONE);
}

static void clear(struct guest *g)
{
	struct gnomon_range all = { { FIRST }, FRAMES };

	cr_assert_eq(gnomon_dirty_clear(g->vm, 0, &all, NULL, NULL),
		     GNOMON_OK);
}

/* The next entry is that page; FRAMES: there is none. */
static void next(uint64_t page)
{
	gnomon_gfn_t gfn;
	bool got = gnomon_dirty_ring_take(&ring, &gfn);

	cr_assert_eq(got, page < FRAMES);
	cr_assert(!got || gfn.v == FIRST + page);
}

static void in_order(enum gnomon_mode mode)
{
	struct guest *g = make(mode);
	uint64_t value = 1;

	cr_assert_eq(start(g, 64, 0), GNOMON_OK);
	next(FRAMES);
	store(g, 5);
	store(g, 2);
	store(g, 5);
	next(5);
	next(2);
	next(FRAMES);
	/* Noted, so not again; what the VMM stores counts like the guest's. */
	store(g, 2);
	next(FRAMES);
	cr_assert_eq(gnomon_write(g->vm, NULL,
				  (gnomon_gpa_t){ (FIRST + 9) << 12 }, &value,
				  8), GNOMON_OK);
	next(9);
	clear(g);
	store(g, 2);
	next(2);
	next(FRAMES);
	cr_assert_eq(ring.lost, 0);
	cr_assert_eq(gnomon_dirty_stop(g->vm, 0), GNOMON_OK);
	store(g, 3);
	next(FRAMES);
	cr_assert_eq(guest_destroy(g), 0);
}

Test(ring, each_frame_comes_once_in_order)
{
	in_order(GNOMON_MODE_SHADOW);
	in_order(GNOMON_MODE_NESTED);
}

/* A ring that is full loses entries and nothing of the bitmap. */
Test(ring, what_finds_no_room_is_counted_and_in_the_bitmap)
{
	struct guest *g = make(GNOMON_MODE_SHADOW);

	cr_assert_eq(start(g, 4, 0), GNOMON_OK);
	for (uint64_t page = 0; page < 6; page++) {
		store(g, page);
	}
	cr_assert_eq(ring.lost, 2);
	cr_assert_eq(bitmap[0], 63);
	/* Room again, many times around. */
	for (uint64_t page = 0; page < 4; page++) {
		next(page);
	}
	next(FRAMES);
	for (uint64_t page = 10; page < 40; page++) {
		store(g, page);
		next(page);
	}
	cr_assert_eq(ring.lost, 2);
	cr_assert_eq(entries[4], 0, "beyond its end");
	cr_assert_eq(guest_destroy(g), 0);
}

Test(ring, counts_may_wrap)
{
	struct guest *g = make(GNOMON_MODE_SHADOW);

	cr_assert_eq(start(g, 4, 0), GNOMON_OK);
	ring.put = ring.taken = UINT32_MAX - 1;
	for (uint64_t page = 0; page < 5; page++) {
		store(g, page);
	}
	cr_assert_eq(ring.lost, 1);
	for (uint64_t page = 0; page < 4; page++) {
		next(page);
	}
	next(FRAMES);
	cr_assert_eq(guest_destroy(g), 0);
}

/* All set at first: nothing is new before a clear. */
Test(ring, begins_empty_where_all_is_set)
{
	struct guest *g = make(GNOMON_MODE_SHADOW);

	memset(bitmap, 0xff, sizeof(bitmap));
	cr_assert_eq(start(g, 64, GNOMON_DIRTY_INITIALLY_SET), GNOMON_OK);
	store(g, 1);
	next(FRAMES);
	clear(g);
	store(g, 1);
	next(1);
	cr_assert_eq(guest_destroy(g), 0);
}

/* What the CPU has noted comes when it is taken over. */
Test(ring, the_cpu_s_log_comes_with_its_harvest)
{
	struct guest *g = make(GNOMON_MODE_NESTED);

	cr_assert_eq(start(g, 64, GNOMON_DIRTY_BY_CPU), GNOMON_OK);
	store(g, 1);
	next(1);
	clear(g);
	store(g, 1);
	clear(g);
	next(1);
	next(FRAMES);
	cr_assert_eq(guest_destroy(g), 0);
}

Test(ring, odd_rings_are_refused)
{
	struct guest *g = make(GNOMON_MODE_SHADOW);
	struct gnomon_dirty_log log = {
		.first = { FIRST }, .frames = FRAMES, .bitmap = bitmap,
		.ring = &ring,
	};

	cr_assert_eq(start(g, 0, 0), GNOMON_INVAL);
	cr_assert_eq(start(g, 24, 0), GNOMON_INVAL);
	cr_assert_eq(start(g, 1u << 31, 0), GNOMON_INVAL);
	ring = (struct gnomon_dirty_ring){ .size = 64 };
	cr_assert_eq(gnomon_dirty_start(g->vm, &log, NULL), GNOMON_INVAL);
	cr_assert_eq(start(g, 1, 0), GNOMON_OK);
	store(g, 7);
	next(7);
	cr_assert_eq(guest_destroy(g), 0);
}
