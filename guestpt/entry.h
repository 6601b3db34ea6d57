/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Single gptes: taking one apart, reading one, and which ones a store hits.
 */
#ifndef GUESTPT_ENTRY_H
#define GUESTPT_ENTRY_H

#include "guestpt/ctx.h"

enum gn_gpt_kind {
	GN_GPT_HOLE = 0,
	GN_GPT_TABLE,
	GN_GPT_LEAF,
	GN_GPT_BAD,		/* a walk through it faults with RSVD */
};

struct gn_gpt_entry {
	enum gn_gpt_kind kind;	/* HOLE, BAD: the rest is zero */
	uint8_t rights;		/* this entry's alone; all where it adds none */
	uint8_t page_shift;	/* LEAF */
	uint8_t pkey;		/* LEAF; 0 where keys are off */
	bool accessed;		/* true where the format has no such bit */
	bool dirty;		/* LEAF */
	bool global;		/* LEAF, and CR4.PGE is set */
	bool pwt, pcd, pat;	/* memory type; pat is a leaf's */
	gnomon_gpa_t frame;	/* of the next table, or first byte of a leaf */
};

/* Take a raw gpte found in a table of the given level (1 = lowest) apart. */
void gn_gpt_decode(const struct gn_gpt_ctx *ctx, unsigned level, uint64_t gpte,
		   struct gn_gpt_entry *out);

/* Index of gva's entry in a table of the level, and bytes it maps. */
static inline unsigned gn_gpt_index(const struct gn_gpt_ctx *ctx,
				    unsigned level, gnomon_gva_t gva)
{
	const struct gn_gpt_format *f = ctx->format;

	return (unsigned)(gva.v >> f->level[level].shift) &
	       ((1u << f->index_bits) - 1);
}

static inline uint64_t gn_gpt_entry_span(const struct gn_gpt_ctx *ctx,
					 unsigned level)
{
	return GN_BIT(ctx->format->level[level].shift);
}

/* Bytes of an entry: 4 or 8 (8 with paging off). */
static inline unsigned gn_gpt_entry_bytes(const struct gn_gpt_ctx *ctx)
{
	return 1u << ctx->format->entry_shift;
}

/* Read entry number index of the table at table. GNOMON_OK or _ABSENT. */
enum gnomon_status gn_gpt_read(const struct gn_gpt_ctx *ctx,
			       const struct gn_mem *mem, gnomon_gpa_t table,
			       unsigned index, uint64_t *gpte)
	GNOMON_MUST_USE;

/* Entries that a store touches: indices first .. first + count - 1. */
struct gn_gpt_span {
	unsigned first;
	unsigned count;
};

/*
 * bytes (>= 1) stored at gpa into a table page. Bytes beyond the page of gpa
 * are left out: split a store at page borders first.
 */
struct gn_gpt_span gn_gpt_store_span(unsigned entry_bytes, gnomon_gpa_t gpa,
				     uint64_t bytes);

#endif
