/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An instruction that needs two pages: a store across both, or code in one
 * that stores to the other. The processor translates both before it stores
 * anything; a fault names the page that it is about.
 */
#include "tests/diff/access.h"

#include <inttypes.h>

/* 1: the processor may store there; 0: it faulted; -1: the access is over. */
static int translate(struct attempt *a, struct hw_result *hw)
{
	struct world *w = a->w;

	hw_access(&w->cpu[a->vcpu], &w->regs[a->vcpu], a->gva, a->access,
		  a->bits >> 56 & 3, hw);
	if (hw->ok) {
		return 1;
	}
	ref_walk(&w->now, &w->regs[a->vcpu], a->gva, a->access, &a->ref);
	return attempt_fault(a, hw, a->ref.gpa, false) ? -1 : 0;
}

static uint64_t where(const struct attempt *a, const struct hw_result *hw)
{
	return fh_gfn(a->w->fh, hw->hpa >> 12) << 12 | (a->gva & 0xfff);
}

static bool try_pair(struct attempt *low, struct attempt *high)
{
	struct hw_result at_low, at_high;
	int got = translate(low, &at_low);

	got = got > 0 ? translate(high, &at_high) : got;
	if (got <= 0) {
		return got < 0;
	}
	if (attempt_reached(low, &at_low) && attempt_reached(high, &at_high)) {
		if (low->access & GNOMON_WRITE) {
			attempt_stored(low, where(low, &at_low));
		}
		attempt_stored(high, where(high, &at_high));
	}
	return true;
}

static bool excused(const struct attempt *a)
{
	return attempt_path_leaving(a) || attempt_path_read_only(a);
}

static void run(struct attempt *low, struct attempt *high)
{
	struct world *w = low->w;
	unsigned vcpu = low->vcpu;
	bool over = false;

	if (world_nested(w, vcpu) || world_agile(w, vcpu)) {
		/* The guest's own affair; each page is one access here. */
		world_access(w, vcpu, low->gva, low->access, low->bytes,
			     low->bits);
		world_access(w, vcpu, high->gva, high->access, high->bytes,
			     high->bits);
		return;
	}
	world_view(w, vcpu);
	low->pair = high;
	high->pair = low;
	w->n.accesses++;
	w->n.crossed++;
	for (unsigned i = 0; i < 2 * ACCESS_TRIES && !over && !w->failed;
	     i++) {
		/* Pages for one path only: the two drive each other out. */
		if (i == ACCESS_TRIES && w->fh->live_max) {
			w->fh->live_max += 16;
		}
		world_enter(w, vcpu);
		over = try_pair(low, high);
	}
	if (!over && !excused(low) && !excused(high)) {
		world_fail(w, "vcpu %u: instruction with gva %#" PRIx64
			   " and %#" PRIx64 " makes no progress", vcpu,
			   low->gva, high->gva);
	}
}

void world_cross(struct world *w, unsigned vcpu, uint64_t gva,
		 uint32_t access, unsigned bytes, uint64_t bits)
{
	unsigned first = (unsigned)(4096 - (gva & 4095));
	struct attempt low = { .w = w, .vcpu = vcpu, .gva = gva,
			       .access = access, .bytes = first,
			       .bits = bits };
	struct attempt high = low;

	high.gva += first;
	high.bytes = bytes - first;
	run(&low, &high);
}

void world_code(struct world *w, unsigned vcpu, uint64_t code, uint64_t gva,
		uint32_t access, uint64_t bits)
{
	struct attempt low = { .w = w, .vcpu = vcpu, .gva = code,
			       .access = GNOMON_EXEC |
					 (access & GNOMON_USER),
			       .bytes = 1, .bits = bits };
	struct attempt high = low;

	high.gva = gva;
	high.access = access;
	high.bytes = 8;
	run(&low, &high);
}
