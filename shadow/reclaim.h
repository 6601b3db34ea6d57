/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whose turn it is to go: pages above the budget, oldest first, and pages that
 * nothing leads to any more. Loaded roots never go.
 */
#ifndef SHADOW_RECLAIM_H
#define SHADOW_RECLAIM_H

#include "shadow/page.h"

/*
 * Make sure that count pages can be made without asking the host, within the
 * budget. GNOMON_NOMEM: not even by dropping others. Nothing may be taken from
 * the pool between this and the making.
 */
enum gnomon_status gn_sh_make_room(struct gn_sh *sh, uint32_t count)
	GNOMON_MUST_USE;
/*
 * Is the page that comes first one that nothing leads to any more, or a loaded
 * root that is in the way of those behind it?
 */
static inline bool gn_sh_reap_due(const struct gn_sh *sh)
{
	const struct gn_sh_page *page =
		GN_CONTAINER(sh->age.prev, struct gn_sh_page, age);

	return sh->age.next != sh->age.prev &&
	       (page->roots || gn_sh_page_old(sh, page) ||
		(page->orphan && !page->parents));
}
void gn_sh_reap_slow(struct gn_sh *sh);
/*
 * Drop pages that nothing leads to any more, one for each step of the budget.
 * GNOMON_OK: none is left; GNOMON_MORE.
 */
enum gnomon_status gn_sh_reap_all(struct gn_sh *sh, uint32_t *budget)
	GNOMON_MUST_USE;
#define GN_SH_REAP_AT_ONCE 4u	/* by an event that has other work */

/* Drop a few orphans; a fixed amount of work. */
static inline void gn_sh_reap(struct gn_sh *sh)
{
	if (gn_sh_reap_due(sh)) {
		gn_sh_reap_slow(sh);
	}
}
/* Drop the page whose turn it is; false when only loaded roots are left. */
bool gn_sh_reclaim_one(struct gn_sh *sh);

#endif
