/* SPDX-License-Identifier: BSD-2-Clause */
#include "direct/table.h"

#include <string.h>

#include "base/assert.h"
#include "direct/set.h"

#define PIN_CELLS_BYTES (GN_DP_ENTRIES * sizeof(uint32_t))

GN_STATIC_ASSERT(sizeof(struct gn_dp_table) == 64, "a slab's object");
GN_STATIC_ASSERT(sizeof(struct gn_dp_cell) == 16, "a slab's object");
GN_STATIC_ASSERT(PIN_CELLS_BYTES <= GNOMON_PAGE_BYTES, "one page");

static void tell(const struct gn_dp *dp, enum gnomon_event event, uint64_t gfn,
		 unsigned level)
{
	if (dp->host->event) {
		dp->host->event(dp->host_ctx, event, gfn, level);
	}
}

void gn_dp_settle(struct gn_dp *dp)
{
	struct gnomon_flush flush = { .vcpus = dp->vcpus };

	if (dp->stale && dp->vcpus) {
		dp->host->flush(dp->host_ctx, &flush);
		dp->counts.flushes++;
	}
	dp->stale = false;
}

/* ---- who refers to a table ---------------------------------------------- */

static void list(struct gn_dp *dp, uint32_t table)
{
	struct gn_dp_table *t = gn_dp_table_at(dp, table);

	t->flags |= GN_DP_LISTED;
	t->prev = 0;
	t->next = dp->released;
	if (t->next) {
		gn_dp_table_at(dp, t->next)->prev = table;
	}
	dp->released = table;
}

static void unlist(struct gn_dp *dp, uint32_t table)
{
	struct gn_dp_table *t = gn_dp_table_at(dp, table);

	if (!(t->flags & GN_DP_LISTED)) {
		return;
	}
	t->flags &= (uint8_t)~GN_DP_LISTED;
	if (t->prev) {
		gn_dp_table_at(dp, t->prev)->next = t->next;
	} else {
		dp->released = t->next;
	}
	if (t->next) {
		gn_dp_table_at(dp, t->next)->prev = t->prev;
	}
}

void gn_dp_hold(struct gn_dp *dp, uint32_t table)
{
	gn_dp_table_at(dp, table)->refs++;
	unlist(dp, table);
}

void gn_dp_let_go(struct gn_dp *dp, uint32_t table)
{
	struct gn_dp_table *t = gn_dp_table_at(dp, table);

	if (--t->refs == 0) {
		list(dp, table);
	}
}

/* ---- data to table and back --------------------------------------------- */

static enum gnomon_status reserve(struct gn_dp *dp, uint64_t gfn)
{
	if ((dp->config.tables_max &&
	     dp->counts.tables >= dp->config.tables_max) ||
	    gn_frames_ensure(&dp->frames, gfn) != GNOMON_OK ||
	    gn_slab_reserve(&dp->tables, 1) != GNOMON_OK) {
		return GNOMON_NOMEM;
	}
	return gn_pool_reserve(dp->pool, GNOMON_PAGE_META, 2);
}

/* The frame as the CPU and we reach it. */
static enum gnomon_status find_frame(const struct gn_dp *dp, uint64_t gfn,
				     uint64_t *hpa, uint64_t **va)
{
	struct gnomon_frame frame;

	gn_slots_frame(dp->slots, dp->host, dp->host_ctx, gn_gfn(gfn),
		       GNOMON_WANT_READ | GNOMON_WANT_WRITE, &frame);
	if (frame.kind == GNOMON_FRAME_NOT_NOW) {
		return GNOMON_MORE;
	}
	*va = (uint64_t *)(void *)gn_mem_at(dp->mem, gfn << GNOMON_PAGE_SHIFT,
					    GNOMON_PAGE_BYTES);
	if (frame.kind != GNOMON_FRAME_RAM || !frame.writable || !*va) {
		return GNOMON_ABSENT;
	}
	*hpa = gn_hfn_hpa(frame.hfn).v;
	return GNOMON_OK;
}

static void count_table(struct gn_dp *dp)
{
	struct gn_dp_counts *c = &dp->counts;

	c->tables++;
	c->tables_peak = c->tables > c->tables_peak ? c->tables
						    : c->tables_peak;
}

enum gnomon_status gn_dp_promote(struct gn_dp *dp, uint64_t gfn,
				 unsigned level, uint32_t *table)
{
	enum gnomon_status status;
	uint64_t hpa, *va;

	*table = gn_dp_find(dp, gfn);
	if (*table) {
		return gn_dp_table_at(dp, *table)->level == level
			       ? GNOMON_OK
			       : GNOMON_EXISTS;
	}
	status = find_frame(dp, gfn, &hpa, &va);
	if (status == GNOMON_OK) {
		status = reserve(dp, gfn);
	}
	if (status != GNOMON_OK) {
		return status;
	}
	*table = gn_slab_take(&dp->tables);
	struct gn_dp_table *t = gn_dp_table_at(dp, *table);

	*t = (struct gn_dp_table){
		.gfn = gfn, .hpa = hpa, .machine = va,
		.stored = gn_pool_take(dp->pool, GNOMON_PAGE_META).va,
		.cells = gn_pool_take(dp->pool, GNOMON_PAGE_META).va,
		.level = (uint8_t)level,
	};
	gn_frames_find(&dp->frames, gfn)->trace = *table;
	gn_frames_mark(&dp->frames, gfn, true);
	/* From here on nobody makes it writable; so far some may have been. */
	gn_dp_drop_frame(dp, gfn, true);
	gn_dp_settle(dp);
	gn_dp_take_over(t);
	list(dp, *table);
	dp->counts.promotes++;
	count_table(dp);
	tell(dp, GNOMON_EVENT_TABLE_NEW, gfn, level);
	return GNOMON_OK;
}

static void give(struct gn_dp *dp, void *va)
{
	struct gnomon_page page = { .va = va };

	gn_pool_give(dp->pool, GNOMON_PAGE_META, &page);
}

void gn_dp_demote(struct gn_dp *dp, uint32_t table)
{
	struct gn_dp_table *t = gn_dp_table_at(dp, table);

	GN_ASSERT(t->refs == 0);
	for (unsigned i = 0; i < GN_DP_ENTRIES; i++) {
		gn_dp_drop(dp, table, i);
	}
	/* A walker may stand in it until all TLBs are flushed. */
	dp->stale = true;
	gn_dp_settle(dp);
	gn_dp_give_back(t);
	gn_dirty_mark(&dp->mem->dirty, t->gfn);
	unlist(dp, table);
	gn_frames_find(&dp->frames, t->gfn)->trace = 0;
	gn_frames_mark(&dp->frames, t->gfn, false);
	tell(dp, GNOMON_EVENT_TABLE_ZAP, t->gfn, t->level);
	give(dp, t->stored);
	give(dp, t->cells);
	gn_slab_give(&dp->tables, table);
	dp->counts.tables--;
	dp->counts.demotes++;
}

/* ---- splits -------------------------------------------------------------- */

uint32_t gn_dp_split_new(struct gn_dp *dp, uint32_t above, unsigned index)
{
	struct gnomon_page page;
	uint32_t split;

	if (gn_slab_reserve(&dp->tables, 1) != GNOMON_OK ||
	    gn_slab_reserve(&dp->cells, GN_DP_ENTRIES) != GNOMON_OK ||
	    gn_pool_reserve(dp->pool, GNOMON_PAGE_META, 1) != GNOMON_OK ||
	    gn_pool_reserve(dp->pool, GNOMON_PAGE_TABLE, 1) != GNOMON_OK) {
		return 0;
	}
	page = gn_pool_take(dp->pool, GNOMON_PAGE_TABLE);
	split = gn_slab_take(&dp->tables);
	*gn_dp_table_at(dp, split) = (struct gn_dp_table){
		.gfn = above, .hpa = page.hpa.v, .machine = page.va,
		.cells = gn_pool_take(dp->pool, GNOMON_PAGE_META).va,
		.index = (uint16_t)index, .flags = GN_DP_SPLIT,
		.level = (uint8_t)(gn_dp_table_at(dp, above)->level - 1),
	};
	count_table(dp);
	return split;
}

void gn_dp_split_free(struct gn_dp *dp, uint32_t split)
{
	const struct gn_dp_table *s = gn_dp_table_at(dp, split);
	struct gnomon_page page = { { s->hpa }, s->machine };

	/* The page may be anybody's once it is back in the stock. */
	gn_dp_settle(dp);
	gn_pool_give(dp->pool, GNOMON_PAGE_TABLE, &page);
	give(dp, s->cells);
	gn_slab_give(&dp->tables, split);
	dp->counts.tables--;
}
