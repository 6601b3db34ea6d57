/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/bits.h"
#include "nested/map.h"

/* Tables that one fault may look at to find one to drop. */
#define RECLAIM_TRIES 64

struct fault {
	struct gn_np *np;
	uint64_t gfn;		/* the guest's: where the leaf stands */
	uint64_t memory;	/* the frame that it shows */
	bool write;
	bool exec;
	struct gnomon_frame frame;
	struct gn_np_spot spot;
	struct gnomon_outcome *out;
	bool dirtied;
};

static void answer(struct fault *f, enum gnomon_action action,
		   enum gnomon_fault_kind kind)
{
	f->out->action = action;
	f->out->kind = kind;
}

static void bug(struct fault *f, const char *what)
{
	answer(f, GNOMON_STOP_BUG, GNOMON_KIND_NESTED);
	if (f->np->host->bug) {
		f->np->host->bug(f->np->ctx, what);
	}
}

/* Ask the host. False when its answer ends the fault. */
static bool step_frame(struct fault *f)
{
	const struct gn_np *np = f->np;

	if (f->gfn >= gn_np_gfn_limit(np)) {
		answer(f, GNOMON_DO_MMIO, GNOMON_KIND_MMIO);
		return false;
	}
	gn_np_frame(np, f->gfn,
		    f->write ? GNOMON_WANT_WRITE : GNOMON_WANT_READ, &f->frame);
	switch (f->frame.kind) {
	case GNOMON_FRAME_NOT_NOW:
		answer(f, GNOMON_RETRY, GNOMON_KIND_HOST);
		f->out->gpa.v += (f->memory - f->gfn) << GNOMON_PAGE_SHIFT;
		return false;
	case GNOMON_FRAME_ABSENT:
	case GNOMON_FRAME_MMIO:
		answer(f, GNOMON_DO_MMIO, GNOMON_KIND_MMIO);
		return false;
	case GNOMON_FRAME_RAM:
	case GNOMON_FRAME_ROM:
		break;
	}
	if (f->write && !f->frame.writable) {
		answer(f, GNOMON_DO_MMIO, GNOMON_KIND_MMIO);
		return false;
	}
	if (f->frame.hfn.v >> (np->config.maxphyaddr - GNOMON_PAGE_SHIFT)) {
		bug(f, "the host's frame is beyond its maxphyaddr");
		return false;
	}
	return true;
}

/* Does the leaf at the spot map gfn to what the host says now? */
static bool leaf_current(const struct fault *f)
{
	uint64_t mask = f->spot.frames - 1;
	uint64_t hfn = gn_np_entry_addr(f->spot.npte) >> GNOMON_PAGE_SHIFT;

	return (hfn & ~mask) + (f->gfn & mask) == f->frame.hfn.v;
}

static unsigned wanted_level(const struct fault *f)
{
	unsigned level = 1u + f->frame.order / 9u;
	unsigned most = f->np->config.leaf_levels;

	if (f->np->logging && f->write) {
		return 1;
	}
	level = level < most ? level : most;
	level = level < f->np->config.levels ? level : f->np->config.levels;
	while (gn_np_marked(f->np, f->memory, level)) {
		level--;
	}
	return level;
}

static const struct gn_tf_record *record_of(const struct fault *f)
{
	return f->np->tf ? gn_tf_find(f->np->tf, f->memory) : NULL;
}

/* The VMM's own interest in the frame. */
static bool step_watch(struct fault *f)
{
	const struct gn_tf_record *record = record_of(f);
	uint8_t now = f->write  ? GNOMON_WATCH_WRITE
		      : f->exec ? GNOMON_WATCH_EXEC
				: GNOMON_WATCH_READ;

	if (record && (record->watch & (now | GNOMON_WATCH_READ))) {
		answer(f, GNOMON_TRACKED, GNOMON_KIND_WATCH);
		return false;
	}
	return true;
}

/* A trace: whoever owns it has let go of it before, if it will. */
static bool step_trace(struct fault *f)
{
	const struct gn_tf_record *record = record_of(f);

	if (f->write && record && gn_tf_guarded(record)) {
		answer(f, GNOMON_EMULATE, GNOMON_KIND_TRACE);
		return false;
	}
	return true;
}

static bool on_path(const struct gn_np_table *table, uint64_t gfn)
{
	return (gfn - table->first) <
	       gn_level_frames(table->level) * GN_NP_ENTRIES;
}

static bool has_child(const struct gn_np_table *table)
{
	for (unsigned i = 0; table->level > 1 && i < GN_NP_ENTRIES; i++) {
		if (gn_np_child(table, i)) {
			return true;
		}
	}
	return false;
}

static void drop_table(struct gn_np *np, struct gn_np_table *table)
{
	const struct gn_np_format *format = np->config.format;

	/* The last clear retires the table, so used must not be read again. */
	for (unsigned i = 0, left = table->used; left > 0; i++) {
		if (gn_np_entry_kind(format, gn_np_read(table, i),
				     table->level) != GN_NP_HOLE) {
			left--;
			gn_np_clear(np, table, i);
		}
	}
	np->stats.recycled++;
}

/* Make room under tables_max: drop the oldest tables without children. */
static bool reclaim(struct fault *f, uint32_t need)
{
	struct gn_np *np = f->np;
	uint32_t max = np->config.tables_max;

	for (unsigned i = 0; i < RECLAIM_TRIES; i++) {
		if (np->stats.tables + need <= max) {
			return true;
		}
		struct gn_np_table *oldest = GN_CONTAINER(
			np->tables.prev, struct gn_np_table, all);

		if (on_path(oldest, f->gfn) || has_child(oldest)) {
			gn_list_del(&oldest->all);
			gn_list_add(&np->tables, &oldest->all);
		} else {
			drop_table(np, oldest);
		}
	}
	return np->stats.tables + need <= max;
}

/* Get what the commit may take. False: answered; no entry was added. */
static bool step_reserve(struct fault *f, uint32_t need)
{
	struct gn_np *np = f->np;

	if (need && np->config.tables_max) {
		bool room = reclaim(f, need);

		gn_np_settle(np);
		if (!room) {
			answer(f, GNOMON_STOP_NOMEM, GNOMON_KIND_NESTED);
			return false;
		}
		/* Emptied tables of the path may have gone as well. */
		need = np->config.levels - 1u;
	}
	if (gn_np_table_reserve(np, need) != GNOMON_OK) {
		answer(f, GNOMON_STOP_NOMEM, GNOMON_KIND_NESTED);
		return false;
	}
	return true;
}

static gnomon_hfn_t leaf_hfn(const struct fault *f)
{
	return gn_hfn(gn_align_down(f->frame.hfn.v, f->spot.frames));
}

static uint32_t leaf_rights(const struct fault *f)
{
	uint32_t rights = GN_NP_R | GN_NP_X;

	if (f->frame.writable) {
		rights |= GN_NP_HOST_W;
		rights |= f->write || !f->np->logging ? GN_NP_W : 0;
	}
	return rights & gn_np_rights_left(f->np, f->memory);
}

/* The frame becomes writable after this; dirtied: by a write that logs see. */
static void will_write(struct fault *f, bool dirtied)
{
	f->dirtied = dirtied;
	if (dirtied && f->np->dirty) {
		gn_dirty_mark(f->np->dirty, f->memory);
	}
}

static void count_around(const struct fault *f, uint64_t *sets,
			 uint64_t *around)
{
	unsigned filled = gn_np_around(f->np, &f->spot);

	*sets += filled;
	*around += filled;
}

/* Turn the hole at the spot into a leaf, with tables in between. */
static void commit_fill(struct fault *f, unsigned level)
{
	struct gn_np *np = f->np;

	while (f->spot.level > level) {
		gn_np_set_table(np, f->spot.table, f->spot.index,
				gn_np_table_make(np, f->spot.level - 1));
		gn_np_locate(np, f->gfn, &f->spot);
	}
	will_write(f, f->write && np->logging);
	gn_np_set_leaf(np, f->spot.table, f->spot.index, leaf_hfn(f),
		       leaf_rights(f));
	count_around(f, &np->stats.sets, &np->stats.around);
	if (np->host->event) {
		np->host->event(np->ctx, GNOMON_EVENT_FILL,
				f->gfn << GNOMON_PAGE_SHIFT, f->spot.level);
	}
}

static void step_hole(struct fault *f)
{
	unsigned level = wanted_level(f);

	level = level < f->spot.level ? level : f->spot.level;
	if (!step_reserve(f, f->spot.level - level)) {
		return;
	}
	/* Reclaim may have taken tables of the path away: look again. */
	gn_np_locate(f->np, f->gfn, &f->spot);
	if (f->spot.level < level) {
		level = f->spot.level;
	}
	commit_fill(f, level);
	answer(f, GNOMON_RESUME, GNOMON_KIND_NESTED);
}

/* A current leaf without W, and the host allows the write. */
static void step_raise(struct fault *f)
{
	struct gn_np *np = f->np;
	bool guarded = gn_np_entry_rights(np->config.format, f->spot.npte) &
		       GN_NP_HOST_W;
	unsigned level = guarded && !np->tf ? 1 : wanted_level(f);

	if (f->spot.level > level &&
	    !step_reserve(f, f->spot.level - level)) {
		return;
	}
	while (f->spot.level > level) {
		gn_np_split_spot(np, &f->spot);
		gn_np_locate(np, f->gfn, &f->spot);
		np->stats.around += gn_np_around_split(np, f->spot.table);
	}
	will_write(f, guarded || np->logging);
	gn_np_raise(np, f->spot.table, f->spot.index, GN_NP_W | GN_NP_HOST_W);
	answer(f, GNOMON_RESUME, GNOMON_KIND_NESTED);
}

static void step_leaf(struct fault *f)
{
	uint32_t rights = gn_np_entry_rights(f->np->config.format,
					     f->spot.npte);

	if (!leaf_current(f)) {
		/* The host moved it without telling: never keep the old. */
		gn_np_clear(f->np, f->spot.table, f->spot.index);
		gn_np_locate(f->np, f->gfn, &f->spot);
		step_hole(f);
		return;
	}
	if (f->write && !(rights & GN_NP_W)) {
		step_raise(f);
		return;
	}
	answer(f, GNOMON_RESUME, GNOMON_KIND_SPURIOUS);
}

bool gn_np_shrink_one(struct gn_np *np)
{
	for (uint32_t i = 0; i < np->stats.tables; i++) {
		struct gn_np_table *table = GN_CONTAINER(
			np->tables.prev, struct gn_np_table, all);

		if (table->parent && !has_child(table)) {
			drop_table(np, table);
			return true;
		}
		gn_list_del(&table->all);
		gn_list_add(&np->tables, &table->all);
	}
	return false;
}

/* ---- many vcpus at once -------------------------------------------------- */

/*
 * What one npte settles, for vcpus that hold the vm together: a hole at the
 * level of the wanted leaf is filled by a compare-exchange, W is added by an
 * atomic OR. Tables come and go and leaves lose rights under a vm held alone;
 * so do traces, watches, logs and host changes. Two holders can meet in a hole
 * only, and the second has nothing left to do.
 */
static bool share_leaf(struct fault *f, struct gnomon_stats *stats)
{
	uint32_t rights = gn_np_entry_rights(f->np->config.format,
					     f->spot.npte);

	if (!leaf_current(f)) {
		return false;
	}
	if (!f->write || (rights & GN_NP_W)) {
		answer(f, GNOMON_RESUME, GNOMON_KIND_SPURIOUS);
		return true;
	}
	if (f->spot.level > wanted_level(f)) {
		return false;
	}
	will_write(f, true);
	gn_np_raise_shared(f->np, f->spot.table, f->spot.index,
			   GN_NP_W | GN_NP_HOST_W);
	stats->nptes_set++;
	answer(f, GNOMON_RESUME, GNOMON_KIND_NESTED);
	return true;
}

static bool share_hole(struct fault *f, struct gnomon_stats *stats)
{
	const struct gn_np *np = f->np;

	if (f->spot.level > wanted_level(f)) {
		return false;
	}
	will_write(f, f->write && np->logging);
	if (!gn_np_fill_shared(np, f->spot.table, f->spot.index, leaf_hfn(f),
			       leaf_rights(f))) {
		answer(f, GNOMON_RESUME, GNOMON_KIND_SPURIOUS);
		return true;
	}
	stats->nptes_set++;
	count_around(f, &stats->nptes_set, &stats->nptes_around);
	answer(f, GNOMON_RESUME, GNOMON_KIND_NESTED);
	if (np->host->event) {
		np->host->event(np->ctx, GNOMON_EVENT_FILL,
				f->gfn << GNOMON_PAGE_SHIFT, f->spot.level);
	}
	return true;
}

bool gn_np_fault_shared(struct gn_np *np, gnomon_gpa_t gpa, uint32_t access,
			struct gnomon_stats *stats,
			struct gnomon_outcome *outcome)
{
	struct fault f = {
		.np = np,
		.gfn = gn_gpa_gfn(gpa).v,
		.memory = gn_np_memory(np, gn_gpa_gfn(gpa).v),
		.write = access & GNOMON_WRITE,
		.exec = access & GNOMON_EXEC,
		.out = outcome,
	};

	*outcome = (struct gnomon_outcome){ .gpa = gpa };
	if (!step_watch(&f) || !step_trace(&f) || !step_frame(&f)) {
		return true;
	}
	gn_np_locate(np, f.gfn, &f.spot);
	return gn_np_entry_kind(np->config.format, f.spot.npte,
				f.spot.level) == GN_NP_LEAF
		       ? share_leaf(&f, stats)
		       : share_hole(&f, stats);
}

void gn_np_fault(struct gn_np *np, gnomon_gpa_t gpa, uint32_t access,
		 struct gnomon_outcome *outcome, bool *dirtied)
{
	struct fault f = {
		.np = np,
		.gfn = gn_gpa_gfn(gpa).v,
		.memory = gn_np_memory(np, gn_gpa_gfn(gpa).v),
		.write = access & GNOMON_WRITE,
		.exec = access & GNOMON_EXEC,
		.out = outcome,
	};

	*outcome = (struct gnomon_outcome){ .gpa = gpa };
	if (step_watch(&f) && step_trace(&f) && step_frame(&f)) {
		gn_np_locate(np, f.gfn, &f.spot);
		if (gn_np_entry_kind(np->config.format, f.spot.npte,
				     f.spot.level) == GN_NP_LEAF) {
			step_leaf(&f);
		} else {
			step_hole(&f);
		}
		gn_np_settle(np);
	}
	if (dirtied) {
		*dirtied = f.dirtied;
	}
}
