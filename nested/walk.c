/* SPDX-License-Identifier: BSD-2-Clause */
#include "nested/table.h"

static uint32_t needed(uint32_t access)
{
	uint32_t rights = GN_NP_R;

	rights |= access & GNOMON_WRITE ? GN_NP_W : 0;
	rights |= access & GNOMON_EXEC ? GN_NP_X : 0;
	return rights;
}

static void end_at_leaf(const struct gn_np *np, gnomon_gpa_t gpa,
			uint32_t access, struct gn_np_walk *walk)
{
	uint64_t bytes = gn_level_frames(walk->level) * GNOMON_PAGE_BYTES;
	uint32_t need = needed(access);

	walk->hpa = gn_hpa((gn_np_entry_addr(walk->npte) & ~(bytes - 1)) |
			   (gpa.v & (bytes - 1)));
	walk->rights |= gn_np_entry_rights(np->config.format, walk->npte) &
			(GN_NP_ACCESSED | GN_NP_DIRTY | GN_NP_HOST_W);
	walk->end = (walk->rights & need) == need ? GN_NP_END_OK
						  : GN_NP_END_DENIED;
}

void gn_np_walk(const struct gn_np *np, gnomon_gpa_t gpa, uint32_t access,
		struct gn_np_walk *walk)
{
	const struct gn_np_config *c = &np->config;
	const struct gn_np_table *table = np->root;
	uint64_t gfn = gn_gpa_gfn(gpa).v;

	*walk = (struct gn_np_walk){
		.end = GN_NP_END_ABSENT,
		.level = c->levels,
		.rights = GN_NP_R | GN_NP_W | GN_NP_X,
	};
	if (gfn >= gn_np_gfn_limit(np)) {
		return;
	}
	for (unsigned level = c->levels; level > 0; level--) {
		unsigned index = gn_np_index(gfn, level);
		uint64_t npte = gn_np_read(table, index);
		enum gn_np_kind kind = gn_np_entry_kind(c->format, npte,
							level);

		walk->entry[walk->refs++] = gn_hpa(table->page.hpa.v +
						   8 * index);
		walk->level = (uint8_t)level;
		walk->npte = npte;
		if (kind == GN_NP_HOLE) {
			return;
		}
		if (gn_np_entry_bad(c->format, npte, level, c->leaf_levels,
				    c->maxphyaddr)) {
			walk->end = GN_NP_END_BAD;
			return;
		}
		walk->rights &= gn_np_entry_rights(c->format, npte);
		if (kind == GN_NP_LEAF) {
			end_at_leaf(np, gpa, access, walk);
			return;
		}
		table = gn_np_child(table, index);
		if (!table) {
			/* A table that we never linked. */
			walk->end = GN_NP_END_BAD;
			return;
		}
	}
}
