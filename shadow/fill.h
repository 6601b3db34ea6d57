/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From what the guest's entry allows and what the host gives to one spte. Used
 * by the fault, by prefetch and by the follow-up of traced stores, so that all
 * of them make the same spte of the same facts.
 */
#ifndef SHADOW_FILL_H
#define SHADOW_FILL_H

#include "shadow/plain.h"
#include "shadow/set.h"

/* What the guest says about a leaf: rights (W only when dirty) and the rest. */
struct gn_sh_want {
	uint64_t gfn;		/* of memory, the first that the leaf maps */
	struct gn_spte_attr attr;
};

/*
 * The leaf that belongs into entry index of page, which holds gpte (direct
 * pages ignore it). False when the gpte is no leaf, or not accessed yet.
 */
bool gn_sh_want(struct gn_sh *sh, const struct gn_sh_page *page,
		unsigned index, uint64_t gpte, struct gn_sh_want *want);
/* The spte for it at level, backed by frame: a block of frame.order frames. */
uint64_t gn_sh_make_leaf(const struct gn_sh *sh, const struct gn_sh_want *want,
			 unsigned level, const struct gnomon_frame *frame);
/* A 4K leaf of gfn without what trace, watch and dirty log take from it. */
uint64_t gn_sh_limit_slow(const struct gn_sh *sh, uint64_t gfn, uint64_t spte);

static inline uint64_t gn_sh_limit(const struct gn_sh *sh,
				   const struct gn_frame *frame, uint64_t gfn,
				   uint64_t spte)
{
	return frame->trace || sh->mem->dirty.count
		       ? gn_sh_limit_slow(sh, gfn, spte)
		       : spte;
}

/*
 * The same in two steps, for level 1, a vcpu's own page and several vcpus at
 * once. compose() says which guest frame, which the caller has to make one of
 * memory, and the spte without its frame; false as above.
 */
bool gn_sh_compose_slow(const struct gn_gpt_ctx *ctx,
			const struct gn_sh_page *page, unsigned index,
			uint64_t gpte, struct gn_sh_fill *fill);

static inline bool gn_sh_compose(const struct gn_gpt_ctx *ctx,
				 const struct gn_sh_page *page, unsigned index,
				 uint64_t gpte, struct gn_sh_fill *fill)
{
	fill->gpte = gpte;
	if (!gn_sh_plain(page)) {
		return gn_sh_compose_slow(ctx, page, index, gpte, fill);
	}
	fill->gfn = gn_sh_plain_gfn(gpte);
	fill->spte = gn_sh_plain_spte(page, gpte);
	return gn_sh_plain_leaf(page, gpte);
}

/* Then the frame, and what is left of the rights. fill->frame is known. */
static inline void gn_sh_back(const struct gn_sh *sh, struct gn_sh_fill *fill,
			      const struct gnomon_frame *frame)
{
	uint64_t spte = fill->spte | frame->hfn.v << GNOMON_PAGE_SHIFT;

	spte = frame->writable ? spte | GN_SPTE_HOST_W : spte & ~GN_SPTE_W;
	fill->spte = gn_sh_limit(sh, fill->frame, fill->gfn, spte);
}

/* Watched for reads: never mapped. */
bool gn_sh_hidden(const struct gn_sh *sh, const struct gn_frame *frame);
/*
 * May a leaf of the frame be set as a guess? What a fault has reserved for
 * itself is not for guesses, nor what others of them will take.
 */
static inline bool gn_sh_may_guess(const struct gn_sh *sh,
				   const struct gn_frame *frame,
				   uint32_t others)
{
	return sh->chunks.free_count > GN_SH_PATH_MAX + 1 + others &&
	       !(frame->trace && gn_sh_hidden(sh, frame));
}
/* May the host's answer be mapped at all? */
static inline bool gn_sh_mappable(const struct gn_sh *sh,
				  const struct gnomon_frame *frame)
{
	return (frame->kind == GNOMON_FRAME_RAM ||
		frame->kind == GNOMON_FRAME_ROM) &&
	       frame->hfn.v >> (sh->config.host_maxphyaddr - 12) == 0;
}
/*
 * Fill entry index of a page of level 1, empty so far, as a guess: nothing is
 * set in the guest's tables, the host is only asked, and where pages or
 * numbers are not at hand nothing happens. True when it was filled.
 */
bool gn_sh_prefill(struct gn_sh *sh, struct gn_sh_page *page, unsigned index,
		   uint64_t gpte);
/* Have references for some guesses; without them there are just none. */
#define GN_SH_SPARE_REFS (2 * (GN_SH_PATH_MAX + 1))
void gn_sh_spare_refs_slow(struct gn_sh *sh, uint32_t count);
static inline void gn_sh_spare_refs(struct gn_sh *sh, uint32_t guesses)
{
	if (sh->chunks.free_count < GN_SH_SPARE_REFS + guesses) {
		gn_sh_spare_refs_slow(sh, GN_SH_SPARE_REFS + guesses);
	}
}
/*
 * Prefill the neighbours of index in a page below the vcpu's root, as far as
 * config.prefetch reaches; other vcpus may hold the vm as well.
 */
void gn_sh_prefetch(struct gn_sh_vcpu *vcpu, struct gn_sh_page *page,
		    unsigned index);
/* The guest's entry behind entry index of an indirect page. OK or ABSENT. */
static inline enum gnomon_status
gn_sh_read_gpte(const struct gn_sh *sh, const struct gn_sh_page *page,
		unsigned index, uint64_t *gpte)
{
	uint64_t table = page->gfn << GNOMON_PAGE_SHIFT;
	unsigned at = gn_sh_gpte_index(page->role, index);

	if (gn_sh_role_small(page->role)) {
		return gn_mem_load_slow(sh->mem, table + 4 * at, 4, gpte);
	}
	return gn_mem_load8(sh->mem, table + 8 * at, gpte);
}

#endif
