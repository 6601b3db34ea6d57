/* SPDX-License-Identifier: BSD-2-Clause */
/* Which shadow page belongs to what: rules I1 to I8, I15, I20, I34 to I39. */
#include <criterion/criterion.h>

#include "tests/shadow/world.h"

#define ROOT UINT64_C(0x10000)
#define ALL (X86_PTE_P | X86_PTE_W | X86_PTE_U)
#define USED (X86_PTE_A | X86_PTE_D)

static struct world w;

static void begin(void)
{
	world_open(&w, NULL);
}

static void end(void)
{
	world_audit(&w, GNOMON_AUDIT_GUEST);
	world_close(&w);
}

TestSuite(identity, .init = begin, .fini = end);

Test(identity, i01_child_of_another_frame_is_not_reused)
{
	world_map(&w, ROOT, 0x1000, 0x300000 | ALL, 1);
	world_map(&w, ROOT, 0x40000000, 0x400000 | ALL, 1);
	world_cr3(&w, 0, ROOT);
	cr_assert_eq(world_access(&w, 0, 0x1000, GNOMON_READ, 0), WORLD_OK);
	cr_assert_eq(world_access(&w, 0, 0x40000000, GNOMON_READ, 0),
		     WORLD_OK);
	/* The table at level 2 now leads to the other leaf table. */
	uint64_t pde = world_entry(&w, ROOT, 0x1000, 2);
	uint64_t other = fh_load(w.fh, world_entry(&w, ROOT, 0x40000000, 2), 8);

	fh_store(w.fh, world_entry(&w, ROOT, 0x40001000, 1), 8,
		 0x500000 | ALL);
	fh_store(w.fh, pde, 8, other); /* behind the engine's back */
	gnomon_invlpg(w.vcpu[0], (gnomon_gva_t){ 0x1000 });
	cr_assert_eq(world_access(&w, 0, 0x1000, GNOMON_READ, 0), WORLD_OK);
}

Test(identity, i01_direct_page_is_not_used_for_a_table)
{
	/* 2M leaf in small pieces, for a table lies inside. */
	world_map(&w, ROOT, 0x200000, 0x0 | ALL, 2);
	world_cr3(&w, 0, ROOT);
	cr_assert_eq(world_access(&w, 0, 0x300000, GNOMON_READ, 0), WORLD_OK);
	/* The same frame number, now as a table. */
	world_store(&w, world_entry(&w, ROOT, 0x200000, 2), 0x0 | ALL);
	fh_store(w.fh, 0x800, 8, 0x700000 | ALL);
	gnomon_invlpg(w.vcpu[0], (gnomon_gva_t){ 0x300000 });
	cr_assert_eq(world_access(&w, 0, 0x300000, GNOMON_READ, 0), WORLD_OK);
}

Test(identity, i03_rights_of_two_uppers_over_one_table)
{
	/* Two entries with different W and U lead to one lower table. */
	static const uint64_t rights[] = {
		ALL, X86_PTE_P | X86_PTE_W, X86_PTE_P | X86_PTE_U, X86_PTE_P,
	};

	world_map(&w, ROOT, 0x1000, 0x300000 | ALL, 1);
	uint64_t pd = world_entry(&w, ROOT, 0, 3);
	uint64_t table = fh_load(w.fh, pd, 8) & ~UINT64_C(0xfff);

	for (unsigned i = 0; i < 4; i++) {
		fh_store(w.fh, pd + 8 * i, 8, table | rights[i]);
	}
	world_cr3(&w, 0, ROOT);
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 16; i++) {
			uint64_t gva = (uint64_t)(i / 4) << 30 | 0x1000;
			uint32_t access = (i & 1 ? GNOMON_WRITE : 0u) |
					  (i & 2 ? GNOMON_USER : 0u);

			cr_assert_neq(world_access(&w, 0, gva, access, 1),
				      WORLD_WRONG, "entry %u access %u", i / 4,
				      access);
		}
	}
}

Test(identity, i04_large_leaves_with_other_rights_do_not_share)
{
	world_map(&w, ROOT, 0x200000, ALL, 2);
	world_map(&w, ROOT, 0x400000, X86_PTE_P | X86_PTE_U, 2);
	world_cr3(&w, 0, ROOT);
	cr_assert_eq(world_access(&w, 0, 0x3f0000, GNOMON_WRITE, 1), WORLD_OK);
	cr_assert_eq(world_access(&w, 0, 0x5f0000, GNOMON_READ, 0), WORLD_OK);
	cr_assert_eq(world_access(&w, 0, 0x5f0000, GNOMON_WRITE, 1),
		     WORLD_INJECTED);
}

Test(identity, i05_one_read_only_host_page_in_a_large_leaf)
{
	fh_frames(w.fh, 0x400, 512,
		  (struct fh_frame){ .kind = GNOMON_FRAME_RAM,
				     .write = true });
	fh_frames(w.fh, 0x410, 1,
		  (struct fh_frame){ .kind = GNOMON_FRAME_RAM });
	world_map(&w, ROOT, 0x200000, 0x400000 | ALL, 2);
	world_cr3(&w, 0, ROOT);
	cr_assert_eq(world_access(&w, 0, 0x210000, GNOMON_WRITE, 1),
		     WORLD_MMIO);
	cr_assert_eq(world_access(&w, 0, 0x211000, GNOMON_WRITE, 1), WORLD_OK);
	cr_assert_eq(world_access(&w, 0, 0x20f000, GNOMON_WRITE, 1), WORLD_OK);
}

Test(identity, i06_mode_bits_are_part_of_the_key)
{
	static const uint64_t cr4[] = { 0, X86_CR4_SMEP, X86_CR4_SMAP };

	world_map(&w, ROOT, 0x1000, 0x300000 | ALL, 1);
	world_map(&w, ROOT, 0x2000, 0x301000 | X86_PTE_P | X86_PTE_U, 1);
	world_map(&w, ROOT, 0x3000, 0x302000 | X86_PTE_P | X86_PTE_NX, 1);
	for (unsigned i = 0; i < 48; i++) {
		struct gnomon_regs *r = &w.regs[0];
		uint64_t gva = (1 + i % 3) << 12;

		r->cr0 = X86_CR0_PE | X86_CR0_PG | (i & 1 ? X86_CR0_WP : 0);
		r->cr4 = X86_CR4_PAE | X86_CR4_PGE | cr4[i / 3 % 3];
		r->efer = X86_EFER_LME | X86_EFER_LMA |
			  (i & 2 ? X86_EFER_NXE : 0);
		world_cr3(&w, 0, ROOT);
		for (uint32_t a = 0; a < 8; a++) {
			if ((a & 3) == 3) {
				continue; /* no fetch writes */
			}
			cr_assert_neq(world_access(&w, 0, gva, a, 1),
				      WORLD_WRONG, "mode %u access %u", i, a);
		}
	}
}

/* A page that lost U for a supervisor's store is still a user's to SMAP. */
Test(identity, i06_smap_is_part_of_the_key_with_wp_off)
{
	world_map(&w, ROOT, 0x2000, 0x301000 | X86_PTE_P | X86_PTE_U, 1);
	w.regs[0].cr0 &= ~X86_CR0_WP;
	world_cr3(&w, 0, ROOT);
	cr_assert_eq(world_access(&w, 0, 0x2000, GNOMON_WRITE, 1), WORLD_OK);
	w.regs[0].cr4 |= X86_CR4_SMAP;
	cr_assert_eq(world_load(&w, 0, 0), GNOMON_OK);
	cr_assert_eq(world_access(&w, 0, 0x2000, GNOMON_READ, 0),
		     WORLD_INJECTED);
	w.regs[0].ac = true;
	cr_assert_eq(world_load(&w, 0, 0), GNOMON_OK);
	cr_assert_eq(world_access(&w, 0, 0x2000, GNOMON_WRITE, 1), WORLD_OK);
	/* Nor has that store taken U from it. */
	w.regs[0].ac = false;
	cr_assert_eq(world_load(&w, 0, 0), GNOMON_OK);
	cr_assert_eq(world_access(&w, 0, 0x2000, GNOMON_READ, 0),
		     WORLD_INJECTED);
}

Test(identity, i08_frames_up_to_maxphyaddr)
{
	struct gnomon_slot slot = {
		.id = 1, .first = { (UINT64_C(1) << 28) - 8 }, .frames = 8,
	};

	cr_assert_eq(gnomon_slot_set(w.vm, &slot), GNOMON_OK);
	slot.id = 2;
	slot.first.v = (UINT64_C(1) << 28) - 4;
	slot.frames = 5;
	cr_assert_eq(gnomon_slot_set(w.vm, &slot), GNOMON_INVAL);
	slot.first.v = UINT64_MAX - 3;
	slot.frames = 8;
	cr_assert_eq(gnomon_slot_set(w.vm, &slot), GNOMON_INVAL);
	uint64_t top = (UINT64_C(1) << 40) - 0x1000;

	world_map(&w, ROOT, 0x1000, top | ALL, 1);
	world_map(&w, ROOT, 0x2000, UINT64_C(1) << 40 | ALL, 1);
	world_cr3(&w, 0, ROOT);
	cr_assert_eq(world_access(&w, 0, 0x2000, GNOMON_READ, 0),
		     WORLD_INJECTED);
	cr_assert_eq(w.last.error_code & 9, 9);
	cr_assert_eq(gnomon_slot_delete(w.vm, 1, NULL), GNOMON_OK);
}

Test(identity, i20_a_leaf_table_left_open_becomes_an_upper_table)
{
	world_map(&w, ROOT, 0x1000, 0x300000 | ALL | USED, 1);
	world_cr3(&w, 0, ROOT);
	cr_assert_eq(world_access(&w, 0, 0x1000, GNOMON_READ, 0), WORLD_OK);
	uint64_t leaf = fh_load(w.fh, world_entry(&w, ROOT, 0x1000, 2), 8) &
			~UINT64_C(0xfff);

	/* Map the leaf table and write it: it is left open. */
	world_map(&w, ROOT, 0x2000, leaf | ALL, 1);
	cr_assert_eq(world_access(&w, 0, 0x2ff8, GNOMON_WRITE, 0), WORLD_OK);
	cr_assert_eq(world_stats(&w).unsync_tables, 1);
	/* Now it stands one level higher as well. */
	fh_store(w.fh, world_entry(&w, ROOT, 0x40000000, 3), 8, leaf | ALL);
	fh_store(w.fh, leaf, 8, 0x310000 | ALL);
	fh_store(w.fh, 0x310000, 8, 0x320000 | ALL);
	gnomon_invlpg(w.vcpu[0], (gnomon_gva_t){ 0x40000000 });
	cr_assert_eq(world_access(&w, 0, 0x40000000, GNOMON_READ, 0),
		     WORLD_OK);
	cr_assert(gnomon_is_traced(w.vm, (gnomon_gfn_t){ leaf >> 12 }));
	cr_assert_eq(world_stats(&w).unsync_tables, 0);
}

Test(identity, i20_an_upper_table_keeps_its_trace)
{
	world_map(&w, ROOT, 0x1000, 0x300000 | ALL | USED, 1);
	world_map(&w, ROOT, 0x40000000, 0x400000 | ALL | USED, 1);
	world_cr3(&w, 0, ROOT);
	cr_assert_eq(world_access(&w, 0, 0x1000, GNOMON_READ, 0), WORLD_OK);
	/* A leaf table opens with the first store, those above it never. */
	for (unsigned level = 2; level <= 4; level++) {
		uint64_t table = world_entry(&w, ROOT, 0x1000, level) >> 12;

		world_map(&w, ROOT, 0x40000000, table << 12 | ALL | USED, 1);
		gnomon_invlpg(w.vcpu[0], (gnomon_gva_t){ 0x40000000 });
		cr_assert_eq(world_access(&w, 0, 0x40000ff8, GNOMON_WRITE, 0),
			     WORLD_OK);
		cr_assert(gnomon_is_traced(w.vm, (gnomon_gfn_t){ table }),
			  "level %u", level);
		cr_assert_eq(world_stats(&w).mmu_unsync, 0);
	}
}

Test(identity, i36_a_root_outside_memory_faults_lazily)
{
	world_cr3(&w, 0, UINT64_C(0x3000000));
	cr_assert_eq(world_access(&w, 0, 0x1000, GNOMON_READ, 0),
		     WORLD_INJECTED);
	struct gnomon_slot slot =
		fh_slot(w.fh, 1, 0x3000, 16, 0, true);

	/* Memory appears there: the guest goes on without a CR3 load. */
	cr_assert_eq(gnomon_slot_set(w.vm, &slot), GNOMON_OK);
	world_map(&w, 0x3000000, 0x1000, 0x300000 | ALL, 1);
	cr_assert_eq(world_access(&w, 0, 0x1000, GNOMON_READ, 0), WORLD_OK);
	/* And it goes, with the root loaded. */
	cr_assert_eq(gnomon_slot_delete(w.vm, 1, NULL), GNOMON_OK);
	fh_slot_forget(w.fh, 1);
	cr_assert_eq(world_access(&w, 0, 0x1000, GNOMON_READ, 0),
		     WORLD_INJECTED);
}

Test(identity, i36_cr3_beyond_maxphyaddr_is_refused)
{
	w.regs[0].cr3 = UINT64_C(1) << 41;
	cr_assert_eq(world_load(&w, 0, GNOMON_SET_CR3), GNOMON_GP);
}

Test(identity, i39_two_large_leaves_to_one_block_with_wp_off)
{
	w.regs[0].cr0 &= ~X86_CR0_WP;
	world_map(&w, ROOT, 0x200000, 0x400000 | X86_PTE_P, 2);
	world_map(&w, ROOT, 0x400000, 0x400000 | X86_PTE_P, 2);
	world_cr3(&w, 0, ROOT);
	for (uint64_t gva = 0x200000; gva <= 0x400000; gva += 0x200000) {
		cr_assert_eq(world_access(&w, 0, gva, GNOMON_READ, 0),
			     WORLD_OK);
		cr_assert_eq(world_access(&w, 0, gva, GNOMON_WRITE, 1),
			     WORLD_OK);
		cr_assert(fh_load(w.fh, world_entry(&w, ROOT, gva, 2), 8) &
			  X86_PTE_D);
	}
}

/* The same where a table in the block makes one direct page of both. */
Test(identity, i39_two_large_leaves_to_one_direct_page_with_wp_off)
{
	static const uint64_t gva[2] = { 0x350000, 0x550000 };

	w.regs[0].cr0 &= ~X86_CR0_WP;
	world_map(&w, ROOT, 0x200000, X86_PTE_P, 2);
	world_map(&w, ROOT, 0x400000, X86_PTE_P, 2);
	world_cr3(&w, 0, ROOT);
	for (unsigned i = 0; i < 2; i++) {
		cr_assert_eq(world_access(&w, 0, gva[i], GNOMON_READ, 0),
			     WORLD_OK);
	}
	for (unsigned i = 0; i < 2; i++) {
		uint64_t entry = world_entry(&w, ROOT, gva[i], 2);

		cr_assert_eq(world_access(&w, 0, gva[i], GNOMON_WRITE, 1),
			     WORLD_OK);
		cr_assert(fh_load(w.fh, entry, 8) & X86_PTE_D);
	}
}
