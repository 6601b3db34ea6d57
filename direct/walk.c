/* SPDX-License-Identifier: BSD-2-Clause */
#include "direct/set.h"
#include "guestpt/internal.h"

static bool read_gpte(const struct gn_dp *dp, uint64_t gfn, unsigned level,
		      unsigned index, uint64_t *gpte)
{
	uint32_t table = gn_dp_find(dp, gfn);

	if (!table) {
		return gn_mem_load8(dp->mem, (gfn << GNOMON_PAGE_SHIFT) +
				    index * 8u, gpte) == GNOMON_OK;
	}
	/* A table of another level: nothing that a CPU could walk here. */
	if (gn_dp_table_at(dp, table)->level != level) {
		return false;
	}
	*gpte = gn_dp_gpte(dp, table, index);
	return true;
}

static bool canonical(const struct gn_gpt_ctx *ctx, uint64_t gva)
{
	unsigned shift = 64u - ctx->format->gva_bits;

	return (uint64_t)((int64_t)(gva << shift) >> shift) == gva;
}

enum gnomon_status gn_dp_walk(const struct gn_dp *dp,
			      const struct gn_gpt_ctx *ctx, gnomon_gva_t gva,
			      uint32_t access, struct gn_gpt_walk *out)
{
	uint64_t gfn = ctx->root.v >> GNOMON_PAGE_SHIFT;
	unsigned level = ctx->format->levels;
	struct gn_gpt_entry e;
	uint64_t gpte;

	if (!canonical(ctx, gva.v)) {
		return gn_gpt_not_canonical(ctx, access, out);
	}
	out->rights = GN_GPT_RIGHTS;
	for (;; level--) {
		unsigned index = gn_gpt_index(ctx, level, gva);

		if (!read_gpte(dp, gfn, level, index, &gpte)) {
			out->gpa = gn_gpa((gfn << GNOMON_PAGE_SHIFT) +
					  index * 8u);
			out->level = (uint16_t)level;
			return GNOMON_ABSENT;
		}
		gn_gpt_decode(ctx, level, gpte, &e);
		if (e.kind == GN_GPT_HOLE || e.kind == GN_GPT_BAD) {
			return gn_gpt_stop(ctx, e.kind, level, access, out);
		}
		out->rights &= e.rights;
		if (e.kind == GN_GPT_LEAF) {
			break;
		}
		gfn = e.frame.v >> GNOMON_PAGE_SHIFT;
	}
	out->level = (uint16_t)level;
	out->page_shift = e.page_shift;
	out->gpa = gn_gpa(e.frame.v | (gva.v & (GN_BIT(e.page_shift) - 1)));
	out->error_code = gn_gpt_check(ctx, (uint8_t)out->rights, gpte,
				       access);
	return out->error_code ? GNOMON_FAULT : GNOMON_OK;
}
