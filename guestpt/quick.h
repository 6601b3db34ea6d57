/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The quick pace of the walker; see body.h.
 */
#ifndef GUESTPT_QUICK_H
#define GUESTPT_QUICK_H

#include "guestpt/body.h"

/*
 * Is the path known to be fine? all and any are the AND and the OR of its
 * entries (where rights are not inherited: any without the leaf).
 */
GN_GPT_INLINE bool quick_verdict(const struct gn_gpt_format *f,
				 const struct gn_gpt_ctx *ctx, uint32_t access,
				 uint32_t flags, uint64_t leaf, uint64_t all,
				 uint64_t any, unsigned level)
{
	unsigned kind = (access & 15) | ctx->ac;

	if ((ctx->quick_deny[kind] >> (all & 63) & 1) ||
	    (any & ctx->quick_stop[kind])) {
		return false;
	}
	if ((level > 1 || !f->inherits) && (leaf & ctx->quick_leaf[level])) {
		return false;
	}
	if (f->pkeys && (ctx->control & GN_GPT_PKE) &&
	    gn_gpt_key_denied(ctx, (unsigned)all & GN_GPT_U, leaf, access)) {
		return false;
	}
	if ((flags & GN_GPT_SET_AD) ||
	    (f->riscv && (ctx->control & GN_GPT_AD_FAULTS))) {
		return !ad_missing(f, leaf, all, access);
	}
	return true;
}

/* A right that is kept inverted is there when no entry takes it away. */
GN_GPT_INLINE unsigned
quick_right(const struct gn_gpt_format *f, unsigned bit, uint64_t all,
	    uint64_t any)
{
	return (unsigned)((f->invert >> bit & 1 ? ~any : all) >> bit & 1);
}

GN_GPT_INLINE unsigned quick_rights(const struct gn_gpt_format *f,
				    uint64_t all, uint64_t any)
{
	return quick_right(f, f->x_bit, all, any) |
	       quick_right(f, f->w_bit, all, any) << 1 |
	       quick_right(f, f->u_bit, all, any) << 2 |
	       (f->r_always ? GN_GPT_R
			    : quick_right(f, f->r_bit, all, any) << 3);
}

GN_GPT_INLINE enum gnomon_status
quick_finish(const struct gn_gpt_format *f, const struct gn_gpt_ctx *ctx,
	     const struct gn_mem *mem, gnomon_gva_t gva, uint32_t access,
	     uint32_t flags, struct gn_gpt_walk *out, uint64_t leaf,
	     uint64_t all, uint64_t any, unsigned level,
	     gn_gpt_walk_fn *careful)
{
	if (!f->inherits) {
		all = leaf & (all | ~f->present);
	}
	if (__builtin_expect(!quick_verdict(f, ctx, access, flags, leaf, all,
					    any, level), 0)) {
		return careful(ctx, mem, gva, access, flags, out);
	}
	out->restarts = 0;
	return answer(f, gva.v, leaf, quick_rights(f, all, any), level, out);
}

GN_GPT_INLINE enum gnomon_status
gn_gpt_quick(const struct gn_gpt_format *f, const struct gn_gpt_ctx *ctx,
	     const struct gn_mem *mem, gnomon_gva_t gva, uint32_t access,
	     uint32_t flags, struct gn_gpt_walk *out, const bool trail,
	     gn_gpt_walk_fn *careful)
{
	const struct gn_window *near = &mem->window[0];
	uint64_t table = ctx->root.v;
	uint64_t all = ~UINT64_C(0);
	uint64_t any = 0;

	if (!canonical(f, gva.v)) {
		return careful(ctx, mem, gva, access, flags, out);
	}
	if (f->pdptes) {
		table = ctx->pdpte[gva.v >> 30 & 3];
		all = table | ~X86_PTE_P;
		table &= f->level[f->levels].table_frame;
	}
	_Pragma("GCC unroll 5")
	for (unsigned level = f->levels; level > 0; level--) {
		uint64_t at = table - near->gpa + entry_offset(f, level, gva.v);

		/* Windows are whole pages, so the first byte speaks for all. */
		if (__builtin_expect(at >= near->bytes, 0)) {
			break;
		}
		uint64_t gpte = fetch(f, near, at);

		if (trail) {
			out->step[level].gpte = gpte;
			out->step[level].gpa = gn_gpa(near->gpa + at);
		}
		all &= gpte;
		any |= f->inherits ? gpte : 0;
		if (level == 1 || (gpte & f->level[level].leaf)) {
			return quick_finish(f, ctx, mem, gva, access, flags,
					    out, gpte, all, any, level,
					    careful);
		}
		any |= gpte;
		table = (gpte << f->frame_up) & f->level[level].table_frame;
	}
	return careful(ctx, mem, gva, access, flags, out);
}

#endif
