/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one walker. formats.c makes functions of it per format by passing a
 * constant descriptor, which the compiler folds away. It comes in two paces:
 *
 * quick	reads down without looking at anything but leaf bits, then
 *		settles the whole path with a few tests on the AND and the OR
 *		of its entries. Whatever it is not sure of, it hands to
 * careful	which starts from the root, judges each entry where it stands
 *		and knows the reasons for every fault.
 *
 * Quick may follow an entry that is a hole or has reserved bits. That is
 * harmless: it reads within guest memory only, and uses what it read only
 * when every entry of the path turns out fine.
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

GN_GPT_INLINE uint64_t fetch(const struct gn_gpt_format *f,
			     const struct gn_window *near, uint64_t at)
{
	const void *p = near->hva + at;

	return f->entry_shift == 3
	       ? __atomic_load_n((const uint64_t *)p, __ATOMIC_RELAXED)
	       : __atomic_load_n((const uint32_t *)p, __ATOMIC_RELAXED);
}

GN_GPT_INLINE enum gnomon_status load(const struct gn_gpt_format *f,
				      const struct gn_mem *mem, uint64_t gpa,
				      uint64_t *gpte)
{
	const struct gn_window *near = &mem->window[0];

	if (gpa - near->gpa < near->bytes) {
		*gpte = fetch(f, near, gpa - near->gpa);
		return GNOMON_OK;
	}
	return gn_mem_load_slow(mem, gpa, 1u << f->entry_shift, gpte);
}

GN_GPT_INLINE uint64_t entry_offset(const struct gn_gpt_format *f,
				    unsigned level, uint64_t gva)
{
	return (gva >> f->level[level].shift & (GN_BIT(f->index_bits) - 1))
	       << f->entry_shift;
}

GN_GPT_INLINE bool canonical(const struct gn_gpt_format *f, uint64_t gva)
{
	/* Adding half the range brings both halves to the bottom. */
	return !f->extend_sign ||
	       (gva + GN_BIT(f->gva_bits - 1)) >> f->gva_bits == 0;
}

GN_GPT_INLINE bool ad_missing(const struct gn_gpt_format *f, uint64_t leaf,
			      uint64_t all, uint32_t access)
{
	return !(all & f->accessed) ||
	       ((access & GNOMON_WRITE) && !(leaf & f->dirty));
}

GN_GPT_INLINE enum gnomon_status
answer(const struct gn_gpt_format *f, uint64_t gva, uint64_t leaf,
       unsigned level, struct gn_gpt_walk *out)
{
	const struct gn_gpt_level *l = &f->level[level];
	uint64_t frame = ((leaf << f->frame_up) & l->leaf_frame) |
			 (leaf & l->leaf_high) << 19;

	out->gpa = gn_gpa(frame | (gva & (GN_BIT(l->shift) - 1)));
	out->level = (uint16_t)level;
	out->page_shift = l->shift;
	return GNOMON_OK;
}

/* The leaf is found: check the access, mark the path, form the address. */
GN_GPT_INLINE enum gnomon_status
careful_finish(const struct gn_gpt_format *f, const struct gn_gpt_ctx *ctx,
	       const struct gn_mem *mem, uint64_t gva, uint32_t access,
	       uint32_t flags, uint64_t raw, unsigned level,
	       struct gn_gpt_walk *out)
{
	uint64_t leaf = out->step[level].gpte;
	unsigned rights = gn_gpt_rights_of(f, raw);

	out->level = (uint16_t)level;
	out->error_code = gn_gpt_check(ctx, (uint8_t)rights, leaf, access);
	if (out->error_code) {
		return GNOMON_FAULT;
	}
	if (ad_missing(f, leaf, raw, access)) {
		if (f->riscv && (ctx->control & GN_GPT_AD_FAULTS)) {
			out->error_code = gn_gpt_code(ctx, access, 0);
			return GNOMON_FAULT;
		}
		if ((flags & GN_GPT_SET_AD) &&
		    gn_gpt_set_ad(ctx, mem, access, out) != GNOMON_OK) {
			return GNOMON_MORE;
		}
	}
	out->rights = rights;
	return answer(f, gva, leaf, level, out);
}

GN_GPT_INLINE enum gnomon_status
careful_attempt(const struct gn_gpt_format *f, const struct gn_gpt_ctx *ctx,
		const struct gn_mem *mem, uint64_t gva, uint32_t access,
		uint32_t flags, uint64_t table, struct gn_gpt_walk *out)
{
	uint64_t raw = ~UINT64_C(0);

	_Pragma("GCC unroll 5")
	for (unsigned level = f->levels; level > 0; level--) {
		uint64_t at = table + entry_offset(f, level, gva);
		uint64_t gpte;

		if (load(f, mem, at, &gpte) != GNOMON_OK) {
			out->level = (uint16_t)level;
			out->gpa = gn_gpa(at);
			return GNOMON_ABSENT;
		}
		out->step[level].gpte = gpte;
		out->step[level].gpa = gn_gpa(at);
		raw = (f->inherits ? raw : ~UINT64_C(0)) & (gpte ^ f->invert);

		enum gn_gpt_kind kind = gn_gpt_kind(f, ctx, level, gpte);

		if (kind == GN_GPT_LEAF) {
			return careful_finish(f, ctx, mem, gva, access, flags,
					      raw, level, out);
		}
		if (kind != GN_GPT_TABLE) {
			return gn_gpt_stop(ctx, kind, level, access, out);
		}
		table = (gpte << f->frame_up) & f->level[level].table_frame;
	}
	/* Not reached: at level 1 there is no table. */
	return gn_gpt_stop(ctx, GN_GPT_BAD, 1, access, out);
}

GN_GPT_INLINE enum gnomon_status
gn_gpt_careful(const struct gn_gpt_format *f, const struct gn_gpt_ctx *ctx,
	       const struct gn_mem *mem, gnomon_gva_t gva, uint32_t access,
	       uint32_t flags, struct gn_gpt_walk *out)
{
	uint64_t table = ctx->root.v;
	enum gnomon_status status;
	unsigned restarts = 0;

	if (!canonical(f, gva.v)) {
		return gn_gpt_not_canonical(ctx, access, out);
	}
	if (f->pdptes) {
		uint64_t pdpte = ctx->pdpte[gva.v >> 30 & 3];

		if (!(pdpte & X86_PTE_P)) {
			return gn_gpt_stop(ctx, GN_GPT_HOLE, f->levels + 1u,
					   access, out);
		}
		table = pdpte & f->level[f->levels].table_frame;
	}
	do {
		status = careful_attempt(f, ctx, mem, gva.v, access, flags,
					 table, out);
	} while (status == GNOMON_MORE &&
		 ++restarts < GN_GPT_RESTARTS_MAX);
	return status;
}

#endif
