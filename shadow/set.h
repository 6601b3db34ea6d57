/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The only writers of sptes. Each keeps the nets of shadow.h in step: whatever
 * stood in the entry is taken out of its net first, so no transition needs a
 * caller's care.
 *
 *	from \ to	hole		table		leaf
 *	hole		-		set_table	set_leaf
 *	table		clear		set_table	set_leaf
 *	leaf		clear		set_table	set_leaf, set_rights
 *
 * A switch (agile.h) is written by set_switch and is a leaf to all others.
 *
 * gpte is the guest entry that the spte was made from; it is kept in the
 * snapshot and says later which frame the reverse map has the leaf under.
 * Direct pages ignore it. A lost or lowered translation is noted as stale, not
 * flushed.
 */
#ifndef SHADOW_SET_H
#define SHADOW_SET_H

#include "shadow/shadow.h"

/* Frame of memory that a leaf or switch at index leads to, by page and
 * snapshot. */
uint64_t gn_sh_leaf_gfn(const struct gn_sh *sh, const struct gn_sh_page *page,
			unsigned index);

/* Frame of memory of the table that gpte, a table entry of page, names. */
uint64_t gn_sh_table_gfn(const struct gn_sh *sh, const struct gn_sh_page *page,
			 uint64_t gpte);

void gn_sh_clear(struct gn_sh *sh, struct gn_sh_page *page, unsigned index);
/* One reference must be reserved, and the frame must have room. */
void gn_sh_set_leaf(struct gn_sh *sh, struct gn_sh_page *page, unsigned index,
		    uint64_t spte, uint64_t gpte);

/* What put_leaf is to make of an entry. */
struct gn_sh_fill {
	uint64_t spte;
	uint64_t gpte;
	uint64_t gfn;		/* of memory */
	struct gn_frame *frame;	/* of gfn */
};

enum gn_sh_put {
	GN_SH_PUT_DONE,
	GN_SH_PUT_SAME,		/* it was there already */
	GN_SH_PUT_NO,		/* it takes somebody who holds the vm alone */
};

/*
 * The one writer for several vcpus at once: a hole of level 1 becomes a leaf,
 * or a leaf gets more rights to the frame that it maps. Nothing has changed
 * when the answer is NO: another vcpu is at it, rights would be lost, another
 * frame is mapped, or gn_sh_refs_put() refuses. Until the claim is over nobody
 * reads the entry's snapshot.
 */
enum gn_sh_put gn_sh_put_leaf(struct gn_sh_vcpu *vcpu, struct gn_sh_page *page,
			      unsigned index, const struct gn_sh_fill *fill);
/* One reference must be reserved. */
void gn_sh_set_table(struct gn_sh *sh, struct gn_sh_page *page, unsigned index,
		     struct gn_sh_page *child, uint64_t gpte);
/*
 * Set a leaf of a plain page, whatever stands in the entry, to the frame that
 * fill->frame is the record of. One reference must be reserved.
 */
void gn_sh_swap_leaf(struct gn_sh *sh, struct gn_sh_page *page, unsigned index,
		     const struct gn_sh_fill *fill);

#define GN_SH_BATCH 32u

/* Entries of one page that are to be swapped, and for what. */
struct gn_sh_batch {
	uint32_t count;
	uint16_t index[GN_SH_BATCH];
	struct gn_sh_fill fill[GN_SH_BATCH];
};

/*
 * The same for many: all leave their frames before the first comes to its own,
 * so that entries that change places need no longer lists. As many references
 * must be reserved. The batch is empty then.
 */
void gn_sh_swap_leaves(struct gn_sh *sh, struct gn_sh_page *page,
		       struct gn_sh_batch *batch);
/* A switch: one reference must be reserved, the table's frame has room. */
void gn_sh_set_switch(struct gn_sh *sh, struct gn_sh_page *page,
		      unsigned index, uint64_t spte, uint64_t gpte);
/* Same frame, other rights. */
void gn_sh_set_rights(struct gn_sh *sh, struct gn_sh_page *page,
		      unsigned index, uint64_t spte, uint64_t gpte);
/* The gpte changed in a way that the spte does not show. */
void gn_sh_set_snap(struct gn_sh_page *page, unsigned index, uint64_t gpte);

/*
 * Take W from every leaf that maps the frame; leaves of more than 4K go
 * altogether, to be filled again in smaller ones, and so do switches to it.
 * The number of sptes changed.
 */
uint32_t gn_sh_protect(struct gn_sh *sh, uint64_t gfn);
/* Does any leaf map the frame? */
bool gn_sh_is_mapped(const struct gn_sh *sh, uint64_t gfn);
/* Drop every leaf that maps the frame. The number dropped. */
uint32_t gn_sh_unmap(struct gn_sh *sh, uint64_t gfn);
/* Drop every switch to the table in the frame. The number dropped. */
uint32_t gn_sh_drop_switches(struct gn_sh *sh, uint64_t gfn);
/* The page that a table entry leads to. */
struct gn_sh_page *gn_sh_child(const struct gn_sh *sh,
			       const struct gn_sh_page *page, unsigned index);

#endif
