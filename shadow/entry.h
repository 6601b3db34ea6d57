/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bits of an spte: x86-64 format, hole, table, leaf or, in agile mode, a
 * switch to the guest's own table. A and D are always set, so that the CPU
 * never writes an spte; W stands for the guest's own D.
 *
 * What the CPU must run with is said at struct gnomon_root.
 */
#ifndef SHADOW_ENTRY_H
#define SHADOW_ENTRY_H

#include "base/addr.h"
#include "base/bits.h"
#include "guestpt/format.h"

#define GN_SPTE_P	X86_PTE_P
#define GN_SPTE_W	X86_PTE_W
#define GN_SPTE_U	X86_PTE_U
#define GN_SPTE_AD	(X86_PTE_A | X86_PTE_D)
#define GN_SPTE_LARGE	X86_PTE_PS
#define GN_SPTE_G	X86_PTE_G
#define GN_SPTE_NX	X86_PTE_NX
/* Ignored by the CPU. */
#define GN_SPTE_HOST_W	GN_BIT(9)	/* the host allows writes */
#define GN_SPTE_FLIP	GN_BIT(10)	/* W without the guest's W: WP = 0 */
#define GN_SPTE_BUSY	GN_BIT(11)	/* being changed; never left behind */
/*
 * The switching bit, heeded by a CPU that knows agile paging: the entry leads
 * to the guest's own table, with W, U and NX for the path down to it.
 */
#define GN_SPTE_SWITCH	GN_BIT(GNOMON_AGILE_BIT)

static inline bool gn_spte_present(uint64_t spte)
{
	return (spte & GN_SPTE_P) != 0;
}

static inline bool gn_spte_leaf(uint64_t spte, unsigned level)
{
	return gn_spte_present(spte) &&
	       (level == 1 || (spte & GN_SPTE_LARGE) != 0);
}

static inline bool gn_spte_table(uint64_t spte, unsigned level)
{
	return gn_spte_present(spte) && level > 1 &&
	       (spte & (GN_SPTE_LARGE | GN_SPTE_SWITCH)) == 0;
}

static inline bool gn_spte_switch(uint64_t spte)
{
	return (spte & (GN_SPTE_P | GN_SPTE_SWITCH)) ==
	       (GN_SPTE_P | GN_SPTE_SWITCH);
}

/* Physical address in a table entry or a leaf of the level. */
static inline uint64_t gn_spte_hpa(uint64_t spte, unsigned level)
{
	uint64_t low = level > 1 && (spte & GN_SPTE_LARGE)
			       ? gn_mask(51, 12 + 9 * (level - 1))
			       : gn_mask(51, 12);

	return spte & low;
}

/* Rights are the leaves' business: a table entry allows everything. */
static inline uint64_t gn_spte_make_table(gnomon_hpa_t table)
{
	return table.v | GN_SPTE_P | GN_SPTE_W | GN_SPTE_U | X86_PTE_A;
}

/* To the guest's table at hpa; rights: gn_gpt_rights of the path. */
static inline uint64_t gn_spte_make_switch(gnomon_hpa_t table, uint8_t rights)
{
	return table.v | GN_SPTE_P | GN_SPTE_SWITCH | X86_PTE_A |
	       (rights & GN_GPT_W ? GN_SPTE_W : 0) |
	       (rights & GN_GPT_U ? GN_SPTE_U : 0) |
	       (rights & GN_GPT_X ? 0 : GN_SPTE_NX);
}

/* What a leaf says beside its frame. */
struct gn_spte_attr {
	uint8_t rights;		/* gn_gpt_rights: X, W, U */
	uint8_t pkey;
	uint8_t type;		/* bit 0 PWT, 1 PCD, 2 PAT */
	bool global;
	bool host_w;
	bool flip;
};

static inline uint64_t gn_spte_make_leaf(uint64_t hpa, unsigned level,
					 struct gn_spte_attr a)
{
	uint64_t spte = hpa | GN_SPTE_P | GN_SPTE_AD;

	spte |= a.rights & GN_GPT_W ? GN_SPTE_W : 0;
	spte |= a.rights & GN_GPT_U ? GN_SPTE_U : 0;
	spte |= a.rights & GN_GPT_X ? 0 : GN_SPTE_NX;
	spte |= (uint64_t)(a.type & 3) << 3;
	spte |= a.global ? GN_SPTE_G : 0;
	spte |= a.host_w ? GN_SPTE_HOST_W : 0;
	spte |= a.flip ? GN_SPTE_FLIP : 0;
	spte |= (uint64_t)(a.pkey & 15) << X86_PTE_PK_SHIFT;
	if (level > 1) {
		spte |= GN_SPTE_LARGE;
		spte |= a.type & 4 ? X86_PTE_PAT_LARGE : 0;
	} else {
		spte |= a.type & 4 ? X86_PTE_PAT : 0;
	}
	return spte;
}

/* Does going from old to new ask for a TLB flush (I30)? */
static inline bool gn_spte_lowers(uint64_t old, uint64_t new_spte)
{
	uint64_t gives = GN_SPTE_P | GN_SPTE_W | GN_SPTE_U;
	uint64_t may_change = GN_SPTE_W | GN_SPTE_U | GN_SPTE_NX |
			      GN_SPTE_HOST_W | GN_SPTE_FLIP;

	if (!gn_spte_present(old)) {
		return false;
	}
	return ((old ^ new_spte) & ~may_change) != 0 ||
	       (old & gives & ~new_spte) != 0 ||
	       (new_spte & ~old & GN_SPTE_NX) != 0;
}

#endif
