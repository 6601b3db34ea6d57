/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processors store to pages while a kernel thread collects dirty bits: it takes
 * D out of a gpte by a LOCKed store (which the VMM emulates while the table is
 * traced), flushes on both, and takes what it found for the truth. A store that
 * was made before the collection began and is not in what it, or an earlier
 * one, found would never reach the disk.
 */
#include <sched.h>

#include "tests/race/rig.h"

#define ROUNDS 40000u
#define PAGES 512u
#define TABLE 0u

static _Atomic uint64_t clock_now = 1;
static _Atomic uint64_t stored[PAGES];	/* when last; 0: never */
static uint64_t found[PAGES];		/* end of the last collection with D */
static atomic_uint flush_asked, flush_done[2];

/* The interrupt by which the other one asks for a flush. */
static void serve(struct rig_cpu *cpu)
{
	unsigned asked = atomic_load(&flush_asked);

	if (asked != atomic_load(&flush_done[cpu->id])) {
		rig_reload(cpu);
		atomic_store(&flush_done[cpu->id], asked);
	}
}

static void flush_all(void)
{
	unsigned asked = atomic_fetch_add(&flush_asked, 1) + 1;

	for (int i = 0; i < 2; i++) {
		while (atomic_load(&flush_done[i]) != asked &&
		       rig_running()) {
			sched_yield();
		}
	}
}

static void both(struct rig_cpu *cpu)
{
	for (unsigned i = 0; i < ROUNDS && !rig_failed(); i++) {
		uint64_t r = rig_random(cpu), n = r % PAGES;
		bool write = r >> 10 & 3;
		enum gnomon_action action;
		struct rig_leaf leaf;

		serve(cpu);
		if (!rig_reach(cpu, rig_gva(TABLE, n),
			       write ? GNOMON_WRITE : GNOMON_READ, &leaf,
			       &action)) {
			rig_fail("a fault is not resolved", n, action);
			return;
		}
		if (write) {
			atomic_store(&stored[n],
				     atomic_fetch_add(&clock_now, 1));
		}
		rig_leave(cpu);
		/* Few stores to a page between two collections: each counts. */
		sched_yield();
	}
}

/* D of the page as it was; it is clear afterwards. */
static bool take_dirty(uint64_t n)
{
	gnomon_gpa_t gpa = { rig_gpte(TABLE, n) };
	uint64_t expected = rig_load8(gpa.v), old = expected;

	do {
		expected = old;
		/* Time for another processor to set D again. */
		if (n % 4 == 0) {
			sched_yield();
		}
		if (gnomon_cmpxchg(rig_vm, NULL, gpa, 8, &old,
				   expected & ~(uint64_t)RIG_D) != GNOMON_OK) {
			rig_fail("a LOCKed store is refused", n, old);
			return true;
		}
	} while (old != expected);
	return old & RIG_D;
}

static void collect(void)
{
	uint64_t before = atomic_load(&clock_now), seen[PAGES];
	bool dirty[PAGES];

	for (uint64_t n = 0; n < PAGES; n++) {
		seen[n] = atomic_load(&stored[n]);
		dirty[n] = take_dirty(n);
	}
	flush_all();
	uint64_t after = atomic_load(&clock_now);

	for (uint64_t n = 0; n < PAGES; n++) {
		if (dirty[n]) {
			found[n] = after;
		} else if (seen[n] && seen[n] < before &&
			   seen[n] > found[n]) {
			rig_fail("a store left no dirty bit", n, seen[n]);
		}
	}
}

static void collect_all(void)
{
	while (rig_running()) {
		collect();
	}
}

int main(void)
{
	rig_start(&(struct rig_setup){
		.options = (uint32_t)GNOMON_OPT_ALL &
			   ~(uint32_t)GNOMON_OPT_UNSYNC,
	});
	for (uint64_t n = 0; n < PAGES; n++) {
		rig_store8(rig_gpte(TABLE, n),
			   (RIG_DATA + n) << 12 | RIG_ALL);
	}
	rig_run(both, collect_all);
	return rig_end("ad");
}
