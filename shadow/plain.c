/* SPDX-License-Identifier: BSD-2-Clause */
#include "shadow/plain.h"

#include "shadow/fill.h"
#include "shadow/set.h"
#include "shadow/view.h"

/* Once for a single store, once in the loop over a table. */
#define GN_SH_INLINE static inline __attribute__((always_inline))

void gn_sh_plain_init(struct gn_sh *sh, struct gn_sh_page *page)
{
	union gn_sh_role role = page->role;
	bool wide = role.format == GN_GPT_PAE || role.format == GN_GPT_LONG4 ||
		    role.format == GN_GPT_LONG5;

	if (role.level != 1 || role.direct || role.top || role.view || !wide) {
		return;
	}
	page->plain_bad = gn_sh_mode(sh, role)->bad_leaf[1];
	page->plain_keep = X86_PTE_PWT | X86_PTE_PCD | X86_PTE_PAT |
			   X86_PTE_G | X86_PTE_NX |
			   (role.rights & GN_GPT_W ? X86_PTE_W : 0) |
			   (role.rights & GN_GPT_U ? X86_PTE_U : 0) |
			   (role.pke ? UINT64_C(15) << X86_PTE_PK_SHIFT : 0);
}

/*
 * What gn_sh_prefill() would make of a plain leaf, when others references are
 * spoken for. False: nothing.
 */
GN_SH_INLINE bool guess(const struct gn_sh *sh, const struct gn_sh_page *page,
			uint64_t gpte, uint32_t others,
			struct gn_sh_fill *fill)
{
	struct gnomon_frame frame;

	fill->gpte = gpte;
	/* What an alias shows is found by no slot below, and left out. */
	fill->gfn = gn_sh_plain_gfn(gpte);
	fill->spte = gn_sh_plain_spte(page, gpte);
	fill->frame = gn_frames_find(&sh->frames, fill->gfn);
	if (!fill->frame || !gn_sh_may_guess(sh, fill->frame, others) ||
	    !gn_slots_frame_small(sh->slots, sh->host, sh->ctx,
				  gn_gfn(fill->gfn), &frame) ||
	    !gn_sh_mappable(sh, &frame)) {
		return false;
	}
	gn_sh_back(sh, fill, &frame);
	return true;
}

/* The leaf keeps its frame: give it the new rights. */
GN_SH_INLINE bool stay(struct gn_sh *sh, struct gn_sh_page *page,
		       unsigned index, uint64_t gpte)
{
	uint64_t moved = (page->snap[index] ^ gpte) & GN_SH_PLAIN_FRAME;
	uint64_t old = page->spt[index];

	if (!gn_spte_present(old) || moved) {
		return false;
	}
	uint64_t spte = gn_sh_plain_spte(page, gpte) |
			(old & (GN_SH_PLAIN_FRAME | GN_SPTE_HOST_W));

	spte &= old & GN_SPTE_HOST_W ? ~UINT64_C(0) : ~GN_SPTE_W;
	/* What the spte had already needs no second look at the frame. */
	if ((spte & ~old & GN_SPTE_W) || (old & ~spte & GN_SPTE_NX)) {
		uint64_t gfn = gn_sh_mapped(sh, page->role,
					    gn_sh_plain_gfn(gpte));

		spte = gn_sh_limit(sh, gn_frames_find(&sh->frames, gfn), gfn,
				   spte);
	}
	gn_sh_set_rights(sh, page, index, spte, gpte);
	return true;
}

static void go(struct gn_sh *sh, struct gn_sh_page *page, unsigned index,
	       uint64_t gpte)
{
	gn_sh_clear(sh, page, index);
	gn_sh_set_snap(page, index, gpte);
}

static bool refills(const struct gn_sh *sh, bool fill)
{
	return fill && gn_sh_option(sh, GNOMON_OPT_UPDATE);
}

void gn_sh_follow_plain(struct gn_sh *sh, struct gn_sh_page *page,
			unsigned index, uint64_t gpte, bool fill)
{
	bool leaf = gn_sh_plain_leaf(page, gpte);
	struct gn_sh_fill swap;

	if (leaf && stay(sh, page, index, gpte)) {
		return;
	}
	if (leaf && refills(sh, fill) && guess(sh, page, gpte, 0, &swap)) {
		gn_sh_swap_leaf(sh, page, index, &swap);
	} else {
		go(sh, page, index, gpte);
	}
}

uint32_t gn_sh_sync_plain(struct gn_sh *sh, struct gn_sh_page *page,
			  const uint64_t *now, unsigned count, unsigned first,
			  bool fill)
{
	struct gn_sh_batch batch;
	bool refill = refills(sh, fill);
	uint32_t changed = 0;

	batch.count = 0;
	for (unsigned i = first; i < first + count; i++) {
		uint64_t gpte = __atomic_load_n(&now[i], __ATOMIC_RELAXED);

		if (gpte == page->snap[i]) {
			continue;
		}
		bool leaf = gn_sh_plain_leaf(page, gpte);

		changed++;
		if (leaf && stay(sh, page, i, gpte)) {
			continue;
		}
		if (leaf && refill &&
		    guess(sh, page, gpte, batch.count,
			  &batch.fill[batch.count])) {
			batch.index[batch.count++] = (uint16_t)i;
		} else {
			go(sh, page, i, gpte);
		}
		if (batch.count == GN_SH_BATCH) {
			gn_sh_swap_leaves(sh, page, &batch);
		}
	}
	gn_sh_swap_leaves(sh, page, &batch);
	return changed;
}
