/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules that hold between any two calls. Tables are checked one by one from
 * the list of all, not by descending, so a broken link cannot lead astray.
 */
#include "nested/map.h"

struct audit {
	const struct gn_np *np;
	enum gnomon_audit_level level;
	struct gnomon_audit *report;
};

static bool broken(struct audit *a, const char *rule, uint64_t x, uint64_t y)
{
	a->report->rule = rule;
	a->report->a = x;
	a->report->b = y;
	return false;
}

static uint64_t entry_gfn(const struct gn_np_table *table, unsigned index)
{
	return table->first + index * gn_level_frames(table->level);
}

static bool check_child(struct audit *a, const struct gn_np_table *table,
			unsigned index, uint64_t npte)
{
	const struct gn_np_table *child = gn_np_child(table, index);
	uint64_t gfn = entry_gfn(table, index);

	if (!child || child->parent != table || child->index != index ||
	    child->level + 1 != table->level || child->first != gfn) {
		return broken(a, "np-link", gfn, npte);
	}
	if (gn_np_entry_addr(npte) != child->page.hpa.v) {
		return broken(a, "np-table-address", gfn, npte);
	}
	if (child->used == 0) {
		return broken(a, "np-empty-table", gfn, npte);
	}
	return true;
}

/* Resource control: one end of the leaf against slots and host. */
static bool check_frame(struct audit *a, uint64_t gfn, uint64_t hfn,
			unsigned level, uint64_t npte)
{
	const struct gn_np *np = a->np;
	uint32_t rights = gn_np_entry_rights(np->config.format, npte);
	gnomon_gfn_t memory = gn_gfn(gn_np_memory(np, gfn));
	struct gnomon_frame frame;

	/* A slot that is on its way out still has leaves. */
	if (np->dropping && !gn_slots_find(np->slots, memory)) {
		return true;
	}
	gn_np_frame(np, gfn, 0, &frame);
	if (frame.kind != GNOMON_FRAME_RAM && frame.kind != GNOMON_FRAME_ROM) {
		return broken(a, "np-outside", gfn, npte);
	}
	if (frame.hfn.v != hfn) {
		return broken(a, "np-frame", gfn, npte);
	}
	if (frame.order < 9 * (level - 1)) {
		return broken(a, "np-order", gfn, npte);
	}
	if ((rights & (GN_NP_W | GN_NP_HOST_W)) && !frame.writable) {
		return broken(a, "np-writable", gfn, npte);
	}
	return true;
}

/* Traces and watches, of the one frame or of all that a large leaf maps. */
static bool check_guard(struct audit *a, uint64_t gfn, unsigned level,
			uint64_t npte)
{
	const struct gn_np *np = a->np;
	uint32_t rights = gn_np_entry_rights(np->config.format, npte);
	const struct gn_tf_record *record;
	uint64_t memory = gn_slots_mapped(np->slots, np->view, gfn);

	if (!np->tf) {
		return true;
	}
	if (level > 1) {
		return !(rights & GN_NP_W) ||
		       !gn_np_marked(np, memory, level) ||
		       broken(a, "np-large-guarded", gfn, npte);
	}
	record = gn_tf_find(np->tf, memory);
	if (!record) {
		return true;
	}
	if ((rights & GN_NP_W) &&
	    (gn_tf_guarded(record) || (record->watch & GNOMON_WATCH_WRITE))) {
		return broken(a, "np-guarded", gfn, npte);
	}
	if (((rights & GN_NP_X) && (record->watch & GNOMON_WATCH_EXEC)) ||
	    (record->watch & GNOMON_WATCH_READ)) {
		return broken(a, "np-watched", gfn, npte);
	}
	return true;
}

static bool check_leaf(struct audit *a, const struct gn_np_table *table,
		       unsigned index, uint64_t npte)
{
	uint64_t gfn = entry_gfn(table, index);
	uint64_t last = gn_level_frames(table->level) - 1;
	uint64_t hfn = gn_align_down(gn_np_entry_addr(npte) >>
				     GNOMON_PAGE_SHIFT, last + 1);
	uint32_t rights = gn_np_entry_rights(a->np->config.format, npte);

	if (table->level > 1 && gn_np_child(table, index)) {
		return broken(a, "np-leaf-link", gfn, npte);
	}
	if ((rights & GN_NP_W) && !(rights & GN_NP_HOST_W)) {
		return broken(a, "np-host-write", gfn, npte);
	}
	if (!check_guard(a, gfn, table->level, npte)) {
		return false;
	}
	if (a->level < GNOMON_AUDIT_FULL) {
		return true;
	}
	return check_frame(a, gfn, hfn, table->level, npte) &&
	       (last == 0 || check_frame(a, gfn + last, hfn + last,
					 table->level, npte));
}

static bool check_entry(struct audit *a, const struct gn_np_table *table,
			unsigned index, uint64_t npte)
{
	const struct gn_np_config *c = &a->np->config;

	if (gn_np_entry_bad(c->format, npte, table->level, c->leaf_levels,
			    c->maxphyaddr)) {
		return broken(a, "np-reserved", entry_gfn(table, index), npte);
	}
	return gn_np_entry_kind(c->format, npte, table->level) == GN_NP_TABLE
		       ? check_child(a, table, index, npte)
		       : check_leaf(a, table, index, npte);
}

static bool check_table(struct audit *a, const struct gn_np_table *table)
{
	unsigned used = 0;

	if ((table->parent == NULL) != (table == a->np->root)) {
		return broken(a, "np-orphan", table->first, table->level);
	}
	if (table->parent && a->level >= GNOMON_AUDIT_LINKS &&
	    gn_np_child(table->parent, table->index) != table) {
		return broken(a, "np-parent", table->first, table->level);
	}
	for (unsigned i = 0; i < GN_NP_ENTRIES; i++) {
		uint64_t npte = gn_np_read(table, i);

		a->report->checked++;
		if (gn_np_entry_kind(a->np->config.format, npte,
				     table->level) == GN_NP_HOLE) {
			continue;
		}
		used++;
		if (a->level >= GNOMON_AUDIT_LINKS &&
		    !check_entry(a, table, i, npte)) {
			return false;
		}
	}
	if (used != table->used) {
		return broken(a, "np-used", table->first, used);
	}
	return true;
}

enum gnomon_status gn_np_audit(const struct gn_np *np,
			       enum gnomon_audit_level level,
			       struct gnomon_audit *report)
{
	struct audit a = { .np = np, .level = level, .report = report };
	uint32_t tables = 0;
	bool good = true;

	*report = (struct gnomon_audit){ 0 };
	for (struct gn_list *l = np->tables.next; good && l != &np->tables;
	     l = l->next) {
		good = check_table(&a, GN_CONTAINER(l, struct gn_np_table,
						    all));
		tables++;
	}
	if (good && tables != np->stats.tables) {
		good = broken(&a, "np-table-count", tables, np->stats.tables);
	}
	if (good && (!gn_list_empty(&np->limbo) || np->flush_due)) {
		good = broken(&a, "np-unsettled", np->flush_due, 0);
	}
	return good ? GNOMON_OK : GNOMON_BUG;
}
