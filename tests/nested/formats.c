/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>

#include "tests/nested/npfix.h"

static const struct gn_np_format *const formats[] = {
	&gn_np_format_npt, &gn_np_format_ept,
};

Test(np_formats, leaves_round_trip)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct gn_np_format *f = formats[i];

		for (uint32_t rights = 0; rights < 64; rights++) {
			uint32_t r = rights | GN_NP_R;

			for (unsigned level = 1; level <= 3; level++) {
				uint64_t e = gn_np_make_leaf(
					f, gn_hfn(UINT64_C(3) << 18), level,
					r);

				cr_assert_eq(gn_np_entry_rights(f, e), r);
				cr_assert_eq(gn_np_entry_kind(f, e, level),
					     GN_NP_LEAF);
				cr_assert_eq(gn_np_entry_addr(e),
					     UINT64_C(3) << 30);
				cr_assert(!gn_np_entry_bad(f, e, level, 3,
							   46));
			}
		}
	}
}

Test(np_formats, entries_are_the_vendors_bits)
{
	uint32_t rwx = GN_NP_R | GN_NP_W | GN_NP_X;

	cr_assert_eq(gn_np_make_leaf(&gn_np_format_npt, gn_hfn(1), 1, rwx),
		     UINT64_C(0x1007));
	cr_assert_eq(gn_np_make_leaf(&gn_np_format_npt, gn_hfn(512), 2,
				     GN_NP_R), UINT64_C(0x8000000000200085));
	cr_assert_eq(gn_np_make_table(&gn_np_format_npt, gn_hpa(0x5000)),
		     UINT64_C(0x5027));
	cr_assert_eq(gn_np_make_leaf(&gn_np_format_ept, gn_hfn(1), 1, rwx),
		     UINT64_C(0x1037));
	cr_assert_eq(gn_np_make_leaf(&gn_np_format_ept, gn_hfn(512), 2,
				     GN_NP_R | GN_NP_X), UINT64_C(0x2000b5));
	cr_assert_eq(gn_np_make_table(&gn_np_format_ept, gn_hpa(0x5000)),
		     UINT64_C(0x5107));
}

Test(np_formats, root_names_its_levels)
{
	for (unsigned levels = 1; levels <= 5; levels++) {
		struct npfix fix;

		npfix_open(&fix, &gn_np_format_ept, levels, 1, 0);
		cr_assert_eq(gn_np_root(&fix.np).v & 0xfff,
			     0x46u | (levels - 1) << 3);
		cr_assert_eq(npfix_close(&fix), 0);
		npfix_open(&fix, &gn_np_format_npt, levels, 1, 0);
		cr_assert_eq(gn_np_root(&fix.np).v & 0xfff, 0);
		cr_assert_eq(npfix_close(&fix), 0);
	}
}

Test(np_formats, bad_configurations_are_refused)
{
	struct gn_np_config good = { .format = &gn_np_format_npt, .levels = 4,
				     .leaf_levels = 3, .maxphyaddr = 46 };
	struct gn_np_config bad[7] = { good, good, good, good, good, good,
				       good };
	struct npfix fix;

	bad[0].format = NULL;
	bad[1].levels = 0;
	bad[2].levels = 6;
	bad[3].leaf_levels = 0;
	bad[4].leaf_levels = 4;
	bad[5].maxphyaddr = 53;
	bad[6].tables_max = 3;
	npfix_open(&fix, &gn_np_format_npt, 4, 1, 0);
	for (unsigned i = 0; i < 7; i++) {
		struct gn_np np;

		cr_assert_eq(gn_np_init(&np, &bad[i], &fix.fh->host, fix.fh,
					&fix.pool, &fix.slots), GNOMON_INVAL,
			     "%u", i);
	}
	cr_assert_eq(npfix_close(&fix), 0);
}

/*
 * Flip every bit of every entry on a path, in both formats and at each leaf
 * size: the walk ends in BAD exactly when an independent reading of the
 * manuals says so, and the audit notices every flip that matters to it.
 */
static void flip(struct npfix *fix, uint64_t gfn, unsigned depth)
{
	struct gn_np_walk before;

	gn_np_walk(&fix->np, gn_gfn_gpa(gn_gfn(gfn)), GNOMON_READ, &before);
	struct fh_page *page = fh_page_at(fix->fh, before.entry[depth].v &
						   ~UINT64_C(0xfff));
	uint64_t *e = (uint64_t *)(void *)page->va +
		      (before.entry[depth].v & 0xfff) / 8;
	uint64_t was = *e;

	for (unsigned bit = 0; bit < 64; bit++) {
		bool last = depth + 1u == before.refs;

		/* Other tables than ours are memory that is not there. */
		if (last ? bit == 7 && before.level > 1
			 : bit >= 12 && bit < 46) {
			continue;
		}
		struct gn_np_walk after;

		*e = was ^ UINT64_C(1) << bit;
		/* A table turned into a hole or leaf: the links stay. */
		struct npfix_seen seen = npfix_look(fix, gfn);

		gn_np_walk(&fix->np, gn_gfn_gpa(gn_gfn(gfn)), GNOMON_READ,
			   &after);
		cr_assert_eq(after.end == GN_NP_END_BAD, seen.bad,
			     "%s depth %u bit %u", fix->np.config.format->name,
			     depth, bit);
		cr_assert_eq(after.end == GN_NP_END_ABSENT,
			     !seen.bad && !seen.present);
		if (seen.bad) {
			cr_assert(npfix_audit(fix) != NULL);
		}
		*e = was;
	}
}

Test(np_formats, every_flipped_bit_is_judged_alike)
{
	for (unsigned i = 0; i < 2; i++) {
		for (unsigned levels = 4; levels <= 5; levels++) {
			struct npfix fix;
			uint64_t gfns[] = { 3, NPFIX_BLOCKS, FH_BIG_FIRST };

			npfix_open(&fix, formats[i], levels, 3, 0);
			for (unsigned leaf = 0; leaf < 3; leaf++) {
				npfix_fault(&fix, gfns[leaf], GNOMON_WRITE);
				for (unsigned d = 0; d < levels - leaf; d++) {
					flip(&fix, gfns[leaf], d);
				}
			}
			cr_assert_null(npfix_audit(&fix));
			cr_assert_eq(npfix_close(&fix), 0);
		}
	}
}
