/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From what the guest's entry allows and what the host gives to one spte. Used
 * by the fault, by prefetch and by the follow-up of traced stores, so that all
 * of them make the same spte of the same facts.
 */
#ifndef SHADOW_FILL_H
#define SHADOW_FILL_H

#include "shadow/shadow.h"

/* What the guest says about a leaf: rights (W only when dirty) and the rest. */
struct gn_sh_want {
	uint64_t gfn;		/* first that the leaf maps */
	struct gn_spte_attr attr;
};

/*
 * The leaf that belongs into entry index of page, which holds gpte (direct
 * pages ignore it). False when the gpte is no leaf, or not accessed yet.
 */
bool gn_sh_want(struct gn_sh *sh, const struct gn_sh_page *page,
		unsigned index, uint64_t gpte, struct gn_sh_want *want);
/* The spte for it at level, backed by frame: a block of frame.order frames. */
uint64_t gn_sh_make_leaf(struct gn_sh *sh, const struct gn_sh_want *want,
			 unsigned level, const struct gnomon_frame *frame);
/*
 * Fill entry index of a page of level 1, empty so far, as a guess: nothing is
 * set in the guest's tables, the host is only asked, and where pages or
 * numbers are not at hand nothing happens. True when it was filled.
 */
bool gn_sh_prefill(struct gn_sh *sh, struct gn_sh_page *page, unsigned index,
		   uint64_t gpte);
/* Have references for some guesses; without them there are just none. */
void gn_sh_spare_refs(struct gn_sh *sh);
/* Prefill the neighbours of index, as far as config.prefetch reaches. */
void gn_sh_prefetch(struct gn_sh *sh, struct gn_sh_page *page,
		    unsigned index);
/* The guest's entry behind entry index of an indirect page. OK or ABSENT. */
enum gnomon_status gn_sh_read_gpte(const struct gn_sh *sh,
				   const struct gn_sh_page *page,
				   unsigned index, uint64_t *gpte)
	GNOMON_MUST_USE;

#endif
