/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The slots of a world, and those of them that go and come: one with memory
 * of its own, the aliases, and what shows at one place inside SMM and
 * outside.
 */
#include "tests/diff/host.h"

enum { SLOT_LOW, SLOT_LARGE, SLOT_CALLS, SLOT_COMING, SLOT_READONLY,
       SLOT_ROM, SLOT_BIG, SLOT_ALIAS_LOW, SLOT_ALIAS_LARGE, SLOT_SMM,
       SLOT_NO_SMM };

#define COMING_FIRST 5120u
#define COMING_FRAMES 64u

bool world_in_smm(const struct world *w, uint64_t gfn)
{
	return w->p.smm && gfn - DIFF_SMM_FIRST < DIFF_SMM_FRAMES;
}

void world_view(struct world *w, unsigned vcpu)
{
	w->fh->smm = w->regs[vcpu].smm;
}

static void slot_set(struct world *w, uint32_t id, uint64_t first,
		     uint64_t frames, uint32_t flags, bool window)
{
	uint32_t live_max = w->fh->live_max;
	struct gnomon_slot slot;
	enum gnomon_status s;

	if (w->p.slots_out >> id & 1) {
		return;
	}
	slot = fh_slot(w->fh, id, first, frames, flags, window);
	s = gnomon_slot_set(w->vm, &slot);
	if (s == GNOMON_NOMEM) {
		w->fh->live_max = 0;
		s = gnomon_slot_set(w->vm, &slot);
		w->fh->live_max = live_max;
	}
	if (s != GNOMON_OK) {
		world_fail(w, "slot_set(%u): %s", id, gnomon_status_text(s));
	}
}

/* It goes with its target, where that is left out. */
static void alias_set(struct world *w, uint32_t id, uint64_t first,
		      uint64_t frames, uint64_t target)
{
	struct gnomon_slot slot = fh_alias(w->fh, id, first, frames, target);
	enum gnomon_status s = GNOMON_ABSENT;

	if (!(w->p.slots_out >> id & 1)) {
		s = gnomon_slot_set(w->vm, &slot);
	}
	if (s != GNOMON_OK) {
		fh_slot_forget(w->fh, id);
	}
	if (s != GNOMON_OK && s != GNOMON_ABSENT) {
		world_fail(w, "slot_set(%u): %s", id, gnomon_status_text(s));
	}
}

/* The frames of the coming slot differ each time, their contents do not. */
static void set_coming(struct world *w, uint64_t bits)
{
	for (unsigned i = 0; i < COMING_FRAMES; i++) {
		uint64_t f = world_mix(bits + i);
		struct fh_frame *frame = &w->fh->frame[COMING_FIRST + i];

		*frame = (struct fh_frame){ .kind = GNOMON_FRAME_RAM,
					    .write = f & 7,
					    .cow = (f & 15) == 0 };
		if ((f >> 8 & 7) == 0) {
			frame->kind = GNOMON_FRAME_NOT_NOW;
		}
	}
	slot_set(w, SLOT_COMING, COMING_FIRST, COMING_FRAMES, 0,
		 w->p.windows && (bits & 64));
}

/* What it shows may be something else than before. */
static void set_one(struct world *w, uint32_t id, uint64_t bits)
{
	uint64_t moved = (bits >> 32 & 7) == 0 ? bits >> 36 & 3 : 0;

	switch (id) {
	case SLOT_ALIAS_LOW:
		alias_set(w, id, DIFF_ALIAS_LOW, 256 - moved, moved);
		break;
	case SLOT_ALIAS_LARGE:
		alias_set(w, id, DIFF_ALIAS_LARGE, 2048 - 512 * moved,
			  1024 + 512 * moved);
		break;
	case SLOT_SMM:
		slot_set(w, id, DIFF_SMM_FIRST, DIFF_SMM_FRAMES,
			 GNOMON_SLOT_SMM, w->p.windows);
		break;
	case SLOT_NO_SMM:
		slot_set(w, id, DIFF_SMM_FIRST, DIFF_SMM_FRAMES,
			 GNOMON_SLOT_NO_SMM, w->p.windows && (bits & 64));
		break;
	default:
		set_coming(w, bits);
		break;
	}
}

void world_slots(struct world *w)
{
	struct fh_frame ram = { .kind = GNOMON_FRAME_RAM, .write = true };

	ram.order = 9;
	fh_frames(w->fh, 1024, 2048, ram);
	ram.order = 18;
	slot_set(w, SLOT_LOW, 0, 256, 0, w->p.windows);
	slot_set(w, SLOT_LARGE, 1024, 2048, 0, w->p.windows);
	slot_set(w, SLOT_CALLS, 4096, 64, 0, false);
	/* A frame that is a device in the middle of RAM. */
	w->fh->frame[4096 + 40].kind = GNOMON_FRAME_MMIO;
	w->fh->frame[4096 + 41].kind = GNOMON_FRAME_NOT_NOW;
	w->fh->frame[4096 + 42] = (struct fh_frame){
		.kind = GNOMON_FRAME_RAM, .cow = true };
	slot_set(w, SLOT_READONLY, 6144, 8, GNOMON_SLOT_READONLY,
		 w->p.windows);
	slot_set(w, SLOT_ROM, 6160, 8, GNOMON_SLOT_ROM, w->p.windows);
	if (w->p.big) {
		fh_frames(w->fh, FH_BIG_FIRST, FH_BIG_FRAMES, ram);
		slot_set(w, SLOT_BIG, FH_BIG_FIRST, FH_BIG_FRAMES, 0, true);
	}
	if (w->p.alias) {
		set_one(w, SLOT_ALIAS_LOW, 0);
		set_one(w, SLOT_ALIAS_LARGE, 0);
	}
	if (w->p.smm) {
		set_one(w, SLOT_SMM, 0);
		set_one(w, SLOT_NO_SMM, w->p.seed);
	}
	set_coming(w, w->p.seed);
}

/* ---- one goes, or comes ------------------------------------------------- */

bool world_leaving(const struct world *w, uint64_t gfn)
{
	const struct gnomon_slot *s = &w->fh->slot[w->leaving];

	return w->slot_leaving &&
	       (gfn & (GNOMON_SMM_GFN - 1)) - s->first.v < s->frames;
}

void world_slot_step(struct world *w)
{
	const struct gnomon_slot *slot = &w->fh->slot[w->leaving];
	uint32_t budget = w->slot_budget;
	enum gnomon_status s = gnomon_slot_delete(w->vm, w->leaving, &budget);

	if (s == GNOMON_OK) {
		fh_slot_forget(w->fh, w->leaving);
		if (!(slot->flags & (GNOMON_SLOT_ALIAS | GNOMON_SLOT_SMM))) {
			host_watch_gone(w, slot->first.v, slot->frames);
		}
		w->slot_leaving = false;
	} else if (s != GNOMON_MORE) {
		world_refused(w, "slot_delete", s);
	}
}

/* What an alias shows, or has not let go of yet, must stay. */
static void try_target(struct world *w)
{
	uint32_t budget = w->slot_budget;
	bool shown = w->fh->slot_used[SLOT_ALIAS_LOW];
	enum gnomon_status s;

	if (shown && w->fh->slot_used[SLOT_LOW]) {
		s = gnomon_slot_delete(w->vm, SLOT_LOW, &budget);
		if (s != GNOMON_EXISTS) {
			world_refused(w, "slot_delete of a target", s);
		}
	}
}

static uint32_t choose(const struct world *w, uint64_t bits)
{
	switch (bits >> 16 & 7) {
	case 1: case 2:
		return w->p.alias ? SLOT_ALIAS_LOW : SLOT_COMING;
	case 3:
		return w->p.alias ? SLOT_ALIAS_LARGE : SLOT_COMING;
	case 4: case 5:
		return w->p.smm ? SLOT_SMM : SLOT_COMING;
	case 6:
		return w->p.smm ? SLOT_NO_SMM : SLOT_COMING;
	default:
		return SLOT_COMING;
	}
}

void world_slot(struct world *w, const struct op *op)
{
	uint32_t id = choose(w, op->a);

	if ((op->a >> 24 & 3) == 1) {
		try_target(w);
	}
	if (w->slot_leaving) {
		world_slot_step(w);
	} else if (w->fh->slot_used[id]) {
		w->leaving = id;
		w->slot_leaving = true;
		w->n.slots++;
		world_slot_step(w);
	} else {
		set_one(w, id, op->a);
	}
}
