/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ends of a walk that are off the fast path, and what can be asked of a
 * finished one.
 */
#include "guestpt/internal.h"

/* Causes of the RISC-V privileged specification. */
enum {
	RISCV_FETCH_PAGE_FAULT = 12,
	RISCV_LOAD_PAGE_FAULT = 13,
	RISCV_STORE_PAGE_FAULT = 15,
};

uint32_t gn_gpt_code(const struct gn_gpt_ctx *ctx, uint32_t access,
		     uint32_t bits)
{
	if (ctx->format->riscv) {
		return access & GNOMON_EXEC ? RISCV_FETCH_PAGE_FAULT :
		       access & GNOMON_WRITE ? RISCV_STORE_PAGE_FAULT :
					       RISCV_LOAD_PAGE_FAULT;
	}
	return bits | (access & GNOMON_WRITE ? X86_PF_W : 0u) |
	       (gn_gpt_is_user(access) ? X86_PF_U : 0u) |
	       (access & GNOMON_EXEC ? ctx->fetch_code : 0u);
}

enum gnomon_status gn_gpt_stop(const struct gn_gpt_ctx *ctx,
			       enum gn_gpt_kind kind, unsigned level,
			       uint32_t access, struct gn_gpt_walk *out)
{
	/* A reserved bit is seen in a present entry only: RSVD implies P. */
	uint32_t bits = kind == GN_GPT_BAD ? X86_PF_P | X86_PF_RSVD : 0;

	out->level = (uint16_t)level;
	out->error_code = gn_gpt_code(ctx, access, bits);
	return GNOMON_FAULT;
}

enum gnomon_status gn_gpt_not_canonical(const struct gn_gpt_ctx *ctx,
					uint32_t access,
					struct gn_gpt_walk *out)
{
	out->level = 0;
	if (!ctx->format->extend_faults) {
		return GNOMON_GP;
	}
	out->error_code = gn_gpt_code(ctx, access, 0);
	return GNOMON_FAULT;
}

enum gnomon_status gn_gpt_set_ad(const struct gn_gpt_ctx *ctx,
				 const struct gn_mem *mem, uint32_t access,
				 struct gn_gpt_walk *out)
{
	const struct gn_gpt_format *f = ctx->format;
	unsigned top = f->inherits ? f->levels : out->level;

	for (unsigned level = top; level >= out->level; level--) {
		struct gn_gpt_step *step = &out->step[level];
		bool dirties = level == out->level && (access & GNOMON_WRITE);
		uint64_t want = f->accessed | (dirties ? f->dirty : 0);
		uint64_t found = step->gpte;

		if ((found & want) == want) {
			continue;
		}
		if (gn_mem_cmpxchg(mem, step->gpa.v, 1u << f->entry_shift,
				   &found, step->gpte | want) != GNOMON_OK) {
			continue; /* ROM: the CPU's write is lost there too */
		}
		if (found != step->gpte) {
			return GNOMON_MORE;
		}
		step->gpte |= want;
	}
	return GNOMON_OK;
}

uint8_t gn_gpt_walk_rights(const struct gn_gpt_ctx *ctx,
			   const struct gn_gpt_walk *walk, unsigned level)
{
	const struct gn_gpt_format *f = ctx->format;
	unsigned rights = GN_GPT_RIGHTS;

	for (unsigned l = f->levels; l >= level && l > 0; l--) {
		struct gn_gpt_entry entry;

		gn_gpt_decode(ctx, l, walk->step[l].gpte, &entry);
		rights &= entry.rights;
	}
	return (uint8_t)rights;
}

uint32_t gn_gpt_check(const struct gn_gpt_ctx *ctx, uint8_t rights,
		      uint64_t leaf_gpte, uint32_t access)
{
	bool denied = gn_gpt_denied(ctx, rights & GN_GPT_RIGHTS, access);
	bool key = gn_gpt_key_denied(ctx, rights, leaf_gpte, access);

	if (!denied && !key) {
		return 0;
	}
	return gn_gpt_code(ctx, access, X86_PF_P | (key ? X86_PF_PK : 0u));
}
