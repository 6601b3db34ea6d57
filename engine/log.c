/* SPDX-License-Identifier: BSD-2-Clause */
/* Dirty logs: base/dirty.h keeps the bits, the tables keep the rights. */
#include "engine/calls.h"

#include "base/bits.h"
#include "direct/set.h"
#include "shadow/set.h"
#include "shadow/sync.h"

#define RING_MAX GN_BIT(30)

static bool ring_valid(const struct gnomon_dirty_ring *ring)
{
	return !ring || (ring->entry && ring->size &&
			 ring->size <= RING_MAX &&
			 (ring->size & (ring->size - 1)) == 0);
}

static bool log_valid(const struct gnomon_vm *vm,
		      const struct gnomon_dirty_log *log)
{
	return log->id < GNOMON_DIRTY_LOGS_MAX && log->bitmap && log->frames &&
	       ring_valid(log->ring) &&
	       log->first.v < gn_eng_frames(vm) &&
	       log->frames <= gn_eng_frames(vm) - log->first.v &&
	       !(log->flags & ~(uint32_t)(GNOMON_DIRTY_INITIALLY_SET |
					  GNOMON_DIRTY_BY_CPU));
}

static bool harvesting(const struct gnomon_vm *vm)
{
	return vm->np[0].harvesting;
}

static void tell_nested(struct gnomon_vm *vm, bool logging, bool harvesting)
{
	for (unsigned v = 0; v < gn_eng_views(vm); v++) {
		vm->np[v].logging = logging;
		vm->np[v].harvesting = harvesting;
	}
}

/* The cell to go on with, or null when id is taken by something else. */
static struct gn_dirty_log *begin(struct gnomon_vm *vm,
				  const struct gnomon_dirty_log *log)
{
	struct gn_dirty *dirty = &vm->mem.dirty;
	struct gn_dirty_log *l = &dirty->log[log->id];

	if (l->frames) {
		bool same = l->first == log->first.v &&
			    l->frames == log->frames &&
			    l->bits == log->bitmap && l->ring == log->ring;

		return same && l->next < l->first + l->frames ? l : NULL;
	}
	bool set = log->flags & GNOMON_DIRTY_INITIALLY_SET;
	bool by_cpu = log->flags & GNOMON_DIRTY_BY_CPU;

	if (dirty->count && by_cpu != harvesting(vm)) {
		return NULL;
	}

	*l = (struct gn_dirty_log){
		.first = log->first.v,
		.frames = log->frames,
		.bits = log->bitmap,
		.next = log->first.v + (set ? log->frames : 0),
		.ring = log->ring,
		.ring_size = log->ring ? log->ring->size : 0,
	};
	dirty->count++;
	tell_nested(vm, true, by_cpu);
	return l;
}

enum gnomon_status gn_eng_dirty_start(struct gnomon_vm *vm,
				      const struct gnomon_dirty_log *log,
				      uint32_t *budget)
{
	struct gn_dirty_log *l;
	uint32_t none;

	if (!log_valid(vm, log)) {
		return GNOMON_INVAL;
	}
	l = begin(vm, log);
	if (!l) {
		return GNOMON_EXISTS;
	}
	return gn_eng_range(vm, GN_ENG_PROTECT, &l->next,
			    l->first + l->frames,
			    gn_eng_budget(budget, &none));
}

static struct gn_dirty_log *find(struct gnomon_vm *vm, uint32_t id)
{
	struct gn_dirty *dirty = &vm->mem.dirty;

	return id < GNOMON_DIRTY_LOGS_MAX && dirty->log[id].frames
		       ? &dirty->log[id]
		       : NULL;
}

/* Clear up to the end of one word of the bitmap, from frame at on. */
static uint64_t take_word(const struct gn_dirty_log *log, uint64_t at,
			  uint64_t end, uint64_t *copy, uint64_t *bits)
{
	uint64_t word = at / 64;
	uint64_t stop = end < (word + 1) * 64 ? end : (word + 1) * 64;
	uint64_t mask = gn_mask((unsigned)((stop - 1) % 64),
				(unsigned)(at % 64));

	/* Mostly none is set; one that comes just now waits for its turn. */
	*bits = __atomic_load_n(&log->bits[word], __ATOMIC_RELAXED) & mask;
	if (*bits) {
		*bits = __atomic_fetch_and(&log->bits[word], ~mask,
					   __ATOMIC_ACQ_REL) & mask;
		if (copy) {
			copy[word] |= *bits;
		}
	}
	return stop;
}

/* Over whole words in which no bit is set, as far as the budget goes. */
static uint64_t skip_clean(const struct gn_dirty_log *log, uint64_t at,
			   uint64_t end, uint32_t *budget)
{
	uint32_t left = *budget;

	while (left && at % 64 == 0 && end - at >= 64 &&
	       !__atomic_load_n(&log->bits[at / 64], __ATOMIC_RELAXED)) {
		at += 64;
		left--;
	}
	*budget = left;
	return at;
}

/* The shadow's TLBs follow once, at the end of the call. */
static void protect_bits(struct gnomon_vm *vm, uint64_t first, uint64_t bits)
{
	for (; bits; bits &= bits - 1) {
		uint64_t gfn = first + (unsigned)__builtin_ctzll(bits);
		uint32_t none = UINT32_MAX;

		if (gn_eng_direct(vm)) {
			gn_dp_drop_frame(&vm->dp, gfn, true);
			continue;
		}
		gn_sh_protect(&vm->sh, gfn);
		if (!harvesting(vm) &&
		    gn_eng_nested(vm, GN_ENG_PROTECT, gfn, gfn + 1, &none) !=
			    GNOMON_OK) {
			break;
		}
	}
}

/*
 * GNOMON_DIRTY_BY_CPU: take over what the CPU has noted of as many words as
 * the budget lets the call take.
 */
static void harvest(struct gnomon_vm *vm, const struct gn_dirty_log *log,
		    uint64_t at, uint64_t end, uint32_t budget)
{
	uint64_t reach = (uint64_t)budget * 64;
	uint64_t frames = end - at < reach ? end - at : reach;
	uint64_t first = log->first + at;
	uint32_t none = UINT32_MAX;

	/* With such a limit it does not end early. */
	(void)(gn_eng_nested(vm, GN_ENG_HARVEST, first, first + frames,
			     &none) == GNOMON_OK);
}

enum gnomon_status gn_eng_dirty_clear(struct gnomon_vm *vm, uint32_t id,
				      struct gnomon_range *range,
				      uint64_t *copy, uint32_t *budget)
{
	const struct gn_dirty_log *log = find(vm, id);
	uint64_t at = log ? range->first.v - log->first : 0;
	uint64_t end = at + range->frames;
	uint32_t none;

	if (!log || at > log->frames || range->frames > log->frames - at) {
		return GNOMON_INVAL;
	}
	budget = gn_eng_budget(budget, &none);
	if (harvesting(vm)) {
		harvest(vm, log, at, end, *budget);
	}
	at = skip_clean(log, at, end, budget);
	while (at < end && *budget > 0) {
		uint64_t word = at / 64 * 64, bits;

		--*budget;
		at = take_word(log, at, end, copy, &bits);
		protect_bits(vm, log->first + word, bits);
		at = skip_clean(log, at, end, budget);
	}
	gn_sh_flush_stale(&vm->sh);
	if (gn_eng_direct(vm)) {
		gn_dp_settle(&vm->dp);
	}
	range->first.v = log->first + at;
	range->frames = end - at;
	return at < end ? GNOMON_MORE : GNOMON_OK;
}

enum gnomon_status gn_eng_dirty_stop(struct gnomon_vm *vm, uint32_t id)
{
	struct gn_dirty_log *log = find(vm, id);

	if (!log) {
		return GNOMON_INVAL;
	}
	*log = (struct gn_dirty_log){ 0 };
	vm->mem.dirty.count--;
	tell_nested(vm, vm->mem.dirty.count > 0,
		    harvesting(vm) && vm->mem.dirty.count > 0);
	return GNOMON_OK;
}
