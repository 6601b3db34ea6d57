/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules of direct.h, one by one. */
#include "direct/set.h"
#include "guestpt/entry.h"

struct audit {
	const struct gn_dp *dp;
	struct gnomon_audit *report;
	enum gnomon_audit_level level;
	uint64_t tables, cells, links, refs, pins, listed;
};

static bool broken(const struct audit *a, const char *rule, uint64_t x,
		   uint64_t y)
{
	a->report->rule = rule;
	a->report->a = x;
	a->report->b = y;
	return false;
}

/* Only memory of the guest, as the host said, and no table writable. */
static bool check_control(const struct audit *a, const struct gn_dp_table *t,
			  unsigned index, uint64_t gfn)
{
	const struct gn_dp *dp = a->dp;
	uint64_t m = t->machine[index];
	uint64_t mask = dp->ctx.format->level[t->level].leaf_frame;
	struct gnomon_frame frame;

	gn_slots_frame(dp->slots, dp->host, dp->host_ctx, gn_gfn(gfn),
		       GNOMON_WANT_READ, &frame);
	if ((frame.kind != GNOMON_FRAME_RAM &&
	     frame.kind != GNOMON_FRAME_ROM) ||
	    frame.order < 9 * (t->level - 1) ||
	    (m & mask) != gn_hfn_hpa(frame.hfn).v) {
		return broken(a, "direct-frame", gfn, m);
	}
	if (!(m & X86_PTE_W)) {
		return true;
	}
	if (!frame.writable || gn_dirty_clean(&dp->mem->dirty, gfn)) {
		return broken(a, "direct-writable", gfn, m);
	}
	if (t->level == 1 ? gn_dp_find(dp, gfn) != 0
			  : gn_frames_marked(&dp->frames, gfn,
					     9 * (t->level - 1u))) {
		return broken(a, "direct-table-writable", gfn, m);
	}
	return true;
}

static bool check_leaf(struct audit *a, uint32_t number,
		       const struct gn_dp_table *t, unsigned index)
{
	const struct gn_dp_cell *cell =
		gn_slab_at(&a->dp->cells, t->cells[index]);
	uint64_t gpte = gn_dp_gpte(a->dp, number, index);
	uint64_t mask = a->dp->ctx.format->level[t->level].leaf_frame;
	uint64_t bits = mask | X86_PTE_W | GN_DP_AD;
	struct gn_gpt_entry e;

	a->cells++;
	if (cell->table != number || cell->index != index) {
		return broken(a, "direct-cell", number, index);
	}
	if (a->level < GNOMON_AUDIT_FULL) {
		return true;
	}
	gn_gpt_decode(&a->dp->ctx, t->level, gpte, &e);
	if (e.kind != GN_GPT_LEAF ||
	    ((gpte ^ t->machine[index]) & ~bits) ||
	    (t->machine[index] & ~gpte & X86_PTE_W)) {
		return broken(a, "direct-entry", gpte, t->machine[index]);
	}
	return check_control(a, t, index, e.frame.v >> GNOMON_PAGE_SHIFT);
}

static bool check_link(struct audit *a, uint32_t number,
		       const struct gn_dp_table *t, unsigned index)
{
	const struct gn_dp_table *below =
		gn_dp_table_at(a->dp, t->cells[index] & ~GN_DP_LINK);
	uint64_t mask = a->dp->ctx.format->level[t->level].table_frame;
	struct gn_gpt_entry e;

	if (below->level != t->level - 1 ||
	    (t->machine[index] & mask) != below->hpa) {
		return broken(a, "direct-link", number, index);
	}
	if (below->flags & GN_DP_SPLIT) {
		return (below->gfn == number && below->index == index) ||
		       broken(a, "direct-split", number, index);
	}
	a->links++;
	gn_gpt_decode(&a->dp->ctx, t->level, gn_dp_gpte(a->dp, number, index),
		      &e);
	return (e.kind == GN_GPT_TABLE &&
		e.frame.v >> GNOMON_PAGE_SHIFT == below->gfn) ||
	       broken(a, "direct-link-gfn", number, index);
}

static bool check_entry(struct audit *a, uint32_t number,
			const struct gn_dp_table *t, unsigned index)
{
	a->report->checked++;
	if (!t->cells[index] != !t->machine[index]) {
		return broken(a, "direct-empty", number, index);
	}
	if (!t->cells[index]) {
		return true;
	}
	return t->cells[index] & GN_DP_LINK
		       ? check_link(a, number, t, index)
		       : check_leaf(a, number, t, index);
}

static bool check_entries(struct audit *a, uint32_t number)
{
	const struct gn_dp_table *t = gn_dp_table_at(a->dp, number);

	a->tables++;
	for (unsigned i = 0; i < GN_DP_ENTRIES; i++) {
		if (!check_entry(a, number, t, i)) {
			return false;
		}
	}
	return true;
}

/* The table, and the splits below its large leaves, and those below them. */
static bool check_table(struct audit *a, uint32_t number)
{
	uint32_t at[3] = { number, 0, 0 };
	unsigned index[3] = { 0, 0, 0 }, depth = 0;

	if (!check_entries(a, number)) {
		return false;
	}
	for (;;) {
		const struct gn_dp_table *t = gn_dp_table_at(a->dp, at[depth]);
		uint32_t cell;

		if (index[depth] == GN_DP_ENTRIES) {
			if (depth-- == 0) {
				return true;
			}
			continue;
		}
		cell = t->cells[index[depth]++];
		if (!(cell & GN_DP_LINK) || depth == 2 ||
		    !(gn_dp_table_at(a->dp, cell & ~GN_DP_LINK)->flags &
		      GN_DP_SPLIT)) {
			continue;
		}
		at[++depth] = cell & ~GN_DP_LINK;
		index[depth] = 0;
		if (!check_entries(a, at[depth])) {
			return false;
		}
	}
}

/* What is filed under the frame maps it, and nothing is filed twice. */
static bool check_list(struct audit *a, uint64_t gfn, uint32_t number)
{
	const struct gn_dp *dp = a->dp;
	struct gn_gpt_entry e;
	uint32_t prev = 0;

	while (number) {
		const struct gn_dp_cell *c = gn_slab_at(&dp->cells, number);
		const struct gn_dp_table *t = gn_dp_table_at(dp, c->table);

		/* A ring is longer than all lists together. */
		if (a->listed++ == dp->counts.cells || c->prev != prev ||
		    t->cells[c->index] != number) {
			return broken(a, "direct-list", gfn, number);
		}
		gn_gpt_decode(&dp->ctx, t->level,
			      gn_dp_gpte(dp, c->table, c->index), &e);
		if (e.frame.v >> GNOMON_PAGE_SHIFT != gfn) {
			return broken(a, "direct-list-frame", gfn, number);
		}
		prev = number;
		number = c->next;
	}
	return true;
}

static bool check_frame(struct audit *a, uint64_t gfn, uint32_t number)
{
	const struct gn_dp_table *t = gn_dp_table_at(a->dp, number);

	a->refs += t->refs;
	a->pins += (t->flags & GN_DP_PINNED) != 0;
	if (t->gfn != gfn || t->level > a->dp->ctx.format->levels) {
		return broken(a, "direct-key", gfn, number);
	}
	if (!gn_frames_marked(&a->dp->frames, gfn, 9)) {
		return broken(a, "direct-mark", gfn, number);
	}
	if ((t->refs == 0) != ((t->flags & GN_DP_LISTED) != 0)) {
		return broken(a, "direct-released", gfn, t->refs);
	}
	return check_table(a, number);
}

static bool check_sums(const struct audit *a)
{
	uint64_t vcpus = a->dp->vcpus;
	unsigned roots = 0;

	for (; vcpus; vcpus &= vcpus - 1) {
		roots++;
	}

	if (a->tables != a->dp->counts.tables) {
		return broken(a, "direct-count", a->tables,
			      a->dp->counts.tables);
	}
	if (a->cells != a->dp->counts.cells) {
		return broken(a, "direct-cells", a->cells,
			      a->dp->counts.cells);
	}
	if (a->level >= GNOMON_AUDIT_LINKS && a->listed != a->cells) {
		return broken(a, "direct-unlisted", a->listed, a->cells);
	}
	if (a->refs != a->links + a->pins + roots) {
		return broken(a, "direct-refs", a->refs,
			      a->links + a->pins + roots);
	}
	return true;
}

enum gnomon_status gn_dp_audit(const struct gn_dp *dp,
			       enum gnomon_audit_level level,
			       struct gnomon_audit *report)
{
	struct audit a = { .dp = dp, .report = report, .level = level };
	const struct gn_frame *frame;
	uint64_t gfn = 0;

	while ((frame = gn_frames_next(&dp->frames, &gfn))) {
		if ((frame->trace && !check_frame(&a, gfn, frame->trace)) ||
		    (level >= GNOMON_AUDIT_LINKS &&
		     !check_list(&a, gfn, frame->rmap))) {
			return GNOMON_BUG;
		}
		gfn++;
	}
	return check_sums(&a) ? GNOMON_OK : GNOMON_BUG;
}
