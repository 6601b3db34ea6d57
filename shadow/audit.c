/* SPDX-License-Identifier: BSD-2-Clause */
#include "shadow/audit.h"

#include "shadow/agile.h"
#include "shadow/fill.h"
#include "shadow/page.h"
#include "shadow/refs.h"
#include "shadow/set.h"

struct audit {
	struct gn_sh *sh;
	enum gnomon_audit_level level;
	struct gnomon_audit *report;
	uint64_t leaves;
	uint32_t large;		/* of them, above the lowest level */
};

/* True: the rule holds. The first broken one is kept. */
static bool holds(struct audit *a, bool ok, const char *rule, uint64_t x,
		  uint64_t y)
{
	a->report->checked++;
	if (!ok && !a->report->rule) {
		a->report->rule = rule;
		a->report->a = x;
		a->report->b = y;
	}
	return ok;
}

static bool contains(const struct gn_sh *sh, uint32_t list, uint32_t ref)
{
	struct gn_sh_refs_iter iter;
	uint32_t at, count = 0;

	gn_sh_refs_begin(sh, list, &iter);
	while ((at = gn_sh_refs_next(sh, &iter)) != 0) {
		count += at == ref;
	}
	return count == 1;
}

/* Or the alias that showed it is on its way out. */
static bool same_memory(const struct audit *a, uint64_t gfn, uint64_t is)
{
	return gfn == is || (a->sh->dropping && (gfn & GN_SLOTS_NOWHERE));
}

static void check_child(struct audit *a, const struct gn_sh_page *page,
			unsigned i)
{
	const struct gn_sh *sh = a->sh;
	const struct gn_sh_page *child = gn_sh_child(sh, page, i);
	uint64_t gpte = page->snap ? page->snap[i] : 0;
	struct gn_sh_key key;

	if (!holds(a, child && child->state == GN_SH_LIVE,
		   "a table entry leads to a live page", page->gfn, i)) {
		return;
	}
	holds(a, gn_spte_hpa(page->spt[i], page->role.level) == child->hpa.v,
	      "a table entry holds its child's address", page->gfn, i);
	holds(a, contains(sh, child->parents, gn_sh_ref(page, i)),
	      "a child knows its parent once", page->gfn, i);
	if (page->role.top && page->role.level == 4) {
		return;
	}
	holds(a, gn_sh_child_key(a->sh, page, i, gpte, &key) &&
		      same_memory(a, key.gfn, child->gfn) &&
		      key.role.bits == child->role.bits,
	      "a child has the key that its entry asks for", page->gfn, i);
}

static bool rights_fit(uint64_t spte, const struct gn_spte_attr *attr)
{
	bool w = spte & GN_SPTE_W, u = spte & GN_SPTE_U;
	bool x = !(spte & GN_SPTE_NX);

	if (spte & GN_SPTE_FLIP) {
		/* Only a supervisor may use W that the guest did not give. */
		return !u || !(attr->rights & GN_GPT_U);
	}
	return (!w || (attr->rights & GN_GPT_W)) &&
	       (!u || (attr->rights & GN_GPT_U)) &&
	       (!x || (attr->rights & GN_GPT_X));
}

/* The host's side: nothing outside the slots, nothing writable it forbids. */
static void check_host(struct audit *a, const struct gn_sh_page *page,
		       unsigned i, uint64_t gfn)
{
	unsigned level = page->role.level;
	uint64_t spte = page->spt[i];
	struct gn_sh *sh = a->sh;
	struct gnomon_frame frame;

	if (sh->dropping && !gn_slots_find(sh->slots, gn_gfn(gfn))) {
		return;
	}
	gn_slots_frame(sh->slots, sh->host, sh->ctx, gn_gfn(gfn), 0, &frame);
	holds(a, frame.kind == GNOMON_FRAME_RAM ||
		      frame.kind == GNOMON_FRAME_ROM,
	      "a leaf maps memory of a slot", gfn, spte);
	holds(a, frame.hfn.v << GNOMON_PAGE_SHIFT == gn_spte_hpa(spte, level),
	      "a leaf maps the host frame of its gfn", gfn, spte);
	holds(a, frame.order >= 9 * (level - 1),
	      "a large leaf lies in one block of the host", gfn, spte);
	holds(a, !(spte & GN_SPTE_W) || frame.writable,
	      "a leaf is writable only where the host allows it", gfn, spte);
}

static void check_gpte(struct audit *a, const struct gn_sh_page *page,
		       unsigned i, uint64_t gpte, const char *rule)
{
	struct gn_sh_want want;

	holds(a, gn_sh_want(a->sh, page, i, gpte, &want) &&
		      same_memory(a, want.gfn,
				  gn_sh_leaf_gfn(a->sh, page, i)) &&
		      rights_fit(page->spt[i], &want.attr),
	      rule, page->gfn, i);
}

static void check_leaf(struct audit *a, const struct gn_sh_page *page,
		       unsigned i)
{
	struct gn_sh *sh = a->sh;
	uint64_t gfn = gn_sh_leaf_gfn(sh, page, i);
	const struct gn_frame *frame = gn_frames_find(&sh->frames, gfn);
	uint64_t spte = page->spt[i];

	a->leaves++;
	a->large += page->role.level > 1;
	holds(a, frame && contains(sh, frame->rmap, gn_sh_ref(page, i)),
	      "a leaf is in the reverse map of its frame once", page->gfn, i);
	holds(a, page->role.level == 1
			 ? !(spte & GN_SPTE_W) || !gn_tf_traced(&sh->tf, gfn)
			 : !gn_frames_marked(&sh->frames, gfn,
					     9u * (page->role.level - 1u)),
	      "no leaf maps a traced frame writable", gfn, spte);
	if (a->level < GNOMON_AUDIT_FULL) {
		return;
	}
	check_gpte(a, page, i, page->snap ? page->snap[i] : 0,
		   "a leaf allows no more than its gpte");
	check_host(a, page, i, gfn);
}

/*
 * A switch leads the CPU to the table that its gpte names, in RAM of a slot
 * that it may write, with no more rights than the path down to it.
 */
static void check_switch(struct audit *a, const struct gn_sh_page *page,
			 unsigned i)
{
	struct gn_sh *sh = a->sh;
	uint64_t gfn = gn_sh_leaf_gfn(sh, page, i), spte = page->spt[i];
	const struct gn_frame *frame = gn_frames_find(&sh->frames, gfn);
	struct gnomon_frame host;

	a->leaves++;
	a->large += page->role.level > 1;
	holds(a, frame && contains(sh, frame->rmap, gn_sh_ref(page, i)),
	      "a switch is in the reverse map of its table once", page->gfn,
	      i);
	holds(a, gn_sh_agile_heeds(sh, page->role) &&
		      gn_sh_agile_marked(sh, gfn) && page->role.level > 1,
	      "a switch leads to a marked table", page->gfn, i);
	if (a->level < GNOMON_AUDIT_FULL ||
	    (sh->dropping && !gn_slots_find(sh->slots, gn_gfn(gfn)))) {
		return;
	}
	gn_slots_frame(sh->slots, sh->host, sh->ctx, gn_gfn(gfn), 0, &host);
	holds(a, host.kind == GNOMON_FRAME_RAM && host.writable,
	      "a switch leads to RAM of a slot", gfn, spte);
	holds(a, spte == gn_sh_agile_entry(sh, page, page->snap[i], host.hfn),
	      "a switch holds the table's hpa and the path's rights", gfn,
	      spte);
}

/* What guest memory says now, for an entry that is in use. */
static void check_memory(struct audit *a, const struct gn_sh_page *page,
			 unsigned i)
{
	const char *rule = "a shadow entry agrees with guest memory";
	struct gn_sh_key key;
	uint64_t gpte;

	if (!holds(a, gn_sh_read_gpte(a->sh, page, i, &gpte) == GNOMON_OK,
		   rule, page->gfn, i)) {
		return;
	}
	if (gn_spte_leaf(page->spt[i], page->role.level)) {
		check_gpte(a, page, i, gpte, rule);
		return;
	}
	if (gn_spte_switch(page->spt[i])) {
		holds(a, !((gpte ^ page->snap[i]) & ~(uint64_t)GN_SPTE_AD),
		      rule, page->gfn, i);
		return;
	}
	holds(a, gn_sh_child_key(a->sh, page, i, gpte, &key) &&
		      same_memory(a, key.gfn,
				  gn_sh_child(a->sh, page, i)->gfn),
	      rule, page->gfn, i);
}

static void check_entry(struct audit *a, const struct gn_sh_page *page,
			unsigned i)
{
	if (gn_spte_switch(page->spt[i])) {
		check_switch(a, page, i);
	} else if (gn_spte_table(page->spt[i], page->role.level)) {
		check_child(a, page, i);
	} else {
		check_leaf(a, page, i);
	}
	if (a->level >= GNOMON_AUDIT_GUEST && gn_sh_page_mirrors(page) &&
	    gn_tf_guarded(page->trace)) {
		check_memory(a, page, i);
	}
}

static void check_parents(struct audit *a, const struct gn_sh_page *page)
{
	struct gn_sh_refs_iter iter;
	uint32_t ref;

	gn_sh_refs_begin(a->sh, page->parents, &iter);
	while ((ref = gn_sh_refs_next(a->sh, &iter)) != 0) {
		const struct gn_sh_page *parent = gn_sh_ref_page(a->sh, ref);
		unsigned i = gn_sh_ref_index(ref);

		holds(a, parent->state == GN_SH_LIVE &&
			      gn_spte_table(parent->spt[i],
					    parent->role.level) &&
			      parent->kids[i] == page,
		      "a parent leads to its child", page->gfn, ref);
	}
}

static void check_page(struct audit *a, const struct gn_sh_page *page)
{
	unsigned used = 0;
	uint64_t any = 0;

	for (unsigned i = 0; i < GN_SH_ENTRIES; i++) {
		used += gn_spte_present(page->spt[i]);
		any |= page->spt[i] & GN_SPTE_BUSY;
	}
	holds(a, !any, "nobody is at work on an entry", page->gfn, any);
	holds(a, used == page->used, "a page counts its entries", page->gfn,
	      used);
	if (a->level < GNOMON_AUDIT_LINKS) {
		return;
	}
	holds(a, page->role.top || gn_sh_page_old(a->sh, page) ||
		      gn_sh_page_find(a->sh, page->gfn, page->role) == page,
	      "a page is found by its key", page->gfn, page->role.bits);
	check_parents(a, page);
	for (unsigned i = 0; i < GN_SH_ENTRIES; i++) {
		if (gn_spte_present(page->spt[i])) {
			check_entry(a, page, i);
		}
	}
}

static void check_pages(struct audit *a)
{
	const struct gn_sh *sh = a->sh;
	uint32_t count = 0;

	for (struct gn_list *l = sh->age.next; l != &sh->age; l = l->next) {
		const struct gn_sh_page *page =
			GN_CONTAINER(l, struct gn_sh_page, age);

		count++;
		holds(a, page->state == GN_SH_LIVE,
		      "a page in the age list is live", page->gfn,
		      page->state);
		check_page(a, page);
	}
	holds(a, count == sh->live, "the age list holds every page", count,
	      sh->live);
	holds(a, a->level < GNOMON_AUDIT_LINKS ||
		      a->leaves == gn_sh_refs_total(sh),
	      "reverse maps hold every leaf and no other", a->leaves,
	      gn_sh_refs_total(sh));
	holds(a, a->level < GNOMON_AUDIT_LINKS || a->large == sh->large,
	      "large leaves are counted", a->large, sh->large);
}

/* One frame: its record against its pages, its list against the leaves. */
static void check_frame(struct audit *a, uint64_t gfn,
			const struct gn_frame *frame)
{
	const struct gn_sh *sh = a->sh;
	const struct gn_tf_record *record = gn_tf_find(&sh->tf, gfn);
	struct gn_sh_refs_iter iter;
	uint32_t ref, mirrors = 0, pinned = 0;

	gn_sh_refs_begin(sh, frame->rmap, &iter);
	while ((ref = gn_sh_refs_next(sh, &iter)) != 0) {
		const struct gn_sh_page *page = gn_sh_ref_page(sh, ref);
		unsigned i = gn_sh_ref_index(ref);

		holds(a, page->state == GN_SH_LIVE &&
			      (gn_spte_leaf(page->spt[i], page->role.level) ||
			       gn_spte_switch(page->spt[i])) &&
			      gn_sh_leaf_gfn(sh, page, i) == gfn,
		      "a reverse map names leaves of live pages", gfn, ref);
	}
	if (!record) {
		return;
	}
	for (uint32_t n = record->pages; n; n = gn_sh_page_at(sh, n)->next) {
		const struct gn_sh_page *page = gn_sh_page_at(sh, n);

		mirrors += gn_sh_page_mirrors(page);
		pinned += gn_sh_page_mirrors(page) && page->roots;
	}
	holds(a, record->tables + record->open == mirrors &&
		      (!record->tables || !record->open) &&
		      record->pinned == pinned,
	      "a record counts the tables of its frame", gfn, mirrors);
}

static void check_frames(struct audit *a)
{
	const struct gn_frame *frame;
	uint64_t gfn = 0;
	uint32_t traced = 0, below = 0, loose = 0;

	while ((frame = gn_frames_next(&a->sh->frames, &gfn)) != NULL) {
		const struct gn_tf_record *record =
			gn_tf_find(&a->sh->tf, gfn);

		check_frame(a, gfn, frame);
		traced += gn_tf_traced(&a->sh->tf, gfn);
		below += record && record->below;
		loose += record && record->loose;
		gfn++;
	}
	holds(a, below == a->sh->below, "marked tables are counted", below,
	      a->sh->below);
	holds(a, loose == a->sh->loose_count, "loose tables are counted",
	      loose, a->sh->loose_count);
	holds(a, traced == a->sh->tf.traced, "traced frames are counted",
	      traced, a->sh->tf.traced);
}

enum gnomon_status gn_sh_audit(struct gn_sh *sh, enum gnomon_audit_level level,
			       struct gnomon_audit *report)
{
	struct audit a = { .sh = sh, .level = level, .report = report };

	check_pages(&a);
	if (level >= GNOMON_AUDIT_LINKS) {
		check_frames(&a);
	}
	return report->rule ? GNOMON_BUG : GNOMON_OK;
}
