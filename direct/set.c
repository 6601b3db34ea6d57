/* SPDX-License-Identifier: BSD-2-Clause */
#include "direct/set.h"

#include "base/assert.h"
#include "guestpt/entry.h"

#define LINK_BITS (X86_PTE_P | X86_PTE_W | X86_PTE_U | X86_PTE_A)
#define PAT_UP 5		/* from bit 7 to bit 12 */

static struct gn_dp_cell *cell_at(const struct gn_dp *dp, uint32_t number)
{
	return gn_slab_at(&dp->cells, number);
}

static void put(struct gn_dp *dp, struct gn_dp_table *t, unsigned index,
		uint64_t entry)
{
	__atomic_store_n(&t->machine[index], entry, __ATOMIC_RELEASE);
	dp->counts.sets++;
}

void gn_dp_take_over(struct gn_dp_table *t)
{
	for (unsigned i = 0; i < GN_DP_ENTRIES; i++) {
		t->stored[i] = __atomic_exchange_n(&t->machine[i], 0,
						   __ATOMIC_ACQ_REL);
	}
}

void gn_dp_give_back(struct gn_dp_table *t)
{
	for (unsigned i = 0; i < GN_DP_ENTRIES; i++) {
		__atomic_store_n(&t->machine[i], t->stored[i],
				 __ATOMIC_RELEASE);
	}
}

/* ---- the list of leaves of a frame ------------------------------------- */

static uint64_t leaf_gfn(const struct gn_dp *dp, uint32_t table,
			 unsigned index)
{
	struct gn_gpt_entry e;

	gn_gpt_decode(&dp->ctx, gn_dp_table_at(dp, table)->level,
		      gn_dp_gpte(dp, table, index), &e);
	return e.frame.v >> GNOMON_PAGE_SHIFT;
}

static bool full(const struct gn_dp *dp, const struct gn_frame *frame)
{
	return frame->rmap && cell_at(dp, frame->rmap)->depth >=
				      dp->config.chain_max;
}

bool gn_dp_crowded(const struct gn_dp *dp, uint32_t table, unsigned index)
{
	const struct gn_frame *frame =
		gn_frames_find(&dp->frames, leaf_gfn(dp, table, index));

	return frame && full(dp, frame);
}

static void list_add(struct gn_dp *dp, uint64_t gfn, uint32_t table,
		     unsigned index)
{
	struct gn_frame *frame = gn_frames_find(&dp->frames, gfn);
	uint32_t number, head;

	/* A guest that maps a frame everywhere loses the newest mapping. */
	if (full(dp, frame)) {
		const struct gn_dp_cell *c = cell_at(dp, frame->rmap);

		gn_dp_drop(dp, c->table, c->index);
	}
	number = gn_slab_take(&dp->cells);
	head = frame->rmap;
	struct gn_dp_cell *cell = cell_at(dp, number);

	*cell = (struct gn_dp_cell){
		.next = head, .table = table, .index = (uint16_t)index,
	};
	if (head) {
		cell->depth = (uint16_t)(cell_at(dp, head)->depth + 1);
		cell_at(dp, head)->prev = number;
	}
	frame->rmap = number;
	gn_dp_table_at(dp, table)->cells[index] = number;
	dp->counts.cells++;
}

static void list_remove(struct gn_dp *dp, uint64_t gfn, uint32_t number)
{
	const struct gn_dp_cell *cell = cell_at(dp, number);

	if (cell->prev) {
		cell_at(dp, cell->prev)->next = cell->next;
	} else {
		gn_frames_find(&dp->frames, gfn)->rmap = cell->next;
	}
	if (cell->next) {
		cell_at(dp, cell->next)->prev = cell->prev;
	}
	gn_slab_give(&dp->cells, number);
	dp->counts.cells--;
}

/* ---- what the guest wrote ---------------------------------------------- */

/* A piece of a large leaf, as a leaf of a lower level. */
static uint64_t piece(const struct gn_dp *dp, uint64_t large, unsigned from,
		      unsigned level, uint64_t offset)
{
	const struct gn_gpt_format *f = dp->ctx.format;
	uint64_t frame = (large & f->level[from].leaf_frame) + offset;
	uint64_t gpte = large & ~f->level[from].leaf_frame;

	if (level == 1) {
		uint64_t pat = gpte & X86_PTE_PAT_LARGE;

		gpte &= ~(X86_PTE_PS | X86_PTE_PAT_LARGE);
		gpte |= pat >> PAT_UP;
	}
	return gpte | frame;
}

uint64_t gn_dp_gpte(const struct gn_dp *dp, uint32_t table, unsigned index)
{
	const struct gn_dp_table *t = gn_dp_table_at(dp, table);
	unsigned level = t->level;
	uint64_t offset = 0;

	if (!(t->flags & GN_DP_SPLIT)) {
		uint64_t ad = t->cells[index] & GN_DP_LINK ? X86_PTE_A
							   : GN_DP_AD;

		return t->stored[index] |
		       (__atomic_load_n(&t->machine[index],
					__ATOMIC_RELAXED) & ad);
	}
	while (t->flags & GN_DP_SPLIT) {
		offset += index * gn_level_frames(t->level)
			  << GNOMON_PAGE_SHIFT;
		index = t->index;
		t = gn_dp_table_at(dp, (uint32_t)t->gfn);
	}
	return piece(dp, t->stored[index], t->level, level, offset);
}

/* A leaf was used: what a CPU marks in its entry, for the pieces of one. */
static void mark_large(const struct gn_dp *dp, uint32_t table, uint64_t bits)
{
	struct gn_dp_table *t = gn_dp_table_at(dp, table);
	unsigned index = 0;

	while (t->flags & GN_DP_SPLIT) {
		index = t->index;
		t = gn_dp_table_at(dp, (uint32_t)t->gfn);
	}
	t->stored[index] |= bits;
}

void gn_dp_store(struct gn_dp *dp, uint32_t table, unsigned index,
		 uint64_t gpte)
{
	struct gn_dp_table *t = gn_dp_table_at(dp, table);

	gn_dp_drop(dp, table, index);
	t->stored[index] = gpte;
	gn_dirty_mark(&dp->mem->dirty, t->gfn);
}

/* ---- empty ------------------------------------------------------------- */

static void drop_leaf(struct gn_dp *dp, uint32_t table, unsigned index)
{
	struct gn_dp_table *t = gn_dp_table_at(dp, table);
	uint64_t gfn, old;

	if (!t->cells[index]) {
		return;
	}
	gfn = leaf_gfn(dp, table, index);
	old = __atomic_exchange_n(&t->machine[index], 0, __ATOMIC_ACQ_REL);
	if (t->stored) {
		t->stored[index] |= old & GN_DP_AD;
	}
	list_remove(dp, gfn, t->cells[index]);
	t->cells[index] = 0;
	dp->stale = true;
	dp->counts.drops++;
}

static void drop_link(struct gn_dp *dp, struct gn_dp_table *t, unsigned index)
{
	uint64_t old = __atomic_exchange_n(&t->machine[index], 0,
					   __ATOMIC_ACQ_REL);

	if (t->stored) {
		t->stored[index] |= old & X86_PTE_A;
	}
	t->cells[index] = 0;
	dp->stale = true;
	dp->counts.drops++;
}

/* Take a split out from below its large leaf; it may hold splits itself. */
static void drop_split(struct gn_dp *dp, uint32_t split)
{
	struct gn_dp_table *s = gn_dp_table_at(dp, split);

	for (unsigned i = 0; i < GN_DP_ENTRIES; i++) {
		if (!(s->cells[i] & GN_DP_LINK)) {
			drop_leaf(dp, split, i);
			continue;
		}
		uint32_t below = s->cells[i] & ~GN_DP_LINK;

		for (unsigned n = 0; n < GN_DP_ENTRIES; n++) {
			drop_leaf(dp, below, n);
		}
		drop_link(dp, s, i);
		gn_dp_split_free(dp, below);
	}
}

void gn_dp_drop(struct gn_dp *dp, uint32_t table, unsigned index)
{
	struct gn_dp_table *t = gn_dp_table_at(dp, table);
	uint32_t target = t->cells[index] & ~GN_DP_LINK;

	if (!(t->cells[index] & GN_DP_LINK)) {
		drop_leaf(dp, table, index);
	} else if (gn_dp_table_at(dp, target)->flags & GN_DP_SPLIT) {
		drop_split(dp, target);
		drop_link(dp, t, index);
		gn_dp_split_free(dp, target);
	} else {
		drop_link(dp, t, index);
		gn_dp_let_go(dp, target);
	}
}

static void drop_list(struct gn_dp *dp, uint64_t base, unsigned level,
		      bool writable_only)
{
	const struct gn_frame *frame = gn_frames_find(&dp->frames, base);
	uint32_t number = frame ? frame->rmap : 0;

	while (number) {
		const struct gn_dp_cell *cell = cell_at(dp, number);
		const struct gn_dp_table *t = gn_dp_table_at(dp, cell->table);

		number = cell->next;
		if (t->level >= level &&
		    (!writable_only ||
		     (t->machine[cell->index] & X86_PTE_W))) {
			gn_dp_drop(dp, cell->table, cell->index);
		}
	}
}

void gn_dp_drop_frame(struct gn_dp *dp, uint64_t gfn, bool writable_only)
{
	for (unsigned level = 3; level > 0; level--) {
		uint64_t base = gn_align_down(gfn, gn_level_frames(level));

		if (level == 1 || base != gfn) {
			drop_list(dp, base, level, writable_only);
		}
	}
}

/* ---- fill -------------------------------------------------------------- */

static enum gn_dp_fill link_table(struct gn_dp *dp, uint32_t table,
				  unsigned index, uint64_t gpte, uint64_t gfn)
{
	struct gn_dp_table *t = gn_dp_table_at(dp, table);
	uint64_t mask = dp->ctx.format->level[t->level].table_frame;
	enum gnomon_status status;
	uint32_t child;

	if (t->machine[index]) {
		return GN_DP_FILLED;
	}
	status = gn_dp_promote(dp, gfn, t->level - 1u, &child);
	if (status != GNOMON_OK) {
		return status == GNOMON_EXISTS ? GN_DP_CLASH :
		       status == GNOMON_MORE ? GN_DP_NOT_NOW :
		       status == GNOMON_NOMEM ? GN_DP_NO_MEMORY : GN_DP_NOTHING;
	}
	t->cells[index] = GN_DP_LINK | child;
	gn_dp_hold(dp, child);
	put(dp, t, index, (gpte & ~mask) | gn_dp_table_at(dp, child)->hpa);
	return GN_DP_FILLED;
}

/* May a leaf of this level map the block as one? */
static bool fits(const struct gn_dp *dp, uint64_t gfn, unsigned level,
		 const struct gnomon_frame *frame)
{
	unsigned order = 9 * (level - 1);

	return level == 1 ||
	       ((dp->config.options & GNOMON_OPT_LARGE) &&
		frame->order >= order &&
		(frame->kind == GNOMON_FRAME_RAM ||
		 frame->kind == GNOMON_FRAME_ROM) &&
		!gn_frames_marked(&dp->frames, gfn, order) &&
		!gn_dirty_logged(&dp->mem->dirty, gfn,
				 gn_level_frames(level)));
}

static bool may_write(struct gn_dp *dp, const struct gn_dp_table *t,
		      uint64_t gfn, uint64_t gpte, bool write,
		      const struct gnomon_frame *frame)
{
	if (!(gpte & X86_PTE_W) || !frame->writable ||
	    frame->kind != GNOMON_FRAME_RAM ||
	    (t->level == 1 && gn_dp_find(dp, gfn)) ||
	    /* The CPU would set D in the piece, not in the guest's leaf. */
	    ((t->flags & GN_DP_SPLIT) && !write && !(gpte & X86_PTE_D))) {
		return false;
	}
	if (write) {
		gn_dirty_mark(&dp->mem->dirty, gfn);
	}
	return !gn_dirty_clean(&dp->mem->dirty, gfn);
}

static enum gn_dp_fill fill_leaf(struct gn_dp *dp, uint32_t table,
				 unsigned index, uint64_t gpte, uint64_t gfn,
				 bool write)
{
	struct gn_dp_table *t = gn_dp_table_at(dp, table);
	uint64_t mask = dp->ctx.format->level[t->level].leaf_frame;
	struct gnomon_frame frame;
	uint64_t entry;

	gn_slots_frame(dp->slots, dp->host, dp->host_ctx, gn_gfn(gfn),
		       GNOMON_WANT_READ | (write ? GNOMON_WANT_WRITE : 0u),
		       &frame);
	if (!fits(dp, gfn, t->level, &frame)) {
		return GN_DP_BELOW;
	}
	if (frame.kind != GNOMON_FRAME_RAM && frame.kind != GNOMON_FRAME_ROM) {
		return frame.kind == GNOMON_FRAME_NOT_NOW ? GN_DP_NOT_NOW
							  : GN_DP_NOTHING;
	}
	/* A leaf would not help it: the VMM's to answer. */
	if (write && !frame.writable) {
		return GN_DP_NOTHING;
	}
	if (gn_frames_ensure(&dp->frames, gfn) != GNOMON_OK ||
	    gn_slab_reserve(&dp->cells, 1) != GNOMON_OK) {
		return GN_DP_NO_MEMORY;
	}
	entry = (gpte & ~mask) | gn_hfn_hpa(frame.hfn).v;
	if (!may_write(dp, t, gfn, gpte, write, &frame)) {
		entry &= ~X86_PTE_W;
	}
	if ((t->machine[index] | GN_DP_AD) == (entry | GN_DP_AD)) {
		return GN_DP_FILLED;
	}
	gn_dp_drop(dp, table, index);
	list_add(dp, gfn, table, index);
	put(dp, t, index, entry);
	return GN_DP_FILLED;
}

static enum gn_dp_fill fill_piece(struct gn_dp *dp, uint32_t table,
				  unsigned index, bool write)
{
	uint64_t gpte = gn_dp_gpte(dp, table, index);
	struct gn_gpt_entry e;

	gn_gpt_decode(&dp->ctx, gn_dp_table_at(dp, table)->level, gpte, &e);
	return fill_leaf(dp, table, index, gpte,
			 e.frame.v >> GNOMON_PAGE_SHIFT, write);
}

/* Put a split below a large leaf, with all that it can map at once. */
static enum gn_dp_fill link_split(struct gn_dp *dp, uint32_t table,
				  unsigned index)
{
	struct gn_dp_table *t = gn_dp_table_at(dp, table);
	uint32_t split = t->cells[index] & ~GN_DP_LINK;

	if (t->cells[index] & GN_DP_LINK) {
		return GN_DP_BELOW;
	}
	split = gn_dp_split_new(dp, table, index);
	if (!split) {
		return GN_DP_NO_MEMORY;
	}
	gn_dp_drop(dp, table, index);
	for (unsigned i = 0; i < GN_DP_ENTRIES; i++) {
		fill_piece(dp, split, i, false);
	}
	t->cells[index] = GN_DP_LINK | split;
	put(dp, t, index, LINK_BITS | gn_dp_table_at(dp, split)->hpa);
	dp->counts.splits++;
	return GN_DP_BELOW;
}

enum gn_dp_fill gn_dp_fill(struct gn_dp *dp, uint32_t table, unsigned index,
			   bool write)
{
	const struct gn_dp_table *t = gn_dp_table_at(dp, table);
	uint64_t gpte = gn_dp_gpte(dp, table, index);
	struct gn_gpt_entry e;
	enum gn_dp_fill result;
	uint64_t gfn;

	gn_gpt_decode(&dp->ctx, t->level, gpte, &e);
	gfn = e.frame.v >> GNOMON_PAGE_SHIFT;
	if (e.kind == GN_GPT_TABLE) {
		return link_table(dp, table, index, gpte, gfn);
	}
	if (e.kind != GN_GPT_LEAF) {
		return GN_DP_NOTHING;
	}
	result = fill_leaf(dp, table, index, gpte, gfn, write);
	if (result == GN_DP_BELOW) {
		return link_split(dp, table, index);
	}
	if (result == GN_DP_FILLED && (t->flags & GN_DP_SPLIT)) {
		mark_large(dp, table,
			   write ? GN_DP_AD : X86_PTE_A);
	}
	return result;
}
