/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>

#include "tests/nested/npfix.h"

static const struct gn_np_format *const formats[] = {
	&gn_np_format_npt, &gn_np_format_ept,
};

static void maps(struct npfix *fix, uint64_t gfn, unsigned level,
		 bool writable)
{
	struct npfix_seen seen = npfix_look(fix, gfn);

	cr_assert(seen.present && !seen.bad, "gfn %#lx", gfn);
	cr_assert_eq(seen.level, level);
	cr_assert_eq(seen.writable, writable);
	cr_assert_eq(seen.hfn, fh_hfn(fix->fh, gfn));
}

Test(np_fault, leaf_is_as_large_as_host_slot_and_config_allow)
{
	for (unsigned i = 0; i < 2; i++) {
		for (unsigned leaf = 1; leaf <= 3; leaf++) {
			struct npfix fix;

			npfix_open(&fix, formats[i], 4, leaf, 0);
			npfix_fault(&fix, 5, GNOMON_READ);
			npfix_fault(&fix, NPFIX_BLOCKS + 700, GNOMON_WRITE);
			npfix_fault(&fix, FH_BIG_FIRST + 12345, GNOMON_EXEC);
			maps(&fix, 5, 1, true);
			maps(&fix, NPFIX_BLOCKS + 700, leaf < 2 ? 1 : 2, true);
			maps(&fix, FH_BIG_FIRST + 12345, leaf, true);
			cr_assert_null(npfix_audit(&fix));
			cr_assert_eq(npfix_close(&fix), 0);
		}
	}
}

Test(np_fault, every_level_count_reaches_what_it_covers)
{
	for (unsigned levels = 1; levels <= 5; levels++) {
		struct npfix fix;

		npfix_open(&fix, &gn_np_format_npt, levels, 1, 0);
		struct gnomon_outcome out = npfix_fault(&fix, 511,
							GNOMON_READ);

		cr_assert_eq(out.action, GNOMON_RESUME);
		cr_assert_eq(npfix_look(&fix, 511).refs, levels);
		out = npfix_fault(&fix, 512, GNOMON_READ);
		cr_assert_eq(out.action, levels == 1 ? GNOMON_DO_MMIO
						     : GNOMON_RESUME);
		cr_assert_null(npfix_audit(&fix));
		cr_assert_eq(npfix_close(&fix), 0);
	}
}

Test(np_fault, outside_slots_is_mmio_and_fills_nothing)
{
	struct npfix fix;

	npfix_open(&fix, &gn_np_format_ept, 4, 3, 0);
	uint64_t gfns[] = { FH_SMALL_FRAMES, FH_BIG_FIRST - 1, FH_FRAMES,
			    (UINT64_C(1) << 36) - 1, UINT64_C(1) << 36,
			    UINT64_C(1) << 51 };

	for (unsigned i = 0; i < sizeof(gfns) / sizeof(gfns[0]); i++) {
		struct gnomon_outcome out = npfix_fault(&fix, gfns[i],
							GNOMON_WRITE);

		cr_assert_eq(out.action, GNOMON_DO_MMIO);
		cr_assert_eq(out.kind, GNOMON_KIND_MMIO);
		cr_assert_eq(out.gpa.v, gfns[i] << 12);
	}
	cr_assert_eq(fix.np.stats.sets, 0);
	cr_assert_eq(npfix_close(&fix), 0);
}

Test(np_fault, host_answers_decide)
{
	struct npfix fix;

	npfix_open(&fix, &gn_np_format_npt, 4, 3, 0);
	fix.fh->frame[1].kind = GNOMON_FRAME_NOT_NOW;
	fix.fh->frame[2].kind = GNOMON_FRAME_ROM;
	fix.fh->frame[3].write = false;
	fix.fh->frame[4].write = false;
	fix.fh->frame[4].cow = true;

	cr_assert_eq(npfix_fault(&fix, 1, GNOMON_READ).action, GNOMON_RETRY);
	cr_assert_eq(npfix_fault(&fix, 2, GNOMON_READ).action, GNOMON_RESUME);
	maps(&fix, 2, 1, false);
	cr_assert_eq(npfix_fault(&fix, 2, GNOMON_WRITE).action,
		     GNOMON_DO_MMIO);
	cr_assert_eq(npfix_fault(&fix, 3, GNOMON_WRITE).action,
		     GNOMON_DO_MMIO);
	/* Copy on write: read-only first, writable once written. */
	npfix_fault(&fix, 4, GNOMON_READ);
	maps(&fix, 4, 1, false);
	npfix_fault(&fix, 4, GNOMON_WRITE);
	maps(&fix, 4, 1, true);
	cr_assert_eq(npfix_fault(&fix, 4, GNOMON_WRITE).kind,
		     GNOMON_KIND_SPURIOUS);
	cr_assert_null(npfix_audit(&fix));
	cr_assert_eq(npfix_close(&fix), 0);
}

Test(np_fault, frame_moved_behind_our_back_is_replaced)
{
	struct npfix fix;

	npfix_open(&fix, &gn_np_format_npt, 4, 3, 0);
	npfix_fault(&fix, NPFIX_BLOCKS, GNOMON_WRITE);
	maps(&fix, NPFIX_BLOCKS, 2, true);
	fh_frames(fix.fh, NPFIX_BLOCKS, 512, (struct fh_frame){
		.kind = GNOMON_FRAME_RAM, .write = true });
	cr_assert_str_eq(npfix_audit(&fix), "np-frame");
	uint64_t flushes = fix.fh->flushes;

	npfix_fault(&fix, NPFIX_BLOCKS + 1, GNOMON_READ);
	cr_assert_eq(fix.fh->flushes, flushes + 1);
	maps(&fix, NPFIX_BLOCKS + 1, 1, true);
	cr_assert_null(npfix_audit(&fix));
	cr_assert_eq(npfix_close(&fix), 0);
}

Test(np_fault, host_frame_too_high_stops)
{
	struct npfix fix;

	npfix_open(&fix, &gn_np_format_npt, 4, 3, 0);
	fix.np.config.maxphyaddr = 32; /* host frames lie from 8G up */
	cr_assert_eq(npfix_fault(&fix, 1, GNOMON_READ).action,
		     GNOMON_STOP_BUG);
	cr_assert_eq(fix.np.stats.sets, 0);
	cr_assert_eq(fix.fh->errors, 1, "bug() was called");
	fix.np.config.maxphyaddr = 46;
	cr_assert_eq(npfix_close(&fix), 1);
}

Test(np_fault, tables_max_recycles_the_oldest)
{
	struct npfix fix;

	npfix_open(&fix, &gn_np_format_npt, 4, 1, 8);
	for (uint64_t gfn = 0; gfn < FH_SMALL_FRAMES; gfn += 512) {
		cr_assert_eq(npfix_fault(&fix, gfn, GNOMON_WRITE).action,
			     GNOMON_RESUME);
		maps(&fix, gfn, 1, true);
		cr_assert_leq(fix.np.stats.tables, 8);
		cr_assert_null(npfix_audit(&fix));
	}
	/* Two regions that share the root only. */
	cr_assert_eq(npfix_fault(&fix, FH_BIG_FIRST, GNOMON_READ).action,
		     GNOMON_RESUME);
	cr_assert_gt(fix.np.stats.recycled, 20);
	cr_assert_leq(fix.fh->live[GNOMON_PAGE_TABLE], 8 + 3);
	cr_assert_eq(npfix_close(&fix), 0);
}

Test(np_fault, tables_max_equal_to_levels_still_progresses)
{
	struct npfix fix;

	npfix_open(&fix, &gn_np_format_ept, 5, 1, 5);
	for (unsigned i = 0; i < 64; i++) {
		uint64_t gfn = i % 2 ? FH_BIG_FIRST + i * 512 : i * 256;

		cr_assert_eq(npfix_fault(&fix, gfn, GNOMON_WRITE).action,
			     GNOMON_RESUME);
		maps(&fix, gfn, 1, true);
		cr_assert_null(npfix_audit(&fix));
	}
	cr_assert_eq(npfix_close(&fix), 0);
}

/* What the CPU has noted in a leaf stays when it may write again. */
Test(np_fault, i38_a_and_d_survive_a_raise)
{
	for (unsigned i = 0; i < 2; i++) {
		uint64_t noted = formats[i]->accessed | formats[i]->dirty;
		struct npfix fix;

		npfix_open(&fix, formats[i], 4, 1, 0);
		npfix_fault(&fix, 100, GNOMON_WRITE);
		*npfix_look(&fix, 100).entry |= noted;
		cr_assert(npfix_protect(&fix, 100, 1));
		cr_assert_not(npfix_look(&fix, 100).writable);
		npfix_fault(&fix, 100, GNOMON_WRITE);
		cr_assert(npfix_look(&fix, 100).writable);
		cr_assert_eq(*npfix_look(&fix, 100).entry & noted, noted);
		cr_assert_eq(npfix_close(&fix), 0);
	}
}
