/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The common leaf without a decode. A table of level 1 with entries of 8
 * bytes has every bit of a gpte where the spte has it, so that an spte is its
 * gpte with another frame and fewer rights. What these rights are is decided
 * once, when the page is made:
 *
 *	plain_bad	a gpte with one of these bits is no leaf
 *	plain_keep	bits that the spte takes over; 0: not such a page
 *
 * Guest frames that lie in a slot are frames of memory, outside SMM; pages for
 * inside are not plain.
 *
 * gn_sh_want() and gn_sh_make_leaf() say the same for every page; the audit
 * holds what was made here against them.
 */
#ifndef SHADOW_PLAIN_H
#define SHADOW_PLAIN_H

#include "shadow/shadow.h"

#define GN_SH_PLAIN_FRAME (GN_BIT(52) - GNOMON_PAGE_BYTES)

static inline bool gn_sh_plain(const struct gn_sh_page *page)
{
	return page->plain_keep != 0;
}

/* Of a plain page: is gpte a leaf that may be mapped? */
static inline bool gn_sh_plain_leaf(const struct gn_sh_page *page,
				    uint64_t gpte)
{
	const uint64_t need = X86_PTE_P | X86_PTE_A;

	return (gpte & need) == need && !(gpte & page->plain_bad);
}

/* The guest frame that it names. */
static inline uint64_t gn_sh_plain_gfn(uint64_t gpte)
{
	return (gpte & GN_SH_PLAIN_FRAME) >> GNOMON_PAGE_SHIFT;
}

/* The spte for such a leaf, as the guest has it: the frame is left out. */
static inline uint64_t gn_sh_plain_spte(const struct gn_sh_page *page,
					uint64_t gpte)
{
	uint64_t keep = page->plain_keep;
	uint64_t nx = page->role.rights & GN_GPT_X ? 0 : GN_SPTE_NX;

	if (!(gpte & X86_PTE_D)) {
		keep &= ~GN_SPTE_W;
	}
	return (gpte & keep) | nx | GN_SPTE_P | GN_SPTE_AD;
}

/* gn_sh_follow() for a plain page. */
void gn_sh_follow_plain(struct gn_sh *sh, struct gn_sh_page *page,
			unsigned index, uint64_t gpte, bool fill);
/*
 * The same for count entries from first on, with now for the whole table in
 * memory. The number that had changed.
 */
uint32_t gn_sh_sync_plain(struct gn_sh *sh, struct gn_sh_page *page,
			  const uint64_t *now, unsigned count, unsigned first,
			  bool fill);
/* Decide what is plain in a new page. */
void gn_sh_plain_init(struct gn_sh *sh, struct gn_sh_page *page);

#endif
