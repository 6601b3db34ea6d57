/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bits of one nested entry, as data: what AMD and Intel call the second
 * dimension differs only in the members of struct gn_np_format. An entry is a
 * hole, a table or a leaf, and nothing else.
 */
#ifndef NESTED_ENTRY_H
#define NESTED_ENTRY_H

#include "base/addr.h"
#include "base/bits.h"

#define GN_NP_ENTRIES 512u
#define GN_NP_LEVELS 5u
#define GN_NP_LEAF_LEVELS 3u	/* 4K, 2M, 1G */

enum gn_np_kind {
	GN_NP_HOLE = 0,
	GN_NP_TABLE,
	GN_NP_LEAF,
};

/* Rights of a leaf, and the bits that the CPU keeps in it. */
enum gn_np_rights {
	GN_NP_R = 1u << 0,
	GN_NP_W = 1u << 1,
	GN_NP_X = 1u << 2,
	GN_NP_ACCESSED = 1u << 3,
	GN_NP_DIRTY = 1u << 4,
	/* The host allows writing; W may be clear because of a protection. */
	GN_NP_HOST_W = 1u << 5,
};

struct gn_np_format {
	const char *name;
	uint64_t present;	/* an entry with none of these is a hole */
	uint64_t read;		/* what each right sets ... */
	uint64_t write;
	uint64_t exec;
	uint64_t no_exec;	/* ... or, for X, what its absence sets */
	uint64_t accessed;
	uint64_t dirty;
	uint64_t host_write;	/* ignored by the CPU: GN_NP_HOST_W */
	uint64_t large;		/* a leaf above level 1 */
	uint64_t table_fixed;	/* set in every table entry */
	uint64_t leaf_fixed;	/* set in every leaf: memory type and such */
	/* Reserved besides the address bits, by level 1..5. */
	uint64_t table_rsvd[GN_NP_LEVELS + 1];
	uint64_t leaf_rsvd[GN_NP_LEVELS + 1];
	/* Bit n set: the value n of entry bits 2:0 is a misconfiguration. */
	uint8_t bad_rights;
	/* Likewise for the memory type of a leaf, bits 5:3. */
	uint8_t bad_types;
	uint64_t root_fixed;	/* beside the address, in what the CPU loads */
	uint8_t root_levels_shift; /* where it holds levels - 1; 0 = nowhere */
};

extern const struct gn_np_format gn_np_format_npt;	/* AMD */
extern const struct gn_np_format gn_np_format_ept;	/* Intel, A/D on */

/* Physical address of an entry at any level: bits 51..12. */
static inline uint64_t gn_np_entry_addr(uint64_t npte)
{
	return npte & gn_mask(51, GNOMON_PAGE_SHIFT);
}

static inline enum gn_np_kind gn_np_entry_kind(const struct gn_np_format *f,
					       uint64_t npte, unsigned level)
{
	if (!(npte & f->present)) {
		return GN_NP_HOLE;
	}
	return level == 1 || (npte & f->large) ? GN_NP_LEAF : GN_NP_TABLE;
}

/* Rights of a present entry, A and D included. */
uint32_t gn_np_entry_rights(const struct gn_np_format *f, uint64_t npte);
uint64_t gn_np_make_leaf(const struct gn_np_format *f, gnomon_hfn_t hfn,
			 unsigned level, uint32_t rights);
uint64_t gn_np_make_table(const struct gn_np_format *f, gnomon_hpa_t table);
/*
 * Would a CPU with maxphyaddr address bits refuse the present entry: reserved
 * bits, an impossible combination of rights, a reserved memory type? (EPT: a
 * misconfiguration exit; NPT: a nested fault with the reserved bit.)
 */
bool gn_np_entry_bad(const struct gn_np_format *f, uint64_t npte,
		     unsigned level, unsigned leaf_levels,
		     unsigned maxphyaddr);

#endif
