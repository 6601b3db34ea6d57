/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/calls.h"

#include <string.h>

#include "base/bits.h"
#include "shadow/sync.h"

/* Path of a fault, one root per vcpu, and some room to be useful. */
#define TABLE_PAGES_MIN 32u
#define CHAIN_MAX_DEFAULT 4096u
#define PREFETCH_DEFAULT 8u
#define LEAF_WRITES_DEFAULT 48u
#define UPPER_WRITES_DEFAULT 16u
#define UNSYNC_MAX_DEFAULT 32u
#define UNSYNC_QUIET_DEFAULT 2u
#define BIT(mode) (1u << (unsigned)(mode))
#define MODES_TWO (BIT(GNOMON_MODE_SHADOW) | BIT(GNOMON_MODE_NESTED))
#define MODES_ALL (MODES_TWO | BIT(GNOMON_MODE_AGILE))

size_t gnomon_vm_bytes(void)
{
	return (sizeof(struct gnomon_vm) + 63) & ~(size_t)63;
}

size_t gnomon_vcpu_bytes(void)
{
	return (sizeof(struct gnomon_vcpu) + 63) & ~(size_t)63;
}

static bool power_of_two(uint32_t v)
{
	return (v & (v - 1)) == 0;
}

/* AGILE has both hierarchies, and may walk the nested one alone. */
static uint32_t modes_of(const struct gnomon_config *c)
{
	uint32_t modes = c->modes | BIT(c->mode);

	return modes & BIT(GNOMON_MODE_AGILE)
		       ? modes | BIT(GNOMON_MODE_NESTED)
		       : modes;
}

/*
 * DIRECT stands alone. A shadow table means one thing to a CPU with a
 * switching bit only.
 */
static bool modes_valid(const struct gnomon_config *c)
{
	uint32_t modes = modes_of(c);

	if (!gn_eng_mode_known(c->mode) || c->mode == GNOMON_MODE_DIRECT) {
		return modes == BIT(GNOMON_MODE_DIRECT) && !c->smm;
	}
	return modes <= MODES_ALL && !((modes & BIT(GNOMON_MODE_AGILE)) &&
				       (modes & BIT(GNOMON_MODE_SHADOW)));
}

static uint32_t hierarchies(const struct gnomon_config *c)
{
	uint32_t modes = modes_of(c);

	/* Nested tables of their own for SMM. */
	return (modes == MODES_TWO || (modes & BIT(GNOMON_MODE_AGILE)) ? 2u
								       : 1u) +
	       (c->smm && (modes & BIT(GNOMON_MODE_NESTED)) ? 1u : 0u);
}

static bool config_valid(const struct gnomon_config *c)
{
	return modes_valid(c) &&
	       c->caps.maxphyaddr >= 32 && c->caps.maxphyaddr <= 52 &&
	       c->host_maxphyaddr >= 36 && c->host_maxphyaddr <= 52 &&
	       (c->table_pages_max == 0 ||
		c->table_pages_max >= TABLE_PAGES_MIN * hierarchies(c)) &&
	       c->nested_format <= GNOMON_NESTED_EPT &&
	       c->unsync_max <= GN_SH_OPEN_MAX && c->prefetch <= 64 &&
	       power_of_two(c->prefetch) && c->nested_around <= 64 &&
	       power_of_two(c->nested_around) &&
	       (c->chain_max == 0 ||
		(c->chain_max >= 28 && c->chain_max <= 65536));
}

static bool host_valid(const struct gnomon_host *host)
{
	return host && host->size >= offsetof(struct gnomon_host, event) &&
	       host->frame && host->page_alloc && host->page_free &&
	       host->flush;
}

/* Both of a pair, and the shared side only beside the other. */
static bool locks_valid(const struct gnomon_host *host)
{
	return !host->lock == !host->unlock &&
	       !host->lock_shared == !host->unlock_shared &&
	       (host->lock || !host->lock_shared);
}

static void set_defaults(struct gnomon_config *c)
{
	c->prefetch = c->prefetch ? c->prefetch : PREFETCH_DEFAULT;
	c->chain_max = c->chain_max ? c->chain_max : CHAIN_MAX_DEFAULT;
	c->unsync_max = c->unsync_max ? c->unsync_max : UNSYNC_MAX_DEFAULT;
	if (c->unsync_quiet == 0) {
		c->unsync_quiet = UNSYNC_QUIET_DEFAULT;
	}
	c->modes = modes_of(c);
	if (c->flood_leaf_writes == 0) {
		c->flood_leaf_writes = LEAF_WRITES_DEFAULT;
	}
	if (c->flood_upper_writes == 0) {
		c->flood_upper_writes = UPPER_WRITES_DEFAULT;
	}
}

/* Hierarchies share what the VMM allows, each as much. */
static uint32_t tables_max(const struct gnomon_vm *vm)
{
	return vm->config.table_pages_max / hierarchies(&vm->config);
}

static void init_shadow(struct gnomon_vm *vm)
{
	const struct gnomon_config *c = &vm->config;
	struct gn_sh_config config = {
		.caps = c->caps,
		.flood = {
			.leaf_writes = c->flood_leaf_writes,
			.upper_writes = c->flood_upper_writes,
		},
		.options = c->options,
		.pages_max = tables_max(vm),
		.chain_max = c->chain_max,
		.prefetch = c->prefetch,
		.open_max = c->unsync_max,
		.open_quiet = c->unsync_quiet,
		.host_maxphyaddr = c->host_maxphyaddr,
		.agile = gn_eng_has_agile(vm),
	};

	gn_sh_init(&vm->sh, &config, vm->host, vm->ctx, &vm->pool, &vm->slots,
		   &vm->mem, &vm->stats);
}

static enum gnomon_status init_nested(struct gnomon_vm *vm)
{
	const struct gnomon_config *c = &vm->config;
	struct gn_np_config config = {
		.format = c->nested_format == GNOMON_NESTED_EPT
				  ? &gn_np_format_ept
				  : &gn_np_format_npt,
		.levels = c->caps.maxphyaddr > 48 ? 5 : 4,
		.leaf_levels = c->options & GNOMON_OPT_LARGE ? 3 : 1,
		.maxphyaddr = c->host_maxphyaddr,
		.tables_max = tables_max(vm),
		.around = c->options & GNOMON_OPT_AROUND ? c->nested_around : 0,
	};

	enum gnomon_status status = GNOMON_OK;

	for (unsigned v = gn_eng_views(vm); v-- > 0 && status == GNOMON_OK;) {
		struct gn_np *np = &vm->np[v];

		status = gn_np_init(np, &config, vm->host, vm->ctx, &vm->pool,
				    &vm->slots);
		np->view = v;
		np->tf = &vm->sh.tf;
		np->dirty = &vm->mem.dirty;
		np->next = v + 1 < gn_eng_views(vm) ? np + 1 : NULL;
	}
	vm->sh.tf.other = &gn_np_other;
	vm->sh.tf.other_tables = &vm->np[0];
	return status;
}

enum gnomon_status gnomon_vm_create(void *memory,
				    const struct gnomon_config *config,
				    const struct gnomon_host *host, void *ctx,
				    struct gnomon_vm **out)
{
	struct gnomon_vm *vm = memory;
	size_t bytes;

	if (!memory || !config || !out || !host_valid(host) ||
	    config->size < offsetof(struct gnomon_config, nested_format)) {
		return GNOMON_INVAL;
	}
	memset(vm, 0, sizeof(*vm));
	bytes = config->size < sizeof(*config) ? config->size
					       : sizeof(*config);
	memcpy(&vm->config, config, bytes);
	if (!config_valid(&vm->config)) {
		return GNOMON_INVAL;
	}
	set_defaults(&vm->config);
	bytes = host->size < sizeof(*host) ? host->size : sizeof(*host);
	memcpy(&vm->callbacks, host, bytes);
	if (!locks_valid(&vm->callbacks)) {
		return GNOMON_INVAL;
	}
	vm->host = &vm->callbacks;
	vm->since = &vm->held;
	vm->guarded = vm->host->lock || vm->host->clock;
	vm->ctx = ctx;
	gn_pool_init(&vm->pool, vm->host, ctx);
	gn_mem_init(&vm->mem, vm->host, ctx);
	gn_mem_init(&vm->mem_smm, vm->host, ctx);
	vm->mem_smm.logs = &vm->mem.dirty;
	init_shadow(vm);
	gn_eng_direct_init(vm);
	vm->slot_generation = 1;
	vm->sh.elsewhere = !gn_eng_shadows(vm->config.mode);
	if (gn_eng_has_nested(vm) && init_nested(vm) != GNOMON_OK) {
		gn_pool_trim(&vm->pool, GNOMON_PAGE_TABLE, 0);
		gn_pool_trim(&vm->pool, GNOMON_PAGE_META, 0);
		return GNOMON_NOMEM;
	}
	*out = vm;
	return GNOMON_OK;
}

static bool trim(struct gn_pool *pool, enum gnomon_page_use use,
		 uint32_t *budget)
{
	uint32_t spare = pool->spare_count[use];
	uint32_t go = spare < *budget ? spare : *budget;

	gn_pool_trim(pool, use, spare - go);
	*budget -= go;
	return pool->spare_count[use] == 0;
}

enum gnomon_status gnomon_vm_destroy(struct gnomon_vm *vm, uint32_t *budget)
{
	uint32_t none;

	if (vm->vcpus) {
		return GNOMON_INVAL;
	}
	budget = gn_eng_budget(budget, &none);
	if (gn_eng_direct(vm) && gn_dp_destroy(&vm->dp, budget) != GNOMON_OK) {
		return GNOMON_MORE;
	}
	for (unsigned v = 0; v < gn_eng_nested_views(vm); v++) {
		if (gn_np_destroy(&vm->np[v], budget) != GNOMON_OK) {
			return GNOMON_MORE;
		}
	}
	if (gn_sh_destroy(&vm->sh, budget) != GNOMON_OK) {
		return GNOMON_MORE;
	}
	return trim(&vm->pool, GNOMON_PAGE_TABLE, budget) &&
	       trim(&vm->pool, GNOMON_PAGE_META, budget)
		       ? GNOMON_OK
		       : GNOMON_MORE;
}
