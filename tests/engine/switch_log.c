/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the VMM has asked for, over a change of modes: dirty logs of both
 * kinds, watches, host changes, the age of frames.
 */
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/guest.h"

#define BOTH (1u << GNOMON_MODE_SHADOW | 1u << GNOMON_MODE_NESTED)
#define DATA UINT64_C(0x600000)		/* gfn 700 and on */
#define LARGE UINT64_C(0x40000000)	/* gfn 1024 and on, a page of 2M */
#define FRAMES 3072u

static uint64_t bitmap[FRAMES / 64];

static struct guest *make(enum gnomon_mode mode)
{
	struct guest_options o = guest_defaults();

	o.mode = mode;
	o.modes = BOTH;
	struct guest *g = guest_create(o);

	for (uint64_t i = 0; i < 8; i++) {
		guest_map(g, g->root, DATA + (i << 12), (700 + i) << 12,
			  GUEST_RWU, 1);
	}
	guest_map(g, g->root, LARGE, UINT64_C(1024) << 12, GUEST_RWU, 2);
	g->audits = GNOMON_AUDIT_FULL;
	memset(bitmap, 0, sizeof(bitmap));
	return g;
}

static unsigned touch(struct guest *g, uint64_t gva, uint32_t access)
{
	struct guest_access a = guest_access(g, 0, gva, access, 1);

	cr_assert(a.end == GUEST_DONE);
	return a.faults;
}

static bool in_log(uint64_t gfn)
{
	return bitmap[gfn / 64] >> gfn % 64 & 1;
}

static void start(struct guest *g, uint32_t flags)
{
	struct gnomon_dirty_log log = { .flags = flags, .frames = FRAMES,
					.bitmap = bitmap };
	enum gnomon_status s;

	do {
		uint32_t budget = 7;

		s = gnomon_dirty_start(g->vm, &log, &budget);
	} while (s == GNOMON_MORE);
	cr_assert(s == GNOMON_OK);
}

static uint64_t clear(struct guest *g, uint64_t *copy)
{
	struct gnomon_range range = { { 0 }, FRAMES };
	enum gnomon_status s;
	uint64_t count = 0;

	memset(copy, 0, sizeof(bitmap));
	do {
		uint32_t budget = 3;

		s = gnomon_dirty_clear(g->vm, 0, &range, copy, &budget);
	} while (s == GNOMON_MORE);
	cr_assert(s == GNOMON_OK && guest_audit(g));
	for (unsigned i = 0; i < FRAMES / 64; i++) {
		count += (unsigned)__builtin_popcountll(copy[i]);
	}
	return count;
}

static bool has(const uint64_t *copy, uint64_t gfn)
{
	return copy[gfn / 64] >> gfn % 64 & 1;
}

static void go(struct guest *g, enum gnomon_mode mode)
{
	cr_assert(guest_switch(g, 0, mode, 2) == GNOMON_OK);
	cr_assert(guest_is_nested(g, 0) == (mode == GNOMON_MODE_NESTED));
}

/* Every write of a round is in the copy, whatever mode it was made in. */
static void log_over_switches(uint32_t flags)
{
	struct guest *g = make(GNOMON_MODE_SHADOW);
	uint64_t copy[FRAMES / 64];

	touch(g, DATA, GNOMON_WRITE);
	touch(g, LARGE, GNOMON_WRITE);
	start(g, flags);
	for (unsigned round = 0; round < 4; round++) {
		touch(g, DATA + 4096, GNOMON_READ);
		go(g, round & 1 ? GNOMON_MODE_SHADOW : GNOMON_MODE_NESTED);
		touch(g, DATA + 8192, GNOMON_WRITE);
		touch(g, LARGE + 0x5000, GNOMON_WRITE);
		go(g, round & 1 ? GNOMON_MODE_NESTED : GNOMON_MODE_SHADOW);
		touch(g, DATA + 12288, GNOMON_WRITE);
		clear(g, copy);
		cr_assert(has(copy, 702) && has(copy, 703) &&
			  has(copy, 1029), "round %u", round);
		cr_assert(!has(copy, 701) && !has(copy, 704) &&
			  !has(copy, 1030), "round %u", round);
	}
	cr_assert(gnomon_dirty_stop(g->vm, 0) == GNOMON_OK);
	cr_assert(guest_destroy(g) == 0);
}

Test(switch_log, logs_go_on)
{
	log_over_switches(0);
	log_over_switches(GNOMON_DIRTY_BY_CPU);
}

Test(switch_log, the_cpu_keeps_the_log_on_nested_tables)
{
	struct guest *g = make(GNOMON_MODE_NESTED);
	uint64_t copy[FRAMES / 64];

	touch(g, DATA, GNOMON_WRITE);
	start(g, GNOMON_DIRTY_BY_CPU);
	cr_assert(touch(g, DATA, GNOMON_WRITE) == 1);
	clear(g, copy);
	cr_assert(has(copy, 700));
	for (unsigned i = 0; i < 3; i++) {
		/* No exit, and in the log none the less. */
		cr_assert(touch(g, DATA, GNOMON_WRITE) == 0);
		cr_assert(!in_log(700));
		clear(g, copy);
		cr_assert(has(copy, 700));
		clear(g, copy);
		cr_assert(!has(copy, 700));
	}
	/* What the leaf knew does not go with it. */
	touch(g, DATA, GNOMON_WRITE);
	cr_assert(gnomon_host_change_begin(g->vm, (gnomon_gfn_t){ 700 }, 1,
					   NULL) == GNOMON_OK);
	cr_assert(in_log(700));
	cr_assert(gnomon_host_change_end(g->vm, (gnomon_gfn_t){ 700 }, 1) ==
		  GNOMON_OK);
	touch(g, DATA, GNOMON_WRITE);
	clear(g, copy);
	touch(g, DATA, GNOMON_WRITE);
	cr_assert(gnomon_zap_all(g->vm, NULL) == GNOMON_OK && in_log(700));
	/* One kind at a time. */
	struct gnomon_dirty_log other = { .id = 1, .frames = 64,
					  .bitmap = copy };

	cr_assert(gnomon_dirty_start(g->vm, &other, NULL) == GNOMON_EXISTS);
	cr_assert(gnomon_dirty_stop(g->vm, 0) == GNOMON_OK);
	cr_assert(guest_destroy(g) == 0);
}

static enum gnomon_action fault(struct guest *g, uint64_t gva, uint64_t gpa,
				uint32_t access)
{
	struct gnomon_fault f = { .gva = { gva }, .gpa = { gpa },
				  .access = access,
				  .nested = guest_is_nested(g, 0) };
	struct gnomon_outcome out;

	gnomon_fault(g->vcpu[0], &f, &out);
	return out.action;
}

Test(switch_log, watches_hold_in_both)
{
	static const uint32_t access[] = { GNOMON_READ, GNOMON_WRITE,
					   GNOMON_EXEC };
	struct guest *g = make(GNOMON_MODE_SHADOW);

	for (unsigned watch = 1; watch < 8; watch++) {
		struct gnomon_range range = { { 701 }, 1 };

		cr_assert(gnomon_watch(g->vm, &range, watch, NULL) ==
			  GNOMON_OK);
		for (unsigned m = 0; m < 2; m++) {
			go(g, m ? GNOMON_MODE_NESTED : GNOMON_MODE_SHADOW);
			/* The guest's own tables are walked first. */
			touch(g, DATA, GNOMON_READ);
			for (unsigned i = 0; i < 3; i++) {
				bool seen = watch & (1u << i | 1u);

				cr_assert((fault(g, DATA + 4096,
						 UINT64_C(701) << 12,
						 access[i]) ==
					   GNOMON_TRACKED) == seen);
			}
		}
		range = (struct gnomon_range){ { 701 }, 1 };
		cr_assert(gnomon_watch(g->vm, &range, 0, NULL) == GNOMON_OK);
		touch(g, DATA + 4096, GNOMON_WRITE);
		touch(g, DATA + 4096, GNOMON_EXEC);
	}
	cr_assert(guest_destroy(g) == 0);
}

Test(switch_log, host_changes_and_ages_reach_both)
{
	struct guest *g = make(GNOMON_MODE_SHADOW);
	struct gnomon_range all = { { 0 }, 1024 };
	uint64_t young = 0;

	/* One page in each hierarchy, and one in both. */
	touch(g, DATA, GNOMON_WRITE);
	touch(g, DATA + 4096, GNOMON_WRITE);
	cr_assert(guest_switch(g, g->root, GNOMON_MODE_NESTED, 0) == GNOMON_OK);
	touch(g, DATA + 4096, GNOMON_READ);
	touch(g, DATA + 8192, GNOMON_READ);
	cr_assert(gnomon_young(g->vm, &all, false, &young, NULL) == GNOMON_OK);
	cr_assert(young >= 2, "%lu", young);
	for (enum gnomon_status s = GNOMON_MORE; s == GNOMON_MORE;) {
		uint32_t budget = 5;

		s = gnomon_host_change_begin(g->vm, (gnomon_gfn_t){ 700 }, 4,
					     &budget);
	}
	for (uint64_t i = 0; i < 4; i++) {
		g->fh->frame[700 + i].moved = true;
	}
	cr_assert(fault(g, DATA + 4096, UINT64_C(701) << 12, GNOMON_READ) ==
		  GNOMON_RETRY);
	cr_assert(gnomon_host_change_end(g->vm, (gnomon_gfn_t){ 700 }, 4) ==
		  GNOMON_OK);
	cr_assert(guest_audit(g));
	touch(g, DATA + 4096, GNOMON_WRITE);
	cr_assert(guest_switch(g, 0, GNOMON_MODE_SHADOW, 1) == GNOMON_OK);
	touch(g, DATA + 4096, GNOMON_WRITE);
	uint32_t pages = 1000;

	cr_assert(gnomon_shrink(g->vm, &pages, NULL) == GNOMON_OK);
	cr_assert(guest_audit(g));
	touch(g, DATA, GNOMON_WRITE);
	cr_assert(guest_destroy(g) == 0);
}

Test(switch_log, a_refused_npte_is_reported)
{
	struct guest *g = make(GNOMON_MODE_NESTED);
	struct gnomon_fault f = { .gpa = { UINT64_C(700) << 12 },
				  .nested = true, .misconfig = true };
	struct gnomon_outcome out;
	struct gnomon_stats s;

	touch(g, DATA, GNOMON_WRITE);
	gnomon_fault(g->vcpu[0], &f, &out);
	cr_assert(out.action == GNOMON_RESUME &&
		  out.kind == GNOMON_KIND_SPURIOUS);
	gnomon_vm_stats(g->vm, &s, sizeof(s));
	cr_assert(s.misconfigs == 1);
	cr_assert(guest_destroy(g) == 0);
}
