/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * V2, table VI of the agile paper: the average walk of a program whose misses
 * go by shadow tables, by a leaf table that is nested and by the table above
 * in the printed shares. A guest of 1000 pages is built for each row, the
 * engine is told which of its tables are nested, and each page is missed once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/guest.h"
#include "sim/preset.h"
#include "sim/text.h"
#include "sim/tlb.h"
#include "sim/validate_int.h"

/* Misses in thousandths by where the walk switches, as printed. */
struct row {
	const char *name;
	unsigned shadow, leaf, next;
	double printed;			/* references per miss */
};

static const struct row rows[] = {
	{ "memcached", 882, 45, 73, 4.76 },
	{ "canneal", 947, 46, 7, 4.24 },
	{ "astar", 923, 75, 2, 4.32 },
	{ "gcc", 816, 117, 67, 5.00 },
	{ "graph500", 998, 2, 0, 4.01 },
	{ "mcf", 991, 9, 0, 4.04 },
	{ "tigr", 883, 76, 31, 4.51 },
	{ "dedup", 914, 22, 64, 4.60 },
};

enum {
	PAGES = 1000,
	SET = 0x67,		/* present, writable, user, accessed, dirty */
};
#define RAM ((uint64_t)32 << 20)
#define ROOT 0x1000u
#define DATA ((uint64_t)8 << 20)
#define REGION ((uint64_t)1 << 30)

struct bench {
	struct sim_guest guest;
	struct sim_error error;
	uint64_t next;		/* frame for a table, gpa */
	uint64_t page;		/* frame for data */
};

/* The entry for gva at a level, tables above it made as needed. */
static uint64_t *entry_at(struct bench *b, uint64_t gva, unsigned level)
{
	uint64_t table = ROOT;

	for (unsigned l = 4;; l--) {
		uint64_t *entry = sim_guest_memory(&b->guest, table);

		entry += gva >> (3 + 9 * l) & 511;
		if (l == level) {
			return entry;
		}
		if (!*entry) {
			*entry = b->next | SET;
			b->next += GNOMON_PAGE_BYTES;
		}
		table = *entry & SIM_T_ADDR;
	}
}

static void map(struct bench *b, uint64_t gva, unsigned pages)
{
	for (unsigned i = 0; i < pages; i++) {
		*entry_at(b, gva + i * (uint64_t)GNOMON_PAGE_BYTES, 1) =
			b->page | SET;
		b->page += GNOMON_PAGE_BYTES;
	}
}

/* Have the table of a level for gva nested. */
static bool nest(struct bench *b, uint64_t gva, unsigned level)
{
	uint64_t table = *entry_at(b, gva, level + 1) & SIM_T_ADDR;
	gnomon_gfn_t gfn = { table >> GNOMON_PAGE_SHIFT };

	return gnomon_table_switch(b->guest.vm, gfn, true, NULL) == GNOMON_OK;
}

/* Each page of a region missed; its references. */
static bool miss(struct bench *b, uint64_t gva, unsigned pages,
		 uint64_t *refs)
{
	struct sim_vcpu *v = &b->guest.machine.vcpus[0];

	for (unsigned i = 0; i < pages; i++) {
		struct sim_touch touch = {
			.gva = gva + i * (uint64_t)GNOMON_PAGE_BYTES,
			.access = GNOMON_USER, .bytes = 8,
		};
		uint64_t before = v->counts.walk_refs;

		sim_tlb_flush_all(v);
		if (sim_guest_touch(&b->guest, 0, &touch) != SIM_TOUCH_DONE) {
			return false;
		}
		*refs += v->counts.walk_refs - before;
	}
	return true;
}

static bool all(struct bench *b, const struct row *row, uint64_t *refs)
{
	*refs = 0;
	return miss(b, 0, row->shadow, refs) &&
	       miss(b, REGION, row->leaf, refs) &&
	       miss(b, 2 * REGION, row->next, refs);
}

/* The first time fills what is missing; the second is what counts. */
static bool run(struct bench *b, const struct row *row, uint64_t *refs)
{
	map(b, 0, row->shadow);
	map(b, REGION, row->leaf);
	map(b, 2 * REGION, row->next);
	return nest(b, REGION, 1) && (!row->next || nest(b, 2 * REGION, 2)) &&
	       all(b, row, refs) && all(b, row, refs);
}

static void tell(struct sim_validation *v, const struct row *row,
		 uint64_t refs)
{
	struct sim_check c = {
		.id = "V2", .unit = "references",
		.source = "agile paging, table VI [FULL]",
		.kind = SIM_CHECK_EXACT, .target = row->printed,
		.ours = (double)refs / PAGES, .allowed = 0.01,
	};
	unsigned sum = row->shadow + row->leaf + row->next;

	snprintf(c.what, sizeof(c.what), "agile, %s: average walk",
		 row->name);
	if (sum != PAGES) {
		snprintf(c.note, sizeof(c.note),
			 "the printed shares add up to %.1f %%", sum / 10.0);
	}
	validate_tell(v, &c);
}

static bool prepare(struct sim_preset *preset, struct sim_error *error)
{
	static const char *const sets[] = {
		VALIDATE_NO_CACHES,
		"host.page_order=0",
	};
	bool good = sim_preset_load(sim_default_preset(), preset, error);

	for (size_t i = 0; good && i < VALIDATE_COUNT(sets); i++) {
		good = sim_preset_set(preset, sets[i], error);
	}
	return good;
}

static bool one(struct sim_validation *v, const struct row *row,
		const struct sim_preset *preset, struct bench *b)
{
	struct sim_guest_config config = {
		.mode = SIM_MODE_AGILE, .preset = preset, .ram_bytes = RAM,
		.vcpus = 1, .maxphyaddr = 40, .seed = 1,
		.regs = { .cr0 = 0x80010033, .cr3 = ROOT, .cr4 = 0xa0,
			  .efer = 0xd01 },
	};
	uint64_t refs;
	bool good;

	memset(b, 0, sizeof(*b));
	b->next = ROOT + GNOMON_PAGE_BYTES;
	b->page = DATA;
	if (!sim_guest_init(&b->guest, &config, &b->error)) {
		return false;
	}
	good = run(b, row, &refs);
	if (good) {
		tell(v, row, refs);
	} else {
		/* Unless something said more already. */
		sim_fail(&b->error, SIM_ERR_BUG, "a table cannot be nested");
	}
	sim_guest_done(&b->guest);
	return good;
}

bool validate_table6(struct sim_validation *v)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct sim_preset preset;
	bool good = b && prepare(&preset, &b->error);

	for (size_t i = 0; good && i < VALIDATE_COUNT(rows); i++) {
		good = one(v, &rows[i], &preset, b);
	}
	if (!good) {
		snprintf(v->error, sizeof(v->error), "table VI: %.150s",
			 b ? b->error.text : "no memory");
	}
	free(b);
	return good;
}
