/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nested tables as objects: getting, linking and giving back. A table's pages
 * and descriptor are reserved before an operation changes anything, so making
 * one cannot fail; an unlinked table waits in limbo until the CPUs have
 * dropped what they cached of it.
 */
#ifndef NESTED_TABLE_H
#define NESTED_TABLE_H

#include "nested/nested.h"

/* Make sure that count tables can be made. GNOMON_OK or _NOMEM. */
enum gnomon_status gn_np_table_reserve(struct gn_np *np, uint32_t count)
	GNOMON_MUST_USE;
/* An empty, unlinked table of the level; reserved before. */
struct gn_np_table *gn_np_table_make(struct gn_np *np, unsigned level);
/* Send an unlinked table to limbo. */
void gn_np_table_retire(struct gn_np *np, struct gn_np_table *table);
/* Give the slabs of descriptors back; no table exists any more. */
void gn_np_slabs_free(struct gn_np *np);

static inline uint64_t *gn_np_slot(const struct gn_np_table *table,
				   unsigned index)
{
	return (uint64_t *)table->page.va + index;
}

static inline uint64_t gn_np_read(const struct gn_np_table *table,
				  unsigned index)
{
	return __atomic_load_n(gn_np_slot(table, index), __ATOMIC_ACQUIRE);
}

/* The child that the table entry at index points at. */
static inline struct gn_np_table *gn_np_child(const struct gn_np_table *table,
					      unsigned index)
{
	return ((struct gn_np_table **)table->links.va)[index];
}

static inline unsigned gn_np_index(uint64_t gfn, unsigned level)
{
	return (unsigned)(gfn >> (9 * (level - 1))) % GN_NP_ENTRIES;
}

/* The entry that decides what a gfn maps to: a hole or a leaf. */
struct gn_np_spot {
	struct gn_np_table *table;
	unsigned index;
	unsigned level;
	uint64_t first;		/* of the frames that it covers */
	uint64_t frames;
	uint64_t npte;
};

/* gfn is below gn_np_gfn_limit(). */
void gn_np_locate(const struct gn_np *np, uint64_t gfn,
		  struct gn_np_spot *spot);

#endif
