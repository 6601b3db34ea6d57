/* SPDX-License-Identifier: BSD-2-Clause */
/* Which register combinations a CPU would refuse. */
#include "tests/guestpt/world.h"

#include <criterion/criterion.h>

static struct world w;

static void init(void)
{
	world_init(&w);
}

TestSuite(regs, .init = init);

static enum gnomon_status load(void)
{
	return gn_gpt_ctx_init(&w.ctx, &w.regs, &w.caps);
}

Test(regs, cr0_rules)
{
	w.regs.cr0 = 0x80000000;	/* PG without PE */
	cr_assert_eq(load(), GNOMON_GP);
	w.regs.cr0 = 0xa0010001;	/* NW without CD */
	cr_assert_eq(load(), GNOMON_GP);
	w.regs.cr0 = 0xe0010001;
	cr_assert_eq(load(), GNOMON_OK);
	w.regs.cr0 |= UINT64_C(1) << 32;
	cr_assert_eq(load(), GNOMON_GP);
}

Test(regs, cr4_bits_need_their_capability)
{
	static const struct {
		unsigned bit;
		uint32_t cap;
	} t[] = {
		{ 12, GNOMON_CAP_LA57 }, { 17, GNOMON_CAP_PCID },
		{ 20, GNOMON_CAP_SMEP }, { 21, GNOMON_CAP_SMAP },
		{ 22, GNOMON_CAP_PKU },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		w.regs.cr4 = 0x20 | UINT64_C(1) << t[i].bit;
		w.caps.features = 0x1ff;
		cr_assert_eq(load(), GNOMON_OK, "bit %u", t[i].bit);
		w.caps.features &= ~t[i].cap;
		cr_assert_eq(load(), GNOMON_GP, "bit %u", t[i].bit);
	}
	w.caps.features = 0x1ff;
	for (unsigned bit = 23; bit < 64; bit++) {
		w.regs.cr4 = 0x20 | UINT64_C(1) << bit;
		cr_assert_eq(load(), GNOMON_GP, "bit %u", bit);
	}
}

Test(regs, long_mode_rules)
{
	w.regs.cr4 = 0;			/* LMA without PAE */
	cr_assert_eq(load(), GNOMON_GP);
	w.regs.cr4 = 0x20;
	w.regs.efer = 0x900;		/* LME and PG, but no LMA */
	cr_assert_eq(load(), GNOMON_GP);
	w.regs.efer = 0xc00;		/* LMA without LME */
	cr_assert_eq(load(), GNOMON_GP);
	w.regs.efer = 0x900;		/* LME waiting for PG */
	w.regs.cr0 = 1;
	cr_assert_eq(load(), GNOMON_OK);
	cr_assert_eq(w.ctx.format->id, GN_GPT_OFF);
}

Test(regs, pcide_needs_long_mode)
{
	w.regs.cr4 = 0x20020;
	cr_assert_eq(load(), GNOMON_OK);
	w.regs.efer = 0;
	cr_assert_eq(load(), GNOMON_GP);
}

Test(regs, efer_bits)
{
	w.regs.efer |= 2;
	cr_assert_eq(load(), GNOMON_GP);
	w.regs.efer = 0xd01;
	cr_assert_eq(load(), GNOMON_OK);
	w.caps.features &= ~(uint32_t)GNOMON_CAP_NX;
	cr_assert_eq(load(), GNOMON_GP);
}

Test(regs, cr3_above_maxphyaddr)
{
	w.regs.cr3 = UINT64_C(1) << 45;
	cr_assert_eq(load(), GNOMON_OK);
	w.regs.cr3 = UINT64_C(1) << 46;
	cr_assert_eq(load(), GNOMON_GP);
	w.regs.cr3 = UINT64_C(1) << 63;
	cr_assert_eq(load(), GNOMON_GP);
	w.regs.cr3 = 0x1fff;		/* PCID or PWT, PCD and ignored bits */
	cr_assert_eq(load(), GNOMON_OK);
	cr_assert_eq(w.ctx.root.v, 0x1000);
}

Test(regs, pdptes_are_checked_when_present)
{
	w.regs.efer = 0;
	for (unsigned bit = 1; bit < 64; bit++) {
		bool fine = (bit >= 9 && bit < 46) || bit == 3 || bit == 4;

		w.regs.pdpte[3] = UINT64_C(1) << bit | 1;
		cr_assert_eq(load(), fine ? GNOMON_OK : GNOMON_GP, "bit %u",
			     bit);
		w.regs.pdpte[3] &= ~UINT64_C(1);
		cr_assert_eq(load(), GNOMON_OK, "bit %u", bit);
	}
	cr_assert(gn_gpt_regs_pae(&w.regs));
}
