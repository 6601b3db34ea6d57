/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A set-associative array of tags with one word of data each: TLBs, walk
 * caches and data caches are all of this kind. Tags are never 0.
 *
 * Look-ups are inline because a simulated access is one or two of them.
 */
#ifndef SIM_ASSOC_H
#define SIM_ASSOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "sim/arena.h"
#include "sim/preset.h"

struct sim_assoc {
	uint64_t *tags;		/* sets * ways; 0: empty */
	uint64_t *data;		/* NULL: tags alone */
	/*
	 * Per set. LRU with up to 16 ways: a permutation, four bits per way,
	 * most recent lowest, empty ways highest. NRU: a bit per way, set when
	 * used.
	 */
	uint64_t *order;
	uint64_t set_mask;
	uint64_t way_mask;	/* bit n for way n */
	uint64_t order_mask;	/* LRU: the nibbles that are ways; else 0 */
	uint32_t last_shift;	/* LRU: the nibble of the least recent one */
	uint32_t ways;		/* 0: this array does not exist */
	enum sim_policy policy;
	uint64_t random;	/* state of the random policy */
};

enum { SIM_ASSOC_MISS = -1 };

/* entries 0 makes an array that never hits. LRU needs at most 16 ways; with
 * more it falls back to NRU. */
bool sim_assoc_init(struct sim_assoc *a, struct sim_arena *arena,
		    uint64_t entries, uint64_t ways, enum sim_policy policy,
		    uint64_t seed);
void sim_assoc_done(struct sim_assoc *a, struct sim_arena *arena);
/* Only whether a tag is there matters: gives up the data words. */
void sim_assoc_drop_data(struct sim_assoc *a, struct sim_arena *arena);
void sim_assoc_clear(struct sim_assoc *a);
/* Empties one entry. */
void sim_assoc_drop(struct sim_assoc *a, size_t index);
/* Clears every tag for which (tag & mask) == match. */
void sim_assoc_clear_if(struct sim_assoc *a, uint64_t mask, uint64_t match);
/* Puts an entry in, over an equal tag or the victim; returns its index. */
size_t sim_assoc_put(struct sim_assoc *a, uint64_t set, uint64_t tag,
		     uint64_t data);

#define SIM_NIBBLES 0x1111111111111111u

/* Move `way` to the front of an LRU permutation that holds it. */
static inline uint64_t sim_lru_touch(uint64_t order, uint32_t way)
{
	uint64_t x = order ^ (way * SIM_NIBBLES);
	uint64_t zero = (x - SIM_NIBBLES) & ~x & (SIM_NIBBLES << 3);
	unsigned shift = (unsigned)__builtin_ctzll(zero) & ~3u;
	uint64_t below = ((uint64_t)1 << shift) - 1;
	uint64_t above = ~below << 4;

	return (order & above) | (order & below) << 4 | way;
}

static inline void sim_assoc_touch(struct sim_assoc *a, uint64_t set,
				   uint32_t way)
{
	uint64_t order = a->order[set];

	if (a->policy == SIM_POLICY_LRU) {
		a->order[set] = sim_lru_touch(order, way);
	} else if (a->policy == SIM_POLICY_NRU) {
		uint64_t all = ~(uint64_t)0 >> (64 - a->ways);

		order |= (uint64_t)1 << way;
		a->order[set] = order == all ? (uint64_t)1 << way : order;
	}
}

/* Bit n: the low half of tags[n] equals that of tag, for four tags. */
static inline unsigned sim_match4(const uint64_t *tags, uint64_t tag)
{
#ifdef __SSE2__
	const float *words = (const float *)(const void *)tags;
	__m128 four = _mm_shuffle_ps(_mm_loadu_ps(words),
				     _mm_loadu_ps(words + 4), 0x88);

	return (unsigned)_mm_movemask_ps(_mm_castsi128_ps(
		_mm_cmpeq_epi32(_mm_castps_si128(four),
				_mm_set1_epi32((int)(uint32_t)tag))));
#else
	unsigned match = 0;

	for (unsigned i = 0; i < 4; i++) {
		match |= (unsigned)((uint32_t)tags[i] == (uint32_t)tag) << i;
	}
	return match;
#endif
}

/*
 * Index of the entry with either tag (which differ in their upper halves at
 * most), touched; or SIM_ASSOC_MISS. Which way it is cannot be predicted, so
 * all are compared, by their lower halves first.
 */
static inline ptrdiff_t sim_assoc_find2(struct sim_assoc *a, uint64_t set,
					uint64_t tag, uint64_t other)
{
	uint64_t match = 0;
	const uint64_t *tags;

	if (!a->ways) {
		return SIM_ASSOC_MISS;
	}
	set &= a->set_mask;
	tags = &a->tags[set * a->ways];
	for (uint32_t way = 0; way < a->ways; way += 4) {
		match |= (uint64_t)sim_match4(tags + way, tag) << way;
	}
	for (match &= a->way_mask; match; match &= match - 1) {
		uint32_t way = (uint32_t)__builtin_ctzll(match);

		if (tags[way] == tag || tags[way] == other) {
			sim_assoc_touch(a, set, way);
			return (ptrdiff_t)(set * a->ways + way);
		}
	}
	return SIM_ASSOC_MISS;
}

static inline ptrdiff_t sim_assoc_find(struct sim_assoc *a, uint64_t set,
				       uint64_t tag)
{
	return sim_assoc_find2(a, set, tag, tag);
}

/* The same where the entry found last is likely to be asked for again: it is
 * the most recent one, and stays it. */
static inline ptrdiff_t sim_assoc_find_again(struct sim_assoc *a, uint64_t set,
					     uint64_t tag)
{
	if (a->order_mask) {
		uint64_t at = (set & a->set_mask) * a->ways +
			      (a->order[set & a->set_mask] & 15);

		if (a->tags[at] == tag) {
			return (ptrdiff_t)at;
		}
	}
	return sim_assoc_find(a, set, tag);
}

/* The host should bring the set into its caches. */
static inline void sim_assoc_prefetch(const struct sim_assoc *a, uint64_t set)
{
	if (a->ways) {
		set &= a->set_mask;
		__builtin_prefetch(&a->order[set]);
		__builtin_prefetch(&a->tags[set * a->ways]);
		__builtin_prefetch(&a->tags[(set + 1) * a->ways - 1]);
	}
}

/* As sim_assoc_put(), for a tag that is known not to be in the set. */
static inline void sim_assoc_put_new(struct sim_assoc *a, uint64_t set,
				     uint64_t tag, uint64_t data)
{
	uint64_t at, order, way;

	if (!a->order_mask) {
		sim_assoc_put(a, set, tag, data);
		return;
	}
	/* Empty ways are the least recent ones; the last comes to the front
	 * and all others move back by one. */
	set &= a->set_mask;
	order = a->order[set];
	way = order >> a->last_shift & 15;
	a->order[set] = (order & ~a->order_mask) |
			(order << 4 & a->order_mask) | way;
	at = set * a->ways + way;
	a->tags[at] = tag;
	if (a->data) {
		a->data[at] = data;
	}
}

#endif
