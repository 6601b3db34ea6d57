/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The quick pace of the walker; see body.h.
 */
#ifndef GUESTPT_QUICK_H
#define GUESTPT_QUICK_H

#include "guestpt/body.h"

/*
 * A top level that cannot hold leaves is not looked at by itself: its leaf bit
 * shows in the OR one level below.
 */
GN_GPT_INLINE bool quick_top(const struct gn_gpt_format *f, unsigned level)
{
	return f->inherits && level == f->levels && level > 2 &&
	       !f->level[level].leaf_frame;
}

/*
 * Is the path known to be fine? all and any are the AND and the OR of its
 * entries (where rights are not inherited: any without the leaf).
 */
GN_GPT_INLINE bool quick_verdict(const struct gn_gpt_format *f,
				 const struct gn_gpt_ctx *ctx, uint32_t access,
				 uint32_t flags, uint64_t leaf, uint64_t all,
				 uint64_t any, unsigned level)
{
	const uint64_t leaf_bits = f->level[level].leaf;

	if ((ctx->quick_deny[access] >> (all & 63) & 1) ||
	    (any & ctx->quick_stop[access])) {
		return false;
	}
	if ((level > 1 || !f->inherits) && (leaf & ctx->quick_leaf[level])) {
		return false;
	}
	/* Was it this entry that said leaf, and none above? */
	if (level > 1 && quick_top(f, f->levels) &&
	    (!(leaf & leaf_bits) || (all & leaf_bits))) {
		return false;
	}
	if (f->pkeys && (all & X86_PTE_U) &&
	    (ctx->key_deny[access] >> (leaf >> X86_PTE_PK_SHIFT & 15) & 1)) {
		return false;
	}
	if ((flags & GN_GPT_SET_AD) ||
	    (f->riscv && (ctx->control & GN_GPT_AD_FAULTS))) {
		return !ad_missing(f, leaf, all, access);
	}
	return true;
}

/* Bit from of v, moved to bit to: one shift and one mask. */
GN_GPT_INLINE unsigned move_bit(uint64_t v, unsigned from, unsigned to)
{
	return (unsigned)(from >= to ? v >> (from - to) : v << (to - from)) &
	       1u << to;
}

/* A right that is kept inverted is there when no entry takes it away. */
GN_GPT_INLINE unsigned quick_rights(const struct gn_gpt_format *f,
				    uint64_t all, uint64_t any)
{
	uint64_t x = f->invert >> f->x_bit & 1 ? ~any : all;

	return move_bit(x, f->x_bit, 0) | move_bit(all, f->w_bit, 1) |
	       move_bit(all, f->u_bit, 2) |
	       (f->r_always ? GN_GPT_R : move_bit(all, f->r_bit, 3));
}

GN_GPT_INLINE enum gnomon_status
quick_finish(const struct gn_gpt_format *f, const struct gn_gpt_ctx *ctx,
	     const struct gn_mem *mem, gnomon_gva_t gva, uint32_t access,
	     uint32_t flags, struct gn_gpt_walk *out, uint64_t leaf,
	     uint64_t all, uint64_t any, unsigned level, const bool trail,
	     gn_gpt_walk_fn *careful)
{
	if (!f->inherits) {
		all = leaf & (all | ~f->present);
	}
	if (__builtin_expect(!quick_verdict(f, ctx, access, flags, leaf, all,
					    any, level), 0)) {
		return careful(ctx, mem, gva, access, flags, out);
	}
	if (trail) {
		out->rights = quick_rights(f, all, any);
	}
	return answer(f, gva.v, leaf, level, out);
}

GN_GPT_INLINE enum gnomon_status
gn_gpt_quick(const struct gn_gpt_format *f, const struct gn_gpt_ctx *ctx,
	     const struct gn_mem *mem, gnomon_gva_t gva, uint32_t access,
	     uint32_t flags, struct gn_gpt_walk *out, const bool trail,
	     gn_gpt_walk_fn *careful)
{
	const struct gn_window *near = &mem->window[0];
	uint64_t table = ctx->root.v - near->gpa; /* as a window offset */
	uint64_t all = ~UINT64_C(0);
	uint64_t any = 0;
	uint64_t gpte = 0;
	unsigned level = f->levels;

	GN_ASSERT(access < 16);
	if (!canonical(f, gva.v)) {
		return careful(ctx, mem, gva, access, flags, out);
	}
	if (f->pdptes) {
		uint64_t pdpte = ctx->pdpte[gva.v >> 30 & 3];

		all = pdpte | ~X86_PTE_P;
		table = (pdpte & f->level[f->levels].table_frame) - near->gpa;
	}
	_Pragma("GCC unroll 5")
	for (; level > 0; level--) {
		uint64_t at = table + entry_offset(f, level, gva.v);

		/* Windows are whole pages, so the first byte speaks for all. */
		if (__builtin_expect(at >= near->bytes, 0)) {
			return careful(ctx, mem, gva, access, flags, out);
		}
		gpte = fetch(f, near, at);
		if (trail) {
			out->step[level].gpte = gpte;
			out->step[level].gpa = gn_gpa(near->gpa + at);
		}
		all &= gpte;
		any |= f->inherits ? gpte : 0;
		if (level == 1 ||
		    (!quick_top(f, level) &&
		     ((f->inherits ? any : gpte) & f->level[level].leaf))) {
			break;
		}
		any |= gpte;
		/* What lies below the window wraps to far beyond it. */
		table = ((gpte << f->frame_up) - near->gpa) &
			f->level[level].table_frame;
	}
	/* A copy for each size of page, so that the level is a constant. */
	if (__builtin_expect(level == 1, 1)) {
		return quick_finish(f, ctx, mem, gva, access, flags, out, gpte,
				    all, any, 1, trail, careful);
	}
	if (level == 2) {
		return quick_finish(f, ctx, mem, gva, access, flags, out, gpte,
				    all, any, 2, trail, careful);
	}
	return level == 3
	       ? quick_finish(f, ctx, mem, gva, access, flags, out, gpte, all,
			      any, 3, trail, careful)
	       : careful(ctx, mem, gva, access, flags, out);
}

#endif
