/* SPDX-License-Identifier: BSD-2-Clause */
#include "shadow/reclaim.h"

/* Pages that get a second chance before one must go. */
#define LOOKS 64u
/* Of each vcpu at most two roots, of at most two pages. */
#define ROOT_PAGES_MAX (4u * GNOMON_VCPUS_MAX)

static struct gn_sh_page *oldest(const struct gn_sh *sh)
{
	return gn_list_empty(&sh->age)
		       ? NULL
		       : GN_CONTAINER(sh->age.prev, struct gn_sh_page, age);
}

static void make_young(struct gn_sh *sh, struct gn_sh_page *page)
{
	gn_list_del(&page->age);
	gn_list_add(&sh->age, &page->age);
}

/* Top pages belong to a loaded root or are orphans. */
static bool in_use(const struct gn_sh_page *page)
{
	return page->roots || (page->role.top && !page->orphan);
}

static struct gn_sh_page *pick(struct gn_sh *sh)
{
	uint32_t in_use_seen = 0;

	for (uint32_t looks = 0; in_use_seen <= sh->live;) {
		struct gn_sh_page *page = oldest(sh);

		if (!page) {
			break;
		}
		if (in_use(page)) {
			in_use_seen++;
		} else if (!page->referenced || gn_sh_page_old(sh, page) ||
			   looks++ >= LOOKS) {
			return page;
		}
		page->referenced = false;
		make_young(sh, page);
	}
	return NULL;
}

bool gn_sh_reclaim_one(struct gn_sh *sh)
{
	struct gn_sh_page *page = pick(sh);

	if (!page) {
		return false;
	}
	sh->stats->mmu_recycled += !page->orphan;
	gn_sh_page_zap(sh, page);
	return true;
}

/* Let the budget hold for what is taken and count more. */
static enum gnomon_status keep_budget(struct gn_sh *sh, uint32_t count)
{
	uint32_t max = sh->config.pages_max;

	if (!max || sh->tables + count <= max) {
		return GNOMON_OK;
	}
	while (sh->tables + count > max + sh->limbo_count) {
		if (!gn_sh_reclaim_one(sh)) {
			return GNOMON_NOMEM;
		}
	}
	gn_sh_flush_stale(sh);
	return GNOMON_OK;
}

enum gnomon_status gn_sh_make_room(struct gn_sh *sh, uint32_t count)
{
	if (keep_budget(sh, count) != GNOMON_OK) {
		return GNOMON_NOMEM;
	}
	if (gn_sh_page_reserve(sh, count) == GNOMON_OK) {
		return GNOMON_OK;
	}
	/* The host has none left: live on what we hold. */
	for (uint32_t i = 0; i < count && gn_sh_reclaim_one(sh); i++) {
	}
	gn_sh_flush_stale(sh);
	return gn_sh_page_reserve(sh, count);
}

void gn_sh_reap_slow(struct gn_sh *sh)
{
	for (uint32_t i = GN_SH_REAP_AT_ONCE; i && gn_sh_reap_due(sh); i--) {
		struct gn_sh_page *page = oldest(sh);

		if (page->roots) {
			make_young(sh, page);
		} else {
			gn_sh_page_zap(sh, page);
		}
	}
}

static bool useless(const struct gn_sh *sh, const struct gn_sh_page *page)
{
	return gn_sh_page_old(sh, page) || (page->orphan && !page->parents);
}

enum gnomon_status gn_sh_reap_all(struct gn_sh *sh, uint32_t *budget)
{
	uint32_t in_use_seen = 0;

	for (;;) {
		struct gn_sh_page *page = oldest(sh);

		if (!page || in_use_seen > ROOT_PAGES_MAX) {
			return GNOMON_OK;
		}
		if (in_use(page)) {
			in_use_seen++;
			make_young(sh, page);
			continue;
		}
		if (!useless(sh, page)) {
			return GNOMON_OK;
		}
		if (*budget == 0) {
			return GNOMON_MORE;
		}
		--*budget;
		gn_sh_page_zap(sh, page);
	}
}
