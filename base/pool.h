/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The engine's stock of host pages. reserve() is the only place that asks the
 * host and the only one that can fail; take() after a reserve cannot, so an
 * operation reserves its worst case first and commits afterwards.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include "base/addr.h"

#define GN_POOL_USES 2

struct gn_pool {
	const struct gnomon_host *host;
	void *ctx;
	void *spare[GN_POOL_USES];	/* stack, linked through the pages */
	uint32_t spare_count[GN_POOL_USES];
	uint32_t taken[GN_POOL_USES];
};

void gn_pool_init(struct gn_pool *pool, const struct gnomon_host *host,
		  void *ctx);
/* Make sure that count pages of the use are spare. GNOMON_OK or _NOMEM. */
enum gnomon_status gn_pool_reserve(struct gn_pool *pool,
				   enum gnomon_page_use use, uint32_t count)
	GNOMON_MUST_USE;
/* A zeroed page; at least one must be spare. */
struct gnomon_page gn_pool_take(struct gn_pool *pool,
				enum gnomon_page_use use);
/* Put a page back into the stock. */
void gn_pool_give(struct gn_pool *pool, enum gnomon_page_use use,
		  const struct gnomon_page *page);
/* Give spare pages back to the host until at most keep are left. */
void gn_pool_trim(struct gn_pool *pool, enum gnomon_page_use use,
		  uint32_t keep);

#endif
