/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of guestpt/ share: the tests a walk makes on its fast path,
 * inline, and the ends of walks that are not fast.
 */
#ifndef GUESTPT_INTERNAL_H
#define GUESTPT_INTERNAL_H

#include "base/assert.h"
#include "guestpt/walk.h"

/* raw: entries with the inverted bits flipped, one or several AND-ed. */
static inline unsigned gn_gpt_rights_of(const struct gn_gpt_format *f,
					uint64_t raw)
{
	unsigned r = f->r_always ? GN_GPT_R
				 : (unsigned)(raw >> f->r_bit & 1) << 3;

	return (unsigned)(raw >> f->x_bit & 1) |
	       (unsigned)(raw >> f->w_bit & 1) << 1 |
	       (unsigned)(raw >> f->u_bit & 1) << 2 | r;
}

static inline bool gn_gpt_denied(const struct gn_gpt_ctx *ctx, unsigned rights,
				 uint32_t access)
{
	return ctx->deny[access & 15] >> rights & 1;
}

/* A user access in the sense of U/S: at CPL 3 and not by the CPU itself. */
static inline bool gn_gpt_is_user(uint32_t access)
{
	return (access & (GNOMON_USER | GNOMON_IMPLICIT)) == GNOMON_USER;
}

/* Protection keys bind data accesses to user pages, at either privilege. */
static inline bool gn_gpt_key_denied(const struct gn_gpt_ctx *ctx,
				     unsigned rights, uint64_t leaf,
				     uint32_t access)
{
	unsigned key = leaf >> X86_PTE_PK_SHIFT & 15;

	return (rights & GN_GPT_U) &&
	       (ctx->key_deny[access & 15] >> key & 1);
}

static inline enum gn_gpt_kind gn_gpt_kind(const struct gn_gpt_format *f,
					   const struct gn_gpt_ctx *ctx,
					   unsigned level, uint64_t gpte)
{
	if (!(gpte & f->present)) {
		return GN_GPT_HOLE;
	}
	if ((gpte & f->bad_mask) == f->bad_value) {
		return GN_GPT_BAD;
	}
	if (gpte & ctx->leaf[level]) {
		return gpte & ctx->bad_leaf[level] ? GN_GPT_BAD : GN_GPT_LEAF;
	}
	if (level == 1 || (gpte & ctx->bad_table[level])) {
		return GN_GPT_BAD;
	}
	return GN_GPT_TABLE;
}

/* The error code of access with the given P, RSVD and PK bits. */
uint32_t gn_gpt_code(const struct gn_gpt_ctx *ctx, uint32_t access,
		     uint32_t bits);
/* End a walk at a hole or a bad entry. */
enum gnomon_status gn_gpt_stop(const struct gn_gpt_ctx *ctx,
			       enum gn_gpt_kind kind, unsigned level,
			       uint32_t access, struct gn_gpt_walk *out);
enum gnomon_status gn_gpt_not_canonical(const struct gn_gpt_ctx *ctx,
					uint32_t access,
					struct gn_gpt_walk *out);
/* Set A and D along out->step. GNOMON_OK, or _MORE when a race was lost. */
enum gnomon_status gn_gpt_set_ad(const struct gn_gpt_ctx *ctx,
				 const struct gn_mem *mem, uint32_t access,
				 struct gn_gpt_walk *out);

#endif
