/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's own tables: from registers to a context, from a context and a
 * gva to a gpa or a fault, and the decoding of single gptes. Sits on guest
 * memory (base/mem.h) and below everything that must know what the guest
 * wrote. Nothing here keeps state: a context is a value, rebuilt whenever a
 * register changes.
 */
#ifndef GUESTPT_WALK_H
#define GUESTPT_WALK_H

#include "base/mem.h"
#include "guestpt/format.h"

/* ---- context ------------------------------------------------------------- */

/* Control bits that change what a gpte means; the paging part of a role. */
enum gn_gpt_control {
	GN_GPT_WP = 1u << 0,
	GN_GPT_NXE = 1u << 1,	/* and the format has NX */
	GN_GPT_SMEP = 1u << 2,
	GN_GPT_SMAP = 1u << 3,
	GN_GPT_PKE = 1u << 4,	/* and the format has keys */
	GN_GPT_PGE = 1u << 5,
	GN_GPT_PSE = 1u << 6,	/* 32-bit format only */
	GN_GPT_AD_FAULTS = 1u << 7, /* RISC-V: no A/D update in hardware */
};

/* All that a walk depends on besides memory. Read-only between inits. */
struct gn_gpt_ctx {
	const struct gn_gpt_format *format;
	gnomon_gpa_t root;	/* top table; PAE: see pdpte; off: 0 */
	/*
	 * Fast path per level: entry & plain == present says "a table without
	 * anything special" above level 1, "a leaf without" at level 1.
	 */
	uint64_t plain[GNOMON_MAX_LEVELS + 1];
	uint64_t leaf[GNOMON_MAX_LEVELS + 1];	  /* any set: a leaf */
	uint64_t bad_table[GNOMON_MAX_LEVELS + 1]; /* reserved in a table */
	uint64_t bad_leaf[GNOMON_MAX_LEVELS + 1]; /* reserved in a leaf */
	uint64_t pdpte[4];	/* PAE: as loaded, reserved bits checked */
	/*
	 * [access + (AC ? 16 : 0)]: bit r set = rights r do not suffice.
	 * access is enum gnomon_access.
	 */
	uint16_t deny[32];
	uint32_t control;	/* enum gn_gpt_control */
	uint32_t pkru;
	uint8_t ac;		/* 0 or 16: offset into deny[] */
	uint8_t fetch_code;	/* error-code bits a fetch sets: I/D or 0 */
};

/*
 * Make a context from registers and capabilities. GNOMON_OK, or GNOMON_GP
 * when a CPU would refuse the values: PG without PE, NW without CD, high or
 * unknown bits in CR0, CR4 or EFER, a CR4 or EFER bit without its capability,
 * LMA different from LME and PG, long mode without PAE, PCIDE outside long
 * mode, CR3 bits from MAXPHYADDR up in long mode, reserved bits in a present
 * PDPTE. *ctx is then undefined. Rules about a change of registers (LA57
 * while in long mode, PCIDE with a non-zero PCID) are the caller's.
 */
enum gnomon_status gn_gpt_ctx_init(struct gn_gpt_ctx *ctx,
				   const struct gnomon_regs *regs,
				   const struct gnomon_caps *caps)
	GNOMON_MUST_USE;

enum gn_gpt_riscv {
	GN_GPT_RISCV_SUM = 1u << 0,
	GN_GPT_RISCV_MXR = 1u << 1,
	GN_GPT_RISCV_ADUE = 1u << 2, /* hardware sets A and D */
};
/* The same for Sv39 and Sv48; flags is enum gn_gpt_riscv. Cannot fail. */
void gn_gpt_ctx_init_riscv(struct gn_gpt_ctx *ctx, enum gn_gpt_format_id id,
			   gnomon_gpa_t root, uint32_t flags);

/* Change what MOV CR3, WRPKRU and STAC change, without a new init. */
static inline void gn_gpt_ctx_set_pkru(struct gn_gpt_ctx *ctx, uint32_t pkru)
{
	ctx->pkru = pkru;
}

static inline void gn_gpt_ctx_set_ac(struct gn_gpt_ctx *ctx, bool ac)
{
	ctx->ac = ac ? 16 : 0;
}

/* Do these registers select PAE, that is, must PDPTEs be loaded? */
bool gn_gpt_regs_pae(const struct gnomon_regs *regs);
/* Read the four PDPTEs at CR3. GNOMON_OK or GNOMON_ABSENT. */
enum gnomon_status gn_gpt_load_pdptes(const struct gn_mem *mem, uint64_t cr3,
				      uint64_t pdpte[4]) GNOMON_MUST_USE;

/* ---- walk ---------------------------------------------------------------- */

/* x86 page-fault error code. */
enum gn_gpt_error_code {
	X86_PF_P = 1u << 0,
	X86_PF_W = 1u << 1,
	X86_PF_U = 1u << 2,
	X86_PF_RSVD = 1u << 3,
	X86_PF_ID = 1u << 4,
	X86_PF_PK = 1u << 5,
};

enum gn_gpt_walk_flags {
	/* Set A in every entry used and D in the leaf of a write. */
	GN_GPT_SET_AD = 1u << 0,
};

struct gn_gpt_step {
	uint64_t gpte;		/* as read, or as the A/D update left it */
	gnomon_gpa_t gpa;	/* where the entry lies */
};

/*
 * Outcome of a walk. level is where it ended: the leaf's level, or that of
 * the entry that faulted or could not be read; levels + 1 for a PDPTE; 0 when
 * there was no entry at all (paging off, non-canonical). step[l] is valid for
 * l = level .. format->levels (not at level when that could not be read).
 * A PDPTE is in no step: it is ctx->pdpte[gva >> 30 & 3].
 */
struct gn_gpt_walk {
	gnomon_gpa_t gpa;	/* OK: of gva itself; ABSENT: of the entry */
	uint32_t error_code;	/* FAULT only */
	uint8_t level;
	uint8_t page_shift;	/* OK: of the leaf; 12 with paging off */
	uint8_t rights;		/* OK: AND over the path, gn_gpt_rights */
	uint8_t restarts;	/* races lost against the guest */
	struct gn_gpt_step step[GNOMON_MAX_LEVELS + 1];
};

/*
 * Translate gva for access (enum gnomon_access; IMPLICIT makes a supervisor
 * access whatever USER says) and check it.
 *
 * GNOMON_OK: permitted. GNOMON_FAULT: a page fault with out->error_code.
 * GNOMON_GP: gva is not canonical. GNOMON_ABSENT: an entry lies outside
 * memory, out->gpa says where. GNOMON_MORE: only with GN_GPT_SET_AD, the guest
 * changed the entries under GN_GPT_RESTARTS_MAX walks in a row; let it run
 * its instruction again.
 *
 * A/D rule: entries change only after the whole path has been read and the
 * access found to be permitted, so a walk that faults changes nothing. Then
 * A is set from the top entry down, A and D of the leaf in one step, each by
 * compare-exchange against the value that was checked. If one has changed the
 * walk starts again from the root; A bits that are set by then belong to a
 * path that did permit the access. Entries in ROM are left as they are, like
 * the write a CPU would lose there.
 */
static inline enum gnomon_status
gn_gpt_walk(const struct gn_gpt_ctx *ctx, const struct gn_mem *mem,
	    gnomon_gva_t gva, uint32_t access, uint32_t flags,
	    struct gn_gpt_walk *out)
{
	return ctx->format->walk(ctx, mem, gva, access, flags, out);
}
#define GN_GPT_RESTARTS_MAX 16

/* gptes that the last attempt read; for costs and counters. */
static inline unsigned gn_gpt_walk_refs(const struct gn_gpt_ctx *ctx,
					const struct gn_gpt_walk *walk)
{
	unsigned top = ctx->format->levels;

	return walk->level == 0 || walk->level > top ? 0
						     : top - walk->level + 1u;
}

/* AND of the rights from the top entry down to the one at level, included. */
uint8_t gn_gpt_walk_rights(const struct gn_gpt_ctx *ctx,
			   const struct gn_gpt_walk *walk, unsigned level);

/* ---- permissions --------------------------------------------------------- */

/*
 * May a path with these rights and this leaf (its protection key counts) be
 * accessed? 0, or the error code of the page fault. rights are those of the
 * whole path (gn_gpt_entry.rights AND-ed, or gn_gpt_walk.rights).
 */
uint32_t gn_gpt_check(const struct gn_gpt_ctx *ctx, uint8_t rights,
		      uint64_t leaf_gpte, uint32_t access);

/* ---- single entries ------------------------------------------------------ */

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
