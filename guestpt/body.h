/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one walker. formats.c makes one function of it per format by passing a
 * constant descriptor, which the compiler folds away.
 *
 *	gva, 4 levels:  63..48    47..39  38..30  29..21  20..12  11..0
 *	                = bit 47  index4  index3  index2  index1  offset
 *
 *	root -> [index4] -> table -> [index3] -> table -> [index2] -> table
 *	     -> [index1] -> 4K frame + 11..0
 *	A leaf at level 2 ends the walk early: 2M frame + 20..0 (level 3: 1G).
 *
 * Rights are collected by AND-ing raw entries with the rights that are stored
 * inverted (NX) flipped; the accessed bit rides along, so that one test tells
 * whether any entry of the path lacks it.
 */
#ifndef GUESTPT_BODY_H
#define GUESTPT_BODY_H

#include "guestpt/internal.h"

#define GN_GPT_INLINE static inline __attribute__((always_inline))

GN_GPT_INLINE enum gnomon_status
gn_gpt_load(const struct gn_gpt_format *f, const struct gn_mem *mem,
	    const struct gn_window *near, uint64_t gpa, uint64_t *gpte)
{
	uint64_t at = gpa - near->gpa;

	/* Windows are whole pages and gpa is aligned, so one test will do. */
	if (__builtin_expect(at < near->bytes, 1)) {
		const void *p = near->hva + at;

		*gpte = f->entry_shift == 3
			? __atomic_load_n((const uint64_t *)p, __ATOMIC_RELAXED)
			: __atomic_load_n((const uint32_t *)p,
					  __ATOMIC_RELAXED);
		return GNOMON_OK;
	}
	return gn_mem_load_slow(mem, gpa, 1u << f->entry_shift, gpte);
}

/* The leaf is found: check the access, mark the path, form the address. */
GN_GPT_INLINE enum gnomon_status
gn_gpt_finish(const struct gn_gpt_format *f, const struct gn_gpt_ctx *ctx,
	      const struct gn_mem *mem, uint64_t gva, uint32_t access,
	      uint32_t flags, uint64_t leaf, uint64_t acc, unsigned level,
	      struct gn_gpt_walk *out)
{
	const struct gn_gpt_level *l = &f->level[level];
	unsigned rights = gn_gpt_rights_of(f, acc);
	uint64_t want = f->accessed | (access & GNOMON_WRITE ? f->dirty : 0);
	uint64_t have = (acc & f->accessed) | (leaf & f->dirty);
	uint64_t frame = (leaf << f->frame_up) & l->leaf_frame;

	out->level = (uint8_t)level;
	if (gn_gpt_denied(ctx, rights, access) ||
	    (f->pkeys && (ctx->control & GN_GPT_PKE) &&
	     gn_gpt_key_denied(ctx, rights, leaf, access))) {
		return gn_gpt_refuse(ctx, rights, leaf, access, out);
	}
	if (want & ~have) {
		if (f->riscv && (ctx->control & GN_GPT_AD_FAULTS)) {
			out->error_code = gn_gpt_code(ctx, access, 0);
			return GNOMON_FAULT;
		}
		if ((flags & GN_GPT_SET_AD) &&
		    gn_gpt_set_ad(ctx, mem, access, out) != GNOMON_OK) {
			return GNOMON_MORE;
		}
	}
	out->rights = (uint8_t)rights;
	out->page_shift = l->shift;
	frame |= (leaf & l->leaf_high) << 19;
	out->gpa = gn_gpa(frame | (gva & (GN_BIT(l->shift) - 1)));
	return GNOMON_OK;
}

GN_GPT_INLINE enum gnomon_status
gn_gpt_attempt(const struct gn_gpt_format *f, const struct gn_gpt_ctx *ctx,
	       const struct gn_mem *mem, uint64_t gva, uint32_t access,
	       uint32_t flags, uint64_t table, struct gn_gpt_walk *out)
{
	const struct gn_window near = mem->window[0];
	uint64_t acc = ~UINT64_C(0);
	uint64_t gpte = 0;
	unsigned level = f->levels;

	_Pragma("GCC unroll 5")
	for (; level > 0; level--) {
		uint64_t at = table + (((gva >> f->level[level].shift) &
					((1u << f->index_bits) - 1))
				       << f->entry_shift);

		if (gn_gpt_load(f, mem, &near, at, &gpte) != GNOMON_OK) {
			out->level = (uint8_t)level;
			out->gpa = gn_gpa(at);
			return GNOMON_ABSENT;
		}
		out->step[level].gpte = gpte;
		out->step[level].gpa = gn_gpa(at);
		acc = (f->inherits ? acc : ~UINT64_C(0)) & (gpte ^ f->invert);
		if (__builtin_expect((gpte & ctx->plain[level]) != f->present,
				     0)) {
			enum gn_gpt_kind kind = gn_gpt_kind(f, ctx, level,
							    gpte);

			if (kind == GN_GPT_LEAF) {
				break;
			}
			if (kind != GN_GPT_TABLE) {
				return gn_gpt_stop(ctx, kind, level, access,
						   out);
			}
		}
		if (level == 1) {
			break;
		}
		table = (gpte << f->frame_up) & f->level[level].table_frame;
	}
	return gn_gpt_finish(f, ctx, mem, gva, access, flags, gpte, acc, level,
			     out);
}

GN_GPT_INLINE enum gnomon_status
gn_gpt_walk_body(const struct gn_gpt_format *f, const struct gn_gpt_ctx *ctx,
		 const struct gn_mem *mem, gnomon_gva_t gva, uint32_t access,
		 uint32_t flags, struct gn_gpt_walk *out)
{
	unsigned unused = 64u - f->gva_bits;
	uint64_t va = gva.v << unused >> unused;
	uint64_t table = ctx->root.v;
	enum gnomon_status status;

	out->restarts = 0;
	if (f->extend_sign &&
	    (uint64_t)((int64_t)(gva.v << unused) >> unused) != gva.v) {
		return gn_gpt_not_canonical(ctx, access, out);
	}
	if (f->pdptes) {
		uint64_t pdpte = ctx->pdpte[va >> 30];

		if (!(pdpte & X86_PTE_P)) {
			return gn_gpt_stop(ctx, GN_GPT_HOLE, f->levels + 1u,
					   access, out);
		}
		table = pdpte & f->level[f->levels].table_frame;
	}
	do {
		status = gn_gpt_attempt(f, ctx, mem, va, access, flags, table,
					out);
	} while (__builtin_expect(status == GNOMON_MORE, 0) &&
		 ++out->restarts < GN_GPT_RESTARTS_MAX);
	return status;
}

#endif
