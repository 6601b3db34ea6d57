/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The only writer of nested entries. Each function keeps the count of its
 * table, the links, the counters and gn_np.flush_due true; whoever calls one
 * ends with gn_np_settle().
 *
 *	from \ to	hole		leaf			table
 *	hole		-		set_leaf		set_table
 *	leaf		clear: flush	lower: flush, raise	set_table: flush
 *	table		clear: flush	join: flush		-
 */
#ifndef NESTED_SET_H
#define NESTED_SET_H

#include "nested/table.h"

/* Over a hole. */
void gn_np_set_leaf(struct gn_np *np, struct gn_np_table *table,
		    unsigned index, gnomon_hfn_t hfn, uint32_t rights);
/* Over a hole or over a leaf that child translates alike. */
void gn_np_set_table(struct gn_np *np, struct gn_np_table *table,
		     unsigned index, struct gn_np_table *child);
/* Over a table whose entries say the same; the table is retired. */
void gn_np_set_join(struct gn_np *np, struct gn_np_table *table,
		    unsigned index, gnomon_hfn_t hfn, uint32_t rights);
/* Add rights to a leaf. */
void gn_np_raise(struct gn_np *np, const struct gn_np_table *table,
		 unsigned index, uint32_t rights);
/*
 * The same two for many at once; nothing is counted. fill: false when the
 * entry is a hole no more.
 */
bool gn_np_fill_shared(const struct gn_np *np, struct gn_np_table *table,
		       unsigned index, gnomon_hfn_t hfn, uint32_t rights);
void gn_np_raise_shared(const struct gn_np *np,
			const struct gn_np_table *table, unsigned index,
			uint32_t rights);
/* Take the CPU's bits (GN_NP_ACCESSED, GN_NP_DIRTY) away; what it had set. */
uint32_t gn_np_age(struct gn_np *np, struct gn_np_table *table,
		   unsigned index, uint32_t rights);
/* Take W from a leaf. */
void gn_np_lower(struct gn_np *np, struct gn_np_table *table, unsigned index);
/*
 * Make a leaf or an empty table's entry a hole; tables that become empty by
 * it are unlinked and retired, upwards, the root excepted.
 */
void gn_np_clear(struct gn_np *np, struct gn_np_table *table, unsigned index);

#endif
