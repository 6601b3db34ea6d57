/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guestpt/world.h"

#include <criterion/criterion.h>

#define GVA UINT64_C(0x00007f1234567abc)
#define PWU (X86_PTE_P | X86_PTE_W | X86_PTE_U)

static struct world w;

static void init(void)
{
	world_init(&w);
}

TestSuite(walk, .init = init);

Test(walk, four_levels_reach_the_page)
{
	world_map(&w, GVA, 1, PWU, WORLD_PAGE | PWU);
	cr_assert_eq(world_walk(&w, GVA, GNOMON_USER, 0), GNOMON_OK);
	cr_assert_eq(w.walk.gpa.v, WORLD_PAGE | (GVA & 0xfff));
	cr_assert_eq(w.walk.level, 1);
	cr_assert_eq(w.walk.page_shift, 12);
	cr_assert_eq(w.walk.rights, GN_GPT_RIGHTS);
	cr_assert_eq(gn_gpt_walk_refs(&w.ctx, &w.walk), 4);
}

Test(walk, trail_names_every_entry)
{
	world_map(&w, GVA, 1, PWU, WORLD_PAGE | PWU);
	cr_assert_eq(world_walk(&w, GVA, GNOMON_READ, 0), GNOMON_OK);
	for (unsigned l = 1; l <= 4; l++) {
		uint64_t at = world_at(&w, l, GVA);

		cr_assert_eq(w.walk.step[l].gpa.v, at, "level %u", l);
		cr_assert_eq(w.walk.step[l].gpte, world_get(&w, at));
	}
}

Test(walk, large_leaf_keeps_its_offset)
{
	world_map(&w, GVA, 2, PWU, 0x40000000 | PWU | X86_PTE_PS);
	cr_assert_eq(world_walk(&w, GVA, GNOMON_READ, 0), GNOMON_OK);
	cr_assert_eq(w.walk.gpa.v, 0x40000000 | (GVA & 0x1fffff));
	cr_assert_eq(w.walk.page_shift, 21);
	world_map(&w, GVA, 3, PWU, 0x80000000 | PWU | X86_PTE_PS);
	cr_assert_eq(world_walk(&w, GVA, GNOMON_READ, 0), GNOMON_OK);
	cr_assert_eq(w.walk.gpa.v, 0x80000000 | (GVA & 0x3fffffff));
	cr_assert_eq(w.walk.page_shift, 30);
	cr_assert_eq(gn_gpt_walk_refs(&w.ctx, &w.walk), 2);
}

Test(walk, hole_faults_without_p_at_its_level)
{
	for (unsigned l = 1; l <= 4; l++) {
		world_map(&w, GVA, 1, PWU, WORLD_PAGE | PWU);
		world_set(&w, world_at(&w, l, GVA), 0xdead000);
		cr_assert_eq(world_walk(&w, GVA, GNOMON_USER | GNOMON_WRITE,
					GN_GPT_SET_AD), GNOMON_FAULT);
		cr_assert_eq(w.walk.error_code, X86_PF_W | X86_PF_U);
		cr_assert_eq(w.walk.level, l);
	}
}

Test(walk, rsvd_bit_implies_p)
{
	for (unsigned l = 1; l <= 4; l++) {
		uint64_t at = world_at(&w, l, GVA);

		world_map(&w, GVA, 1, PWU, WORLD_PAGE | PWU);
		world_set(&w, at, world_get(&w, at) | GN_BIT(46));
		cr_assert_eq(world_walk(&w, GVA, GNOMON_READ, 0),
			     GNOMON_FAULT);
		cr_assert_eq(w.walk.error_code, X86_PF_P | X86_PF_RSVD);
	}
}

Test(walk, ps_is_reserved_at_level_4_and_without_1g)
{
	world_map(&w, GVA, 4, PWU, PWU | X86_PTE_PS);
	cr_assert_eq(world_walk(&w, GVA, GNOMON_READ, 0), GNOMON_FAULT);
	cr_assert_eq(w.walk.error_code, X86_PF_P | X86_PF_RSVD);
	w.caps.features &= ~(uint32_t)GNOMON_CAP_1G;
	world_load(&w);
	world_map(&w, GVA, 3, PWU, PWU | X86_PTE_PS);
	cr_assert_eq(world_walk(&w, GVA, GNOMON_READ, 0), GNOMON_FAULT);
	cr_assert_eq(w.walk.error_code, X86_PF_P | X86_PF_RSVD);
}

Test(walk, rights_are_inherited)
{
	world_map(&w, GVA, 1, PWU, WORLD_PAGE | PWU);
	for (unsigned l = 1; l <= 4; l++) {
		uint64_t at = world_at(&w, l, GVA);
		uint64_t keep = world_get(&w, at);

		world_set(&w, at, (keep & ~X86_PTE_W) | X86_PTE_NX);
		cr_assert_eq(world_walk(&w, GVA, GNOMON_READ, 0), GNOMON_OK);
		cr_assert_eq(w.walk.rights, GN_GPT_R | GN_GPT_U);
		cr_assert_eq(gn_gpt_walk_rights(&w.ctx, &w.walk, l),
			     GN_GPT_R | GN_GPT_U);
		if (l < 4) {
			cr_assert_eq(gn_gpt_walk_rights(&w.ctx, &w.walk,
							l + 1),
				     GN_GPT_RIGHTS);
		}
		cr_assert_eq(world_walk(&w, GVA, GNOMON_USER | GNOMON_EXEC, 0),
			     GNOMON_FAULT);
		cr_assert_eq(w.walk.error_code,
			     X86_PF_P | X86_PF_U | X86_PF_ID);
		world_set(&w, at, keep);
	}
}

Test(walk, supervisor_writes_readonly_without_wp)
{
	world_map(&w, GVA, 1, PWU, WORLD_PAGE | X86_PTE_P | X86_PTE_U);
	cr_assert_eq(world_walk(&w, GVA, GNOMON_WRITE, 0), GNOMON_FAULT);
	cr_assert_eq(w.walk.error_code, X86_PF_P | X86_PF_W);
	w.regs.cr0 &= ~UINT64_C(0x10000);
	world_load(&w);
	cr_assert_eq(world_walk(&w, GVA, GNOMON_WRITE, 0), GNOMON_OK);
	cr_assert_eq(world_walk(&w, GVA, GNOMON_WRITE | GNOMON_USER, 0),
		     GNOMON_FAULT);
}

Test(walk, smap_heeds_ac_but_not_for_implicit)
{
	world_map(&w, GVA, 1, PWU, WORLD_PAGE | PWU);
	w.regs.cr4 |= 1u << 21;
	world_load(&w);
	cr_assert_eq(world_walk(&w, GVA, GNOMON_READ, 0), GNOMON_FAULT);
	gn_gpt_ctx_set_ac(&w.ctx, true);
	cr_assert_eq(world_walk(&w, GVA, GNOMON_READ, 0), GNOMON_OK);
	cr_assert_eq(world_walk(&w, GVA, GNOMON_IMPLICIT | GNOMON_USER, 0),
		     GNOMON_FAULT);
	cr_assert_eq(w.walk.error_code, X86_PF_P);
}

Test(walk, protection_key_sets_pk)
{
	uint64_t key = UINT64_C(5) << X86_PTE_PK_SHIFT;

	world_map(&w, GVA, 1, PWU, WORLD_PAGE | PWU | key);
	w.regs.cr4 |= 1u << 22;
	w.regs.pkru = 2u << 10;	/* key 5: no writes */
	world_load(&w);
	cr_assert_eq(world_walk(&w, GVA, GNOMON_USER, 0), GNOMON_OK);
	cr_assert_eq(world_walk(&w, GVA, GNOMON_USER | GNOMON_WRITE, 0),
		     GNOMON_FAULT);
	cr_assert_eq(w.walk.error_code,
		     X86_PF_P | X86_PF_W | X86_PF_U | X86_PF_PK);
	gn_gpt_ctx_set_pkru(&w.ctx, 1u << 10);
	cr_assert_eq(world_walk(&w, GVA, GNOMON_READ, 0), GNOMON_FAULT);
	cr_assert_eq(world_walk(&w, GVA, GNOMON_USER | GNOMON_EXEC, 0),
		     GNOMON_OK);
}

Test(walk, a_and_d_only_when_asked_and_needed)
{
	uint64_t leaf = world_at(&w, 1, GVA);

	world_map(&w, GVA, 1, PWU, WORLD_PAGE | PWU);
	cr_assert_eq(world_walk(&w, GVA, GNOMON_WRITE, 0), GNOMON_OK);
	cr_assert_eq(world_get(&w, leaf), WORLD_PAGE | PWU);
	cr_assert_eq(world_walk(&w, GVA, GNOMON_READ, GN_GPT_SET_AD),
		     GNOMON_OK);
	for (unsigned l = 1; l <= 4; l++) {
		uint64_t gpte = world_get(&w, world_at(&w, l, GVA));

		cr_assert(gpte & X86_PTE_A, "level %u", l);
		cr_assert(!(gpte & X86_PTE_D), "level %u", l);
		cr_assert_eq(w.walk.step[l].gpte, gpte);
	}
	cr_assert_eq(world_walk(&w, GVA, GNOMON_WRITE, GN_GPT_SET_AD),
		     GNOMON_OK);
	cr_assert_eq(world_get(&w, leaf),
		     WORLD_PAGE | PWU | X86_PTE_A | X86_PTE_D);
	cr_assert(!(world_get(&w, world_at(&w, 2, GVA)) & X86_PTE_D));
}

Test(walk, refused_access_leaves_upper_a_clear)
{
	world_map(&w, GVA, 1, PWU, WORLD_PAGE | X86_PTE_P);
	cr_assert_eq(world_walk(&w, GVA, GNOMON_USER, GN_GPT_SET_AD),
		     GNOMON_FAULT);
	for (unsigned l = 1; l <= 4; l++) {
		cr_assert(!(world_get(&w, world_at(&w, l, GVA)) & X86_PTE_A));
	}
}

Test(walk, tables_in_rom_are_used_unmarked)
{
	w.mem.window[0].writable = false;
	world_map(&w, GVA, 1, PWU, WORLD_PAGE | PWU);
	cr_assert_eq(world_walk(&w, GVA, GNOMON_WRITE, GN_GPT_SET_AD),
		     GNOMON_OK);
	cr_assert_eq(w.walk.step[1].gpte, WORLD_PAGE | PWU);
}

Test(walk, table_outside_memory_is_absent)
{
	world_map(&w, GVA, 3, PWU, UINT64_C(0x123450000000) | PWU);
	cr_assert_eq(world_walk(&w, GVA, GNOMON_READ, 0), GNOMON_ABSENT);
	cr_assert_eq(w.walk.level, 2);
	cr_assert_eq(w.walk.gpa.v, UINT64_C(0x123450000000) +
		     8 * gn_gpt_index(&w.ctx, 2, gn_gva(GVA)));
}

Test(walk, non_canonical_is_gp)
{
	cr_assert_eq(world_walk(&w, UINT64_C(0x800000000000), 0, 0),
		     GNOMON_GP);
	cr_assert_eq(world_walk(&w, UINT64_C(0xffff7fffffffffff), 0, 0),
		     GNOMON_GP);
	cr_assert_eq(world_walk(&w, UINT64_C(0xffff800000000000), 0, 0),
		     GNOMON_FAULT);
	w.regs.cr4 |= 1u << 12;
	world_load(&w);
	cr_assert_eq(world_walk(&w, UINT64_C(0x800000000000), 0, 0),
		     GNOMON_FAULT);
}
