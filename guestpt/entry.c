/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Single gptes: taking one apart, reading one, and which ones a store hits.
 */
#include "guestpt/internal.h"

static void decode_x86_type(unsigned level, uint64_t gpte,
			    struct gn_gpt_entry *out)
{
	uint64_t pat = level == 1 ? X86_PTE_PAT : X86_PTE_PAT_LARGE;

	out->pwt = gpte & X86_PTE_PWT;
	out->pcd = gpte & X86_PTE_PCD;
	out->pat = out->kind == GN_GPT_LEAF && (gpte & pat);
}

static void decode_leaf(const struct gn_gpt_ctx *ctx, unsigned level,
			uint64_t gpte, struct gn_gpt_entry *out)
{
	const struct gn_gpt_format *f = ctx->format;
	const struct gn_gpt_level *l = &f->level[level];

	out->page_shift = l->shift;
	out->dirty = gpte & f->dirty;
	out->global = (gpte & f->global) && (ctx->control & GN_GPT_PGE);
	out->frame = gn_gpa(((gpte << f->frame_up) & l->leaf_frame) |
			    (gpte & l->leaf_high) << 19);
	if (ctx->control & GN_GPT_PKE) {
		out->pkey = gpte >> X86_PTE_PK_SHIFT & 15;
	}
}

void gn_gpt_decode(const struct gn_gpt_ctx *ctx, unsigned level, uint64_t gpte,
		   struct gn_gpt_entry *out)
{
	const struct gn_gpt_format *f = ctx->format;

	*out = (struct gn_gpt_entry){ .kind = GN_GPT_HOLE };
	if (level == 0 || level > f->levels) {
		return;
	}
	out->kind = gn_gpt_kind(f, ctx, level, gpte);
	if (out->kind != GN_GPT_TABLE && out->kind != GN_GPT_LEAF) {
		return;
	}
	out->rights = GN_GPT_RIGHTS;
	if (f->inherits || out->kind == GN_GPT_LEAF) {
		out->rights = (uint8_t)gn_gpt_rights_of(f, gpte ^ f->invert);
		out->accessed = gpte & f->accessed;
	} else {
		out->accessed = true;
	}
	if (out->kind == GN_GPT_LEAF) {
		decode_leaf(ctx, level, gpte, out);
	} else {
		out->frame = gn_gpa((gpte << f->frame_up) &
				    f->level[level].table_frame);
	}
	if (!f->riscv) {
		decode_x86_type(level, gpte, out);
	}
}

enum gnomon_status gn_gpt_read(const struct gn_gpt_ctx *ctx,
			       const struct gn_mem *mem, gnomon_gpa_t table,
			       unsigned index, uint64_t *gpte)
{
	unsigned shift = ctx->format->entry_shift;

	return gn_mem_load_slow(mem, table.v + ((uint64_t)index << shift),
				1u << shift, gpte);
}

struct gn_gpt_span gn_gpt_store_span(unsigned entry_bytes, gnomon_gpa_t gpa,
				     uint64_t bytes)
{
	unsigned at = (unsigned)(gpa.v & (GNOMON_PAGE_BYTES - 1));
	uint64_t room = GNOMON_PAGE_BYTES - at;
	unsigned end = at + (unsigned)(bytes < room ? bytes : room);
	unsigned first = at / entry_bytes;

	return (struct gn_gpt_span){
		.first = first,
		.count = (end + entry_bytes - 1) / entry_bytes - first,
	};
}
