/* SPDX-License-Identifier: BSD-2-Clause */
/* I27: what INVLPG must drop. */
#include <criterion/criterion.h>

#include "tests/support/guest.h"

#define GVA UINT64_C(0x40000000)

/* The guest's page is large, whatever ours are. */
static void large_page(unsigned levels, uint32_t options)
{
	struct guest_options o = guest_defaults();

	o.levels = levels;
	o.options = options;
	struct guest *g = guest_create(o);
	uint64_t entry = guest_entry(g, g->root, GVA, 2);

	guest_poke(g, entry, UINT64_C(1024) << 12 | GUEST_RWU | X86_PTE_PS);
	cr_assert(guest_load(g, 0, g->root) == GNOMON_OK);
	cr_assert(guest_access(g, 0, GVA, GNOMON_READ, 0).gpa >> 12 == 1024);
	cr_assert(guest_access(g, 0, GVA + 0x5000, GNOMON_READ, 0).gpa >> 12 ==
		  1029);
	guest_dma(g, entry, UINT64_C(2048) << 12 | GUEST_RWU | X86_PTE_PS);
	guest_invlpg(g, 0, GVA + 0x5000);
	cr_assert(guest_access(g, 0, GVA + 0x5000, GNOMON_READ, 0).gpa >> 12 ==
		  2053);
	cr_assert(guest_access(g, 0, GVA, GNOMON_READ, 0).gpa >> 12 == 2048,
		  "the first piece is stale");
	cr_assert(guest_destroy(g) == 0);
}

Test(invlpg, drops_all_pieces_of_a_large_page)
{
	for (unsigned levels = 2; levels <= 5; levels++) {
		large_page(levels, 0);
		large_page(levels, GNOMON_OPT_ALL);
	}
}

Test(invlpg, leaves_other_pages_alone)
{
	struct guest *g = guest_create(guest_defaults());

	guest_map(g, g->root, GVA, UINT64_C(700) << 12, GUEST_RWU, 1);
	guest_map(g, g->root, GVA + 4096, UINT64_C(701) << 12, GUEST_RWU, 1);
	guest_load(g, 0, g->root);
	guest_access(g, 0, GVA, GNOMON_READ, 0);
	guest_access(g, 0, GVA + 4096, GNOMON_READ, 0);
	uint64_t hits = g->cpu[0].tlb_hits;

	guest_invlpg(g, 0, GVA);
	guest_access(g, 0, GVA + 4096, GNOMON_READ, 0);
	cr_assert(g->cpu[0].tlb_hits == hits + 1);
	guest_access(g, 0, GVA, GNOMON_READ, 0);
	cr_assert(g->cpu[0].tlb_hits == hits + 1);
	cr_assert(guest_destroy(g) == 0);
}

/* CVE-2022-1789: no effect and no crash where it means nothing. */
Test(invlpg, harmless_when_paging_is_off_or_gva_is_odd)
{
	struct guest_options o = guest_defaults();
	struct guest *g = guest_create(o);

	guest_invlpg(g, 0, UINT64_C(0x8000000000000000));
	guest_invlpg(g, 0, UINT64_C(0x0000800000000000));
	cr_assert(guest_audit(g));
	cr_assert(guest_destroy(g) == 0);
	o.levels = 2;
	g = guest_create(o);

	struct gnomon_regs regs = g->regs[0];

	regs.cr0 &= ~X86_CR0_PG;
	cr_assert(guest_regs(g, 0, &regs, 0) == GNOMON_OK);
	guest_access(g, 0, 0x123000, GNOMON_WRITE, 1);
	guest_invlpg(g, 0, 0x123000);
	cr_assert(guest_access(g, 0, 0x123000, GNOMON_READ, 0).end ==
		  GUEST_DONE);
	cr_assert(guest_audit(g));
	cr_assert(guest_destroy(g) == 0);
}
