/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's walk is made first, on guest memory, and then told again with
 * the nested walks in between. Where a nested walk ends it, the CPU would not
 * have seen the rest, so what the guest's walk found below that is forgotten.
 *
 *	gva                          L4 gpte     L3 gpte          final
 *	 CR3 -> nptes (h) -> gpte -> nptes (h) -> gpte ... -> nptes (h) -> hpa
 */
#include "nested/walk2d.h"

static void add_ref(struct gn_np_walk2d *out, gnomon_hpa_t hpa,
		    unsigned guest_level, unsigned nested_level)
{
	out->ref[out->refs++] = (struct gn_np_ref){
		.hpa = hpa,
		.guest_level = (uint8_t)guest_level,
		.nested_level = (uint8_t)nested_level,
	};
}

/* Walk the nested tables for gpa. False: they end the walk. */
static bool nested_walk(const struct gn_np *np, gnomon_gpa_t gpa,
			uint32_t access, unsigned guest_level,
			struct gn_np_walk *walk, struct gn_np_walk2d *out)
{
	gn_np_walk(np, gpa, access, walk);
	for (unsigned i = 0; i < walk->refs; i++) {
		add_ref(out, walk->entry[i], guest_level,
			np->config.levels - i);
	}
	if (walk->end == GN_NP_END_OK) {
		return true;
	}
	out->gpa = gpa;
	out->access = access;
	out->table_walk = guest_level > 0;
	return false;
}

/* The gptes that the guest's walk read, or tried to, each behind its nptes. */
static bool guest_tables(const struct gn_np *np, const struct gn_gpt_ctx *ctx,
			 enum gnomon_status found, struct gn_np_walk2d *out)
{
	const struct gn_gpt_walk *guest = &out->guest;
	struct gn_np_walk walk;

	if (guest->level == 0) {
		return true;
	}
	for (unsigned l = ctx->format->levels; l >= guest->level; l--) {
		bool unread = found == GNOMON_ABSENT && l == guest->level;
		gnomon_gpa_t gpa = unread ? guest->gpa : guest->step[l].gpa;

		if (!nested_walk(np, gpa, GNOMON_WRITE, l, &walk, out)) {
			return false;
		}
		add_ref(out, walk.hpa, l, 0);
	}
	return true;
}

enum gnomon_status gn_np_walk2d(const struct gn_np *np,
				const struct gn_gpt_ctx *ctx,
				const struct gn_mem *mem, gnomon_gva_t gva,
				uint32_t access, struct gn_np_walk2d *out)
{
	enum gnomon_status s;
	struct gn_np_walk walk;

	*out = (struct gn_np_walk2d){ 0 };
	s = gn_gpt_walk(ctx, mem, gva, access, 0, &out->guest);
	if (s == GNOMON_GP) {
		return s;
	}
	if (!guest_tables(np, ctx, s, out)) {
		return GNOMON_ABSENT;
	}
	if (s != GNOMON_OK) {
		out->error_code = out->guest.error_code;
		out->gpa = out->guest.gpa;
		out->access = GNOMON_WRITE;
		out->table_walk = true;
		return s;
	}
	if (!nested_walk(np, out->guest.gpa,
			 access & (GNOMON_WRITE | GNOMON_EXEC), 0, &walk,
			 out)) {
		return GNOMON_ABSENT;
	}
	unsigned shift = GNOMON_PAGE_SHIFT + 9u * (walk.level - 1u);

	out->gpa = out->guest.gpa;
	out->hpa = walk.hpa;
	out->page_shift = (uint8_t)(shift < out->guest.page_shift
					    ? shift
					    : out->guest.page_shift);
	return GNOMON_OK;
}
