/* SPDX-License-Identifier: BSD-2-Clause */
#include "shadow/unsync.h"

#include <string.h>

#include "shadow/fill.h"
#include "shadow/page.h"
#include "shadow/set.h"
#include "shadow/sync.h"

/* Compare one mirror with memory; the number of entries that changed. */
static uint32_t compare_slow(struct gn_sh *sh, struct gn_sh_page *page,
			     bool fill)
{
	uint32_t changed = 0;

	for (unsigned i = 0; i < GN_SH_ENTRIES; i++) {
		uint64_t gpte;

		if (gn_sh_read_gpte(sh, page, i, &gpte) == GNOMON_OK &&
		    gpte != page->snap[i]) {
			gn_sh_follow(sh, page, i, gpte, fill);
			changed++;
		}
	}
	return changed;
}

#define BLOCK 32u		/* entries compared at once */

static bool same(const struct gn_sh_page *page, const uint64_t *now,
		 unsigned first, unsigned count)
{
	return !memcmp(&now[first], &page->snap[first], count * sizeof(*now));
}

static uint32_t compare_block(struct gn_sh *sh, struct gn_sh_page *page,
			      const uint64_t *now, unsigned first, bool fill)
{
	uint32_t changed = 0;

	for (unsigned i = first; i < first + BLOCK; i++) {
		uint64_t gpte = __atomic_load_n(&now[i], __ATOMIC_RELAXED);

		if (gpte != page->snap[i]) {
			gn_sh_follow(sh, page, i, gpte, fill);
			changed++;
		}
	}
	return changed;
}

/*
 * The same in place. A store that memcmp() does not see in time is one after
 * the flush point.
 */
static uint32_t compare(struct gn_sh *sh, struct gn_sh_page *page, bool fill)
{
	uint64_t gpa = page->gfn << GNOMON_PAGE_SHIFT;
	const void *at = gn_mem_at(sh->mem, gpa, GNOMON_PAGE_BYTES);
	const uint64_t *now = at;
	uint32_t changed = 0;
	bool more = false;	/* the rest is known to differ somewhere */

	if (!at || gn_sh_role_small(page->role)) {
		return compare_slow(sh, page, fill);
	}
	for (unsigned i = 0; i < GN_SH_ENTRIES; i += BLOCK) {
		/* Mostly there is nothing more: one look at all the rest. */
		if (!more && same(page, now, i, GN_SH_ENTRIES - i)) {
			break;
		}
		more = same(page, now, i, BLOCK);
		if (more) {
			continue;
		}
		changed += gn_sh_plain(page)
				   ? gn_sh_sync_plain(sh, page, now, BLOCK, i,
						      fill)
				   : compare_block(sh, page, now, i, fill);
	}
	return changed;
}

static uint32_t compare_all(struct gn_sh *sh,
			    const struct gn_tf_record *record, bool fill)
{
	uint32_t changed = 0;

	for (uint32_t n = record->pages; n;) {
		struct gn_sh_page *page = gn_sh_page_at(sh, n);

		if (gn_sh_page_mirrors(page)) {
			changed += compare(sh, page, fill);
			sh->stats->syncs++;
		}
		n = page->next;
	}
	sh->stats->sptes_synced += changed;
	return changed;
}

bool gn_sh_unsync_may_open_slow(const struct gn_sh *sh,
				const struct gn_tf_record *record)
{
	if (record->watch) {
		return false;
	}
	for (uint32_t n = record->pages; n;) {
		const struct gn_sh_page *page = gn_sh_page_at(sh, n);

		if (gn_sh_page_mirrors(page) && page->role.level > 1) {
			return false;
		}
		n = page->next;
	}
	return true;
}

static void forget(struct gn_sh *sh, uint64_t gfn)
{
	uint32_t i = 0;

	while (i < sh->open_count && sh->open_gfn[i] != gfn) {
		i++;
	}
	if (i < sh->open_count) {
		sh->open_gfn[i] = sh->open_gfn[--sh->open_count];
	}
}

bool gn_sh_unsync_open(struct gn_sh *sh, struct gn_tf_record *record)
{
	if (!gn_sh_unsync_may_open(sh, record)) {
		return false;
	}
	if (sh->open_count >= sh->config.open_max) {
		gn_sh_unsync_close(sh, gn_tf_find(&sh->tf, sh->open_gfn[0]));
	}
	/* The snapshot must be whole, for entries without an spte as well. */
	compare_all(sh, record, false);
	gn_tf_open(&sh->tf, record);
	sh->open_gfn[sh->open_count++] = record->gfn;
	sh->stats->mmu_unsync++;
	return true;
}

void gn_sh_unsync_close(struct gn_sh *sh, struct gn_tf_record *record)
{
	if (!record->open) {
		return;
	}
	gn_tf_close(&sh->tf, record);
	forget(sh, record->gfn);
	gn_sh_protect(sh, record->gfn);
	gn_sh_flush_stale(sh);
	if (!record->loose) {
		gn_tf_protect_other(&sh->tf, record->gfn);
	}
	compare_all(sh, record, true);
	sh->stats->unsync_closed++;
}

void gn_sh_unsync_sync(struct gn_sh *sh)
{
	bool keep = gn_sh_option(sh, GNOMON_OPT_UNSYNC_KEEP);

	gn_sh_loose_sync(sh);
	if (sh->open_count) {
		gn_sh_spare_refs(sh, GN_SH_BATCH);
	}
	/* From the end, for a frame that is closed leaves the list. */
	for (uint32_t i = sh->open_count; i-- > 0;) {
		struct gn_tf_record *record =
			gn_tf_find(&sh->tf, sh->open_gfn[i]);

		if (!keep || record->quiet >= sh->config.open_quiet) {
			gn_sh_unsync_close(sh, record);
		} else if (compare_all(sh, record, true)) {
			record->quiet = 0;
		} else {
			record->quiet++;
		}
	}
}

static void forget_loose(struct gn_sh *sh, struct gn_tf_record *record)
{
	uint32_t i = 0;

	if (!record->loose) {
		return;
	}
	record->loose = 0;
	while (sh->loose_gfn[i] != record->gfn) {
		i++;
	}
	/* In order, so that the first is the oldest. */
	sh->loose_count--;
	memmove(&sh->loose_gfn[i], &sh->loose_gfn[i + 1],
		(sh->loose_count - i) * sizeof(sh->loose_gfn[0]));
}

void gn_sh_unsync_forget(struct gn_sh *sh, struct gn_tf_record *record)
{
	if (!record->open && !record->tables) {
		forget(sh, record->gfn);
		forget_loose(sh, record);
	}
}

/* The trace holds for all tables again. */
static void tighten(struct gn_sh *sh, struct gn_tf_record *record)
{
	forget_loose(sh, record);
	if (record->tables) {
		gn_tf_protect_other(&sh->tf, record->gfn);
	}
	gn_sh_spare_refs(sh, GN_SH_BATCH);
	compare_all(sh, record, true);
}

void gn_sh_loosen(struct gn_sh *sh, struct gn_tf_record *record)
{
	if (record->loose) {
		return;
	}
	if (sh->loose_count == GN_SH_LOOSE_MAX) {
		tighten(sh, gn_tf_find(&sh->tf, sh->loose_gfn[0]));
	}
	/* The snapshot must be whole, for entries without an spte as well. */
	compare_all(sh, record, false);
	record->loose = 1;
	sh->loose_gfn[sh->loose_count++] = record->gfn;
	sh->stats->loosened++;
}

void gn_sh_loose_sync(struct gn_sh *sh)
{
	if (!sh->others || !sh->loose_count) {
		return;
	}
	gn_sh_spare_refs(sh, GN_SH_BATCH);
	for (uint32_t i = 0; i < sh->loose_count; i++) {
		const struct gn_tf_record *record =
			gn_tf_find(&sh->tf, sh->loose_gfn[i]);

		/* One that is open as well is compared with the others. */
		if (!record->open) {
			compare_all(sh, record, true);
		}
	}
}
