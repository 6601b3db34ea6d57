/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/slab.h"

#include <string.h>

#include "base/assert.h"

#define FANOUT 512u

void gn_slab_init(struct gn_slab *slab, struct gn_pool *pool, uint32_t shift,
		  uint32_t limit)
{
	uint64_t most = (uint64_t)FANOUT * FANOUT
			<< (GNOMON_PAGE_SHIFT - shift);

	*slab = (struct gn_slab){
		.pool = pool,
		.shift = shift,
		.limit = limit < most ? limit : (uint32_t)(most - 1),
	};
}

static void push_free(struct gn_slab *slab, uint32_t number)
{
	uint32_t *link = gn_slab_at(slab, number);

	*link = slab->free;
	slab->free = number;
	slab->free_count++;
}

/* Root and directory pages precede the page of objects they lead to. */
static enum gnomon_status reserve_page(struct gn_slab *slab)
{
	uint32_t need = 1;

	need += !slab->root;
	need += !slab->root || !slab->root[slab->pages / FANOUT];
	return gn_pool_reserve(slab->pool, GNOMON_PAGE_META, need);
}

static void add_page(struct gn_slab *slab)
{
	uint32_t page = slab->pages++;
	uint32_t count = GNOMON_PAGE_BYTES >> slab->shift;
	uint32_t first = page * count;

	if (!slab->root) {
		slab->root = gn_pool_take(slab->pool, GNOMON_PAGE_META).va;
	}
	if (!slab->root[page / FANOUT]) {
		slab->root[page / FANOUT] =
			gn_pool_take(slab->pool, GNOMON_PAGE_META).va;
	}
	slab->root[page / FANOUT][page % FANOUT] =
		gn_pool_take(slab->pool, GNOMON_PAGE_META).va;
	for (uint32_t i = count; i-- > 0;) {
		if (first + i != 0 && first + i <= slab->limit) {
			push_free(slab, first + i);
		}
	}
}

enum gnomon_status gn_slab_reserve(struct gn_slab *slab, uint32_t count)
{
	uint32_t per_page = GNOMON_PAGE_BYTES >> slab->shift;

	while (slab->free_count < count) {
		if ((uint64_t)(slab->pages + 1) * per_page >
		    (uint64_t)slab->limit + per_page) {
			return GNOMON_NOMEM;
		}
		if (reserve_page(slab) != GNOMON_OK) {
			return GNOMON_NOMEM;
		}
		add_page(slab);
	}
	return GNOMON_OK;
}

uint32_t gn_slab_take_dirty(struct gn_slab *slab)
{
	uint32_t number = slab->free;

	if (!number) {
		return 0;
	}
	const uint32_t *link = gn_slab_at(slab, number);

	slab->free = *link;
	slab->free_count--;
	slab->used_count++;
	return number;
}

uint32_t gn_slab_take(struct gn_slab *slab)
{
	uint32_t number = gn_slab_take_dirty(slab);

	if (number) {
		memset(gn_slab_at(slab, number), 0, (size_t)1 << slab->shift);
	}
	return number;
}

void gn_slab_give(struct gn_slab *slab, uint32_t number)
{
	GN_ASSERT(number != 0);
	slab->used_count--;
	push_free(slab, number);
}

static void give_page(struct gn_slab *slab, void *va)
{
	/* hpa is ignored for bookkeeping pages. */
	struct gnomon_page page = { .va = va };

	gn_pool_give(slab->pool, GNOMON_PAGE_META, &page);
}

bool gn_slab_drop(struct gn_slab *slab, uint32_t *budget)
{
	slab->free = 0;
	slab->free_count = 0;
	slab->used_count = 0;
	while (slab->pages > 0) {
		if (*budget == 0) {
			return false;
		}
		--*budget;
		uint32_t page = --slab->pages;

		give_page(slab, slab->root[page / FANOUT][page % FANOUT]);
		if (page % FANOUT == 0) {
			give_page(slab, slab->root[page / FANOUT]);
		}
	}
	if (slab->root) {
		give_page(slab, slab->root);
		slab->root = NULL;
	}
	return true;
}
