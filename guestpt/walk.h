/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's own tables: from a context (ctx.h) and a gva to a gpa or a
 * fault; entry.h takes single gptes apart. Sits on guest memory (base/mem.h)
 * and below everything that must know what the guest wrote. Keeps no state.
 */
#ifndef GUESTPT_WALK_H
#define GUESTPT_WALK_H

#include "guestpt/ctx.h"
#include "guestpt/entry.h"

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
	uint32_t rights;	/* OK: AND over the path, gn_gpt_rights */
	uint16_t level;
	uint16_t page_shift;	/* OK: of the leaf; 12 with paging off */
	struct gn_gpt_step step[GNOMON_MAX_LEVELS + 1];
};

/*
 * Translate gva for access (enum gnomon_access and nothing else; IMPLICIT
 * makes a supervisor access whatever USER says) and check it.
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

/*
 * The same without a trail: out->step and out->rights are undefined, all else
 * is as above.
 */
static inline enum gnomon_status
gn_gpt_translate(const struct gn_gpt_ctx *ctx, const struct gn_mem *mem,
		 gnomon_gva_t gva, uint32_t access, uint32_t flags,
		 struct gn_gpt_walk *out)
{
	return ctx->format->translate(ctx, mem, gva, access, flags, out);
}

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

#endif
