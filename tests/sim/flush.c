/* SPDX-License-Identifier: BSD-2-Clause */
/* What each kind of flush leaves in TLBs and walk caches. */
#include <criterion/criterion.h>

#include "tests/sim/rig.h"

#define GVA 0x0000123456789000u

static struct rig rig;

static const char *const with_caches[] = {
	"pwc.l2_entries=32", "pwc.l3_entries=4", "pwc.l4_entries=2", NULL,
};

static void set_up(void)
{
	rig_init(&rig, SIM_PAGING_1D, 1, with_caches);
	for (uint64_t i = 0; i < 8; i++) {
		rig_map(&rig, GVA + (i << 12), 0x5000, 0,
			RIG_U | (i == 7 ? RIG_G : 0));
		rig_access(&rig, GVA + (i << 12), GNOMON_USER, NULL);
	}
}

static void tear_down(void)
{
	rig_done(&rig);
}

static uint64_t cost(unsigned page)
{
	return rig_access(&rig, GVA + ((uint64_t)page << 12), GNOMON_USER,
			  NULL);
}

TestSuite(flush, .init = set_up, .fini = tear_down);

Test(flush, cr3_load_drops_all_but_global)
{
	sim_tlb_flush_pcid(rig.vcpu);
	cr_assert_eq(cost(7), 0);
	cr_assert_eq(cost(0), 4 * RIG_REF);
	cr_assert_eq(cost(1), RIG_REF);
	cr_assert_eq(rig.vcpu->counts.tlb_flushes, 1);
}

Test(flush, invlpg_drops_one_page_and_the_walk_caches)
{
	sim_tlb_flush_page(rig.vcpu, GVA);
	cr_assert_eq(cost(1), 0);
	cr_assert_eq(cost(0), 4 * RIG_REF);
}

Test(flush, invlpg_drops_a_global_page)
{
	sim_tlb_flush_page(rig.vcpu, GVA + 0x7000);
	cr_assert_eq(cost(7), 4 * RIG_REF);
}

Test(flush, range_drops_its_pages_only)
{
	sim_tlb_flush_range(rig.vcpu, GVA + 0x2000, 0x3000);
	cr_assert_eq(cost(1), 0);
	cr_assert_eq(cost(5), 0);
	cr_assert_eq(cost(2), 4 * RIG_REF);
	cr_assert_eq(cost(4), RIG_REF);
}

Test(flush, range_drops_a_large_page_it_cuts)
{
	rig_map(&rig, (uint64_t)1 << 40, 0x200000, 1, RIG_U);
	rig_access(&rig, (uint64_t)1 << 40, GNOMON_USER, NULL);
	sim_tlb_flush_range(rig.vcpu, ((uint64_t)1 << 40) + 0x5000, 0x1000);
	cr_assert_eq(rig_access(&rig, (uint64_t)1 << 40, GNOMON_USER, NULL),
		     3 * RIG_REF);
}

Test(flush, all_drops_global_too)
{
	sim_tlb_flush_all(rig.vcpu);
	cr_assert_eq(cost(7), 4 * RIG_REF);
}

Test(flush, tags_keep_address_spaces_apart)
{
	rig.regs.cr4 |= 1u << 17;
	rig.regs.cr3 = 0x1001;
	rig_set(&rig);
	cr_assert_eq(cost(0), 4 * RIG_REF);
	cr_assert_eq(cost(7), 0);	/* global: any address space */
	sim_tlb_flush_pcid(rig.vcpu);
	rig.regs.cr3 = 0x1000;
	rig_set(&rig);
	cr_assert_eq(cost(0), 0);	/* untouched by the other's flush */
	cr_assert_eq(cost(1), 0);
}

Test(flush, without_global_pages_nothing_survives_a_cr3_load)
{
	rig.regs.cr4 &= ~(uint64_t)0x80;
	rig_set(&rig);
	sim_tlb_flush_all(rig.vcpu);
	cost(7);
	sim_tlb_flush_pcid(rig.vcpu);
	cr_assert_eq(cost(7), 4 * RIG_REF);
}
