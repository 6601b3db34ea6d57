/* SPDX-License-Identifier: BSD-2-Clause */
/* What is particular to a format; the access matrix tries the combinations. */
#include "tests/guestpt/world.h"

#include <criterion/criterion.h>

#define GVA UINT64_C(0x81234567)
#define PWU (X86_PTE_P | X86_PTE_W | X86_PTE_U)

static struct world w;

static void init(void)
{
	world_init(&w);
}

TestSuite(formats, .init = init);

static void set_legacy(uint64_t cr4)
{
	w.regs.efer = 0x800;
	w.regs.cr4 = cr4;
	world_load(&w);
}

Test(formats, paging_off_is_identity_in_32_bits)
{
	w.regs.cr0 = 1;
	w.regs.efer = 0;
	world_load(&w);
	cr_assert_eq(world_walk(&w, UINT64_C(0x1234567890), GNOMON_WRITE,
				GN_GPT_SET_AD), GNOMON_OK);
	cr_assert_eq(w.walk.gpa.v, 0x34567890);
	cr_assert_eq(gn_gpt_walk_refs(&w.ctx, &w.walk), 0);
}

Test(formats, two_levels_of_four_byte_entries)
{
	set_legacy(0);
	world_map(&w, GVA, 1, PWU, WORLD_PAGE | PWU);
	cr_assert_eq(world_walk(&w, GVA, GNOMON_WRITE, GN_GPT_SET_AD),
		     GNOMON_OK);
	cr_assert_eq(w.walk.gpa.v, WORLD_PAGE | (GVA & 0xfff));
	cr_assert_eq(gn_gpt_walk_refs(&w.ctx, &w.walk), 2);
	cr_assert_eq(world_get(&w, world_at(&w, 1, GVA) + 4), 0);
	cr_assert_eq(world_get(&w, world_at(&w, 1, GVA)),
		     WORLD_PAGE | PWU | X86_PTE_A | X86_PTE_D);
}

Test(formats, pse36_reaches_above_4g)
{
	uint64_t leaf = 0x00c00000 | PWU | X86_PTE_PS;

	set_legacy(0x10);
	world_map(&w, GVA, 2, 0, leaf | 0x15u << 13);
	cr_assert_eq(world_walk(&w, GVA, 0, 0), GNOMON_OK);
	cr_assert_eq(w.walk.gpa.v,
		     UINT64_C(0x1500c00000) | (GVA & 0x3fffff));
	cr_assert_eq(w.walk.page_shift, 22);
	world_map(&w, GVA, 2, 0, leaf | 1u << 21);
	cr_assert_eq(world_walk(&w, GVA, 0, 0), GNOMON_FAULT);
	cr_assert_eq(w.walk.error_code, X86_PF_P | X86_PF_RSVD);
	w.caps.maxphyaddr = 36;
	world_load(&w);
	world_map(&w, GVA, 2, 0, leaf | 1u << 17);
	cr_assert_eq(world_walk(&w, GVA, 0, 0), GNOMON_FAULT);
	w.caps.features &= ~(uint32_t)GNOMON_CAP_PSE36;
	world_load(&w);
	world_map(&w, GVA, 2, 0, leaf | 1u << 13);
	cr_assert_eq(world_walk(&w, GVA, 0, 0), GNOMON_FAULT);
}

Test(formats, ps_is_ignored_without_cr4_pse)
{
	set_legacy(0);
	world_map(&w, GVA, 1, PWU | X86_PTE_PS, WORLD_PAGE | PWU);
	cr_assert_eq(world_walk(&w, GVA, 0, 0), GNOMON_OK);
	cr_assert_eq(w.walk.level, 1);
}

Test(formats, pae_starts_from_loaded_pdptes)
{
	w.regs.pdpte[2] = WORLD_ROOT | X86_PTE_P;
	set_legacy(0x20);
	world_map(&w, GVA, 1, PWU, WORLD_PAGE | PWU);
	cr_assert_eq(world_walk(&w, GVA, GNOMON_USER, 0), GNOMON_OK);
	cr_assert_eq(w.walk.gpa.v, WORLD_PAGE | (GVA & 0xfff));
	cr_assert_eq(world_walk(&w, 0x1000, GNOMON_USER, 0), GNOMON_FAULT);
	cr_assert_eq(w.walk.error_code, X86_PF_U);
	cr_assert_eq(w.walk.level, 3);
	cr_assert_eq(gn_gpt_walk_refs(&w.ctx, &w.walk), 0);
}

Test(formats, pae_reserves_bits_62_to_52)
{
	w.regs.pdpte[2] = WORLD_ROOT | X86_PTE_P;
	set_legacy(0x20);
	world_map(&w, GVA, 1, PWU, WORLD_PAGE | PWU | GN_BIT(52));
	cr_assert_eq(world_walk(&w, GVA, 0, 0), GNOMON_FAULT);
	cr_assert_eq(w.walk.error_code, X86_PF_P | X86_PF_RSVD);
}

Test(formats, pdptes_are_read_where_cr3_says)
{
	uint64_t pdpte[4];

	world_set(&w, 0x5020, 1);
	world_set(&w, 0x5038, 4);
	cr_assert_eq(gn_gpt_load_pdptes(&w.mem, 0x503f, pdpte), GNOMON_OK);
	cr_assert_eq(pdpte[0], 1);
	cr_assert_eq(pdpte[3], 4);
	cr_assert_eq(gn_gpt_load_pdptes(&w.mem, 0x7fff0000, pdpte),
		     GNOMON_ABSENT);
}

Test(formats, five_levels)
{
	uint64_t gva = UINT64_C(0x00ab7f1234567abc);

	w.regs.cr4 |= 1u << 12;
	world_load(&w);
	world_map(&w, gva, 1, PWU, WORLD_PAGE | PWU);
	cr_assert_eq(world_walk(&w, gva, GNOMON_USER, 0), GNOMON_OK);
	cr_assert_eq(w.walk.gpa.v, WORLD_PAGE | (gva & 0xfff));
	cr_assert_eq(gn_gpt_walk_refs(&w.ctx, &w.walk), 5);
}

static void init_riscv(uint32_t flags)
{
	gn_gpt_ctx_init_riscv(&w.ctx, GN_GPT_SV39, gn_gpa(WORLD_ROOT), flags);
}

#define RW (RISCV_PTE_V | RISCV_PTE_R | RISCV_PTE_W)
#define AD (RISCV_PTE_A | RISCV_PTE_D)

Test(formats, sv39_rights_are_the_leafs_alone)
{
	init_riscv(0);
	world_map(&w, GVA, 1, RISCV_PTE_V, WORLD_PAGE >> 2 | RW | AD);
	cr_assert_eq(world_walk(&w, GVA, GNOMON_WRITE, 0), GNOMON_OK);
	cr_assert_eq(w.walk.gpa.v, WORLD_PAGE | (GVA & 0xfff));
	cr_assert_eq(w.walk.rights, GN_GPT_R | GN_GPT_W);
	cr_assert_eq(world_walk(&w, GVA, GNOMON_EXEC, 0), GNOMON_FAULT);
	cr_assert_eq(w.walk.error_code, 12);
	cr_assert_eq(world_walk(&w, GVA, GNOMON_USER, 0), GNOMON_FAULT);
	cr_assert_eq(w.walk.error_code, 13);
}

Test(formats, sv39_sum_and_mxr)
{
	uint64_t leaf = WORLD_PAGE >> 2 | RISCV_PTE_V | RISCV_PTE_X |
			RISCV_PTE_U | RISCV_PTE_A;

	init_riscv(GN_GPT_RISCV_SUM);
	world_map(&w, GVA, 1, RISCV_PTE_V, leaf);
	cr_assert_eq(world_walk(&w, GVA, GNOMON_READ, 0), GNOMON_FAULT);
	cr_assert_eq(world_walk(&w, GVA, GNOMON_EXEC, 0), GNOMON_FAULT);
	init_riscv(GN_GPT_RISCV_SUM | GN_GPT_RISCV_MXR);
	cr_assert_eq(world_walk(&w, GVA, GNOMON_READ, 0), GNOMON_OK);
	init_riscv(GN_GPT_RISCV_MXR);
	cr_assert_eq(world_walk(&w, GVA, GNOMON_READ, 0), GNOMON_FAULT);
	cr_assert_eq(world_walk(&w, GVA, GNOMON_USER | GNOMON_EXEC, 0),
		     GNOMON_OK);
}

Test(formats, sv39_ad_faults_or_is_set)
{
	uint64_t at;

	init_riscv(0);
	at = world_at(&w, 1, GVA);
	world_map(&w, GVA, 1, RISCV_PTE_V, WORLD_PAGE >> 2 | RW | RISCV_PTE_A);
	cr_assert_eq(world_walk(&w, GVA, GNOMON_READ, 0), GNOMON_OK);
	cr_assert_eq(world_walk(&w, GVA, GNOMON_WRITE, GN_GPT_SET_AD),
		     GNOMON_FAULT);
	cr_assert_eq(w.walk.error_code, 15);
	init_riscv(GN_GPT_RISCV_ADUE);
	cr_assert_eq(world_walk(&w, GVA, GNOMON_WRITE, GN_GPT_SET_AD),
		     GNOMON_OK);
	cr_assert_eq(world_get(&w, at), WORLD_PAGE >> 2 | RW | AD);
	cr_assert_eq(world_get(&w, world_at(&w, 2, GVA)) & AD, 0);
}

Test(formats, sv48_bad_entries)
{
	static const uint64_t bad[] = {
		RISCV_PTE_V | RISCV_PTE_W | AD,		/* W without R */
		RW | AD | GN_BIT(54),			/* reserved */
		RISCV_PTE_V,				/* table at level 1 */
	};

	gn_gpt_ctx_init_riscv(&w.ctx, GN_GPT_SV48, gn_gpa(WORLD_ROOT), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		world_map(&w, GVA, 1, RISCV_PTE_V, bad[i]);
		cr_assert_eq(world_walk(&w, GVA, GNOMON_READ, 0),
			     GNOMON_FAULT, "entry %zu", i);
	}
	world_map(&w, GVA, 1, RISCV_PTE_V | RISCV_PTE_U, RW | AD);
	cr_assert_eq(world_walk(&w, GVA, GNOMON_READ, 0), GNOMON_FAULT);
	/* Misaligned: frame number bit 8 set in a 2M leaf. */
	world_map(&w, GVA, 2, RISCV_PTE_V, RW | AD | GN_BIT(18));
	cr_assert_eq(world_walk(&w, GVA, GNOMON_READ, 0), GNOMON_FAULT);
	world_map(&w, GVA, 2, RISCV_PTE_V, RW | AD | GN_BIT(19));
	cr_assert_eq(world_walk(&w, GVA, GNOMON_READ, 0), GNOMON_OK);
	cr_assert_eq(w.walk.gpa.v, 0x200000 | (GVA & 0x1fffff));
	cr_assert_eq(world_walk(&w, GN_BIT(47), GNOMON_READ, 0),
		     GNOMON_FAULT);
}
