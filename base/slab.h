/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Small objects of one size, packed into bookkeeping pages of the pool and
 * named by 32-bit numbers, so that links between them take half a pointer.
 * Number 0 is no object. Pages stay with the slab until gn_slab_drop().
 */
#ifndef BASE_SLAB_H
#define BASE_SLAB_H

#include "base/pool.h"

struct gn_slab {
	struct gn_pool *pool;
	void ***root;		/* 512 pointers to 512 pointers to pages */
	uint32_t shift;		/* log2 of the object's bytes */
	uint32_t limit;		/* largest number that may be used */
	uint32_t pages;		/* pages that hold objects */
	uint32_t free;		/* first free object, 0 when none */
	uint32_t free_count;
	uint32_t used_count;
};

/* Objects of 1 << shift bytes (8..2048); at most limit of them. */
void gn_slab_init(struct gn_slab *slab, struct gn_pool *pool, uint32_t shift,
		  uint32_t limit);
/* Make sure that the next count takes succeed. GNOMON_OK or _NOMEM. */
enum gnomon_status gn_slab_reserve(struct gn_slab *slab, uint32_t count)
	GNOMON_MUST_USE;
/* Number of a zeroed object; 0 when none is reserved. */
uint32_t gn_slab_take(struct gn_slab *slab);
/* The same with whatever the object held before. */
uint32_t gn_slab_take_dirty(struct gn_slab *slab);
void gn_slab_give(struct gn_slab *slab, uint32_t number);
/* Give up to *budget pages back; true when none is left. */
bool gn_slab_drop(struct gn_slab *slab, uint32_t *budget);

/* For callers that know the shift of the slab as a constant. */
static inline void *gn_slab_at_shift(const struct gn_slab *slab,
				     uint32_t number, uint32_t shift)
{
	uint32_t page_shift = GNOMON_PAGE_SHIFT - shift;
	uint32_t page = number >> page_shift;
	uint32_t in_page = number & ((1u << page_shift) - 1);
	char *va = slab->root[page >> 9][page & 511];

	return va + ((size_t)in_page << shift);
}

/* number must come from gn_slab_take(). */
static inline void *gn_slab_at(const struct gn_slab *slab, uint32_t number)
{
	return gn_slab_at_shift(slab, number, slab->shift);
}

#endif
