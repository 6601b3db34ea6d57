/* SPDX-License-Identifier: BSD-2-Clause */
/* Traces and what follows a store: rules I10 to I14, I17 to I30, I41. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/shadow/world.h"

#define ROOT UINT64_C(0x10000)
#define ALL (X86_PTE_P | X86_PTE_W | X86_PTE_U)
#define USED (X86_PTE_A | X86_PTE_D)

static struct world w;

static void begin_with(uint32_t options)
{
	struct gnomon_config config = world_config();

	config.options = options;
	world_open(&w, &config);
	world_map(&w, ROOT, 0x1000, 0x300000 | ALL, 1);
	/* A direct map of the first 4M, as kernels have one. */
	world_map(&w, ROOT, 0x40000000, 0 | ALL, 2);
	world_map(&w, ROOT, 0x40200000, 0x200000 | ALL, 2);
	world_cr3(&w, 0, ROOT);
	cr_assert_eq(world_access(&w, 0, 0x1000, GNOMON_READ, 0), WORLD_OK);
}

static void begin(void)
{
	begin_with(GNOMON_OPT_ALL & ~(uint32_t)GNOMON_OPT_UNSYNC);
}

static void end(void)
{
	world_close(&w);
}

TestSuite(trace, .init = begin, .fini = end);

static uint64_t pte(uint64_t gva)
{
	return world_entry(&w, ROOT, gva, 1);
}

static enum gnomon_status put(uint64_t gpa, const void *data, size_t bytes)
{
	return gnomon_write(w.vm, w.vcpu[0], (gnomon_gpa_t){ gpa }, data,
			    bytes);
}

/* A TLB may still let the guest write what no leaf maps any more. */
Test(trace, i16_a_frame_that_was_mapped_becomes_a_table)
{
	uint64_t other = 0x301000 | ALL | USED;

	world_map(&w, ROOT, 0x2000, 0x301000 | ALL, 1);
	cr_assert_eq(world_access(&w, 0, 0x2000, GNOMON_READ, 0), WORLD_OK);
	cr_assert_eq(world_access(&w, 0, 0x1000, GNOMON_WRITE, 0), WORLD_OK);
	/* Nothing is stale from here on ... */
	world_cr3(&w, 0, ROOT);
	gnomon_invlpg(w.vcpu[0], (gnomon_gva_t){ 0x3000 });
	/* ... but frame 0x300, by a store without a flush. */
	cr_assert_eq(put(pte(0x1000), &other, 8), GNOMON_OK);
	world_store(&w, 0x300000, 0x302000 | ALL | USED);
	world_store(&w, world_entry(&w, ROOT, 0x600000, 2),
		    0x300000 | ALL | USED);
	uint64_t flushes = w.fh->flushes;

	cr_assert_eq(world_access(&w, 0, 0x600000, GNOMON_READ, 0), WORLD_OK);
	cr_assert(gnomon_is_traced(w.vm, (gnomon_gfn_t){ 0x300 }));
	cr_assert_gt(w.fh->flushes, flushes);
	world_audit(&w, GNOMON_AUDIT_GUEST);
}

Test(trace, i10_a_leaf_replaced_by_another_and_by_nothing)
{
	uint64_t other = 0x301000 | ALL | USED, none = 0;

	cr_assert_eq(put(pte(0x1000), &other, 8), GNOMON_OK);
	world_audit(&w, GNOMON_AUDIT_GUEST);
	cr_assert_eq(world_access(&w, 0, 0x1000, GNOMON_WRITE, 7), WORLD_OK);
	cr_assert_eq(put(pte(0x1000), &none, 8), GNOMON_OK);
	world_audit(&w, GNOMON_AUDIT_GUEST);
	cr_assert_eq(world_access(&w, 0, 0x1000, GNOMON_READ, 0),
		     WORLD_INJECTED);
}

Test(trace, i11_tables_changed_behind_the_engine_stay_safe)
{
	for (unsigned i = 0; i < 512; i++) {
		fh_store(w.fh, (pte(0) & ~UINT64_C(0xfff)) + 8 * i, 8,
			 i * UINT64_C(0x123457000) | ALL | (i & 0xff0));
	}
	uint64_t young = 0;
	struct gnomon_range all = { { 0 }, WORLD_FRAMES };

	gnomon_invlpg(w.vcpu[0], (gnomon_gva_t){ 0x1000 });
	world_audit(&w, GNOMON_AUDIT_FULL);
	cr_assert_neq(world_access(&w, 0, 0x1000, GNOMON_READ, 0),
		      WORLD_WRONG);
	world_audit(&w, GNOMON_AUDIT_FULL);
	cr_assert_eq(gnomon_young(w.vm, &all, true, &young, NULL), GNOMON_OK);
	world_audit(&w, GNOMON_AUDIT_FULL);
	world_cr3(&w, 0, ROOT);
	world_audit(&w, GNOMON_AUDIT_FULL);
}

Test(trace, i14_nothing_is_left_of_a_deleted_slot)
{
	cr_assert_gt(world_stats(&w).rmap_entries, 0);
	cr_assert_gt(world_stats(&w).traced_frames, 0);
	cr_assert_eq(gnomon_slot_delete(w.vm, 0, NULL), GNOMON_OK);
	fh_slot_forget(w.fh, 0);
	cr_assert_eq(world_stats(&w).rmap_entries, 0);
	cr_assert_eq(world_stats(&w).traced_frames, 0);
	cr_assert_eq(world_access(&w, 0, 0x1000, GNOMON_READ, 0),
		     WORLD_INJECTED);
}

Test(trace, i18_a_traced_table_is_nowhere_writable)
{
	uint64_t gva = 0x40000000 + pte(0x1000);

	/* Through the direct map: large until the table inside is known. */
	cr_assert_eq(world_access(&w, 0, gva, GNOMON_READ, 0), WORLD_OK);
	cr_assert_eq(world_access(&w, 0, gva, GNOMON_WRITE,
				  0x302000 | ALL | USED),
		     WORLD_OK);
	cr_assert_eq(w.last.action, GNOMON_EMULATE);
	cr_assert_eq(w.last.kind, GNOMON_KIND_TRACE);
	world_audit(&w, GNOMON_AUDIT_GUEST);
}

Test(trace, i18_without_keep_a_flush_point_traces_an_open_table_again)
{
	uint64_t gva = 0x40000000 + pte(0x1000);

	for (uint32_t keep = 0; keep < 2; keep++) {
		end();
		begin_with(keep ? GNOMON_OPT_ALL : GNOMON_OPT_ALL &
			   ~(uint32_t)GNOMON_OPT_UNSYNC_KEEP);
		cr_assert_eq(world_access(&w, 0, gva, GNOMON_WRITE,
					  0x302000 | ALL | USED), WORLD_OK);
		cr_assert_eq(world_stats(&w).unsync_tables, 1);
		world_cr3(&w, 0, ROOT);
		cr_assert_eq(world_stats(&w).unsync_tables, keep);
	}
}

Test(trace, i18_a_frame_mapped_before_it_becomes_a_table)
{
	uint64_t frame = 0x3f0000, gva = 0x40000000 + frame;

	cr_assert_eq(world_access(&w, 0, gva, GNOMON_WRITE, 0), WORLD_OK);
	uint64_t before = world_stats(&w).splits;

	world_store(&w, world_entry(&w, ROOT, 0x600000, 2), frame | ALL);
	fh_store(w.fh, frame, 8, 0x300000 | ALL);
	cr_assert_eq(world_access(&w, 0, 0x600000, GNOMON_READ, 0), WORLD_OK);
	cr_assert(gnomon_is_traced(w.vm, (gnomon_gfn_t){ frame >> 12 }));
	cr_assert_gt(world_stats(&w).splits, before);
	cr_assert_eq(world_access(&w, 0, gva, GNOMON_WRITE, 0), WORLD_OK);
	cr_assert_eq(w.last.action, GNOMON_EMULATE);
}

Test(trace, i24_halves_bytes_and_wide_stores)
{
	uint64_t at = pte(0x1000);
	uint32_t low = 0x304000 | ALL | USED, high = 0x80000000;
	unsigned char mask = X86_PTE_P | X86_PTE_U | USED;
	uint64_t two[2] = { 0x305000 | ALL | USED, 0x306000 | ALL | USED };

	cr_assert_eq(put(at, &low, 4), GNOMON_OK);
	world_audit(&w, GNOMON_AUDIT_GUEST);
	cr_assert_eq(world_access(&w, 0, 0x1000, GNOMON_WRITE, 1), WORLD_OK);
	cr_assert_eq(put(at + 4, &high, 4), GNOMON_OK);
	world_audit(&w, GNOMON_AUDIT_GUEST);
	cr_assert_eq(world_access(&w, 0, 0x1000, GNOMON_EXEC, 0),
		     WORLD_INJECTED);
	cr_assert_eq(put(at, &mask, 1), GNOMON_OK);
	world_audit(&w, GNOMON_AUDIT_GUEST);
	cr_assert_eq(world_access(&w, 0, 0x1000, GNOMON_WRITE, 1),
		     WORLD_INJECTED);
	cr_assert_eq(put(at, two, 16), GNOMON_OK);
	world_audit(&w, GNOMON_AUDIT_GUEST);
	cr_assert_eq(world_access(&w, 0, 0x2000, GNOMON_READ, 0), WORLD_OK);
}

static enum gnomon_status swap(uint64_t gpa, unsigned bytes, uint64_t *old,
			       uint64_t value)
{
	return gnomon_cmpxchg(w.vm, w.vcpu[0], (gnomon_gpa_t){ gpa }, bytes,
			      old, value);
}

/* A LOCKed store: all or nothing, and the shadow follows what was stored. */
Test(trace, i38_an_exchange_stores_where_nothing_has_changed)
{
	uint64_t at = pte(0x1000), was = ~UINT64_C(0), none = 0;

	cr_assert_eq(swap(at, 8, &was, 0), GNOMON_OK);
	cr_assert_neq(was, ~UINT64_C(0), "it found something else");
	cr_assert_eq(world_access(&w, 0, 0x1000, GNOMON_READ, 0), WORLD_OK,
		     "nothing was stored");
	was |= X86_PTE_A;
	cr_assert_eq(swap(at, 8, &was, none), GNOMON_OK);
	world_audit(&w, GNOMON_AUDIT_GUEST);
	cr_assert_eq(world_access(&w, 0, 0x1000, GNOMON_READ, 0),
		     WORLD_INJECTED);
	cr_assert_eq(swap(at, 4, &none, 0x304000 | ALL | USED), GNOMON_OK);
	world_audit(&w, GNOMON_AUDIT_GUEST);
	cr_assert_eq(world_access(&w, 0, 0x1000, GNOMON_WRITE, 1), WORLD_OK);
}

Test(trace, i38_odd_exchanges_are_refused)
{
	uint64_t old = 0;

	cr_assert_eq(swap(pte(0x1000), 2, &old, 1), GNOMON_INVAL);
	cr_assert_eq(swap(pte(0x1000) + 4, 8, &old, 1), GNOMON_INVAL);
	cr_assert_eq(swap(UINT64_C(1) << 38, 8, &old, 1), GNOMON_ABSENT);
	cr_assert_eq(old, 0);
	world_audit(&w, GNOMON_AUDIT_GUEST);
}

Test(trace, i24_a_store_across_pages_is_refused)
{
	char data[4097] = { 0 };
	uint64_t page = pte(0x1000) & ~UINT64_C(0xfff);

	cr_assert_eq(put(page + 4092, data, 8), GNOMON_INVAL);
	cr_assert_eq(put(page, data, 4097), GNOMON_INVAL);
	cr_assert_eq(put(page, data, 0), GNOMON_INVAL);
	cr_assert_eq(put(page, data, 4096), GNOMON_OK);
	world_audit(&w, GNOMON_AUDIT_GUEST);
}

Test(trace, i26_user_stores_to_a_dead_table_make_progress)
{
	uint64_t table = pte(0x1000) & ~UINT64_C(0xfff);

	world_map(&w, ROOT, 0x5000, table | ALL, 1);
	/* The table maps itself: giving it up would not last. */
	cr_assert_eq(world_access(&w, 0, 0x5ff8, GNOMON_WRITE | GNOMON_USER,
				  0),
		     WORLD_OK);
	cr_assert_leq(w.faults, 3);
	world_audit(&w, GNOMON_AUDIT_GUEST);
}

Test(trace, i26_loaded_roots_are_never_given_up)
{
	char zeros[4096] = { 0 };

	for (unsigned i = 0; i < 64; i++) {
		cr_assert_eq(put(ROOT + 2048, zeros, 1024), GNOMON_OK);
	}
	cr_assert(gnomon_is_traced(w.vm, (gnomon_gfn_t){ ROOT >> 12 }));
	cr_assert_eq(world_stats(&w).mmu_flooded, 0);
}

Test(trace, i27_invlpg_with_paging_off_or_odd_addresses)
{
	gnomon_invlpg(w.vcpu[0], (gnomon_gva_t){ UINT64_C(1) << 60 });
	gnomon_invlpg(w.vcpu[1], (gnomon_gva_t){ 0 }); /* no registers yet */
	w.regs[0] = (struct gnomon_regs){ .cr0 = X86_CR0_PE };
	cr_assert_eq(world_load(&w, 0, GNOMON_SET_CR3), GNOMON_OK);
	gnomon_invlpg(w.vcpu[0], (gnomon_gva_t){ 0x1000 });
	cr_assert_eq(world_access(&w, 0, 0x300000, GNOMON_WRITE, 1), WORLD_OK);
}

static struct gnomon_flush last_flush;

static void note_flush(void *arg, const struct gnomon_flush *flush)
{
	(void)arg;
	last_flush = *flush;
}

/* A CPU drops a large page as a whole, also when its entry has gone. */
Test(trace, i27_invlpg_of_a_large_page_that_was_broken_up)
{
	uint64_t none = 0;

	/* The block holds a page table, so our leaves in it are small. */
	cr_assert_eq(world_access(&w, 0, 0x40001000, GNOMON_READ, 0),
		     WORLD_OK);
	cr_assert_eq(world_access(&w, 0, 0x40002000, GNOMON_READ, 0),
		     WORLD_OK);
	void (*on_flush)(void *, const struct gnomon_flush *) = w.fh->on_flush;

	w.fh->on_flush = note_flush;
	cr_assert_eq(put(world_entry(&w, ROOT, 0x40000000, 2), &none, 8),
		     GNOMON_OK);
	gnomon_invlpg(w.vcpu[0], (gnomon_gva_t){ 0x40001000 });
	w.fh->on_flush = on_flush;
	on_flush(w.fh->on_flush_arg, &last_flush);
	cr_assert(last_flush.bytes == 0 || last_flush.bytes >= 0x200000);
	cr_assert_eq(world_access(&w, 0, 0x40002000, GNOMON_READ, 0),
		     WORLD_INJECTED);
}

static struct gnomon_root load_regs(uint64_t cr4_flip)
{
	struct gnomon_root root = { 0 };

	w.regs[0].cr4 ^= cr4_flip;
	cr_assert_eq(gnomon_vcpu_set_regs(w.vcpu[0], &w.regs[0],
					  cr4_flip ? 0 : GNOMON_SET_CR3,
					  &root), GNOMON_OK);
	return root;
}

Test(trace, i27_what_a_load_drops)
{
	world_cr3(&w, 0, ROOT);
	/* A load of CR3 keeps what is global, a change of PGE nothing. */
	struct gnomon_root root = load_regs(0);

	cr_assert(root.flush && !root.flush_global);
	root = load_regs(X86_CR4_PGE);
	cr_assert(root.flush && root.flush_global);
	/* Without PGE nothing is global. */
	root = load_regs(0);
	cr_assert(root.flush && root.flush_global);
	root = load_regs(X86_CR4_PGE);
	cr_assert(root.flush && root.flush_global);
}

Test(trace, i28_pcids_come_and_go)
{
	struct gnomon_regs *r = &w.regs[0];

	r->cr4 |= X86_CR4_PCIDE;
	r->cr3 = ROOT;
	cr_assert_eq(world_load(&w, 0, 0), GNOMON_OK);
	r->cr3 = ROOT | 5 | UINT64_C(1) << 63;
	cr_assert_eq(world_load(&w, 0, GNOMON_SET_CR3), GNOMON_OK);
	cr_assert_eq(world_access(&w, 0, 0x1000, GNOMON_READ, 0), WORLD_OK);
	for (uint64_t type = 0; type < 4; type++) {
		cr_assert_eq(gnomon_invpcid(w.vcpu[0], type, 5,
					    (gnomon_gva_t){ 0x1000 }),
			     GNOMON_OK);
	}
	cr_assert_eq(gnomon_invpcid(w.vcpu[0], 4, 0, (gnomon_gva_t){ 0 }),
		     GNOMON_GP);
	cr_assert_eq(gnomon_invpcid(w.vcpu[0], 0, 4096, (gnomon_gva_t){ 0 }),
		     GNOMON_GP);
	r->cr4 &= ~X86_CR4_PCIDE;
	r->cr3 = ROOT;
	cr_assert_eq(world_load(&w, 0, GNOMON_SET_CR3), GNOMON_OK);
	cr_assert_eq(gnomon_invpcid(w.vcpu[0], 1, 5, (gnomon_gva_t){ 0 }),
		     GNOMON_GP);
	cr_assert_eq(world_access(&w, 0, 0x1000, GNOMON_WRITE, 1), WORLD_OK);
}

Test(trace, i41_guesses_set_no_accessed_bit)
{
	for (unsigned i = 8; i < 16; i++) {
		fh_store(w.fh, pte((uint64_t)i << 12), 8,
			 (0x300 + i) << 12 | ALL);
	}
	world_cr3(&w, 0, ROOT);
	cr_assert_eq(world_access(&w, 0, 0x8000, GNOMON_READ, 0), WORLD_OK);
	for (unsigned i = 9; i < 16; i++) {
		cr_assert_eq(fh_load(w.fh, pte((uint64_t)i << 12), 8) &
				     X86_PTE_A, 0);
	}
	world_audit(&w, GNOMON_AUDIT_GUEST);
}

/* ---- OPT_PREFETCH: faults that need not be ------------------------------- */

#define PLAIN (GNOMON_OPT_ALL & ~(uint32_t)GNOMON_OPT_UNSYNC)

static void begin_prefetch(bool prefetch)
{
	end();
	begin_with(prefetch ? PLAIN : PLAIN & ~(uint32_t)GNOMON_OPT_PREFETCH);
}

/* The direct map of a frame that was a table, as its next user finds it. */
static void end_of_a_trace(bool prefetch, bool dirty)
{
	begin_prefetch(prefetch);
	uint64_t table = pte(0x1000) & ~UINT64_C(0xfff);
	uint64_t gva = 0x40000000 + table;

	if (dirty) {
		cr_assert_eq(world_access(&w, 0, 0x40000000 + 0x3f0000,
					  GNOMON_WRITE, 0), WORLD_OK);
		cr_assert_eq(world_access(&w, 0, 0x40000000 + 0x3f000,
					  GNOMON_WRITE, 0), WORLD_OK);
	}
	cr_assert_eq(world_access(&w, 0, gva, GNOMON_READ, 0), WORLD_OK);
	world_store(&w, world_entry(&w, ROOT, 0x1000, 2), 0);
	cr_assert_not(gnomon_is_traced(w.vm, (gnomon_gfn_t){ table >> 12 }));
	world_audit(&w, GNOMON_AUDIT_FULL);
	cr_assert_eq(world_access(&w, 0, gva, GNOMON_WRITE, 7), WORLD_OK);
	cr_assert_eq(w.faults, prefetch && dirty ? 0 : 1);
	cr_assert_eq(fh_load(w.fh, table, 8), 7);
}

Test(trace, i51_what_was_a_table_is_writable_when_its_trace_ends)
{
	end_of_a_trace(true, true);
	end_of_a_trace(false, true);
}

/* Without D no entry may have W, trace or not. */
Test(trace, i39_the_end_of_a_trace_sets_no_dirty_bit)
{
	end_of_a_trace(true, false);
}

#define KERNEL UINT64_C(0xffff888000000000)
#define SECOND UINT64_C(0x11000)

/* The first access below a root that shares a table with the one before. */
static unsigned first_fault(bool prefetch, uint64_t entry_bits)
{
	begin_prefetch(prefetch);
	world_map(&w, ROOT, KERNEL, 0x300000 | ALL | USED, 1);
	cr_assert_eq(world_access(&w, 0, KERNEL, GNOMON_READ, 0), WORLD_OK);
	fh_store(w.fh, world_entry(&w, SECOND, KERNEL, 4), 8,
		 (fh_load(w.fh, world_entry(&w, ROOT, KERNEL, 4), 8) &
		  ~(uint64_t)X86_PTE_A) | entry_bits);
	world_cr3(&w, 0, SECOND);
	world_audit(&w, GNOMON_AUDIT_FULL);
	cr_assert_eq(fh_load(w.fh, world_entry(&w, SECOND, KERNEL, 4), 8) &
			     X86_PTE_A, entry_bits);
	cr_assert_eq(world_access(&w, 0, KERNEL, GNOMON_READ, 0), WORLD_OK);
	return w.faults;
}

Test(trace, i51_a_new_root_leads_to_the_tables_that_are_known)
{
	cr_assert_eq(first_fault(true, X86_PTE_A), 0);
	cr_assert_eq(first_fault(false, X86_PTE_A), 1);
}

/* The CPU sets A on its way: not before it goes there. */
Test(trace, i41_a_new_root_leads_nowhere_that_was_not_accessed)
{
	cr_assert_eq(first_fault(true, 0), 1);
}
