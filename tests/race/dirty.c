/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stores of two processors against a dirty log that is taken all the time: no
 * store may be in a frame that no copy of the log has named. Stores count up a
 * common number; a store that came before a take began, and after the last one
 * that named its frame had ended, must be named now. And the ring beside the
 * log has each frame once for each time that its bit was set.
 */
#include <sched.h>

#include "tests/race/rig.h"

#define ROUNDS 1000000u
#define LOGGED 128u
#define RING (2 * LOGGED)	/* set before a take, and again after it */

static uint64_t bitmap[LOGGED / 64];
static _Atomic uint64_t clock_now = 1;
static _Atomic uint64_t stored[LOGGED];	/* when last; 0: never */
static uint64_t named[LOGGED];		/* end of the last take that did */
static uint64_t entries[RING];
static struct gnomon_dirty_ring ring = { .entry = entries, .size = RING };
static unsigned in_ring[LOGGED];	/* and not yet in a copy */

static void both(struct rig_cpu *cpu)
{
	for (unsigned i = 0; i < ROUNDS && !rig_failed(); i++) {
		uint64_t r = rig_random(cpu), t = r % RIG_TABLES;
		uint64_t n = r >> 8 & (LOGGED - 1);
		bool write = r >> 20 & 3;
		enum gnomon_action action;
		struct rig_leaf leaf;

		if (!rig_reach(cpu, rig_gva(t, n),
			       write ? GNOMON_WRITE : GNOMON_READ, &leaf,
			       &action)) {
			rig_fail("a fault is not resolved", t, n);
			return;
		}
		if (write || leaf.writable) {
			atomic_store(&stored[n],
				     atomic_fetch_add(&clock_now, 1));
		}
		rig_leave(cpu);
	}
}

static void empty_ring(void)
{
	gnomon_gfn_t gfn;

	while (gnomon_dirty_ring_take(&ring, &gfn)) {
		if (gfn.v - RIG_DATA >= LOGGED) {
			rig_fail("the ring has what is not logged", gfn.v, 0);
			return;
		}
		in_ring[gfn.v - RIG_DATA]++;
	}
}

static void take(void)
{
	uint64_t copy[LOGGED / 64] = { 0 };
	struct gnomon_range range = { { RIG_DATA }, LOGGED };
	uint64_t before = atomic_load(&clock_now);

	if (gnomon_dirty_clear(rig_vm, 1, &range, copy, NULL) != GNOMON_OK) {
		rig_fail("dirty_clear", 0, 0);
	}
	uint64_t after = atomic_load(&clock_now);

	empty_ring();
	for (unsigned n = 0; n < LOGGED; n++) {
		uint64_t when = atomic_load(&stored[n]);

		if (copy[n / 64] >> n % 64 & 1) {
			named[n] = after;
			if (in_ring[n]-- == 0) {
				rig_fail("a bit was set without the ring", n,
					 0);
			}
		} else if (when && when < before && when > named[n]) {
			rig_fail("a store is in no copy of the log", n, when);
		}
	}
}

static void take_all(void)
{
	while (rig_running()) {
		take();
		sched_yield();
	}
	/* All stores have been made: nothing may be left unnamed. */
	take();
	for (unsigned n = 0; n < LOGGED; n++) {
		if (in_ring[n] || ring.lost) {
			rig_fail("too much in the ring", n, ring.lost);
		}
	}
}

int main(void)
{
	struct gnomon_dirty_log log = {
		.id = 1, .first = { RIG_DATA }, .frames = LOGGED,
		.bitmap = bitmap, .ring = &ring,
	};

	rig_start(&(struct rig_setup){ .options = GNOMON_OPT_ALL });
	for (uint64_t t = 0; t < RIG_TABLES; t++) {
		for (uint64_t j = 0; j < 512; j++) {
			rig_store8(rig_gpte(t, j),
				   (RIG_DATA + j) << 12 | RIG_ALL | RIG_A |
					   (j & 1 ? RIG_D : 0));
		}
	}
	if (gnomon_dirty_start(rig_vm, &log, NULL) != GNOMON_OK) {
		return 1;
	}
	rig_run(both, take_all);
	return rig_end("dirty");
}
