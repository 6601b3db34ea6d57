/* SPDX-License-Identifier: BSD-2-Clause */
/* gnomon_prefault() and gnomon_split(). */
#include <criterion/criterion.h>

#include "tests/support/guest.h"

#define BASE UINT64_C(0x40000000)
#define USED (GUEST_RWU | X86_PTE_A)

static struct guest *with_pages(enum gnomon_mode mode, uint64_t bits)
{
	struct guest_options o = guest_defaults();
	struct guest *g;

	o.mode = mode;
	g = guest_create(o);
	for (unsigned i = 0; i < 16; i++) {
		guest_map(g, g->root, BASE + i * 4096u, (700 + i) << 12, bits,
			  1);
	}
	/* A table counts as used when its entry says so. */
	for (unsigned level = 2; level <= 4; level++) {
		uint64_t at = guest_entry(g, g->root, BASE, level);

		guest_poke(g, at, guest_peek(g, at) | X86_PTE_A);
	}
	cr_assert_eq(guest_load(g, 0, g->root), GNOMON_OK);
	return g;
}

static unsigned faults_after(struct guest *g, uint64_t bytes)
{
	struct gnomon_span span = { { BASE }, bytes };
	enum gnomon_status status;
	unsigned faults = 0;
	uint32_t budget;

	do {
		budget = 1;
		status = gnomon_prefault(g->vcpu[0], &span, &budget);
	} while (status == GNOMON_MORE);
	cr_assert_eq(status, GNOMON_OK);
	for (unsigned i = 0; i < 16; i++) {
		struct guest_access a = guest_access(g, 0, BASE + i * 4096u,
			GNOMON_READ | GNOMON_USER, 0);

		cr_assert_eq(a.end, GUEST_DONE);
		cr_assert_eq(a.gpa >> 12, 700 + i);
		faults += a.faults;
	}
	return faults;
}

Test(prefault, leaves_no_fault_on_shadow_tables)
{
	struct guest *g = with_pages(GNOMON_MODE_SHADOW, USED);

	cr_assert_eq(faults_after(g, 16 * 4096), 0);
	cr_assert_eq(guest_destroy(g), 0);
}

Test(prefault, leaves_no_fault_on_nested_tables)
{
	struct guest *g = with_pages(GNOMON_MODE_NESTED, USED);
	unsigned walks = faults_after(g, 16 * 4096);

	/* The guest's tables are memory too: reaching them may fault once. */
	cr_assert_leq(walks, 4);
	cr_assert_eq(guest_destroy(g), 0);
}

Test(prefault, does_the_span_and_no_more)
{
	struct guest *g = with_pages(GNOMON_MODE_SHADOW, USED);
	struct gnomon_stats s;

	cr_assert_gt(faults_after(g, 4096), 0);
	gnomon_vm_stats(g->vm, &s, sizeof(s));
	cr_assert_gt(s.faults[GNOMON_KIND_HIDDEN], 0);
	cr_assert_eq(guest_destroy(g), 0);
}

Test(prefault, sets_no_accessed_bit)
{
	struct guest *g = with_pages(GNOMON_MODE_SHADOW, GUEST_RWU);
	struct gnomon_span span = { { BASE }, 16 * 4096 };

	cr_assert_eq(gnomon_prefault(g->vcpu[0], &span, NULL), GNOMON_OK);
	for (unsigned i = 0; i < 16; i++) {
		uint64_t at = guest_entry(g, g->root, BASE + i * 4096u, 1);

		cr_assert_not(guest_peek(g, at) & X86_PTE_A);
	}
	cr_assert_eq(guest_destroy(g), 0);
}

Test(prefault, skips_holes_in_large_steps)
{
	struct guest *g = with_pages(GNOMON_MODE_SHADOW, USED);
	struct gnomon_span span = { { 0 }, UINT64_C(1) << 47 };
	uint32_t budget = 3000;

	cr_assert_eq(gnomon_prefault(g->vcpu[0], &span, &budget), GNOMON_OK);
	cr_assert_eq(span.bytes, 0);
	span = (struct gnomon_span){ { ~UINT64_C(0xfff) }, 4096 };
	cr_assert_eq(gnomon_prefault(g->vcpu[0], &span, NULL), GNOMON_OK);
	span = (struct gnomon_span){ { ~UINT64_C(0xfff) }, 8192 };
	cr_assert_eq(gnomon_prefault(g->vcpu[0], &span, NULL), GNOMON_INVAL);
	cr_assert_eq(guest_destroy(g), 0);
}

Test(split, leaves_small_leaves_that_collapse_again)
{
	struct guest_options o = guest_defaults();
	struct gnomon_range range = { { 1024 }, 2048 };
	struct gnomon_stats s;
	struct guest *g;
	enum gnomon_status status;
	uint32_t budget;

	o.mode = GNOMON_MODE_NESTED;
	g = guest_create(o);
	guest_map(g, g->root, BASE, 1024 << 12, USED, 1);
	cr_assert_eq(guest_load(g, 0, g->root), GNOMON_OK);
	cr_assert_eq(guest_access(g, 0, BASE, GNOMON_READ, 0).end, GUEST_DONE);
	do {
		budget = 1;
		status = gnomon_split(g->vm, &range, &budget);
	} while (status == GNOMON_MORE);
	cr_assert_eq(status, GNOMON_OK);
	cr_assert_eq(range.frames, 0);
	gnomon_vm_stats(g->vm, &s, sizeof(s));
	cr_assert_geq(s.splits, 1);
	/* Nothing was lost by it. */
	cr_assert_eq(guest_access(g, 0, BASE, GNOMON_READ, 0).faults, 0);
	cr_assert_eq(guest_destroy(g), 0);
}

/* Each host call of the two fails once: what is done is done, and right. */
Test(prefault, any_host_call_may_fail)
{
	for (uint64_t n = 1;; n++) {
		struct guest *g = with_pages(GNOMON_MODE_SHADOW, USED);
		struct gnomon_span span = { { BASE }, 16 * 4096 };
		enum gnomon_status status;
		bool hit;

		g->fh->fail_at = g->fh->calls_all + n;
		status = gnomon_prefault(g->vcpu[0], &span, NULL);
		cr_assert(status == GNOMON_OK || status == GNOMON_NOMEM);
		cr_assert(guest_audit(g), "call %u", (unsigned)n);
		hit = g->fh->fail_hit;
		g->fh->fail_at = 0;
		cr_assert_leq(faults_after(g, 16 * 4096), 16);
		cr_assert_eq(guest_destroy(g), 0);
		if (!hit) {
			cr_assert_gt(n, 4, "nothing was asked of the host");
			return;
		}
	}
}

Test(split, any_host_call_may_fail)
{
	for (uint64_t n = 1;; n++) {
		struct guest_options o = guest_defaults();
		struct gnomon_range range = { { 1024 }, 2048 };
		enum gnomon_status status;
		struct guest *g;
		bool hit;

		o.mode = GNOMON_MODE_NESTED;
		g = guest_create(o);
		guest_map(g, g->root, BASE, 1024 << 12, USED, 1);
		cr_assert_eq(guest_load(g, 0, g->root), GNOMON_OK);
		guest_access(g, 0, BASE, GNOMON_READ, 0);
		g->fh->fail_at = g->fh->calls_all + n;
		status = gnomon_split(g->vm, &range, NULL);
		cr_assert(status == GNOMON_OK || status == GNOMON_NOMEM);
		cr_assert(guest_audit(g), "call %u", (unsigned)n);
		hit = g->fh->fail_hit;
		g->fh->fail_at = 0;
		cr_assert_eq(gnomon_split(g->vm, &range, NULL), GNOMON_OK);
		cr_assert_eq(guest_access(g, 0, BASE, GNOMON_READ, 0).end,
			     GUEST_DONE);
		cr_assert_eq(guest_destroy(g), 0);
		if (!hit) {
			return;
		}
	}
}
