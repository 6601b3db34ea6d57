/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/pool.h"

#include <string.h>

#include "base/assert.h"

/* What a spare page holds while it waits. */
struct spare {
	void *next;
	gnomon_hpa_t hpa;
};

void gn_pool_init(struct gn_pool *pool, const struct gnomon_host *host,
		  void *ctx)
{
	*pool = (struct gn_pool){ .host = host, .ctx = ctx };
}

static void push(struct gn_pool *pool, enum gnomon_page_use use,
		 const struct gnomon_page *page)
{
	struct spare *s = page->va;

	s->next = pool->spare[use];
	s->hpa = page->hpa;
	pool->spare[use] = s;
	pool->spare_count[use]++;
}

static struct gnomon_page pop(struct gn_pool *pool, enum gnomon_page_use use)
{
	struct spare *s = pool->spare[use];
	struct gnomon_page page = { .hpa = s->hpa, .va = s };

	pool->spare[use] = s->next;
	pool->spare_count[use]--;
	return page;
}

enum gnomon_status gn_pool_reserve(struct gn_pool *pool,
				   enum gnomon_page_use use, uint32_t count)
{
	while (pool->spare_count[use] < count) {
		struct gnomon_page page;

		if (pool->host->page_alloc(pool->ctx, use, &page) !=
		    GNOMON_OK) {
			return GNOMON_NOMEM;
		}
		push(pool, use, &page);
	}
	return GNOMON_OK;
}

struct gnomon_page gn_pool_take(struct gn_pool *pool,
				enum gnomon_page_use use)
{
	GN_ASSERT(pool->spare_count[use] > 0);
	struct gnomon_page page = pop(pool, use);

	memset(page.va, 0, GNOMON_PAGE_BYTES);
	pool->taken[use]++;
	return page;
}

void gn_pool_give(struct gn_pool *pool, enum gnomon_page_use use,
		  const struct gnomon_page *page)
{
	pool->taken[use]--;
	push(pool, use, page);
}

void gn_pool_trim(struct gn_pool *pool, enum gnomon_page_use use,
		  uint32_t keep)
{
	while (pool->spare_count[use] > keep) {
		struct gnomon_page page = pop(pool, use);

		pool->host->page_free(pool->ctx, use, &page);
	}
}
