/* SPDX-License-Identifier: BSD-2-Clause */
#include "nested/set.h"

#include "base/assert.h"

/* The CPU sets A and D behind our back, so every store is an exchange. */
static uint64_t swap(struct gn_np_table *table, unsigned index, uint64_t npte)
{
	return __atomic_exchange_n(gn_np_slot(table, index), npte,
				   __ATOMIC_ACQ_REL);
}

/* The leaf goes: what the CPU has noted in it must not go with it. */
static void save_dirty(const struct gn_np *np, const struct gn_np_table *table,
		       unsigned index, uint64_t old)
{
	uint64_t frames = gn_level_frames(table->level);
	uint64_t first = gn_slots_mapped(np->slots, np->view,
					 table->first + index * frames);

	if (!np->harvesting || !np->dirty ||
	    gn_np_entry_kind(np->config.format, old, table->level) !=
		    GN_NP_LEAF ||
	    !(gn_np_entry_rights(np->config.format, old) & GN_NP_DIRTY) ||
	    !gn_dirty_logged(np->dirty, first, frames)) {
		return;
	}
	for (uint64_t i = 0; i < frames; i++) {
		gn_dirty_mark(np->dirty, first + i);
	}
}

static void set_link(struct gn_np_table *table, unsigned index,
		     struct gn_np_table *child)
{
	((struct gn_np_table **)table->links.va)[index] = child;
}

void gn_np_set_leaf(struct gn_np *np, struct gn_np_table *table,
		    unsigned index, gnomon_hfn_t hfn, uint32_t rights)
{
	swap(table, index, gn_np_make_leaf(np->config.format, hfn,
					   table->level, rights));
	table->used++;
	np->stats.sets++;
}

void gn_np_set_table(struct gn_np *np, struct gn_np_table *table,
		     unsigned index, struct gn_np_table *child)
{
	GN_ASSERT(child->level + 1 == table->level);
	child->parent = table;
	child->index = (uint16_t)index;
	child->first = table->first + index * gn_level_frames(table->level);
	set_link(table, index, child);

	uint64_t old = swap(table, index, gn_np_make_table(
			    np->config.format, child->page.hpa));

	save_dirty(np, table, index, old);
	if (gn_np_entry_kind(np->config.format, old, table->level) ==
	    GN_NP_HOLE) {
		table->used++;
	} else {
		/* Two sizes of one translation must not meet in a TLB. */
		np->flush_due = true;
	}
	np->stats.sets++;
}

void gn_np_set_join(struct gn_np *np, struct gn_np_table *table,
		    unsigned index, gnomon_hfn_t hfn, uint32_t rights)
{
	struct gn_np_table *child = gn_np_child(table, index);

	swap(table, index, gn_np_make_leaf(np->config.format, hfn,
					   table->level, rights));
	set_link(table, index, NULL);
	child->parent = NULL;
	np->flush_due = true;
	np->stats.sets++;
	np->stats.clears += child->used;
	gn_np_table_retire(np, child);
}

bool gn_np_fill_shared(const struct gn_np *np, struct gn_np_table *table,
		       unsigned index, gnomon_hfn_t hfn, uint32_t rights)
{
	uint64_t hole = 0;

	if (!__atomic_compare_exchange_n(
		    gn_np_slot(table, index), &hole,
		    gn_np_make_leaf(np->config.format, hfn, table->level,
				    rights),
		    false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		return false;
	}
	__atomic_fetch_add(&table->used, 1, __ATOMIC_RELAXED);
	return true;
}

void gn_np_raise_shared(const struct gn_np *np,
			const struct gn_np_table *table, unsigned index,
			uint32_t rights)
{
	/* A bit that is merely added: the CPU's own A and D survive. */
	const struct gn_np_format *f = np->config.format;
	uint64_t add = gn_np_make_leaf(f, gn_hfn(0), table->level, rights);

	__atomic_or_fetch(gn_np_slot(table, index), add & ~f->no_exec,
			  __ATOMIC_ACQ_REL);
}

void gn_np_raise(struct gn_np *np, const struct gn_np_table *table,
		 unsigned index, uint32_t rights)
{
	gn_np_raise_shared(np, table, index, rights);
	np->stats.sets++;
}

uint32_t gn_np_age(struct gn_np *np, struct gn_np_table *table,
		   unsigned index, uint32_t rights)
{
	const struct gn_np_format *f = np->config.format;
	uint64_t bits = (rights & GN_NP_ACCESSED ? f->accessed : 0) |
			(rights & GN_NP_DIRTY ? f->dirty : 0);
	uint64_t old = __atomic_fetch_and(gn_np_slot(table, index), ~bits,
					  __ATOMIC_ACQ_REL);

	if (old & bits) {
		np->flush_due = true;
	}
	return gn_np_entry_rights(f, old & bits) &
	       (GN_NP_ACCESSED | GN_NP_DIRTY);
}

void gn_np_lower(struct gn_np *np, struct gn_np_table *table, unsigned index)
{
	uint64_t old = __atomic_fetch_and(gn_np_slot(table, index),
					  ~np->config.format->write,
					  __ATOMIC_ACQ_REL);

	if (old & np->config.format->write) {
		np->flush_due = true;
		np->stats.clears++;
		np->stats.protects++;
	}
}

void gn_np_clear(struct gn_np *np, struct gn_np_table *table, unsigned index)
{
	for (;;) {
		save_dirty(np, table, index, swap(table, index, 0));
		if (table->level > 1) {
			set_link(table, index, NULL);
		}
		table->used--;
		np->flush_due = true;
		np->stats.clears++;
		if (table->used || !table->parent) {
			return;
		}
		struct gn_np_table *empty = table;

		index = table->index;
		table = table->parent;
		empty->parent = NULL;
		gn_np_table_retire(np, empty);
	}
}
