/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include <criterion/criterion.h>

#include "tests/nested/npfix.h"

#define BIG FH_BIG_FIRST

Test(np_map, partial_unmap_splits_and_keeps_the_rest)
{
	struct npfix fix;

	npfix_open(&fix, &gn_np_format_npt, 4, 3, 0);
	npfix_fault(&fix, BIG, GNOMON_WRITE);
	cr_assert(npfix_unmap(&fix, BIG + 1000, 3));
	cr_assert_eq(fix.np.stats.splits, 2);
	for (uint64_t gfn = BIG + 512; gfn < BIG + 1536; gfn++) {
		struct npfix_seen seen = npfix_look(&fix, gfn);
		bool gone = gfn - (BIG + 1000) < 3;

		cr_assert_eq(seen.present, !gone);
		cr_assert(gone || seen.hfn == fh_hfn(fix.fh, gfn));
		cr_assert_eq(seen.level, gfn < BIG + 1024 ? 1 : 2);
	}
	cr_assert_null(npfix_audit(&fix));
	cr_assert_eq(npfix_close(&fix), 0);
}

Test(np_map, partial_unmap_without_pages_takes_the_whole_leaf)
{
	struct npfix fix;

	npfix_open(&fix, &gn_np_format_npt, 4, 3, 0);
	npfix_fault(&fix, BIG, GNOMON_WRITE);
	fix.fh->live_max = 1;
	cr_assert(npfix_unmap(&fix, BIG + 1000, 3));
	cr_assert(!npfix_look(&fix, BIG).present);
	cr_assert(!npfix_look(&fix, BIG + 1000).present);
	cr_assert_null(npfix_audit(&fix));
	cr_assert_eq(npfix_close(&fix), 0);
}

Test(np_map, unmap_of_all_gives_the_tables_back)
{
	struct npfix fix;

	npfix_open(&fix, &gn_np_format_ept, 5, 1, 0);
	for (uint64_t gfn = 0; gfn < FH_SMALL_FRAMES; gfn += 100) {
		npfix_fault(&fix, gfn, GNOMON_READ);
	}
	cr_assert_gt(fix.np.stats.tables, 30);
	uint64_t flushes = fix.fh->flushes;

	cr_assert(npfix_unmap(&fix, 0, UINT64_MAX));
	cr_assert_eq(fix.np.stats.tables, 1);
	cr_assert_eq(fix.fh->flushes, flushes + 1);
	cr_assert_null(npfix_audit(&fix));
	cr_assert_eq(npfix_close(&fix), 0);
}

Test(np_map, budget_is_kept_and_resumed)
{
	struct npfix fix;
	struct gn_np_range range = { gn_gfn(0), FH_SMALL_FRAMES };
	unsigned calls = 0;

	npfix_open(&fix, &gn_np_format_npt, 4, 1, 0);
	for (uint64_t gfn = 0; gfn < FH_SMALL_FRAMES; gfn++) {
		npfix_fault(&fix, gfn, GNOMON_WRITE);
	}
	for (;;) {
		uint32_t budget = 1000;
		enum gnomon_status s = gn_np_protect(&fix.np, &range, &budget);

		calls++;
		cr_assert_null(npfix_audit(&fix));
		if (s == GNOMON_OK) {
			break;
		}
		cr_assert_eq(s, GNOMON_MORE);
		cr_assert_eq(budget, 0);
		cr_assert_eq(fix.np.stats.protects, calls * 1000);
		cr_assert(!npfix_look(&fix, calls * 1000 - 1).writable);
		cr_assert(npfix_look(&fix, calls * 1000).writable);
	}
	cr_assert_eq(calls, FH_SMALL_FRAMES / 1000 + 1);
	cr_assert_eq(npfix_close(&fix), 0);
}

Test(np_map, protected_large_leaf_is_dirtied_by_the_page)
{
	struct npfix fix;
	struct gnomon_outcome out;
	bool dirtied = false;

	npfix_open(&fix, &gn_np_format_npt, 4, 3, 0);
	npfix_fault(&fix, BIG, GNOMON_WRITE);
	uint64_t flushes = fix.fh->flushes;

	cr_assert(npfix_protect(&fix, BIG, FH_BIG_FRAMES));
	cr_assert_eq(fix.fh->flushes, flushes + 1);
	cr_assert_eq(npfix_look(&fix, BIG).level, 3);
	cr_assert(!npfix_look(&fix, BIG).writable);

	gn_np_fault(&fix.np, gn_gfn_gpa(gn_gfn(BIG + 7)), GNOMON_READ, &out,
		    &dirtied);
	cr_assert(!dirtied && out.kind == GNOMON_KIND_SPURIOUS);
	gn_np_fault(&fix.np, gn_gfn_gpa(gn_gfn(BIG + 7)), GNOMON_WRITE, &out,
		    &dirtied);
	cr_assert(dirtied && out.kind == GNOMON_KIND_NESTED);
	for (uint64_t gfn = BIG; gfn < BIG + 1024; gfn++) {
		cr_assert_eq(npfix_look(&fix, gfn).writable, gfn == BIG + 7);
		cr_assert(npfix_look(&fix, gfn).present);
	}
	cr_assert_null(npfix_audit(&fix));
	cr_assert_eq(npfix_close(&fix), 0);
}

Test(np_map, logging_reports_every_first_write_once)
{
	struct npfix fix;

	npfix_open(&fix, &gn_np_format_npt, 4, 3, 0);
	fix.np.logging = true;
	npfix_fault(&fix, BIG, GNOMON_READ);
	cr_assert_eq(npfix_look(&fix, BIG).level, 3);
	for (uint64_t gfn = BIG + 500; gfn < BIG + 600; gfn++) {
		struct gnomon_outcome out;
		bool dirtied;

		gn_np_fault(&fix.np, gn_gfn_gpa(gn_gfn(gfn)), GNOMON_WRITE,
			    &out, &dirtied);
		cr_assert(dirtied);
		cr_assert(!npfix_look(&fix, gfn + 1).writable);
		gn_np_fault(&fix.np, gn_gfn_gpa(gn_gfn(gfn)), GNOMON_WRITE,
			    &out, &dirtied);
		cr_assert(!dirtied && out.kind == GNOMON_KIND_SPURIOUS);
	}
	cr_assert_null(npfix_audit(&fix));
	cr_assert_eq(npfix_close(&fix), 0);
}

Test(np_map, split_then_collapse_is_the_same_leaf)
{
	const struct gn_np_format *formats[] = { &gn_np_format_npt,
						 &gn_np_format_ept };

	for (unsigned i = 0; i < 2; i++) {
		struct npfix fix;
		struct gn_np_range all = { gn_gfn(BIG), FH_BIG_FRAMES };
		struct gn_np_range again = all;

		npfix_open(&fix, formats[i], 4, 3, 0);
		npfix_fault(&fix, BIG, GNOMON_WRITE);
		uint64_t before = *npfix_look(&fix, BIG).entry;

		cr_assert_eq(gn_np_split(&fix.np, &all, 1, NULL), GNOMON_OK);
		cr_assert_eq(fix.np.stats.tables, 3 + 512 - 1 + 1);
		cr_assert_eq(npfix_look(&fix, BIG + 99999).level, 1);
		cr_assert_null(npfix_audit(&fix));
		cr_assert_eq(gn_np_collapse(&fix.np, &again, NULL), GNOMON_OK);
		cr_assert_eq(npfix_look(&fix, BIG).level, 3);
		cr_assert_eq(*npfix_look(&fix, BIG).entry, before);
		cr_assert_null(npfix_audit(&fix));
		cr_assert_eq(npfix_close(&fix), 0);
	}
}

/* Two sizes of one translation must not meet in a TLB. */
Test(np_map, i16_split_and_collapse_are_flushed)
{
	struct npfix fix;
	struct gn_np_range range = { gn_gfn(NPFIX_BLOCKS), 512 };
	struct gn_np_range again = range;

	npfix_open(&fix, &gn_np_format_npt, 4, 2, 0);
	npfix_fault(&fix, NPFIX_BLOCKS, GNOMON_WRITE);
	uint64_t flushes = fix.fh->flushes;

	cr_assert_eq(gn_np_split(&fix.np, &range, 1, NULL), GNOMON_OK);
	cr_assert_eq(fix.fh->flushes, flushes + 1);
	cr_assert_eq(gn_np_collapse(&fix.np, &again, NULL), GNOMON_OK);
	cr_assert_eq(fix.fh->flushes, flushes + 2);
	cr_assert_eq(npfix_close(&fix), 0);
}

Test(np_map, collapse_needs_one_block_one_right_and_no_hole)
{
	struct npfix fix;
	uint64_t b = NPFIX_BLOCKS;

	npfix_open(&fix, &gn_np_format_npt, 4, 2, 0);
	for (uint64_t gfn = b; gfn < b + 4 * 512; gfn += 512) {
		struct gn_np_range range = { gn_gfn(gfn), 512 };

		npfix_fault(&fix, gfn, GNOMON_WRITE);
		cr_assert_eq(gn_np_split(&fix.np, &range, 1, NULL), GNOMON_OK);
	}
	cr_assert(npfix_unmap(&fix, b + 10, 1));
	cr_assert(npfix_protect(&fix, b + 512 + 10, 1));
	/* Scattered frames, never a block. */
	for (uint64_t gfn = 0; gfn < 512; gfn++) {
		npfix_fault(&fix, gfn, GNOMON_WRITE);
	}
	struct gn_np_range range = { gn_gfn(0), FH_SMALL_FRAMES };

	while (gn_np_collapse(&fix.np, &range, &(uint32_t){ 2 }) ==
	       GNOMON_MORE) {
		cr_assert_null(npfix_audit(&fix));
	}
	cr_assert_eq(fix.np.stats.collapses, 2);
	cr_assert_eq(npfix_look(&fix, 0).level, 1);
	cr_assert_eq(npfix_look(&fix, b).level, 1);
	cr_assert_eq(npfix_look(&fix, b + 512).level, 1);
	cr_assert_eq(npfix_look(&fix, b + 1024).level, 2);
	cr_assert_eq(npfix_look(&fix, b + 1536).level, 2);
	cr_assert_eq(npfix_close(&fix), 0);
}

Test(np_map, cpu_bits_survive_split_and_collapse)
{
	struct npfix fix;
	uint64_t b = NPFIX_BLOCKS, dirty = 1u << 6, accessed = 1u << 5;
	struct gn_np_range range = { gn_gfn(b), 512 }, again = range;

	npfix_open(&fix, &gn_np_format_npt, 4, 2, 0);
	npfix_fault(&fix, b, GNOMON_WRITE);
	*npfix_look(&fix, b).entry |= accessed;
	cr_assert_eq(gn_np_split(&fix.np, &range, 1, NULL), GNOMON_OK);
	cr_assert(*npfix_look(&fix, b + 3).entry & accessed);
	cr_assert(!(*npfix_look(&fix, b + 3).entry & dirty));
	*npfix_look(&fix, b + 3).entry |= dirty;
	cr_assert_eq(gn_np_collapse(&fix.np, &again, NULL), GNOMON_OK);
	cr_assert_eq(npfix_look(&fix, b).level, 2);
	cr_assert(*npfix_look(&fix, b).entry & dirty);
	cr_assert_eq(npfix_close(&fix), 0);
}

#define A (UINT64_C(1) << 5)
#define D (UINT64_C(1) << 6)

Test(np_map, young_counts_and_forgets)
{
	struct npfix fix;
	uint64_t b = NPFIX_BLOCKS, young = 0;
	struct gn_np_range range = { gn_gfn(0), FH_SMALL_FRAMES };

	npfix_open(&fix, &gn_np_format_npt, 4, 2, 0);
	npfix_fault(&fix, 1, GNOMON_READ);
	npfix_fault(&fix, 2, GNOMON_READ);
	npfix_fault(&fix, b, GNOMON_READ);
	*npfix_look(&fix, 1).entry |= A;
	*npfix_look(&fix, b).entry |= A;
	uint64_t flushes = fix.fh->flushes;

	cr_assert_eq(gn_np_young(&fix.np, &range, true, &young, NULL),
		     GNOMON_OK);
	cr_assert_eq(young, 1 + 512);
	cr_assert_eq(fix.fh->flushes, flushes + 1);
	range = (struct gn_np_range){ gn_gfn(0), FH_SMALL_FRAMES };
	cr_assert_eq(gn_np_young(&fix.np, &range, false, &young, NULL),
		     GNOMON_OK);
	cr_assert_eq(young, 1 + 512);
	cr_assert_eq(npfix_look(&fix, b).level, 2, "nothing was split");
	cr_assert(npfix_look(&fix, 1).present);
	cr_assert_null(npfix_audit(&fix));
	cr_assert_eq(npfix_close(&fix), 0);
}

Test(np_map, harvest_takes_every_mark_once)
{
	static uint64_t bits[FH_SMALL_FRAMES / 64];
	struct npfix fix;
	uint64_t b = NPFIX_BLOCKS;
	struct gn_np_range range = { gn_gfn(0), b + 100 };
	struct gn_dirty dirty = { 1, { { .frames = FH_SMALL_FRAMES,
					 .bits = bits } } };

	npfix_open(&fix, &gn_np_format_npt, 4, 2, 0);
	npfix_fault(&fix, 65, GNOMON_WRITE);
	npfix_fault(&fix, 66, GNOMON_WRITE);
	npfix_fault(&fix, b, GNOMON_WRITE);
	*npfix_look(&fix, 65).entry |= D;
	*npfix_look(&fix, b).entry |= D;
	while (gn_np_harvest(&fix.np, &range, &dirty, &(uint32_t){ 50 }) ==
	       GNOMON_MORE) {
	}
	cr_assert_eq(bits[1], UINT64_C(1) << 1);
	cr_assert_eq(bits[b / 64], UINT64_MAX);
	cr_assert(!(*npfix_look(&fix, 65).entry & D));
	/* What else the large leaf stands for has its bits from now on. */
	cr_assert(!(*npfix_look(&fix, b).entry & D));
	cr_assert_eq(bits[(b + 511) / 64], UINT64_MAX);
	cr_assert_eq(bits[(b + 512) / 64], 0);
	/* Each write is told of once. */
	memset(bits, 0, sizeof(bits));
	range = (struct gn_np_range){ gn_gfn(b + 100), 412 };
	cr_assert_eq(gn_np_harvest(&fix.np, &range, &dirty, NULL), GNOMON_OK);
	cr_assert_eq(bits[(b + 511) / 64], 0);
	cr_assert_null(npfix_audit(&fix));
	cr_assert_eq(npfix_close(&fix), 0);
}

/* The mark of a large leaf is for the frames before the range as well. */
Test(np_map, i46_a_harvest_of_a_part_loses_nothing)
{
	static uint64_t bits[FH_SMALL_FRAMES / 64];
	struct npfix fix;
	uint64_t b = NPFIX_BLOCKS;
	struct gn_np_range range = { gn_gfn(b + 100), 412 };
	struct gn_dirty dirty = { 1, { { .frames = FH_SMALL_FRAMES,
					 .bits = bits } } };

	npfix_open(&fix, &gn_np_format_npt, 4, 2, 0);
	npfix_fault(&fix, b, GNOMON_WRITE);
	*npfix_look(&fix, b).entry |= D;
	cr_assert_eq(gn_np_harvest(&fix.np, &range, &dirty, NULL), GNOMON_OK);
	range = (struct gn_np_range){ gn_gfn(b), 100 };
	cr_assert_eq(gn_np_harvest(&fix.np, &range, &dirty, NULL), GNOMON_OK);
	cr_assert_eq(bits[b / 64], UINT64_MAX);
	cr_assert_eq(npfix_close(&fix), 0);
}
