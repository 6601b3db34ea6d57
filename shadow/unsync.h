/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Leaf tables left writable after the first traced store (OPT_UNSYNC). Until
 * the guest flushes, a TLB could hold the old entries as well, so the shadow
 * may; at each flush point the table is compared with the snapshot of the
 * gptes that the sptes were made from, and what differs follows.
 *
 * The state belongs to the frame (tracefault/trace.h): all mirrors in it are
 * open together, and all are of level 1. An open frame is in sh->open_gfn.
 *
 * Rules: open before any spte to the frame becomes writable (I19); a table
 * that gets a second use, or a use higher up, is closed first (I18, I20); a
 * page that is linked again is compared first (I21). Closing puts the trace
 * back, flushes, and compares last, so no store can fall in between.
 */
#ifndef SHADOW_UNSYNC_H
#define SHADOW_UNSYNC_H

#include "shadow/shadow.h"

bool gn_sh_unsync_may_open_slow(const struct gn_sh *sh,
				const struct gn_tf_record *record);
/* Would gn_sh_unsync_open() leave the traced frame open? */
static inline bool gn_sh_unsync_may_open(const struct gn_sh *sh,
					 const struct gn_tf_record *record)
{
	return gn_sh_option(sh, GNOMON_OPT_UNSYNC) &&
	       gn_sh_unsync_may_open_slow(sh, record);
}
/* Leave the traced frame open, if it may be. True: it is open now. */
bool gn_sh_unsync_open(struct gn_sh *sh, struct gn_tf_record *record);
/* Trace it again; nothing when it is not open. */
void gn_sh_unsync_close(struct gn_sh *sh, struct gn_tf_record *record);
/* A flush point: compare every open table, close those that have gone quiet. */
void gn_sh_unsync_sync(struct gn_sh *sh);

/* ---- tables that vcpus on other tables write ---------------------------- */

/*
 * A CPU that runs the guest on nested tables writes to the guest's tables as
 * it walks them, so a trace of a table that such a vcpu walks cannot hold
 * there. The frame is loose then: traced for sptes, not for nptes. It is
 * compared at the flush points of vcpus on shadow tables, of any level, while
 * gn_sh.others says that a vcpu has run elsewhere since.
 *
 * Full, the list lets go of the frame that has been in it longest.
 */
void gn_sh_loosen(struct gn_sh *sh, struct gn_tf_record *record);
/* A flush point on shadow tables. */
void gn_sh_loose_sync(struct gn_sh *sh);
/* A page of the record has gone; take the frame off the list if it is shut. */
void gn_sh_unsync_forget(struct gn_sh *sh, struct gn_tf_record *record);

#endif
