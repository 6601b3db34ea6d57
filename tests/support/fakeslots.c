/* SPDX-License-Identifier: BSD-2-Clause */
/* Which slots the fake host has, and what they let happen to a frame. */
#include "tests/support/fakehost.h"

/* Of memory that nobody may write. */
#define FLAGS (GNOMON_SLOT_READONLY | GNOMON_SLOT_ROM)

/* Of memory: the first that the slot has or shows. */
static uint64_t first_of(const struct gnomon_slot *s)
{
	if (s->flags & GNOMON_SLOT_ALIAS) {
		return s->target.v;
	}
	return s->first.v + (s->flags & GNOMON_SLOT_SMM ? GNOMON_SMM_GFN : 0);
}

struct gnomon_slot fh_slot(struct fakehost *fh, uint32_t id, uint64_t first,
			   uint64_t frames, uint32_t flags, bool window)
{
	fh->slot[id] = (struct gnomon_slot){
		.id = id,
		.flags = flags,
		.first = { first },
		.frames = frames,
	};
	if (window) {
		fh->slot[id].hva = fh_at(fh, first_of(&fh->slot[id]) << 12);
	}
	fh->slot_used[id] = true;
	fh->slot_end = id < fh->slot_end ? fh->slot_end : id + 1;
	return fh->slot[id];
}

struct gnomon_slot fh_alias(struct fakehost *fh, uint32_t id, uint64_t first,
			    uint64_t frames, uint64_t target)
{
	fh_slot(fh, id, first, frames, GNOMON_SLOT_ALIAS, false);
	fh->slot[id].target.v = target;
	return fh->slot[id];
}

uint64_t fh_memory(const struct fakehost *fh, uint64_t gpa)
{
	uint32_t not_seen = fh->smm ? GNOMON_SLOT_NO_SMM : GNOMON_SLOT_SMM;
	bool hidden = false;

	for (unsigned i = 0; i < fh->slot_end; i++) {
		const struct gnomon_slot *s = &fh->slot[i];
		uint64_t at = gpa - (s->first.v << 12);

		if (!fh->slot_used[i] || at >> 12 >= s->frames) {
			continue;
		}
		if (s->flags & not_seen) {
			hidden = true;
		} else {
			return (first_of(s) << 12) + at;
		}
	}
	/* Outside SMM no memory has the number of a place that shows none. */
	return hidden && fh->smm ? UINT64_MAX << 12 : gpa;
}

uint64_t fh_seen(const struct fakehost *fh, uint64_t gpa, unsigned bytes)
{
	return fh_load(fh, fh_memory(fh, gpa), bytes);
}

void fh_slot_forget(struct fakehost *fh, uint32_t id)
{
	fh->slot_used[id] = false;
}

const struct gnomon_slot *fh_slot_of(const struct fakehost *fh, uint64_t gfn)
{
	for (unsigned i = 0; i < fh->slot_end; i++) {
		if (fh->slot_used[i] &&
		    !(fh->slot[i].flags & GNOMON_SLOT_ALIAS) &&
		    gfn - first_of(&fh->slot[i]) < fh->slot[i].frames) {
			return &fh->slot[i];
		}
	}
	return NULL;
}

bool fh_readable(const struct fakehost *fh, uint64_t gfn)
{
	return fh_slot_of(fh, gfn) &&
	       (fh->frame[fh_index(gfn)].kind == GNOMON_FRAME_RAM ||
		fh->frame[fh_index(gfn)].kind == GNOMON_FRAME_ROM ||
		fh->frame[fh_index(gfn)].kind == GNOMON_FRAME_NOT_NOW);
}

bool fh_storable(const struct fakehost *fh, uint64_t gfn)
{
	const struct gnomon_slot *slot = fh_slot_of(fh, gfn);
	const struct fh_frame *f = slot ? &fh->frame[fh_index(gfn)] : NULL;

	if (!slot || (slot->flags & FLAGS)) {
		return false;
	}
	return slot->hva || f->kind == GNOMON_FRAME_NOT_NOW ||
	       (f->kind == GNOMON_FRAME_RAM && (f->write || f->cow));
}

bool fh_mappable(const struct fakehost *fh, uint64_t gfn)
{
	return fh_slot_of(fh, gfn) &&
	       (fh->frame[fh_index(gfn)].kind == GNOMON_FRAME_RAM ||
		fh->frame[fh_index(gfn)].kind == GNOMON_FRAME_ROM);
}

bool fh_writable(const struct fakehost *fh, uint64_t gfn)
{
	const struct gnomon_slot *slot = fh_slot_of(fh, gfn);
	const struct fh_frame *f = slot ? &fh->frame[fh_index(gfn)] : NULL;

	return slot && !(slot->flags & FLAGS) && f->write &&
	       f->kind == GNOMON_FRAME_RAM;
}

unsigned fh_read(void *arg, uint64_t gpa, unsigned bytes, uint64_t *values)
{
	const struct fakehost *fh = arg;
	uint64_t at = fh_memory(fh, gpa);

	if (fh_index(at >> 12) >= FH_FRAMES || !fh_readable(fh, at >> 12)) {
		return 0;
	}
	values[0] = fh_load(fh, at, bytes);
	return 1;
}
