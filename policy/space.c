/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/space.h"

#include <stddef.h>

/* First way of the set of a key: Fibonacci hashing. */
static struct gn_space *set_of(const struct gn_spaces *spaces, uint64_t key)
{
	uint64_t hash = key * 0x9e3779b97f4a7c15u >> 32;

	return spaces->list +
	       hash % (spaces->count / GN_SPACE_WAYS) * GN_SPACE_WAYS;
}

struct gn_space *gn_space_find(const struct gn_spaces *spaces,
			       gnomon_gpa_t gpa)
{
	uint64_t key = gn_space_key(gpa);
	struct gn_space *way = set_of(spaces, key);

	for (int i = 0; i < GN_SPACE_WAYS; i++) {
		if (way[i].key == key) {
			return &way[i];
		}
	}
	return NULL;
}

/* Is a to be forgotten rather than b? */
static bool goes_first(const struct gn_space *a, const struct gn_space *b)
{
	if (!a->key || !b->key) {
		return !a->key && b->key;
	}
	if (a->meter.shadowed != b->meter.shadowed) {
		return b->meter.shadowed;
	}
	return a->used < b->used;
}

struct gn_space *gn_space_place(struct gn_spaces *spaces, gnomon_gpa_t gpa)
{
	struct gn_space *way = set_of(spaces, gn_space_key(gpa));
	struct gn_space *best = way;

	for (int i = 1; i < GN_SPACE_WAYS; i++) {
		if (goes_first(&way[i], best)) {
			best = &way[i];
		}
	}
	return best;
}
