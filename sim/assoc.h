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

#include "sim/arena.h"
#include "sim/preset.h"

struct sim_assoc {
	uint64_t *tags;		/* sets * ways; 0: empty */
	uint64_t *data;
	/*
	 * Per set. LRU with up to 16 ways: a permutation, four bits per way,
	 * most recent lowest. NRU: a bit per way, set when used.
	 */
	uint64_t *order;
	uint64_t set_mask;
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
void sim_assoc_clear(struct sim_assoc *a);
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
		if ((order & 15) != way) {
			a->order[set] = sim_lru_touch(order, way);
		}
	} else if (a->policy == SIM_POLICY_NRU) {
		uint64_t all = ~(uint64_t)0 >> (64 - a->ways);

		order |= (uint64_t)1 << way;
		a->order[set] = order == all ? (uint64_t)1 << way : order;
	}
}

/* Index of the entry with either tag, touched; or SIM_ASSOC_MISS. */
static inline ptrdiff_t sim_assoc_find2(struct sim_assoc *a, uint64_t set,
					uint64_t tag, uint64_t other)
{
	uint32_t ways = a->ways;

	set &= a->set_mask;
	for (uint32_t way = 0; way < ways; way++) {
		uint64_t found = a->tags[set * ways + way];

		if (found == tag || found == other) {
			sim_assoc_touch(a, set, way);
			return (ptrdiff_t)(set * ways + way);
		}
	}
	return SIM_ASSOC_MISS;
}

static inline ptrdiff_t sim_assoc_find(struct sim_assoc *a, uint64_t set,
				       uint64_t tag)
{
	return sim_assoc_find2(a, set, tag, tag);
}

#endif
