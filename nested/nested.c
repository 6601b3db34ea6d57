/* SPDX-License-Identifier: BSD-2-Clause */
#include "nested/nested.h"

#include "nested/step.h"
#include "nested/table.h"

static bool config_good(const struct gn_np_config *c)
{
	return c->format && c->levels >= 1 && c->levels <= GN_NP_LEVELS &&
	       c->leaf_levels >= 1 && c->leaf_levels <= GN_NP_LEAF_LEVELS &&
	       c->maxphyaddr >= 32 && c->maxphyaddr <= 52 &&
	       (c->tables_max == 0 || c->tables_max >= c->levels);
}

enum gnomon_status gn_np_init(struct gn_np *np,
			      const struct gn_np_config *config,
			      const struct gnomon_host *host, void *ctx,
			      struct gn_pool *pool,
			      const struct gn_slots *slots)
{
	if (!config_good(config)) {
		return GNOMON_INVAL;
	}
	*np = (struct gn_np){
		.config = *config,
		.host = host,
		.ctx = ctx,
		.pool = pool,
		.slots = slots,
	};
	gn_list_init(&np->tables);
	gn_list_init(&np->limbo);
	gn_list_init(&np->spare);

	enum gnomon_status s = gn_np_table_reserve(np, 1);

	if (s == GNOMON_OK) {
		np->root = gn_np_table_make(np, config->levels);
	}
	return s;
}

enum gnomon_status gn_np_destroy(struct gn_np *np, uint32_t *budget)
{
	/* Newest first; nobody walks the tables, so no order is needed. */
	while (!gn_list_empty(&np->tables)) {
		if (!gn_np_step(budget)) {
			gn_np_settle(np);
			return GNOMON_MORE;
		}
		struct gn_np_table *table = GN_CONTAINER(
			np->tables.next, struct gn_np_table, all);

		table->parent = NULL;
		gn_np_table_retire(np, table);
	}
	np->root = NULL;
	gn_np_settle(np);
	gn_np_slabs_free(np);
	return GNOMON_OK;
}

gnomon_hpa_t gn_np_root(const struct gn_np *np)
{
	const struct gn_np_format *f = np->config.format;
	uint64_t root = np->root->page.hpa.v | f->root_fixed;

	if (f->root_levels_shift) {
		root |= (uint64_t)(np->config.levels - 1u)
			<< f->root_levels_shift;
	}
	return gn_hpa(root);
}

uint64_t gn_np_gfn_limit(const struct gn_np *np)
{
	unsigned bits = 9u * np->config.levels;

	/* A gpa has at most 52 bits on any CPU. */
	return GN_BIT(bits < 40 ? bits : 40);
}
