/* SPDX-License-Identifier: BSD-2-Clause */
/* What a paravirtual guest asks for, and stores that the VMM interprets. */
#include <string.h>

#include "base/assert.h"
#include "direct/set.h"
#include "guestpt/entry.h"

/* The tables of a path are few; a store fills what costs no new table. */
static void refill(struct gn_dp *dp, uint32_t table, unsigned index)
{
	struct gn_gpt_entry e;

	gn_gpt_decode(&dp->ctx, gn_dp_table_at(dp, table)->level,
		      gn_dp_gpte(dp, table, index), &e);
	if (e.kind == GN_GPT_LEAF ||
	    (e.kind == GN_GPT_TABLE &&
	     gn_dp_find(dp, e.frame.v >> GNOMON_PAGE_SHIFT))) {
		gn_dp_fill(dp, table, index, false);
	}
}

enum gnomon_status gn_dp_write(struct gn_dp *dp, gnomon_gpa_t gpa,
			       const void *data, size_t bytes)
{
	uint32_t table = gn_dp_find(dp, gpa.v >> GNOMON_PAGE_SHIFT);
	const unsigned char *from = data;
	uint64_t at = gpa.v & (GNOMON_PAGE_BYTES - 1);

	GN_ASSERT(table != 0);
	while (bytes > 0) {
		unsigned index = (unsigned)(at / 8), offset = at % 8;
		size_t n = 8 - offset < bytes ? 8 - offset : bytes;
		uint64_t gpte = gn_dp_gpte(dp, table, index);

		memcpy((unsigned char *)&gpte + offset, from, n);
		gn_dp_store(dp, table, index, gpte);
		if (dp->config.options & GNOMON_OPT_UPDATE) {
			refill(dp, table, index);
		}
		dp->counts.updates++;
		at += n;
		from += n;
		bytes -= n;
	}
	return GNOMON_OK;
}

enum gnomon_status gn_dp_read(const struct gn_dp *dp, gnomon_gpa_t gpa,
			      uint64_t *gpte)
{
	uint32_t table = gn_dp_find(dp, gpa.v >> GNOMON_PAGE_SHIFT);

	if (!table) {
		return gn_mem_load_slow(dp->mem, gpa.v, 8, gpte);
	}
	*gpte = gn_dp_gpte(dp, table, gpa.v / 8 % GN_DP_ENTRIES);
	return GNOMON_OK;
}

/* May the entry stand in a table of that level? */
static bool acceptable(const struct gn_dp *dp, unsigned level, uint64_t gpte)
{
	struct gn_gpt_entry e;
	uint32_t target;

	gn_gpt_decode(&dp->ctx, level, gpte, &e);
	if (e.kind != GN_GPT_TABLE) {
		return e.kind != GN_GPT_BAD;
	}
	target = gn_dp_find(dp, e.frame.v >> GNOMON_PAGE_SHIFT);
	return gn_slots_find(dp->slots, gn_gpa_gfn(e.frame)) &&
	       (!target || gn_dp_table_at(dp, target)->level == level - 1);
}

enum gnomon_status gn_dp_set(struct gn_dp *dp, gnomon_gpa_t gpa, uint64_t gpte,
			     bool keep_ad)
{
	uint32_t table = gn_dp_find(dp, gpa.v >> GNOMON_PAGE_SHIFT);
	unsigned index = gpa.v / 8 % GN_DP_ENTRIES;

	if (gpa.v % 8) {
		return GNOMON_INVAL;
	}
	if (!table) {
		return gn_mem_store(dp->mem, gpa.v, 8, gpte);
	}
	if (keep_ad) {
		gpte |= gn_dp_gpte(dp, table, index) & GN_DP_AD;
	}
	if (!acceptable(dp, gn_dp_table_at(dp, table)->level, gpte)) {
		return GNOMON_INVAL;
	}
	gn_dp_store(dp, table, index, gpte);
	gn_dp_fill(dp, table, index, false);
	dp->counts.updates++;
	return GNOMON_OK;
}

/* ---- pins ---------------------------------------------------------------- */

static bool large_leaf(const struct gn_dp *dp, uint32_t table, unsigned index)
{
	const struct gn_dp_table *t = gn_dp_table_at(dp, table);
	struct gn_gpt_entry e;

	if (t->level == 1) {
		return false;
	}
	gn_gpt_decode(&dp->ctx, t->level, gn_dp_gpte(dp, table, index), &e);
	return e.kind == GN_GPT_LEAF;
}

/*
 * One step down from root: fill the next entry, or find that a table is done.
 * A table below is filled before the entry that leads to it counts as done.
 * Large leaves wait for their first access: a kernel maps all memory with
 * them, and what is never used must not cost anything.
 */
static enum gnomon_status fill_next(struct gn_dp *dp, uint32_t root)
{
	uint32_t table = root;
	struct gn_dp_table *t = gn_dp_table_at(dp, root);

	for (;;) {
		unsigned index = t->filled;

		if (large_leaf(dp, table, index)) {
			t->filled++;
			return GNOMON_OK;
		}
		enum gn_dp_fill r = gn_dp_fill(dp, table, index, false);
		uint32_t below = t->cells[index] & GN_DP_LINK
					 ? t->cells[index] & ~GN_DP_LINK
					 : 0;
		struct gn_dp_table *b = below ? gn_dp_table_at(dp, below)
					      : NULL;

		if (r == GN_DP_CLASH) {
			return GNOMON_INVAL;
		}
		if (r == GN_DP_NO_MEMORY) {
			return GNOMON_NOMEM;
		}
		if (!b || (b->flags & GN_DP_SPLIT) ||
		    b->filled == GN_DP_ENTRIES) {
			t->filled++;
			return GNOMON_OK;
		}
		table = below;
		t = b;
	}
}

static enum gnomon_status begin_pin(struct gn_dp *dp, uint64_t gfn,
				    uint64_t level, uint32_t *table)
{
	enum gnomon_status status;

	if (!dp->ready || level < 1 || level > dp->ctx.format->levels) {
		return GNOMON_INVAL;
	}
	status = gn_dp_promote(dp, gfn, (unsigned)level, table);
	if (status == GNOMON_MORE || status == GNOMON_EXISTS) {
		return GNOMON_INVAL;
	}
	return status;
}

enum gnomon_status gn_dp_pin(struct gn_dp *dp, gnomon_gpa_t gpa,
			     uint64_t level, uint32_t *budget)
{
	enum gnomon_status status;
	uint32_t table;

	status = begin_pin(dp, gpa.v >> GNOMON_PAGE_SHIFT, level, &table);
	if (status != GNOMON_OK) {
		return status;
	}
	struct gn_dp_table *t = gn_dp_table_at(dp, table);

	if (!(t->flags & GN_DP_PINNED)) {
		t->flags |= GN_DP_PINNED;
		gn_dp_hold(dp, table);
	}
	while (t->filled < GN_DP_ENTRIES) {
		if (*budget == 0) {
			return GNOMON_MORE;
		}
		--*budget;
		status = fill_next(dp, table);
		if (status != GNOMON_OK) {
			t->flags &= (uint8_t)~GN_DP_PINNED;
			gn_dp_let_go(dp, table);
			return status;
		}
	}
	return GNOMON_OK;
}

enum gnomon_status gn_dp_unpin(struct gn_dp *dp, gnomon_gpa_t gpa)
{
	uint32_t table = gn_dp_find(dp, gpa.v >> GNOMON_PAGE_SHIFT);

	if (!table || !(gn_dp_table_at(dp, table)->flags & GN_DP_PINNED)) {
		return GNOMON_INVAL;
	}
	gn_dp_table_at(dp, table)->flags &= (uint8_t)~GN_DP_PINNED;
	gn_dp_let_go(dp, table);
	return GNOMON_OK;
}

enum gnomon_status gn_dp_release(struct gn_dp *dp, uint32_t *budget)
{
	while (dp->released) {
		if (*budget == 0) {
			return GNOMON_MORE;
		}
		--*budget;
		gn_dp_demote(dp, dp->released);
	}
	return GNOMON_OK;
}
