/* SPDX-License-Identifier: BSD-2-Clause */
/* Host changes, logs, memory and time: rules I42, I45 to I51. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/shadow/world.h"
#include "tests/support/seed.h"

#define ROOT UINT64_C(0x10000)
#define ALL (X86_PTE_P | X86_PTE_W | X86_PTE_U)
#define PAGES 600u		/* mapped from BASE on, over two tables */
#define BASE UINT64_C(0x10000000)

static struct world w;
static uint64_t bits[WORLD_FRAMES / 64];

static void begin(void)
{
	world_open(&w, NULL);
}

static void end(void)
{
	world_close(&w);
}

TestSuite(bounds, .init = begin, .fini = end);

static void map_pages(void)
{
	for (uint64_t i = 0; i < PAGES; i++) {
		world_map(&w, ROOT, BASE + (i << 12), (0x400 + i) << 12 | ALL,
			  1);
	}
	world_cr3(&w, 0, ROOT);
}

static void touch(uint32_t access)
{
	for (uint64_t i = 0; i < PAGES; i += 5) {
		cr_assert_eq(world_access(&w, 0, BASE + (i << 12), access, i),
			     WORLD_OK);
	}
}

Test(bounds, i42_no_frame_is_mapped_during_a_host_change)
{
	map_pages();
	touch(GNOMON_WRITE);
	cr_assert_eq(gnomon_host_change_begin(w.vm, (gnomon_gfn_t){ 0x400 }, 8,
					      NULL),
		     GNOMON_OK);
	cr_assert_eq(world_access(&w, 0, BASE, GNOMON_READ, 0), WORLD_STOPPED);
	cr_assert_eq(w.last.action, GNOMON_RETRY);
	cr_assert_eq(world_access(&w, 0, BASE + 0x9000, GNOMON_READ, 0),
		     WORLD_OK);
	fh_frames(w.fh, 0x400, 512,
		  (struct fh_frame){ .kind = GNOMON_FRAME_RAM,
				     .order = 9 });
	cr_assert_eq(gnomon_host_change_end(w.vm, (gnomon_gfn_t){ 0x400 }, 8),
		     GNOMON_OK);
	cr_assert_eq(world_access(&w, 0, BASE, GNOMON_READ, 0), WORLD_OK);
	cr_assert_eq(world_access(&w, 0, BASE, GNOMON_WRITE, 0), WORLD_MMIO);
	/* The rest of the block changed without notice: give it back. */
	fh_frames(w.fh, 0x408, 504,
		  (struct fh_frame){ .kind = GNOMON_FRAME_RAM,
				     .order = 9,
				     .write = true });
	cr_assert_eq(gnomon_host_change_end(w.vm, (gnomon_gfn_t){ 0x400 }, 8),
		     GNOMON_INVAL);
}

Test(bounds, i45_slots_do_not_overlap_wrap_or_repeat)
{
	struct gnomon_slot s = { .id = 0, .first = { 0x10000 }, .frames = 1 };

	cr_assert_eq(gnomon_slot_set(w.vm, &s), GNOMON_EXISTS);
	s.id = 1;
	s.first.v = WORLD_FRAMES - 1;
	cr_assert_eq(gnomon_slot_set(w.vm, &s), GNOMON_EXISTS);
	s.first.v = 0x10000;
	s.frames = 0;
	cr_assert_eq(gnomon_slot_set(w.vm, &s), GNOMON_INVAL);
	s.frames = UINT64_MAX;
	cr_assert_eq(gnomon_slot_set(w.vm, &s), GNOMON_INVAL);
	s.id = GNOMON_SLOTS_MAX;
	s.frames = 1;
	cr_assert_eq(gnomon_slot_set(w.vm, &s), GNOMON_INVAL);
	cr_assert_eq(gnomon_slot_delete(w.vm, GNOMON_SLOTS_MAX, NULL),
		     GNOMON_INVAL);
	cr_assert_eq(gnomon_slot_delete(w.vm, 7, NULL), GNOMON_INVAL);
}

Test(bounds, i46_every_write_is_logged)
{
	struct gnomon_dirty_log log = {
		.id = 0, .frames = WORLD_FRAMES, .bitmap = bits,
	};
	struct gnomon_range all = { { 0 }, WORLD_FRAMES };
	uint64_t copy[WORLD_FRAMES / 64] = { 0 };

	memset(bits, 0, sizeof(bits));
	map_pages();
	touch(GNOMON_READ);
	cr_assert_eq(gnomon_dirty_start(w.vm, &log, NULL), GNOMON_OK);
	w.dirty = bits;
	touch(GNOMON_READ);
	cr_assert_eq(bits[0x400 / 64], 0);
	touch(GNOMON_WRITE);
	for (uint64_t i = 0; i < PAGES; i++) {
		uint64_t bit = bits[(0x400 + i) / 64] >> (0x400 + i) % 64 & 1;

		cr_assert_eq(bit, i % 5 == 0);
	}
	/* The D bits that the walk set in the guest's tables count as well. */
	uint64_t table = world_entry(&w, ROOT, BASE, 1) >> 12;

	cr_assert(bits[table / 64] >> table % 64 & 1);
	cr_assert_eq(gnomon_dirty_clear(w.vm, 0, &all, copy, NULL), GNOMON_OK);
	cr_assert_eq(copy[0x400 / 64] & 1, 1);
	cr_assert_eq(bits[0x400 / 64], 0);
	touch(GNOMON_WRITE);
	cr_assert_eq(bits[0x400 / 64] & 1, 1);
}

Test(bounds, i47_logs_are_serialised)
{
	struct gnomon_dirty_log log = {
		.id = 2, .first = { 0x400 }, .frames = 64, .bitmap = bits,
	};
	struct gnomon_range range = { { 0x400 }, 65 };
	uint32_t one = 1;

	memset(bits, 0, sizeof(bits));
	map_pages();
	touch(GNOMON_WRITE);
	cr_assert_eq(gnomon_dirty_clear(w.vm, 2, &range, NULL, NULL),
		     GNOMON_INVAL);
	cr_assert_eq(gnomon_dirty_start(w.vm, &log, &one), GNOMON_MORE);
	log.frames = 32;
	cr_assert_eq(gnomon_dirty_start(w.vm, &log, NULL), GNOMON_EXISTS);
	log.frames = 64;
	cr_assert_eq(gnomon_dirty_start(w.vm, &log, NULL), GNOMON_OK);
	cr_assert_eq(gnomon_dirty_start(w.vm, &log, NULL), GNOMON_EXISTS);
	cr_assert_eq(gnomon_dirty_clear(w.vm, 2, &range, NULL, NULL),
		     GNOMON_INVAL);
	cr_assert_eq(gnomon_dirty_stop(w.vm, 2), GNOMON_OK);
	cr_assert_eq(gnomon_dirty_stop(w.vm, 2), GNOMON_INVAL);
}

/* A little of everything, whatever the host refuses. */
static void scenario(struct world *x)
{
	for (uint64_t i = 0; i < 40; i++) {
		uint64_t gva = (i % 7) << 39 | (i % 5) << 30 | i << 12;

		world_map(x, ROOT, gva, (0x500 + i) << 12 | ALL, 1);
		world_access(x, 0, gva, i & 1 ? GNOMON_WRITE : GNOMON_READ, i);
		world_store(x, world_entry(x, ROOT, gva, 1), 0);
		gnomon_invlpg(x->vcpu[0], (gnomon_gva_t){ gva });
	}
	world_load(x, 0, GNOMON_SET_CR3);
}

Test(bounds, i48_the_nth_callback_fails)
{
	for (uint64_t n = 1;; n++) {
		struct world x;

		world_open(&x, NULL);
		x.regs[0].cr3 = ROOT;
		x.fh->fail_at = x.fh->calls_all + n;
		while (world_load(&x, 0, GNOMON_SET_CR3) == GNOMON_NOMEM) {
			cr_assert(x.fh->fail_hit);
		}
		scenario(&x);
		world_audit(&x, GNOMON_AUDIT_GUEST);
		bool hit = x.fh->fail_hit;

		x.fh->fail_at = 0;
		world_close(&x);
		if (!hit) {
			cr_assert_gt(n, 50);
			break;
		}
	}
}

/* A CR3 load that finds no memory leaves the vcpu where it was. */
Test(bounds, i13_a_load_without_memory_changes_nothing)
{
	unsigned refused = 0;

	for (uint64_t n = 1;; n++) {
		struct world x;

		world_open(&x, NULL);
		world_cr3(&x, 0, ROOT);
		world_map(&x, ROOT, 0x7000, 0x600000 | ALL, 1);
		uint32_t pages = UINT32_MAX;

		cr_assert_eq(gnomon_shrink(x.vm, &pages, NULL), GNOMON_OK);
		x.regs[0].cr3 = 0xe00000;
		x.fh->fail_at = x.fh->calls_all + n;
		enum gnomon_status status = world_load(&x, 0, GNOMON_SET_CR3);
		bool hit = x.fh->fail_hit;

		x.fh->fail_at = 0;
		if (status == GNOMON_NOMEM) {
			refused++;
			x.regs[0].cr3 = ROOT;
			cr_assert_eq(world_access(&x, 0, 0x7000, GNOMON_WRITE,
						  1), WORLD_OK);
		}
		world_close(&x);
		if (!hit) {
			break;
		}
	}
	cr_assert_gt(refused, 0);
}

Test(bounds, i49_no_memory_leaves_a_usable_engine)
{
	struct world x;

	world_open(&x, NULL);
	world_cr3(&x, 0, ROOT);
	x.fh->live_max = x.fh->live[0] + x.fh->live[1];
	scenario(&x);
	world_audit(&x, GNOMON_AUDIT_GUEST);
	x.fh->live_max = 0;
	world_map(&x, ROOT, 0x7000, 0x600000 | ALL, 1);
	cr_assert_eq(world_access(&x, 0, 0x7000, GNOMON_WRITE, 1), WORLD_OK);
	world_close(&x);
}

static void one_page_works(enum gnomon_status status, uint64_t round)
{
	uint64_t gva = BASE + (round % PAGES << 12);

	cr_assert(status == GNOMON_OK || status == GNOMON_MORE);
	cr_assert_neq(world_access(&w, 0, gva, GNOMON_READ, 0), WORLD_WRONG);
}

/* Each call with a budget of one step, the guest running in between. */
Test(bounds, i50_every_long_call_is_resumable)
{
	struct gnomon_range range = { { 0 }, WORLD_FRAMES };
	struct gnomon_dirty_log log = {
		.id = 0, .frames = WORLD_FRAMES, .bitmap = bits,
	};
	uint64_t young = 0;
	enum gnomon_status status;
	uint32_t one, rounds = 0;

	memset(bits, 0, sizeof(bits));
	map_pages();
	touch(GNOMON_WRITE);
#define STEP(call) \
	do { \
		one = 1; \
		status = (call); \
		one_page_works(status, rounds++); \
	} while (status == GNOMON_MORE)
	STEP(gnomon_young(w.vm, &range, true, &young, &one));
	cr_assert_gt(young, PAGES / 5);
	STEP(gnomon_dirty_start(w.vm, &log, &one));
	range = (struct gnomon_range){ { 0 }, WORLD_FRAMES };
	STEP(gnomon_dirty_clear(w.vm, 0, &range, NULL, &one));
	cr_assert_eq(gnomon_dirty_stop(w.vm, 0), GNOMON_OK);
	range = (struct gnomon_range){ { 0 }, WORLD_FRAMES };
	STEP(gnomon_collapse(w.vm, &range, &one));
	range = (struct gnomon_range){ { 0x400 }, 64 };
	STEP(gnomon_watch(w.vm, &range, 0, &one));
	uint32_t pages = 4;

	STEP(gnomon_shrink(w.vm, &pages, &one));
	STEP(gnomon_host_change_begin(w.vm, (gnomon_gfn_t){ 0x500 }, 64,
				      &one));
	cr_assert_eq(gnomon_host_change_end(w.vm, (gnomon_gfn_t){ 0x500 }, 64),
		     GNOMON_OK);
	STEP(gnomon_zap_all(w.vm, &one));
	/* The guest has nothing to run on meanwhile. */
	do {
		one = 1;
		rounds++;
	} while ((status = gnomon_slot_delete(w.vm, 0, &one)) == GNOMON_MORE);
	cr_assert_eq(status, GNOMON_OK);
	fh_slot_forget(w.fh, 0);
	cr_assert_gt(rounds, 500);
}

Test(bounds, zap_all_costs_the_same_for_many_tables)
{
	map_pages();
	touch(GNOMON_READ);
	uint64_t zapped = world_stats(&w).mmu_shadow_zapped;

	cr_assert_eq(gnomon_zap_all(w.vm, NULL), GNOMON_OK);
	/* Nothing is taken apart at once ... */
	cr_assert_eq(world_stats(&w).mmu_shadow_zapped, zapped);
	world_audit(&w, GNOMON_AUDIT_GUEST);
	touch(GNOMON_WRITE);
	/* ... but it is all gone in the end. */
	cr_assert_gt(world_stats(&w).mmu_shadow_zapped, zapped);
	world_audit(&w, GNOMON_AUDIT_GUEST);
}

/* A guest that switches between address spaces and does nothing else. */
Test(bounds, zap_all_and_loads_of_roots_leave_no_pages)
{
	for (unsigned i = 0; i < 100; i++) {
		cr_assert_eq(gnomon_zap_all(w.vm, NULL), GNOMON_OK);
		for (unsigned r = 0; r < 4; r++) {
			world_cr3(&w, 0, ROOT + r * 4096);
		}
	}
	/* Four roots, four old ones, and those that wait for a flush. */
	cr_assert_leq(world_stats(&w).shadow_pages, 16);
	world_audit(&w, GNOMON_AUDIT_GUEST);
}

/* What the guest can tell from one run. */
static uint64_t guest_view(uint32_t options, uint32_t pages)
{
	struct gnomon_config config = world_config();
	struct test_rng rng = test_rng_init(test_seed());
	uint64_t hash = 0;
	struct world x;

	config.options = options;
	config.table_pages_max = pages;
	world_open(&x, &config);
	world_cr3(&x, 0, ROOT);
	for (unsigned i = 0; i < 3000; i++) {
		uint64_t gva = test_rng_below(&rng, 4) << 30 |
			       test_rng_below(&rng, 3) << 21 |
			       test_rng_below(&rng, 8) << 12;
		uint64_t gpa = (0x400 + test_rng_below(&rng, 64)) << 12;
		uint32_t access = (uint32_t)test_rng_below(&rng, 6);
		enum world_end e;

		access = (access & 3) == 3 ? GNOMON_WRITE : access;
		if (test_rng_below(&rng, 3) == 0) {
			world_map(&x, ROOT, gva,
				  gpa | test_rng_below(&rng, 8), 1);
			gnomon_invlpg(x.vcpu[0], (gnomon_gva_t){ gva });
		}
		e = world_access(&x, 0, gva, access, i);
		hash = hash * 31 + (uint64_t)e * 7 +
		       (e == WORLD_INJECTED ? x.last.error_code : 0);
		if (i % 100 == 0) {
			world_cr3(&x, 0, ROOT);
		}
	}
	for (uint64_t gpa = 0x400000; gpa < 0x440000; gpa += 8) {
		hash = hash * 31 + fh_load(x.fh, gpa, 8);
	}
	world_close(&x);
	return hash;
}

Test(bounds, i51_no_option_shows_to_the_guest)
{
	uint64_t all = guest_view(GNOMON_OPT_ALL, 0);

	cr_assert_eq(guest_view(GNOMON_OPT_ALL, 32), all);
	for (uint32_t mask = 0; mask < 32; mask++) {
		cr_assert_eq(guest_view(mask, 0), all, "options %#x", mask);
	}
}
