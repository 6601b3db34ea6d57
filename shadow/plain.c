/* SPDX-License-Identifier: BSD-2-Clause */
#include "shadow/plain.h"

#include "shadow/fill.h"
#include "shadow/set.h"

void gn_sh_plain_init(struct gn_sh *sh, struct gn_sh_page *page)
{
	union gn_sh_role role = page->role;
	bool wide = role.format == GN_GPT_PAE || role.format == GN_GPT_LONG4 ||
		    role.format == GN_GPT_LONG5;

	if (role.level != 1 || role.direct || role.top || !wide) {
		return;
	}
	page->plain_bad = gn_sh_mode(sh, role)->bad_leaf[1];
	page->plain_keep = X86_PTE_PWT | X86_PTE_PCD | X86_PTE_PAT |
			   X86_PTE_G | X86_PTE_NX |
			   (role.rights & GN_GPT_W ? X86_PTE_W : 0) |
			   (role.rights & GN_GPT_U ? X86_PTE_U : 0) |
			   (role.pke ? UINT64_C(15) << X86_PTE_PK_SHIFT : 0);
}

/* gn_sh_prefill() for a plain leaf, whatever the entry holds. */
static bool refill(struct gn_sh *sh, struct gn_sh_page *page, unsigned index,
		   uint64_t gpte)
{
	uint64_t gfn = gn_sh_plain_gfn(gpte);
	struct gn_frame *to = gn_frames_find(&sh->frames, gfn);
	struct gnomon_frame frame;

	if (!to || !gn_sh_may_guess(sh, to)) {
		return false;
	}
	gn_slots_frame(sh->slots, sh->host, sh->ctx, gn_gfn(gfn), 0, &frame);
	if (!gn_sh_mappable(sh, &frame)) {
		return false;
	}
	uint64_t spte = gn_sh_plain_spte(page, gpte) |
			frame.hfn.v << GNOMON_PAGE_SHIFT;

	spte = frame.writable ? spte | GN_SPTE_HOST_W : spte & ~GN_SPTE_W;
	gn_sh_swap_leaf(sh, page, index, to, gn_sh_limit(sh, to, gfn, spte),
			gpte);
	return true;
}

void gn_sh_follow_plain(struct gn_sh *sh, struct gn_sh_page *page,
			unsigned index, uint64_t gpte, bool fill)
{
	uint64_t old = page->spt[index];
	uint64_t moved = (page->snap[index] ^ gpte) & GN_SH_PLAIN_FRAME;
	bool leaf = gn_sh_plain_leaf(page, gpte);

	if (leaf && gn_spte_present(old) && !moved) {
		uint64_t gfn = gn_sh_plain_gfn(gpte);
		uint64_t spte = gn_sh_plain_spte(page, gpte) |
				(old & (GN_SH_PLAIN_FRAME | GN_SPTE_HOST_W));

		spte &= old & GN_SPTE_HOST_W ? ~UINT64_C(0) : ~GN_SPTE_W;
		spte = gn_sh_limit(sh, gn_frames_find(&sh->frames, gfn), gfn,
				   spte);
		gn_sh_set_rights(sh, page, index, spte, gpte);
	} else if (!leaf || !fill || !gn_sh_option(sh, GNOMON_OPT_UPDATE) ||
		   !refill(sh, page, index, gpte)) {
		gn_sh_clear(sh, page, index);
		gn_sh_set_snap(page, index, gpte);
	}
}
