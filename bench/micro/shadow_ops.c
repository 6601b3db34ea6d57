/* SPDX-License-Identifier: BSD-2-Clause */
/* Operations of the shadow engine, as the guest or the VMM makes them. */
#include <stdlib.h>

#include "bench/micro/shadow.h"

#define PLAIN ((uint32_t)GNOMON_OPT_ALL & ~(uint32_t)GNOMON_OPT_UNSYNC & \
	       ~(uint32_t)GNOMON_OPT_PREFETCH)
#define OPEN ((uint32_t)GNOMON_OPT_ALL & ~(uint32_t)GNOMON_OPT_PREFETCH)

enum { PAGES = SHADOW_TABLES * 512 };

/* Set-up must not fail, nor may what is measured. */
static void must(enum gnomon_status status)
{
	if (status != GNOMON_OK) {
		exit(1);
	}
}

static void touch_all(struct world *w)
{
	for (uint64_t n = 0; n < w->leaves * 512; n++) {
		world_fault(w, world_gva(n / 512, n % 512),
			    GNOMON_WRITE | GNOMON_USER, GNOMON_RESUME);
	}
}

void shadow_touch_first(struct world *w)
{
	for (uint64_t i = 0; i < w->leaves; i++) {
		world_fault(w, world_gva(i, 0), GNOMON_USER, GNOMON_RESUME);
	}
}

/* ---- faults and stores --------------------------------------------------- */

static void hidden(struct world *w, unsigned rounds)
{
	double start = 0;

	for (unsigned done = 0; done < rounds;) {
		must(gnomon_zap_all(w->vm, NULL));
		world_load(w, 0);
		shadow_touch_first(w);
		for (unsigned n = 0; n < SHADOW_TABLES * 511 && done < rounds;
		     n++, done++) {
			meter_begin(n, &start);
			world_fault(w, world_gva(n / 511, 1 + n % 511),
				    GNOMON_USER, GNOMON_RESUME);
			meter_end(n, start);
		}
	}
}

static void store(struct world *w, uint64_t i, uint64_t j, uint64_t change)
{
	uint64_t value = *world_entry(w, i, j) ^ change;

	must(gnomon_write(w->vm, w->vcpu,
			  (gnomon_gpa_t){ world_gpte(w, i, j) }, &value, 8));
}

/* A store to a traced table: the fault alone, the VMM does nothing. */
static void trace(struct world *w, unsigned rounds)
{
	double start = 0;

	for (unsigned n = 0; n < rounds; n++) {
		uint64_t i = n / 512 % w->leaves, j = n % 512;

		meter_begin(n, &start);
		world_fault(w, WORLD_DIRECT + world_gpte(w, i, j),
			    GNOMON_WRITE, GNOMON_EMULATE);
		meter_end(n, start);
	}
}

/* What the VMM calls after it; each entry gets another frame. */
void shadow_update(struct world *w, unsigned rounds)
{
	double start = 0;

	for (unsigned n = 0; n < rounds; n++) {
		meter_begin(n, &start);
		store(w, n / 512 % w->leaves, n % 512, 0x1000);
		meter_end(n, start);
	}
}

/* The same frame with other rights. */
static void update_rights(struct world *w, unsigned rounds)
{
	double start = 0;

	for (unsigned n = 0; n < rounds; n++) {
		meter_begin(n, &start);
		store(w, n / 512 % w->leaves, n % 512, 2);
		meter_end(n, start);
	}
}

/* ---- flush points -------------------------------------------------------- */

/* Open a table by a store, change some entries, sync it at a CR3 load. */
static void sync_some(struct world *w, unsigned rounds, unsigned changed,
		      uint64_t change)
{
	for (unsigned n = 0; n < rounds; n++) {
		uint64_t i = n % w->leaves;

		world_fault(w, WORLD_DIRECT + world_gpte(w, i, 0),
			    GNOMON_WRITE, GNOMON_RESUME);
		for (unsigned j = 0; j < changed; j++) {
			*world_entry(w, i, j) ^= change;
		}
		double start = meter_now();

		world_load(w, 0);
		meter_sample(start, 1);
	}
}

static void sync_none(struct world *w, unsigned rounds)
{
	sync_some(w, rounds, 0, 0);
}

static void sync_one(struct world *w, unsigned rounds)
{
	sync_some(w, rounds, 1, 0x1000);
}

static void sync_all(struct world *w, unsigned rounds)
{
	sync_some(w, rounds, 512, 0x1000);
}

/* As a fork leaves a table: every entry loses or gets W. */
static void sync_rights(struct world *w, unsigned rounds)
{
	sync_some(w, rounds, 512, 2);
}

static void cr3_cached(struct world *w, unsigned rounds)
{
	double start = 0;

	for (unsigned n = 0; n < rounds; n++) {
		meter_begin(n, &start);
		world_load(w, n & 1);
		meter_end(n, start);
	}
}

/* The root that is loaded already, as after a change of tables. */
static void cr3_same(struct world *w, unsigned rounds)
{
	double start = 0;

	for (unsigned n = 0; n < rounds; n++) {
		meter_begin(n, &start);
		world_load(w, 0);
		meter_end(n, start);
	}
}

/*
 * A root that is not there: the one loaded and the one before it outlive the
 * zap, the others come back one by one.
 */
static void cr3_new(struct world *w, unsigned rounds)
{
	for (unsigned n = 0; n < rounds;) {
		world_load(w, 0);
		world_load(w, 1);
		must(gnomon_zap_all(w->vm, NULL));
		for (unsigned i = 2; i < WORLD_ROOTS && n < rounds; i++, n++) {
			double start = meter_now();

			world_load(w, i);
			meter_sample(start, 1);
		}
	}
}

static void invlpg(struct world *w, unsigned rounds)
{
	double start = 0;

	for (unsigned n = 0; n < rounds; n++) {
		meter_begin(n, &start);
		gnomon_invlpg(w->vcpu, (gnomon_gva_t){
			world_gva(n / 512 % w->leaves, n % 512) });
		meter_end(n, start);
	}
}

/* ---- the VMM's ----------------------------------------------------------- */

static void zap_all(struct world *w, unsigned rounds)
{
	double start = 0;

	for (unsigned n = 0; n < rounds; n++) {
		meter_begin(n, &start);
		must(gnomon_zap_all(w->vm, NULL));
		meter_end(n, start);
	}
}

static uint64_t dirty[PAGES / 64 + 1];
static uint64_t copy[PAGES / 64 + 1];

static void scan(struct world *w)
{
	struct gnomon_range all = { .first = { 1 }, .frames = PAGES };
	double start = meter_now();

	must(gnomon_dirty_clear(w->vm, 0, &all, copy, NULL));
	meter_sample(start, 1);
}

/* Every page is there; the log is on. */
static void start_log(struct world *w)
{
	struct gnomon_dirty_log log = {
		.first = { 1 }, .frames = PAGES, .bitmap = dirty,
	};

	touch_all(w);
	must(gnomon_dirty_start(w->vm, &log, NULL));
	scan(w);
}

/* A log of 128 MiB in which nothing was written ... */
static void dirty_none(struct world *w, unsigned rounds)
{
	for (unsigned n = 0; n < rounds; n++) {
		scan(w);
	}
}

/* ... and everything. */
static void dirty_all(struct world *w, unsigned rounds)
{
	for (unsigned n = 0; n < rounds; n++) {
		touch_all(w);
		scan(w);
	}
}

const struct shadow_op shadow_ops[] = {
	{ "shadow-hidden-fault", PLAIN, 60000, NULL, hidden, "gnomon_fault",
	  NULL },
	{ "shadow-trace-fault", PLAIN, 60000, touch_all, trace,
	  "gnomon_fault", NULL },
	{ "shadow-bare-update", PLAIN, 60000, touch_all, shadow_bare_update,
	  NULL, NULL },
	{ "shadow-update", PLAIN, 60000, touch_all, shadow_update,
	  "gnomon_write", "shadow-bare-update" },
	{ "shadow-update-rights", PLAIN, 60000, touch_all, update_rights,
	  "gnomon_write", "shadow-bare-update" },
	{ "shadow-cr3-cached", PLAIN, 60000, touch_all, cr3_cached,
	  "gnomon_vcpu_set_regs", NULL },
	{ "shadow-cr3-same", PLAIN, 60000, touch_all, cr3_same,
	  "gnomon_vcpu_set_regs", NULL },
	{ "shadow-cr3-new", PLAIN, 2000, NULL, cr3_new,
	  "gnomon_vcpu_set_regs", NULL },
	{ "shadow-invlpg", PLAIN, 60000, touch_all, invlpg, "gnomon_invlpg",
	  NULL },
	{ "shadow-zap-all", PLAIN, 6400, NULL, zap_all, "gnomon_zap_all",
	  NULL },
	{ "shadow-bare-memcmp", OPEN, 20000, NULL, shadow_bare_compare, NULL,
	  NULL },
	{ "shadow-sync-unchanged", OPEN, 4000, touch_all, sync_none,
	  "gnomon_vcpu_set_regs", "shadow-bare-memcmp" },
	{ "shadow-sync-1-changed", OPEN, 4000, touch_all, sync_one,
	  "gnomon_vcpu_set_regs", "shadow-bare-memcmp" },
	{ "shadow-bare-memcpy", OPEN, 20000, NULL, shadow_bare_copy, NULL,
	  NULL },
	{ "shadow-bare-sync-512", OPEN, 4000, NULL, shadow_bare_sync, NULL,
	  NULL },
	{ "shadow-sync-512-changed", OPEN, 2000, touch_all, sync_all,
	  "gnomon_vcpu_set_regs", "shadow-bare-sync-512" },
	{ "shadow-bare-rights-512", OPEN, 4000, NULL, shadow_bare_protect,
	  NULL, NULL },
	{ "shadow-sync-512-rights", OPEN, 2000, touch_all, sync_rights,
	  "gnomon_vcpu_set_regs", "shadow-bare-rights-512" },
	{ "shadow-bare-scan-128M", PLAIN, 2000, NULL, shadow_bare_scan, NULL,
	  NULL },
	{ "shadow-dirty-scan-128M-none", PLAIN, 200, start_log, dirty_none,
	  "gnomon_dirty_clear", "shadow-bare-scan-128M" },
	{ "shadow-dirty-scan-128M-all", PLAIN, 20, start_log, dirty_all,
	  "gnomon_dirty_clear", NULL },
};
const unsigned shadow_op_count = sizeof(shadow_ops) / sizeof(shadow_ops[0]);
