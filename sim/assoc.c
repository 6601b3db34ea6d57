/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/assoc.h"

#include <string.h>

/* Way 0 in the lowest nibble: all ways in order. */
#define LRU_START 0xfedcba9876543210u

enum { LRU_WAYS_MAX = 16 };

static uint64_t order_start(const struct sim_assoc *a)
{
	return a->policy == SIM_POLICY_LRU ? LRU_START : 0;
}

bool sim_assoc_init(struct sim_assoc *a, struct sim_arena *arena,
		    uint64_t entries, uint64_t ways, enum sim_policy policy,
		    uint64_t seed)
{
	uint64_t sets;

	memset(a, 0, sizeof(*a));
	if (!entries) {
		return true;
	}
	sets = entries / ways;
	if (!sets || (sets & (sets - 1)) || sets * ways != entries) {
		return false;
	}
	a->ways = (uint32_t)ways;
	a->set_mask = sets - 1;
	a->way_mask = ~(uint64_t)0 >> (64 - ways);
	a->policy = policy;
	a->random = seed | 1;
	if (policy == SIM_POLICY_LRU && ways > LRU_WAYS_MAX) {
		a->policy = SIM_POLICY_NRU;
	}
	if (a->policy == SIM_POLICY_LRU) {
		a->order_mask = ~(uint64_t)0 >> (64 - 4 * ways);
		a->last_shift = (uint32_t)(4 * (ways - 1));
	}
	/* Three more, because four are compared at a time. */
	a->tags = sim_arena_zalloc(arena, (entries + 3) * sizeof(*a->tags));
	a->data = sim_arena_zalloc(arena, entries * sizeof(*a->data));
	a->order = sim_arena_zalloc(arena, sets * sizeof(*a->order));
	if (!a->tags || !a->data || !a->order) {
		sim_assoc_done(a, arena);
		return false;
	}
	sim_assoc_clear(a);
	return true;
}

void sim_assoc_done(struct sim_assoc *a, struct sim_arena *arena)
{
	if (a->tags) {
		sim_arena_free(arena, a->tags);
	}
	if (a->data) {
		sim_arena_free(arena, a->data);
	}
	if (a->order) {
		sim_arena_free(arena, a->order);
	}
	memset(a, 0, sizeof(*a));
}

void sim_assoc_drop_data(struct sim_assoc *a, struct sim_arena *arena)
{
	if (a->data) {
		sim_arena_free(arena, a->data);
		a->data = NULL;
	}
}

void sim_assoc_clear(struct sim_assoc *a)
{
	if (a->ways) {
		memset(a->tags, 0,
		       (a->set_mask + 1) * a->ways * sizeof(*a->tags));
		for (uint64_t set = 0; set <= a->set_mask; set++) {
			a->order[set] = order_start(a);
		}
	}
}

/* Move `way` behind all others that are in use. */
static uint64_t lru_retire(uint64_t order, uint32_t way, uint32_t ways)
{
	uint64_t low, high;
	unsigned at = 0;

	while ((order >> (4 * at) & 15) != way) {
		at++;
	}
	low = order & (((uint64_t)1 << (4 * at)) - 1);
	high = order >> (4 * at) >> 4;
	order = low | high << (4 * at);		/* closed the gap */
	high = ways < LRU_WAYS_MAX ? order >> (4 * (ways - 1)) << (4 * ways)
				   : 0;
	low = order & (((uint64_t)1 << (4 * (ways - 1))) - 1);
	return low | (uint64_t)way << (4 * (ways - 1)) | high;
}

void sim_assoc_drop(struct sim_assoc *a, size_t index)
{
	size_t set = index / a->ways;
	uint32_t way = (uint32_t)(index % a->ways);

	a->tags[index] = 0;
	if (a->policy == SIM_POLICY_LRU) {
		a->order[set] = lru_retire(a->order[set], way, a->ways);
	} else if (a->policy == SIM_POLICY_NRU) {
		a->order[set] &= ~((uint64_t)1 << way);
	}
}

void sim_assoc_clear_if(struct sim_assoc *a, uint64_t mask, uint64_t match)
{
	size_t count = a->ways ? (a->set_mask + 1) * a->ways : 0;

	for (size_t i = 0; i < count; i++) {
		uint64_t tag = a->tags[i];

		if (tag && (tag & mask) == match) {
			sim_assoc_drop(a, i);
		}
	}
}

static uint64_t next_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return *state = x;
}

static uint32_t pick_victim(struct sim_assoc *a, uint64_t set)
{
	uint64_t order = a->order[set];

	switch (a->policy) {
	case SIM_POLICY_LRU:
		return order >> ((a->ways - 1) * 4) & 15;
	case SIM_POLICY_NRU:
		/* Never all ones with two ways or more. */
		return a->ways == 1 ? 0 : (uint32_t)__builtin_ctzll(~order);
	case SIM_POLICY_RANDOM:
		break;
	}
	return (uint32_t)((next_random(&a->random) >> 32) % a->ways);
}

size_t sim_assoc_put(struct sim_assoc *a, uint64_t set, uint64_t tag,
		     uint64_t data)
{
	uint32_t way, empty = a->ways;
	uint64_t *tags;

	if (!a->ways) {
		return 0;
	}
	set &= a->set_mask;
	tags = &a->tags[set * a->ways];
	for (way = 0; way < a->ways && tags[way] != tag; way++) {
		if (!tags[way] && empty == a->ways) {
			empty = way;
		}
	}
	if (way == a->ways) {
		way = empty < a->ways ? empty : pick_victim(a, set);
	}
	tags[way] = tag;
	if (a->data) {
		a->data[set * a->ways + way] = data;
	}
	sim_assoc_touch(a, set, way);
	return set * a->ways + way;
}
