/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guestpt/world.h"

#include <criterion/criterion.h>

static struct world w;

static void init(void)
{
	world_init(&w);
}

TestSuite(entry, .init = init);

Test(entry, decode_tells_kinds_apart)
{
	struct gn_gpt_entry e;

	gn_gpt_decode(&w.ctx, 1, 0x7ff0, &e);
	cr_assert_eq(e.kind, GN_GPT_HOLE);
	gn_gpt_decode(&w.ctx, 4, X86_PTE_P | X86_PTE_PS, &e);
	cr_assert_eq(e.kind, GN_GPT_BAD);
	gn_gpt_decode(&w.ctx, 3, 0x7003, &e);
	cr_assert_eq(e.kind, GN_GPT_TABLE);
	cr_assert_eq(e.frame.v, 0x7000);
	cr_assert_eq(e.rights, GN_GPT_R | GN_GPT_W | GN_GPT_X);
	gn_gpt_decode(&w.ctx, 2, 0x600000 | X86_PTE_P | X86_PTE_PS, &e);
	cr_assert_eq(e.kind, GN_GPT_LEAF);
	cr_assert_eq(e.page_shift, 21);
	cr_assert_eq(e.frame.v, 0x600000);
	gn_gpt_decode(&w.ctx, 2, 0x602000 | X86_PTE_P | X86_PTE_PS, &e);
	cr_assert_eq(e.kind, GN_GPT_BAD);
	gn_gpt_decode(&w.ctx, 5, X86_PTE_P, &e);
	cr_assert_eq(e.kind, GN_GPT_HOLE);
}

Test(entry, decode_carries_memory_type_and_global)
{
	struct gn_gpt_entry e;

	gn_gpt_decode(&w.ctx, 1, X86_PTE_P | X86_PTE_G | X86_PTE_PAT |
		      X86_PTE_PWT | X86_PTE_A | X86_PTE_D, &e);
	cr_assert(e.global && e.pat && e.pwt && !e.pcd && e.accessed &&
		  e.dirty);
	gn_gpt_decode(&w.ctx, 2, X86_PTE_P | X86_PTE_PS | X86_PTE_PAT_LARGE |
		      X86_PTE_PCD, &e);
	cr_assert(!e.global && e.pat && !e.pwt && e.pcd);
	w.regs.cr4 &= ~UINT64_C(0x80);
	world_load(&w);
	gn_gpt_decode(&w.ctx, 1, X86_PTE_P | X86_PTE_G, &e);
	cr_assert(!e.global);
}

Test(entry, check_agrees_with_the_walk)
{
	uint64_t key = UINT64_C(3) << X86_PTE_PK_SHIFT;

	w.regs.cr4 |= 1u << 22;
	w.regs.pkru = 1u << 6;
	world_load(&w);
	cr_assert_eq(gn_gpt_check(&w.ctx, GN_GPT_RIGHTS, key, GNOMON_USER),
		     X86_PF_P | X86_PF_U | X86_PF_PK);
	cr_assert_eq(gn_gpt_check(&w.ctx, GN_GPT_RIGHTS, 0, GNOMON_USER), 0);
	cr_assert_eq(gn_gpt_check(&w.ctx, GN_GPT_R, 0, GNOMON_USER),
		     X86_PF_P | X86_PF_U);
}

Test(entry, store_span_covers_touched_entries)
{
	static const struct {
		unsigned entry;
		uint64_t gpa, bytes;
		unsigned first, count;
	} t[] = {
		{ 8, 0x1000, 8, 0, 1 },	 { 8, 0x1004, 4, 0, 1 },
		{ 8, 0x1007, 2, 0, 2 },	 { 8, 0x1ff8, 16, 511, 1 },
		{ 8, 0x1000, 4096, 0, 512 }, { 4, 0x1000, 8, 0, 2 },
		{ 4, 0x1ffc, 4, 1023, 1 }, { 4, 0x1003, 1, 0, 1 },
		{ 8, 0x1fff, UINT64_MAX, 511, 1 },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct gn_gpt_span s = gn_gpt_store_span(t[i].entry,
							 gn_gpa(t[i].gpa),
							 t[i].bytes);

		cr_assert_eq(s.first, t[i].first, "case %zu", i);
		cr_assert_eq(s.count, t[i].count, "case %zu", i);
	}
}

Test(entry, read_fetches_by_index)
{
	uint64_t gpte;

	world_set(&w, 0x3008, 42);
	cr_assert_eq(gn_gpt_read(&w.ctx, &w.mem, gn_gpa(0x3000), 1, &gpte),
		     GNOMON_OK);
	cr_assert_eq(gpte, 42);
}
