/* SPDX-License-Identifier: BSD-2-Clause */
#include "shadow/page.h"

#include "shadow/plain.h"
#include "shadow/refs.h"
#include "shadow/set.h"
#include "shadow/sync.h"
#include "shadow/unsync.h"

/* Pages kept at hand when limbo is emptied; the rest goes to the host. */
#define SPARE_KEPT 64u

GN_STATIC_ASSERT(sizeof(struct gn_sh_page) <= 1u << GN_SH_PAGE_SHIFT,
		 "a shadow page fits its slab object");

struct gn_sh_page *gn_sh_page_find(const struct gn_sh *sh, uint64_t gfn,
				   union gn_sh_role role)
{
	const struct gn_tf_record *record = gn_tf_find(&sh->tf, gfn);
	uint32_t number = record ? record->pages : 0;

	while (number) {
		struct gn_sh_page *page = gn_sh_page_at(sh, number);

		if (page->role.bits == role.bits &&
		    !gn_sh_page_old(sh, page)) {
			return page;
		}
		number = page->next;
	}
	return NULL;
}

enum gnomon_status gn_sh_page_reserve(struct gn_sh *sh, uint32_t count)
{
	struct gn_pool *pool = sh->pool;

	/* A snapshot and a page of child numbers for each. */
	if (pool->spare_count[GNOMON_PAGE_TABLE] >= count &&
	    pool->spare_count[GNOMON_PAGE_META] >= 2 * count &&
	    sh->pages.free_count >= count &&
	    sh->tf.records.free_count >= count) {
		return GNOMON_OK;
	}
	if (gn_slab_reserve(&sh->pages, count) != GNOMON_OK ||
	    gn_tf_reserve(&sh->tf, count) != GNOMON_OK ||
	    gn_pool_reserve(pool, GNOMON_PAGE_TABLE, count) != GNOMON_OK ||
	    gn_pool_reserve(pool, GNOMON_PAGE_META, 2 * count) != GNOMON_OK) {
		return GNOMON_NOMEM;
	}
	return GNOMON_OK;
}

static void give_back(struct gn_sh *sh, struct gn_sh_page *page)
{
	struct gnomon_page table = { .hpa = page->hpa, .va = page->spt };
	struct gnomon_page snap = { .va = page->snap };
	struct gnomon_page kids = { .va = page->kids };

	gn_pool_give(sh->pool, GNOMON_PAGE_TABLE, &table);
	if (page->snap) {
		gn_pool_give(sh->pool, GNOMON_PAGE_META, &snap);
	}
	if (page->kids) {
		gn_pool_give(sh->pool, GNOMON_PAGE_META, &kids);
	}
	gn_slab_give(&sh->pages, page->number);
	sh->tables--;
}

static struct gn_sh_page *make(struct gn_sh *sh, uint64_t gfn,
			       union gn_sh_role role)
{
	uint32_t number = gn_slab_take(&sh->pages);
	struct gn_sh_page *page = gn_sh_page_at(sh, number);
	struct gnomon_page table = gn_pool_take(sh->pool, GNOMON_PAGE_TABLE);

	page->number = number;
	page->gfn = gfn;
	page->role = role;
	page->spt = table.va;
	page->hpa = table.hpa;
	page->generation = sh->generation;
	page->state = GN_SH_LIVE;
	page->referenced = true;
	if (!role.direct) {
		page->snap = gn_pool_take(sh->pool, GNOMON_PAGE_META).va;
	}
	if (role.level > 1) {
		page->kids = gn_pool_take(sh->pool, GNOMON_PAGE_META).va;
	}
	gn_sh_plain_init(sh, page);
	gn_list_add(&sh->age, &page->age);
	sh->live++;
	sh->tables++;
	return page;
}

static void count_new(struct gn_sh *sh, const struct gn_sh_page *page)
{
	struct gnomon_stats *stats = sh->stats;

	stats->mmu_cache_miss++;
	if (sh->live > stats->shadow_pages_peak) {
		stats->shadow_pages_peak = sh->live;
	}
	gn_sh_event(sh, GNOMON_EVENT_TABLE_NEW, page->gfn, page->role.bits);
}

/* From here on no store to the frame goes unseen. */
static void start_trace(struct gn_sh *sh, struct gn_tf_record *record,
			unsigned level)
{
	/* A table in use twice is not left open. */
	gn_sh_unsync_close(sh, record);
	record->upper = level > 1 || (record->tables && record->upper);
	if (!gn_tf_add(&sh->tf, record)) {
		return;
	}
	uint32_t count = gn_sh_protect(sh, record->gfn);

	gn_tf_protect_other(&sh->tf, record->gfn);
	if (count) {
		sh->stats->protects++;
		gn_sh_event(sh, GNOMON_EVENT_PROTECT, record->gfn, count);
	}
	/* Even without an spte a TLB may still hold one that has gone. */
	gn_sh_flush_stale(sh);
}

struct gn_sh_page *gn_sh_page_new(struct gn_sh *sh, uint64_t gfn,
				  union gn_sh_role role)
{
	struct gn_sh_page *page = make(sh, gfn, role);

	if (!role.top) {
		struct gn_tf_record *record = gn_tf_get(&sh->tf, gfn);

		page->trace = record;
		page->next = record->pages;
		record->pages = page->number;
		if (!role.direct) {
			start_trace(sh, record, role.level);
		}
	}
	count_new(sh, page);
	return page;
}

/* Take the page out of the list of its frame. */
static void forget_key(struct gn_sh *sh, struct gn_sh_page *page)
{
	struct gn_tf_record *record = page->trace;
	uint32_t *link = &record->pages;

	while (*link != page->number) {
		link = &gn_sh_page_at(sh, *link)->next;
	}
	*link = page->next;
	page->next = 0;
	if (gn_sh_page_mirrors(page)) {
		if (page->roots) {
			record->pinned--;
		}
		gn_tf_remove(&sh->tf, record);
		gn_sh_unsync_forget(sh, record);
		if (!record->tables && !record->open &&
		    gn_sh_option(sh, GNOMON_OPT_PREFETCH)) {
			gn_sh_untraced(sh, record->gfn);
		}
	}
	gn_tf_put(&sh->tf, record);
}

static void clear_all(struct gn_sh *sh, struct gn_sh_page *page)
{
	for (unsigned i = 0; i < GN_SH_ENTRIES && page->used; i++) {
		gn_sh_clear(sh, page, i);
	}
}

static void unlink_parents(struct gn_sh *sh, struct gn_sh_page *page)
{
	uint32_t ref;

	while ((ref = gn_sh_refs_first(sh, page->parents)) != 0) {
		gn_sh_clear(sh, gn_sh_ref_page(sh, ref), gn_sh_ref_index(ref));
	}
}

static void to_limbo(struct gn_sh *sh, struct gn_sh_page *page)
{
	page->state = GN_SH_LIMBO;
	gn_list_del(&page->age);
	gn_list_add(&sh->limbo, &page->age);
	sh->limbo_count++;
	sh->stale = sh->vcpus;
}

void gn_sh_page_zap(struct gn_sh *sh, struct gn_sh_page *page)
{
	GN_ASSERT(page->state == GN_SH_LIVE);
	unlink_parents(sh, page);
	clear_all(sh, page);
	if (!page->role.top) {
		forget_key(sh, page);
	}
	sh->live--;
	sh->stats->mmu_shadow_zapped++;
	gn_sh_event(sh, GNOMON_EVENT_TABLE_ZAP, page->gfn, page->role.bits);
	if (page->roots) {
		page->state = GN_SH_DEAD_ROOT;
		gn_list_del(&page->age);
	} else {
		to_limbo(sh, page);
	}
}

void gn_sh_page_zap_gfn(struct gn_sh *sh, struct gn_tf_record *record)
{
	uint32_t number = record->pages;

	/* The record goes with its last page: do not touch it afterwards. */
	while (number) {
		struct gn_sh_page *page = gn_sh_page_at(sh, number);

		number = page->next;
		if (gn_sh_page_mirrors(page)) {
			gn_sh_page_zap(sh, page);
		}
	}
}

/* A vcpu's own top page keeps its link: its child is emptied instead. */
static void empty_root(struct gn_sh *sh, struct gn_sh_page *root)
{
	if (root->role.top && root->used) {
		root->generation = sh->generation;
		root = gn_sh_child(sh, root, 0);
	}
	clear_all(sh, root);
	root->generation = sh->generation;
}

void gn_sh_zap_all(struct gn_sh *sh)
{
	sh->generation++;
	for (unsigned i = 0; i < GNOMON_VCPUS_MAX; i++) {
		if ((sh->loaded[i] | sh->left[i]) == 0) {
			continue;
		}
		if (sh->loaded[i]) {
			empty_root(sh, gn_sh_page_at(sh, sh->loaded[i]));
		}
		if (sh->left[i]) {
			empty_root(sh, gn_sh_page_at(sh, sh->left[i]));
		}
	}
	sh->stale = sh->vcpus;
	sh->stale_global = sh->vcpus;
	gn_sh_flush_stale(sh);
}

void gn_sh_page_drop(struct gn_sh *sh, struct gn_sh_page *page)
{
	gn_list_del(&page->age);
	give_back(sh, page);
}

void gn_sh_page_release(struct gn_sh *sh)
{
	if (!sh->limbo_count) {
		return;
	}
	while (!gn_list_empty(&sh->limbo)) {
		struct gn_sh_page *page =
			GN_CONTAINER(sh->limbo.next, struct gn_sh_page, age);

		gn_list_del(&page->age);
		give_back(sh, page);
	}
	sh->limbo_count = 0;
	uint32_t keep = sh->config.pages_max ? GN_SH_PATH_MAX : SPARE_KEPT;

	gn_pool_trim(sh->pool, GNOMON_PAGE_TABLE, keep);
	gn_pool_trim(sh->pool, GNOMON_PAGE_META, 2 * keep);
}

void gn_sh_root_get(struct gn_sh_page *page)
{
	if (page->roots++ == 0 && gn_sh_page_mirrors(page)) {
		page->trace->pinned++;
	}
	page->referenced = true;
}

void gn_sh_root_put(struct gn_sh *sh, struct gn_sh_page *page)
{
	if (--page->roots > 0) {
		return;
	}
	if (page->state == GN_SH_DEAD_ROOT) {
		to_limbo(sh, page);
	} else if (gn_sh_page_mirrors(page)) {
		page->trace->pinned--;
	} else if (page->role.top) {
		gn_sh_page_zap(sh, page);
	}
}
