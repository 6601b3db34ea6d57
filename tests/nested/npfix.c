/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/nested/npfix.h"

#include <stdlib.h>

static void add_slot(struct npfix *fix, uint32_t id, uint64_t first,
		     uint64_t frames)
{
	struct gnomon_slot slot = fh_slot(fix->fh, id, first, frames, 0, false);

	if (gn_slots_add(&fix->slots, &slot, UINT64_C(1) << 40) != GNOMON_OK) {
		abort();
	}
}

void npfix_open(struct npfix *fix, const struct gn_np_format *format,
		unsigned levels, unsigned leaf_levels, uint32_t tables_max)
{
	struct gn_np_config config = {
		.format = format,
		.levels = (uint8_t)levels,
		.leaf_levels = (uint8_t)leaf_levels,
		.maxphyaddr = 46,
		.tables_max = tables_max,
	};

	fix->fh = fh_create();
	fix->slots = (struct gn_slots){ 0 };
	fh_frames(fix->fh, NPFIX_BLOCKS, FH_SMALL_FRAMES - NPFIX_BLOCKS,
		  (struct fh_frame){ .kind = GNOMON_FRAME_RAM, .order = 9,
				     .write = true });
	fh_frames(fix->fh, FH_BIG_FIRST, FH_BIG_FRAMES,
		  (struct fh_frame){ .kind = GNOMON_FRAME_RAM, .order = 18,
				     .write = true });
	add_slot(fix, 0, 0, FH_SMALL_FRAMES);
	add_slot(fix, 1, FH_BIG_FIRST, FH_BIG_FRAMES);
	gn_pool_init(&fix->pool, &fix->fh->host, fix->fh);
	if (gn_np_init(&fix->np, &config, &fix->fh->host, fix->fh,
		       &fix->pool, &fix->slots) != GNOMON_OK) {
		abort();
	}
	fix->np.vcpus = 1;
}

unsigned npfix_close(struct npfix *fix)
{
	while (gn_np_destroy(&fix->np, &(uint32_t){ 3 }) == GNOMON_MORE) {
	}
	unsigned held = fix->pool.taken[0] + fix->pool.taken[1] +
			fix->np.stats.meta_pages + fix->np.stats.tables;

	gn_pool_trim(&fix->pool, GNOMON_PAGE_TABLE, 0);
	gn_pool_trim(&fix->pool, GNOMON_PAGE_META, 0);
	return held + fh_destroy(fix->fh);
}

struct gnomon_outcome npfix_fault(struct npfix *fix, uint64_t gfn,
				  uint32_t access)
{
	struct gnomon_outcome out;

	gn_np_fault(&fix->np, gn_gfn_gpa(gn_gfn(gfn)), access, &out, NULL);
	return out;
}

const char *npfix_audit(struct npfix *fix)
{
	struct gnomon_audit report;

	return gn_np_audit(&fix->np, GNOMON_AUDIT_FULL, &report) == GNOMON_OK
		       ? NULL
		       : report.rule;
}

bool npfix_unmap(struct npfix *fix, uint64_t first, uint64_t frames)
{
	struct gn_np_range range = { gn_gfn(first), frames };

	return gn_np_unmap(&fix->np, &range, NULL) == GNOMON_OK;
}

bool npfix_protect(struct npfix *fix, uint64_t first, uint64_t frames)
{
	struct gn_np_range range = { gn_gfn(first), frames };

	return gn_np_protect(&fix->np, &range, NULL) == GNOMON_OK;
}

/* Reserved bits by the manuals' figures: see docs of either vendor. */
static bool bad_npt(uint64_t e, unsigned level, bool leaf)
{
	if (leaf && level == 3) {
		return e & UINT64_C(0x3fffe000);
	}
	if (leaf && level == 2) {
		return e & UINT64_C(0x1fe000);
	}
	return level >= 4 && (e & 0x180);
}

static bool bad_ept(uint64_t e, unsigned level, bool leaf)
{
	unsigned type = e >> 3 & 7;

	if ((e & 3) == 2) {
		return true;
	}
	if (leaf) {
		return type == 2 || type == 3 || type == 7 || level > 3 ||
		       (level == 3 && (e & 0x3ffff000)) ||
		       (level == 2 && (e & 0x1ff000));
	}
	return (e & 0x78) || (level >= 4 && (e & 0x80));
}

struct npfix_seen npfix_look(struct npfix *fix, uint64_t gfn)
{
	bool ept = fix->np.config.format == &gn_np_format_ept;
	uint64_t root = gn_np_root(&fix->np).v;
	unsigned level = ept ? (root >> 3 & 7) + 1 : fix->np.config.levels;
	uint64_t table = root & ~UINT64_C(0xfff);
	struct npfix_seen seen = { .writable = true };

	for (;; level--) {
		struct fh_page *page = fh_page_at(fix->fh, table);
		uint64_t index = gfn >> (9 * (level - 1)) & 511;

		if (!page) {
			fh_error(fix->fh, "a table that is not there");
			return seen;
		}
		seen.entry = (uint64_t *)(void *)page->va + index;
		uint64_t e = *seen.entry;
		bool leaf = level == 1 || (e & 0x80);

		seen.refs++;
		seen.level = level;
		if (!(e & (ept ? 7 : 1))) {
			return seen;
		}
		if ((e & UINT64_C(0x000fc00000000000)) ||
		    (ept ? bad_ept(e, level, leaf) : bad_npt(e, level, leaf))) {
			seen.bad = true;
			return seen;
		}
		seen.writable &= (e & 2) != 0;
		table = e & UINT64_C(0x000ffffffffff000);
		if (leaf) {
			uint64_t mask = (UINT64_C(1) << 9 * (level - 1)) - 1;

			seen.present = true;
			seen.hfn = (table >> 12 & ~mask) | (gfn & mask);
			return seen;
		}
	}
}
