/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shadow pages by key, and their births and deaths. Next to set.h, which
 * fills them, and reclaim.h, which decides whose turn it is to go.
 */
#ifndef SHADOW_PAGE_H
#define SHADOW_PAGE_H

#include "shadow/shadow.h"

/* The live page of this key, or null. */
struct gn_sh_page *gn_sh_page_find(const struct gn_sh *sh, uint64_t gfn,
				   union gn_sh_role role);
/* Room for count new pages of frames that have room. OK or NOMEM. */
enum gnomon_status gn_sh_page_reserve(struct gn_sh *sh, uint32_t count)
	GNOMON_MUST_USE;
/*
 * A new empty page from what was reserved, which must not exist yet. An
 * indirect one makes its frame traced: every spte that maps the frame
 * writable is made read-only (large ones are dropped), and the TLBs follow
 * before this returns.
 */
struct gn_sh_page *gn_sh_page_new(struct gn_sh *sh, uint64_t gfn,
				  union gn_sh_role role);
/*
 * Take the page out of all nets, its entries emptied; a loaded root stays in
 * memory as an empty page. The TLBs need not follow before the vcpu runs
 * again, but stale says that they must before anything relies on it.
 */
void gn_sh_page_zap(struct gn_sh *sh, struct gn_sh_page *page);
/* Drop every page that mirrors a table in the frame. */
void gn_sh_page_zap_gfn(struct gn_sh *sh, struct gn_tf_record *record);
/*
 * Make every page unusable at once, except that loaded roots stay, emptied.
 * The pages go one by one in later operations. The TLBs have followed.
 */
void gn_sh_zap_all(struct gn_sh *sh);

static inline bool gn_sh_page_old(const struct gn_sh *sh,
				  const struct gn_sh_page *page)
{
	return page->generation != sh->generation;
}

/* At the end of the vm: the page alone, whatever refers to it. */
void gn_sh_page_drop(struct gn_sh *sh, struct gn_sh_page *page);
/* Hand pages in limbo back. The caller has seen to the TLBs. */
void gn_sh_page_release(struct gn_sh *sh);
/* A vcpu loads or leaves a root. */
void gn_sh_root_get(struct gn_sh_page *page);
void gn_sh_root_put(struct gn_sh *sh, struct gn_sh_page *page);

static inline bool gn_sh_page_mirrors(const struct gn_sh_page *page)
{
	return !page->role.direct && !page->role.top;
}

#endif
