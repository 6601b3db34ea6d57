/* SPDX-License-Identifier: BSD-2-Clause */
/* What gnomon_direct() promises, one rule per test. */
#include <criterion/criterion.h>

#include "tests/direct/world.h"

#define RWU (X86_PTE_P | X86_PTE_W | X86_PTE_U)
#define ROOT UINT64_C(0x10000)	/* then its tables, top first */
#define LEAF (ROOT + 0x3000)

static void open_with_path(struct world *w)
{
	world_open(w, test_seed(), GNOMON_OPT_ALL);
	world_tables(w, ROOT, 0x100);
	world_load(w, ROOT);
}

static struct gnomon_stats stats_of(const struct world *w)
{
	struct gnomon_stats s;

	gnomon_vm_stats(w->vm, &s, sizeof(s));
	return s;
}

Test(direct, cpu_walks_the_frame_of_the_guest)
{
	struct world w;

	open_with_path(&w);
	cr_assert_eq(w.root.cr3.v, fh_hfn(w.fh, ROOT >> 12) << 12);
	cr_assert_eq(w.root.ncr3.v, 0);
	cr_assert(w.root.cr3_exits);
	world_close(&w);
}

Test(direct, pin_leaves_no_hidden_fault)
{
	struct world w;

	open_with_path(&w);
	cr_assert_eq(world_ask(&w, GNOMON_DIRECT_PIN, ROOT, 4), GNOMON_OK);
	for (unsigned i = 0; i < 8; i++) {
		cr_assert_eq(world_access(&w, i << 12, GNOMON_WRITE, 1, false),
			     WORLD_OK);
	}
	cr_assert_eq(w.kinds[GNOMON_KIND_HIDDEN], 0);
	world_close(&w);
}

Test(direct, set_takes_effect_and_keeps_ad)
{
	struct world w;
	uint64_t gpte;

	open_with_path(&w);
	world_access(&w, 0, GNOMON_WRITE, 1, false);
	cr_assert_eq(gnomon_direct_read(w.vm, (gnomon_gpa_t){ LEAF }, &gpte),
		     GNOMON_OK);
	cr_assert_eq(gpte, UINT64_C(0x100) << 12 | RWU | X86_PTE_A | X86_PTE_D);
	cr_assert_eq(world_ask(&w, GNOMON_DIRECT_SET_KEEP_AD, LEAF,
			       UINT64_C(0x200) << 12 | RWU), GNOMON_OK);
	cr_assert_eq(gnomon_direct_read(w.vm, (gnomon_gpa_t){ LEAF }, &gpte),
		     GNOMON_OK);
	cr_assert_eq(gpte, UINT64_C(0x200) << 12 | RWU | X86_PTE_A | X86_PTE_D);
	world_access(&w, 8, GNOMON_WRITE, 7, false);
	cr_assert_eq(w.last.gpa.v, 0x200008);
	world_close(&w);
}

Test(direct, refuses_what_cannot_be)
{
	struct world w;

	open_with_path(&w);
	cr_assert_eq(world_ask(&w, GNOMON_DIRECT_PIN, ROOT, 4), GNOMON_OK);
	/* A reserved bit; a table of another level; no RAM; not aligned. */
	cr_assert_eq(world_ask(&w, GNOMON_DIRECT_SET, LEAF,
			       UINT64_C(1) << 45 | RWU), GNOMON_INVAL);
	cr_assert_eq(world_ask(&w, GNOMON_DIRECT_SET, ROOT + 8, ROOT | RWU),
		     GNOMON_INVAL);
	cr_assert_eq(world_ask(&w, GNOMON_DIRECT_SET, ROOT + 8, LEAF | RWU),
		     GNOMON_INVAL);
	cr_assert_eq(world_ask(&w, GNOMON_DIRECT_SET, ROOT + 8,
			       UINT64_C(0x7000000) | RWU), GNOMON_INVAL);
	cr_assert_eq(world_ask(&w, GNOMON_DIRECT_SET, LEAF + 4, RWU),
		     GNOMON_INVAL);
	cr_assert_eq(world_ask(&w, GNOMON_DIRECT_PIN, LEAF, 2), GNOMON_INVAL);
	cr_assert_eq(world_ask(&w, GNOMON_DIRECT_UNPIN, LEAF, 0),
		     GNOMON_INVAL);
	cr_assert_eq(world_ask(&w, GNOMON_DIRECT_FLUSH_ALL + 1, 0, 0),
		     GNOMON_INVAL);
	world_close(&w);
}

Test(direct, store_into_a_table_is_interpreted)
{
	struct world w;

	open_with_path(&w);
	world_store(&w, LEAF + 8 * 9, LEAF | RWU);
	cr_assert_eq(world_access(&w, (9 << 12) + 8 * 4, GNOMON_WRITE,
				  UINT64_C(0x300) << 12 | RWU, false),
		     WORLD_OK);
	cr_assert_eq(w.kinds[GNOMON_KIND_TRACE], 1);
	cr_assert_eq(world_access(&w, 4 << 12, GNOMON_READ, 0, false),
		     WORLD_OK);
	cr_assert_eq(w.last.gpa.v, 0x300000);
	world_close(&w);
}

Test(direct, large_leaf_gives_way_to_a_table_in_it)
{
	struct world w;
	uint64_t at = ROOT + 0x2000 + 8;	/* level 2, gva 2M */

	open_with_path(&w);
	world_access(&w, 0, GNOMON_READ, 0, false);
	world_store(&w, at, X86_PTE_PS | RWU | X86_PTE_A | X86_PTE_D);
	cr_assert_eq(world_access(&w, (2 << 20) + 0x5000, GNOMON_WRITE, 1,
				  false), WORLD_OK);
	cr_assert_eq(stats_of(&w).splits, 1);
	cr_assert_eq(w.kinds[GNOMON_KIND_TRACE], 0);
	cr_assert_eq(world_access(&w, (2 << 20) + LEAF + 8 * 5, GNOMON_WRITE,
				  0, false), WORLD_OK);
	cr_assert_eq(w.kinds[GNOMON_KIND_TRACE], 1);
	cr_assert_eq(world_access(&w, 5 << 12, GNOMON_READ, 0, false),
		     WORLD_INJECTED);
	world_close(&w);
}

Test(direct, unpin_gives_the_tables_back)
{
	struct world w;
	uint64_t other = 0x20000;

	open_with_path(&w);
	cr_assert_eq(world_ask(&w, GNOMON_DIRECT_PIN, ROOT, 4), GNOMON_OK);
	cr_assert_eq(world_ask(&w, GNOMON_DIRECT_ROOT, 0, other), GNOMON_OK);
	cr_assert_eq(stats_of(&w).direct_tables, 5);
	cr_assert_eq(world_ask(&w, GNOMON_DIRECT_UNPIN, ROOT, 0), GNOMON_OK);
	cr_assert_eq(stats_of(&w).direct_tables, 1);
	cr_assert_not(gnomon_is_traced(w.vm, (gnomon_gfn_t){ LEAF >> 12 }));
	world_close(&w);
}

Test(direct, runs_in_long_mode_with_write_protection_only)
{
	struct world w;
	struct gnomon_root root;

	open_with_path(&w);
	w.regs.cr0 &= ~X86_CR0_WP;
	cr_assert_eq(gnomon_vcpu_set_regs(w.vcpu, &w.regs, 0, &root),
		     GNOMON_UNSUPPORTED);
	w.regs.cr0 |= X86_CR0_WP;
	w.regs.efer &= ~X86_EFER_NXE;
	cr_assert_eq(gnomon_vcpu_set_regs(w.vcpu, &w.regs, 0, &root),
		     GNOMON_UNSUPPORTED);
	w.regs.efer |= X86_EFER_NXE;
	w.regs.cr3 = UINT64_C(0x3000000);	/* no memory there */
	cr_assert_eq(gnomon_vcpu_set_regs(w.vcpu, &w.regs, 0, &root),
		     GNOMON_GP);
	world_close(&w);
}

Test(direct, tables_stay_where_the_host_put_them)
{
	struct world w;
	gnomon_gfn_t first = { ROOT >> 12 };

	open_with_path(&w);
	cr_assert_eq(gnomon_host_change_begin(w.vm, first, 1, NULL),
		     GNOMON_EXISTS);
	cr_assert_eq(gnomon_host_change_end(w.vm, first, 1), GNOMON_OK);
	cr_assert_eq(gnomon_slot_delete(w.vm, 0, NULL), GNOMON_EXISTS);
	world_close(&w);
}

/* A translation from before must not write what has become a table. */
Test(direct, no_old_translation_writes_a_new_table)
{
	struct world w;
	uint64_t table = 0x100000;	/* what entry 0 of LEAF maps */
	uint64_t at = ROOT + 0x2000 + 8;	/* level 2, gva 2M */

	open_with_path(&w);
	cr_assert_eq(world_access(&w, 0, GNOMON_WRITE, 0, true), WORLD_OK);
	world_store(&w, table + 8, UINT64_C(0x400) << 12 | RWU);
	cr_assert_eq(world_ask(&w, GNOMON_DIRECT_SET, at, table | RWU),
		     GNOMON_OK);
	cr_assert_eq(world_access(&w, (2 << 20) + 0x1000, GNOMON_READ, 0,
				  true), WORLD_OK);
	cr_assert(gnomon_is_traced(w.vm, (gnomon_gfn_t){ table >> 12 }));
	cr_assert_eq(world_access(&w, 0, GNOMON_WRITE, 0, true), WORLD_OK);
	cr_assert_eq(w.kinds[GNOMON_KIND_TRACE], 1);
	world_close(&w);
}

/* Cleared by the guest without a flush, then the frame becomes a table. */
Test(direct, no_translation_of_a_cleared_entry_does_either)
{
	struct world w;
	uint64_t table = 0x100000;
	uint64_t at = ROOT + 0x2000 + 8;

	open_with_path(&w);
	cr_assert_eq(world_access(&w, 0, GNOMON_WRITE, 0, true), WORLD_OK);
	cr_assert_eq(world_ask(&w, GNOMON_DIRECT_SET, LEAF, 0), GNOMON_OK);
	cr_assert_eq(world_access(&w, 0, GNOMON_WRITE, 0, true), WORLD_OK);
	cr_assert_eq(world_ask(&w, GNOMON_DIRECT_SET, at, table | RWU),
		     GNOMON_OK);
	cr_assert_eq(world_access(&w, 0, GNOMON_WRITE, 0, true),
		     WORLD_INJECTED);
	world_close(&w);
}

/* What the CPU has marked is the guest's, also when the entry goes. */
Test(direct, i38_a_and_d_of_what_is_dropped)
{
	struct world w;
	uint64_t gpte;

	open_with_path(&w);
	cr_assert_eq(world_access(&w, 0, GNOMON_WRITE, 1, false), WORLD_OK);
	cr_assert_eq(world_access(&w, 0x1000, GNOMON_READ, 0, false),
		     WORLD_OK);
	cr_assert_eq(gnomon_zap_all(w.vm, NULL), GNOMON_OK);
	cr_assert_eq(gnomon_direct_read(w.vm, (gnomon_gpa_t){ LEAF }, &gpte),
		     GNOMON_OK);
	cr_assert_eq(gpte, UINT64_C(0x100) << 12 | RWU | X86_PTE_A | X86_PTE_D);
	cr_assert_eq(gnomon_direct_read(w.vm, (gnomon_gpa_t){ LEAF + 8 },
					&gpte), GNOMON_OK);
	cr_assert_eq(gpte, UINT64_C(0x101) << 12 | RWU | X86_PTE_A);
	cr_assert_eq(gnomon_direct_read(w.vm, (gnomon_gpa_t){ ROOT }, &gpte),
		     GNOMON_OK);
	cr_assert_eq(gpte, (ROOT + 0x1000) | RWU | X86_PTE_A);
	world_close(&w);
}

/* Memory that the host keeps from writing reads as such, and stores exit. */
Test(direct, host_read_only_bounds_the_leaf)
{
	struct world w;

	open_with_path(&w);
	w.fh->frame[0x100].write = false;
	cr_assert_eq(world_access(&w, 0, GNOMON_READ, 0, true), WORLD_OK);
	world_audit(&w);
	cr_assert_eq(world_access(&w, 0, GNOMON_WRITE, 1, true), WORLD_MMIO);
	world_audit(&w);
	world_close(&w);
}

/* D of a write through a piece of a large leaf is that leaf's. */
Test(direct, i39_d_of_a_split_leaf)
{
	struct world w;
	uint64_t at = ROOT + 0x2000 + 8, gva = (2 << 20) + 0x100000, gpte;

	open_with_path(&w);
	world_store(&w, at, X86_PTE_PS | RWU);
	cr_assert_eq(world_access(&w, gva, GNOMON_READ, 0, true), WORLD_OK);
	cr_assert_eq(gnomon_direct_read(w.vm, (gnomon_gpa_t){ at }, &gpte),
		     GNOMON_OK);
	cr_assert_eq(gpte & (X86_PTE_A | X86_PTE_D), X86_PTE_A);
	cr_assert_eq(world_access(&w, gva, GNOMON_WRITE, 1, true), WORLD_OK);
	cr_assert_eq(gnomon_direct_read(w.vm, (gnomon_gpa_t){ at }, &gpte),
		     GNOMON_OK);
	cr_assert(gpte & X86_PTE_D);
	world_close(&w);
}

/* A guest that maps one frame everywhere loses the newest leaves of it. */
Test(direct, i50_lists_of_leaves_are_bounded)
{
	struct world w;

	open_with_path(&w);
	for (unsigned i = 0; i < 200; i++) {
		world_store(&w, LEAF + 8 * i, UINT64_C(0x100) << 12 | RWU);
	}
	for (unsigned i = 0; i < 200; i++) {
		cr_assert_eq(world_access(&w, i << 12, GNOMON_WRITE, i, true),
			     WORLD_OK);
	}
	/* world_open() allows 28 for one frame. */
	cr_assert_lt(stats_of(&w).rmap_entries, 40);
	world_close(&w);
}

/* A range that is protected or taken away is flushed before it returns. */
Test(direct, i16_a_range_is_flushed)
{
	struct world w;
	struct gnomon_dirty_log log = {
		.first = { WORLD_LOG_FIRST }, .frames = WORLD_LOG_FRAMES,
	};
	uint64_t at = WORLD_LOG_FIRST, flushes;

	open_with_path(&w);
	log.bitmap = w.bits;
	world_store(&w, LEAF, at << 12 | RWU);
	cr_assert_eq(world_access(&w, 0, GNOMON_WRITE, 1, true), WORLD_OK);
	cr_assert_eq(gnomon_dirty_start(w.vm, &log, NULL), GNOMON_OK);
	w.logging = true;
	/* The processor would serve it from its TLB. */
	cr_assert_eq(world_access(&w, 0, GNOMON_WRITE, 2, true), WORLD_OK);
	flushes = w.fh->flushes;
	cr_assert_eq(gnomon_host_change_begin(w.vm, (gnomon_gfn_t){ at }, 1,
					      NULL), GNOMON_OK);
	cr_assert_gt(w.fh->flushes, flushes);
	cr_assert_eq(gnomon_host_change_end(w.vm, (gnomon_gfn_t){ at }, 1),
		     GNOMON_OK);
	cr_assert_eq(gnomon_dirty_stop(w.vm, 0), GNOMON_OK);
	w.logging = false;
	world_close(&w);
}

/*
 * The processor remembers the way to a table; when the guest has made data of
 * that table, it must not find itself there.
 */
Test(direct, i12_no_walker_is_left_in_what_is_data_again)
{
	struct world w;

	open_with_path(&w);
	cr_assert_eq(world_ask(&w, GNOMON_DIRECT_PIN, ROOT, 4), GNOMON_OK);
	cr_assert_eq(world_access(&w, 0x1000, GNOMON_READ, 0, true), WORLD_OK);
	/* The leaf table is cut off, and its frame is data. */
	cr_assert_eq(world_ask(&w, GNOMON_DIRECT_SET, ROOT + 0x2000, 0),
		     GNOMON_OK);
	cr_assert_eq(world_ask(&w, GNOMON_DIRECT_UNPIN, ROOT, 0), GNOMON_OK);
	cr_assert_not(gnomon_is_traced(w.vm, (gnomon_gfn_t){ LEAF >> 12 }));
	cr_assert_eq(world_access(&w, 0x2000, GNOMON_READ, 0, true),
		     WORLD_INJECTED);
	world_close(&w);
}

/* The same where a split goes, and its page with it. */
Test(direct, i12_no_walker_is_left_in_a_split)
{
	struct world w;
	uint64_t at = ROOT + 0x2000 + 8, gva = 2 << 20;

	open_with_path(&w);
	/* Over the tables: a page of the engine's stands for it. */
	world_store(&w, at, X86_PTE_PS | RWU | X86_PTE_A | X86_PTE_D);
	cr_assert_eq(world_access(&w, gva + 0x100000, GNOMON_READ, 0, true),
		     WORLD_OK);
	cr_assert_eq(world_ask(&w, GNOMON_DIRECT_SET, at, 0), GNOMON_OK);
	/* The page may serve for another one at once. */
	world_store(&w, at + 8, X86_PTE_PS | RWU | X86_PTE_A | X86_PTE_D);
	cr_assert_eq(world_access(&w, (4 << 20) + 0x101000, GNOMON_READ, 0,
				  true), WORLD_OK);
	cr_assert_eq(world_access(&w, gva + 0x101000, GNOMON_READ, 0, true),
		     WORLD_INJECTED);
	world_close(&w);
}

/* The story of a process, with call number n of the host failing. */
static bool live_with_failure(uint64_t n)
{
	struct world w;
	uint64_t large = ROOT + 0x2000 + 8;
	bool hit;

	open_with_path(&w);
	w.fh->fail_at = w.fh->calls_all + n;
	for (unsigned i = 0; i < 2; i++) {
		world_ask(&w, GNOMON_DIRECT_PIN, ROOT, 4);
		world_access(&w, 0, GNOMON_WRITE, 0, true);
		world_ask(&w, GNOMON_DIRECT_SET, LEAF + 8,
			  UINT64_C(0x300) << 12 | RWU);
		world_ask(&w, GNOMON_DIRECT_SET, large,
			  X86_PTE_PS | RWU | X86_PTE_A | X86_PTE_D);
		world_access(&w, 2 << 20, GNOMON_READ, 0, true);
		world_access(&w, (2 << 20) + LEAF + 64, GNOMON_WRITE, 0, true);
		world_ask(&w, GNOMON_DIRECT_ROOT, 0, 0x20000);
		world_ask(&w, GNOMON_DIRECT_UNPIN, ROOT, 0);
		world_audit(&w);
		world_ask(&w, GNOMON_DIRECT_ROOT, 0, ROOT);
		world_audit(&w);
	}
	hit = w.fh->fail_hit;
	w.fh->fail_at = 0;
	cr_assert_eq(world_ask(&w, GNOMON_DIRECT_ROOT, 0, ROOT), GNOMON_OK);
	for (unsigned i = 0; i < 8; i++) {
		world_check(&w, world_access(&w, i << 12, GNOMON_READ, 0,
					     false) == WORLD_OK,
			    "an access after the failure");
	}
	world_close(&w);
	return hit;
}

Test(direct, any_host_call_may_fail)
{
	uint64_t n = 1;

	while (live_with_failure(n)) {
		n++;
	}
	cr_assert_gt(n, 20);
}
