/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The neighbours of a leaf that a violation has just filled: the guest mostly
 * comes to them next, and each would cost a violation of its own. A guess, so
 * it grants what a read fault would and no more, asks the host for what is
 * there already, and leaves out whatever is not plain memory now.
 */
#include "nested/map.h"

/* What a guess at a frame of memory may grant; 0: it is not to be mapped. */
static uint32_t rights_of(const struct gn_np *np, uint64_t gfn, bool writable)
{
	uint32_t rights = GN_NP_R | GN_NP_X;

	if (writable) {
		rights |= GN_NP_HOST_W;
		/* While a log runs W comes with the first write alone. */
		rights |= np->logging ? 0 : GN_NP_W;
	}
	return rights & gn_np_rights_left(np, gfn);
}

static bool guess(const struct gn_np *np, struct gn_np_table *table,
		  unsigned index)
{
	uint64_t gfn = gn_np_memory(np, table->first + index);
	struct gnomon_frame frame;
	uint32_t rights;

	if (gn_np_read(table, index) ||
	    !gn_slots_frame_small(np->slots, np->host, np->ctx, gn_gfn(gfn),
				  &frame) ||
	    frame.hfn.v >> (np->config.maxphyaddr - GNOMON_PAGE_SHIFT)) {
		return false;
	}
	rights = rights_of(np, gfn, frame.writable);
	return (rights & GN_NP_R) &&
	       gn_np_fill_shared(np, table, index, frame.hfn, rights);
}

unsigned gn_np_around_split(struct gn_np *np, const struct gn_np_table *table)
{
	const struct gn_np_format *f = np->config.format;
	unsigned raised = 0;

	if (np->config.around < 2 || np->logging || table->level > 1) {
		return 0;
	}
	for (unsigned i = 0; i < GN_NP_ENTRIES; i++) {
		uint32_t rights = gn_np_entry_rights(f, gn_np_read(table, i));
		uint64_t gfn = gn_slots_mapped(np->slots, np->view,
					       table->first + i);

		if ((rights & GN_NP_HOST_W) && !(rights & GN_NP_W) &&
		    (gn_np_rights_left(np, gfn) & GN_NP_W)) {
			gn_np_raise(np, table, i, GN_NP_W);
			raised++;
		}
	}
	return raised;
}

unsigned gn_np_around(const struct gn_np *np, const struct gn_np_spot *spot)
{
	unsigned width = np->config.around, filled = 0;
	unsigned first = spot->index & ~(width - 1u);

	if (width < 2 || spot->level > 1) {
		return 0;
	}
	for (unsigned i = first; i < first + width; i++) {
		filled += guess(np, spot->table, i);
	}
	return filled;
}
