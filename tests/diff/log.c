/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The dirty log. A frame that was written has its bit, or, where the CPU keeps
 * the log, will be in what the next clear takes; and each bit that was set is
 * in the ring, once, or counted as lost to it.
 */
#include "tests/diff/host.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LOG_FRAMES 8192u
#define LOG_WORDS (LOG_FRAMES / 64)
#define LOG_ID 2u

static bool is_set(const uint64_t *bits, uint64_t at)
{
	return bits[at / 64] >> at % 64 & 1;
}

static void put_bit(uint64_t *bits, uint64_t at, bool value)
{
	bits[at / 64] &= ~(UINT64_C(1) << at % 64);
	bits[at / 64] |= (uint64_t)value << at % 64;
}

void log_written(struct world *w, uint64_t gfn)
{
	const struct world_log *d = &w->dirty;
	uint64_t at = gfn - d->of.first.v;

	if (!d->of.bitmap || at >= LOG_FRAMES || is_set(d->of.bitmap, at)) {
		return;
	}
	if (d->cpu_stores && (d->of.flags & GNOMON_DIRTY_BY_CPU)) {
		w->n.owed++;
		put_bit(d->owed, at, true);
		return;
	}
	world_fail(w, "a write to gfn %#" PRIx64 " is not in the log", gfn);
}

/* ---- the ring ----------------------------------------------------------- */

/* Empty it into *seen; how many came, or were lost. */
static uint64_t take_all(struct world *w, uint64_t *seen)
{
	struct gnomon_dirty_ring *ring = &w->dirty.ring;
	uint64_t count = 0, lost = ring->lost;
	gnomon_gfn_t gfn;

	while (gnomon_dirty_ring_take(ring, &gfn)) {
		uint64_t at = gfn.v - w->dirty.of.first.v;

		if (at >= LOG_FRAMES || is_set(seen, at)) {
			world_fail(w, "gfn %#" PRIx64 " is in the ring twice, "
				   "or not in the log", gfn.v);
			return 0;
		}
		put_bit(seen, at, true);
		count++;
	}
	ring->lost = 0;
	w->n.ringed += count;
	w->n.lost += lost;
	return count + lost;
}

/* News of frames first..end-1 are in copy, of all others in the bitmap. */
static void check_ring(struct world *w, uint64_t first, uint64_t end)
{
	struct world_log *d = &w->dirty;
	uint64_t seen[LOG_WORDS] = { 0 }, count, fresh = 0;

	if (!d->of.ring) {
		return;
	}
	count = take_all(w, seen);
	for (uint64_t at = 0; at < LOG_FRAMES; at++) {
		const uint64_t *bits = at >= first && at < end ? d->copy :
								 d->of.bitmap;
		bool news = is_set(bits, at) && !is_set(d->known, at);

		fresh += news;
		if (is_set(seen, at) && !news) {
			world_fail(w, "gfn %#" PRIx64 " is in the ring, but "
				   "its bit is not new",
				   at + d->of.first.v);
		}
	}
	if (count != fresh) {
		world_fail(w, "%" PRIu64 " bits were set, but %" PRIu64
			   " frames put into the ring or lost", fresh, count);
	}
}

void log_ring(struct world *w)
{
	struct world_log *d = &w->dirty;

	if (d->of.bitmap && !w->failed) {
		check_ring(w, 0, 0);
		memcpy(d->known, d->of.bitmap, LOG_WORDS * 8);
	}
}

/* ---- start, clear, stop ------------------------------------------------- */

static uint64_t *new_bits(bool set)
{
	uint64_t *bits = malloc(LOG_WORDS * sizeof(*bits));

	if (!bits) {
		abort();
	}
	memset(bits, set ? 0xff : 0, LOG_WORDS * sizeof(*bits));
	return bits;
}

void log_free(struct world *w)
{
	struct world_log *d = &w->dirty;

	free(d->of.bitmap);
	free(d->known);
	free(d->owed);
	free(d->copy);
	free(d->ring.entry);
	*d = (struct world_log){ 0 };
}

static void start(struct world *w, uint64_t bits)
{
	struct world_log *d = &w->dirty;
	struct gnomon_dirty_log log = { .id = LOG_ID, .frames = LOG_FRAMES };
	bool set = bits & 1, ring = bits & 6;
	enum gnomon_status s;

	log.flags = (set ? GNOMON_DIRTY_INITIALLY_SET : 0) |
		    (bits & 24 ? GNOMON_DIRTY_BY_CPU : 0);
	log.first.v = bits & 32 ? 37 : 0;
	log.bitmap = new_bits(set);
	*d = (struct world_log){ .known = new_bits(set),
				 .owed = new_bits(false),
				 .copy = new_bits(false) };
	d->ring.size = 1u << (bits >> 8 & 7);
	d->ring.entry = calloc(d->ring.size, sizeof(*d->ring.entry));
	log.ring = ring ? &d->ring : NULL;
	do {
		uint32_t budget = w->slot_budget;

		s = gnomon_dirty_start(w->vm, &log, &budget);
	} while (world_more(w, s, &bits));
	d->of = log;
	if (s != GNOMON_OK) {
		world_refused(w, "dirty_start", s);
		log_free(w);
	}
}

/* The call has taken frames first..end-1: what was written is among them. */
static void taken(struct world *w, uint64_t first, uint64_t end)
{
	struct world_log *d = &w->dirty;

	check_ring(w, first, end);
	memcpy(d->known, d->of.bitmap, LOG_WORDS * 8);
	for (uint64_t at = first; at < end; at++) {
		if (is_set(d->owed, at) && !is_set(d->copy, at)) {
			world_fail(w, "the CPU wrote to gfn %#" PRIx64
				   ", and the clear has not taken it",
				   at + d->of.first.v);
		}
		put_bit(d->owed, at, false);
	}
}

static void clear(struct world *w, uint64_t bits)
{
	struct world_log *d = &w->dirty;
	uint64_t base = d->of.first.v;
	struct gnomon_range range = { .first = { base + (bits >> 8 & 4095) },
				      .frames = 1 + (bits >> 24 & 4095) };
	enum gnomon_status s;

	memset(d->copy, 0, LOG_WORDS * 8);
	do {
		uint32_t budget = w->slot_budget;
		uint64_t before[LOG_WORDS], from = range.first.v - base;

		log_ring(w);
		memcpy(before, d->of.bitmap, sizeof(before));
		s = gnomon_dirty_clear(w->vm, LOG_ID, &range, d->copy,
				       &budget);
		for (uint64_t at = from; at < range.first.v - base; at++) {
			if (is_set(before, at) && !is_set(d->copy, at)) {
				world_fail(w, "a clear has lost gfn %#" PRIx64,
					   at + base);
			}
		}
		taken(w, from, range.first.v - base);
	} while (world_more(w, s, &bits));
	if (s != GNOMON_OK) {
		world_refused(w, "dirty_clear", s);
	}
}

static void stop(struct world *w)
{
	enum gnomon_status s;

	log_ring(w);
	s = gnomon_dirty_stop(w->vm, LOG_ID);
	log_free(w);
	if (s != GNOMON_OK) {
		world_refused(w, "dirty_stop", s);
	}
}

/* A few of the guest's, where it is most often. */
static void stores(struct world *w, unsigned vcpu, uint64_t bits)
{
	for (unsigned i = 0; i < 4 && !w->failed; i++) {
		struct op op = { .kind = OP_ACCESS, .vcpu = vcpu & 1 };

		op.a = world_mix(bits + i) & ~(UINT64_C(3) << 48);
		op.b = op.a << 12 | 4 << 8;	/* a user's store */
		world_step(w, &op);
	}
}

/* Taken twice: what a TLB holds must not keep the second one from knowing. */
static void clear_twice(struct world *w, const struct op *op)
{
	stores(w, op->vcpu, op->b);
	clear(w, op->a);
	stores(w, op->vcpu, op->b);
	clear(w, op->a);
}

void log_exec(struct world *w, const struct op *op)
{
	if (!w->dirty.of.bitmap) {
		start(w, op->a);
	} else if (op->b & 8) {
		clear_twice(w, op);
	} else if (op->b & 7) {
		clear(w, op->a);
	} else {
		stop(w);
	}
}
