/* SPDX-License-Identifier: BSD-2-Clause */
#include "nested/table.h"

#include "base/assert.h"

/* The head of a META page that is cut into descriptors. */
struct slab {
	struct slab *next;
	struct gnomon_page page;
	struct gn_np_table table[];
};

#define SLAB_TABLES ((GNOMON_PAGE_BYTES - sizeof(struct slab)) / \
		     sizeof(struct gn_np_table))

GN_STATIC_ASSERT(SLAB_TABLES >= GN_NP_LEVELS,
		 "one slab serves the tables of one fault");
GN_STATIC_ASSERT(sizeof(struct gn_np_table *) * GN_NP_ENTRIES <=
		 GNOMON_PAGE_BYTES, "child pointers fit one page");

enum gnomon_status gn_np_table_reserve(struct gn_np *np, uint32_t count)
{
	bool slab = np->spare_count < count;
	enum gnomon_status s;

	/* Every table but the lowest may want a page for its links. */
	s = gn_pool_reserve(np->pool, GNOMON_PAGE_META, count + slab);
	if (s != GNOMON_OK) {
		return s;
	}
	return gn_pool_reserve(np->pool, GNOMON_PAGE_TABLE, count);
}

static void cut_slab(struct gn_np *np)
{
	struct gnomon_page page = gn_pool_take(np->pool, GNOMON_PAGE_META);
	struct slab *slab = page.va;

	np->stats.meta_pages++;
	slab->page = page;
	slab->next = np->slabs;
	np->slabs = slab;
	for (size_t i = 0; i < SLAB_TABLES; i++) {
		gn_list_add(&np->spare, &slab->table[i].all);
	}
	np->spare_count += SLAB_TABLES;
}

struct gn_np_table *gn_np_table_make(struct gn_np *np, unsigned level)
{
	if (gn_list_empty(&np->spare)) {
		cut_slab(np);
	}
	struct gn_np_table *table = GN_CONTAINER(np->spare.next,
						 struct gn_np_table, all);

	gn_list_del(&table->all);
	np->spare_count--;
	*table = (struct gn_np_table){
		.page = gn_pool_take(np->pool, GNOMON_PAGE_TABLE),
		.level = (uint8_t)level,
	};
	if (level > 1) {
		table->links = gn_pool_take(np->pool, GNOMON_PAGE_META);
		np->stats.meta_pages++;
	}
	gn_list_add(&np->tables, &table->all);
	np->stats.tables++;
	if (np->stats.tables > np->stats.tables_peak) {
		np->stats.tables_peak = np->stats.tables;
	}
	return table;
}

void gn_np_table_retire(struct gn_np *np, struct gn_np_table *table)
{
	GN_ASSERT(!table->parent);
	gn_list_del(&table->all);
	gn_list_add(&np->limbo, &table->all);
	np->stats.tables--;
}

static void release(struct gn_np *np, struct gn_np_table *table)
{
	gn_pool_give(np->pool, GNOMON_PAGE_TABLE, &table->page);
	if (table->links.va) {
		gn_pool_give(np->pool, GNOMON_PAGE_META, &table->links);
		np->stats.meta_pages--;
	}
	gn_list_del(&table->all);
	gn_list_add(&np->spare, &table->all);
	np->spare_count++;
}

void gn_np_settle(struct gn_np *np)
{
	if (np->flush_due) {
		struct gnomon_flush flush = {
			.vcpus = np->vcpus,
			.nested = true,
		};

		np->flush_due = false;
		np->stats.flushes++;
		np->host->flush(np->ctx, &flush);
	}
	while (!gn_list_empty(&np->limbo)) {
		release(np, GN_CONTAINER(np->limbo.next, struct gn_np_table,
					 all));
	}
}

void gn_np_slabs_free(struct gn_np *np)
{
	while (np->slabs) {
		struct slab *slab = np->slabs;
		struct gnomon_page page = slab->page;

		np->slabs = slab->next;
		gn_pool_give(np->pool, GNOMON_PAGE_META, &page);
		np->stats.meta_pages--;
	}
	gn_list_init(&np->spare);
	np->spare_count = 0;
}

void gn_np_locate(const struct gn_np *np, uint64_t gfn,
		  struct gn_np_spot *spot)
{
	struct gn_np_table *table = np->root;

	for (unsigned level = table->level;; level--) {
		unsigned index = gn_np_index(gfn, level);
		uint64_t npte = gn_np_read(table, index);

		if (level > 1 && gn_np_entry_kind(np->config.format, npte,
						  level) == GN_NP_TABLE) {
			table = gn_np_child(table, index);
			continue;
		}
		*spot = (struct gn_np_spot){
			.table = table,
			.index = index,
			.level = level,
			.first = gn_align_down(gfn, gn_level_frames(level)),
			.frames = gn_level_frames(level),
			.npte = npte,
		};
		return;
	}
}
