/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keeping shadows in step with what the guest wrote: after a store to a traced
 * frame, at INVLPG, and when memory goes.
 */
#ifndef SHADOW_SYNC_H
#define SHADOW_SYNC_H

#include "shadow/shadow.h"

/*
 * Entry index of a mirror may have changed to gpte: make its spte follow,
 * updated in place or dropped. With fill, an entry that is empty then is
 * filled as a guess (OPT_UPDATE).
 */
void gn_sh_follow(struct gn_sh *sh, struct gn_sh_page *page, unsigned index,
		  uint64_t gpte, bool fill);
/* bytes were stored at gpa, inside one page; bring their shadows up to date. */
void gn_sh_written(struct gn_sh *sh, gnomon_gpa_t gpa, uint32_t bytes);
/* The same for a store of 8 aligned bytes: mostly a leaf table's entry. */
void gn_sh_written_entry(struct gn_sh *sh, gnomon_gpa_t gpa);
/*
 * The trace of the frame is over: the leaves that it kept read-only get the W
 * that the guest's entries give them, for what comes next in the frame will be
 * stored to. No TLB has to follow.
 */
void gn_sh_untraced(struct gn_sh *sh, uint64_t gfn);
/*
 * Look at the guest's entries for gva again and drop the vcpu's translation.
 * With intact traces there is nothing new to see; a table that was changed
 * behind our back is found here at the latest.
 */
void gn_sh_invlpg(struct gn_sh_vcpu *vcpu, gnomon_gva_t gva);
/*
 * Drop every translation to frames *next .. end-1 and every shadow of a table
 * in them. Advances *next; GNOMON_OK when done, GNOMON_MORE when the budget is
 * used up. The TLBs have followed at each return. Frames are those of memory,
 * here and below; the memory stays: what the VMM has said of it is kept.
 */
enum gnomon_status gn_sh_drop_range(struct gn_sh *sh, uint64_t *next,
				    uint64_t end, bool stays, uint32_t *budget)
	GNOMON_MUST_USE;

/* The translations only: the host moves the frames, their contents stay. */
enum gnomon_status gn_sh_unmap_range(struct gn_sh *sh, uint64_t *next,
				     uint64_t end, uint32_t *budget)
	GNOMON_MUST_USE;
/* Take W from every leaf that maps one of the frames. */
enum gnomon_status gn_sh_protect_range(struct gn_sh *sh, uint64_t *next,
				       uint64_t end, uint32_t *budget)
	GNOMON_MUST_USE;
/* Drop direct pages in the frames that a large leaf may take the place of. */
enum gnomon_status gn_sh_collapse_range(struct gn_sh *sh, uint64_t *next,
					uint64_t end, uint32_t *budget)
	GNOMON_MUST_USE;
/* How many frames are mapped; with clear they no longer are. */
enum gnomon_status gn_sh_young_range(struct gn_sh *sh, uint64_t *next,
				     uint64_t end, bool clear, uint64_t *young,
				     uint32_t *budget) GNOMON_MUST_USE;

#endif
