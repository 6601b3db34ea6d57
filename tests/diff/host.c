/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/diff/host.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

bool host_changing(const struct world *w, uint64_t gfn)
{
	return gfn - w->change_first < w->change_frames;
}

void world_refused(struct world *w, const char *call, enum gnomon_status s)
{
	world_fail(w, "%s: %s", call, gnomon_status_text(s));
}

static void go_on(struct world *w, uint64_t *bits)
{
	struct op op = { .kind = OP_ACCESS, .vcpu = *bits & 1 };

	op.a = *bits = world_mix(*bits);
	op.b = *bits = world_mix(*bits);
	world_step(w, &op);
}

bool world_more(struct world *w, enum gnomon_status s, uint64_t *bits)
{
	if (s != GNOMON_MORE) {
		return false;
	}
	go_on(w, bits);
	return !w->failed;
}

bool world_more_pages(struct world *w, enum gnomon_status s, uint64_t *bits)
{
	if (s != GNOMON_NOMEM || !w->fh->live_max) {
		return world_more(w, s, bits);
	}
	w->n.nomem++;
	w->fh->live_max += 16;
	return !w->failed;
}

/* ---- frames change ------------------------------------------------------ */

static void change_frame(struct fh_frame *f, uint64_t bits)
{
	if (f->kind == GNOMON_FRAME_MMIO) {
		return;
	}
	f->moved ^= bits & 1;
	f->write = bits >> 1 & 7;
	f->cow = !f->write && (bits & 16);
	f->kind = (bits >> 5 & 7) == 0 ? GNOMON_FRAME_NOT_NOW :
					 GNOMON_FRAME_RAM;
}

/* A block of 2M keeps or loses its one host block as a whole. */
static void change_block(struct world *w, uint64_t first, uint64_t bits)
{
	struct fh_frame f = { .kind = GNOMON_FRAME_RAM, .write = true,
			      .order = bits & 1 ? 9 : 0,
			      .moved = bits >> 1 & 1 };

	fh_frames(w->fh, first, 512, f);
}

static void change_begin(struct world *w, uint64_t bits)
{
	bool block = (bits & 7) == 0;
	uint64_t first = block ? 1024 + (bits >> 8 & 3) * 512 :
		bits & 8 ? w->table[bits >> 8 & (DIFF_TABLES - 1)] :
			   w->data[bits >> 8 & (DIFF_DATA - 1)];
	uint32_t fixed = GNOMON_SLOT_READONLY | GNOMON_SLOT_ROM;

	if (world_in_smm(w, first) && (bits & 16)) {
		first += GNOMON_SMM_GFN;
	}
	const struct gnomon_slot *slot = fh_slot_of(w->fh, first);
	enum gnomon_status s;

	/* Frames of a large host block change with their block only. */
	if (!slot || (slot->flags & fixed) || w->slot_leaving ||
	    (!block && first >= 1024 && first < 3072)) {
		return;
	}
	w->change_first = first;
	w->change_frames = block ? 512 : 1;
	do {
		uint32_t budget = w->slot_budget;

		s = gnomon_host_change_begin(w->vm, (gnomon_gfn_t){ first },
					     w->change_frames, &budget);
	} while (world_more(w, s, &bits));
	if (s != GNOMON_OK) {
		world_refused(w, "host_change_begin", s);
		return;
	}
	if (block) {
		change_block(w, first, bits >> 16);
	} else {
		change_frame(&w->fh->frame[fh_index(first)], bits >> 16);
	}
}

static void change(struct world *w, uint64_t bits)
{
	if (w->change_frames == 0) {
		change_begin(w, bits);
		return;
	}
	enum gnomon_status s = gnomon_host_change_end(w->vm,
			(gnomon_gfn_t){ w->change_first }, w->change_frames);

	w->change_frames = 0;
	if (s != GNOMON_OK) {
		world_refused(w, "host_change_end", s);
	}
}

/* ---- watched frames ----------------------------------------------------- */

bool host_watched(const struct world *w, uint64_t gfn, uint32_t access)
{
	uint8_t watch = gfn < FH_SMALL_FRAMES ? w->watch[gfn] : 0;
	uint32_t kind = access & GNOMON_WRITE ? GNOMON_WATCH_WRITE :
			access & GNOMON_EXEC ? GNOMON_WATCH_EXEC : 0;

	return watch & (kind | GNOMON_WATCH_READ);
}

bool host_watch_moving(const struct world *w, uint64_t gfn)
{
	return gfn - w->watch_first < w->watch_frames;
}

void host_watch_gone(struct world *w, uint64_t first, uint64_t frames)
{
	memset(w->watch + first, 0, frames);
}

static void watch(struct world *w, uint64_t bits)
{
	bool many = (bits & 7) == 0;
	uint64_t first = bits & 8 ? w->table[bits >> 8 & (DIFF_TABLES - 1)] :
				    w->data[bits >> 8 & (DIFF_DATA - 1)];
	uint8_t kinds = (bits >> 16 & 7) == 0 ? bits >> 20 & 7 : 0;
	struct gnomon_range range = { .first = { first },
				      .frames = many ? 40 : 1 };
	enum gnomon_status s;

	if (first + range.frames > FH_SMALL_FRAMES || w->slot_leaving) {
		return;
	}
	w->watch_first = first;
	w->watch_frames = range.frames;
	do {
		uint32_t budget = w->slot_budget;

		s = gnomon_watch(w->vm, &range, kinds, &budget);
	} while (world_more_pages(w, s, &bits));
	if (s == GNOMON_OK) {
		memset(w->watch + first, kinds, w->watch_frames);
	} else {
		world_refused(w, "watch", s);
	}
	w->watch_frames = 0;
}

/* ---- the rest ----------------------------------------------------------- */

void host_zap(struct world *w)
{
	uint64_t bits = w->n.ops;
	enum gnomon_status s;

	do {
		uint32_t budget = w->slot_budget;

		s = gnomon_zap_all(w->vm, &budget);
	} while (world_more(w, s, &bits));
	if (s != GNOMON_OK) {
		world_refused(w, "zap_all", s);
	}
}

static void zap(struct world *w, uint64_t bits)
{
	uint32_t pages = bits >> 8 & 31;
	enum gnomon_status s;

	if (bits & 1) {
		host_zap(w);
		return;
	}
	do {
		uint32_t budget = w->slot_budget;

		s = gnomon_shrink(w->vm, &pages, &budget);
	} while (world_more(w, s, &bits));
	if (s != GNOMON_OK) {
		world_refused(w, "shrink", s);
	}
}

static void range(struct world *w, uint64_t bits)
{
	struct gnomon_range range = { .first = { bits >> 8 & 4095 },
				      .frames = 1 + (bits >> 24 & 4095) };
	uint64_t young = 0, kind = bits;
	enum gnomon_status s;

	do {
		uint32_t budget = w->slot_budget;

		s = kind & 1 ? gnomon_collapse(w->vm, &range, &budget) :
			       gnomon_young(w->vm, &range, kind & 2, &young,
					    &budget);
	} while (world_more(w, s, &bits));
	if (s != GNOMON_OK) {
		world_refused(w, kind & 1 ? "collapse" : "young", s);
	}
}

/* Fill or break up before the guest comes, who must not notice. */
static void ahead(struct world *w, const struct op *op)
{
	uint64_t bits = op->b;
	struct gnomon_span span = {
		.start = { world_gva(w, op->vcpu, op->a) & ~UINT64_C(0xfff) },
		.bytes = (1 + (op->a >> 8 & 63)) << 12 };
	struct gnomon_range range = { .first = { op->a >> 8 & 4095 },
				      .frames = 1 + (op->a >> 24 & 1023) };
	bool fill = op->b & 1;
	enum gnomon_status s;

	uint64_t last = span.start.v + span.bytes - 1;

	if (fill && (!ref_canonical(&w->regs[op->vcpu], span.start.v) ||
		     !ref_canonical(&w->regs[op->vcpu], last) ||
		     last < span.start.v)) {
		return;
	}
	do {
		uint32_t budget = w->slot_budget;

		s = fill ? gnomon_prefault(w->vcpu[op->vcpu], &span, &budget) :
			   gnomon_split(w->vm, &range, &budget);
	} while (world_more_pages(w, s, &bits));
	if (s != GNOMON_OK) {
		world_refused(w, fill ? "prefault" : "split", s);
	}
}

static void memory(struct world *w, uint64_t bits)
{
	if (w->p.live_max) {
		w->fh->live_max = w->fh->live[0] + w->fh->live[1] +
				  (bits & 15);
	}
}

void host_exec(struct world *w, const struct op *op)
{
	if (op->kind == OP_MEMORY) {
		memory(w, op->a);
	} else if (op->kind == OP_CHANGE) {
		change(w, op->a);
	} else if (op->kind == OP_ZAP) {
		zap(w, op->a);
	} else if (op->kind == OP_RANGE) {
		range(w, op->a);
	} else if (op->kind == OP_AHEAD) {
		ahead(w, op);
	} else if (op->kind == OP_WATCH) {
		watch(w, op->a);
	} else {
		log_exec(w, op);
	}
}
