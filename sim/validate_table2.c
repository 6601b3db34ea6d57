/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * V1, table II of the agile paper: references by component, counted by the
 * walker itself over tables made by hand. A walk that ends at a hole has made
 * the references down to it, so holes at each level in turn tell what each
 * component takes: the entry and, in the nested part, finding what it names.
 */
#include <stdio.h>
#include <string.h>

#include "sim/preset.h"
#include "sim/text.h"
#include "sim/tlb.h"
#include "sim/validate_int.h"

#define GVA 0x0000123456789000u
#define PAGE 0x40000u		/* gpa of the page at GVA */
#define ROOT 0x1000u		/* gpa of the guest's root; the others follow */
#define SWITCH ((uint64_t)1 << GNOMON_AGILE_BIT)
#define SET 0x67u		/* present, writable, user, accessed, dirty */

enum {
	LEVELS = 4, POINTER = 0, PARTS = LEVELS + 1, TOTAL = PARTS,
	ALL = LEVELS + 1,	/* the pointer to the root is the guest's too */
};

static const struct row {
	const char *name;
	enum sim_paging paging;
	unsigned below;		/* level of the first table of the guest's */
	/* The pointer, then L1 (the leaf table's entry) to L4, then all. */
	unsigned parts[PARTS + 1];
} rows[] = {
	{ "native", SIM_PAGING_1D, LEVELS, { 0, 1, 1, 1, 1, 4 } },
	{ "nested", SIM_PAGING_2D, LEVELS, { 4, 5, 5, 5, 5, 24 } },
	{ "shadow", SIM_PAGING_1D, 0, { 0, 1, 1, 1, 1, 4 } },
	{ "agile, all shadow", SIM_PAGING_AGILE, 0, { 0, 1, 1, 1, 1, 4 } },
	{ "agile, nested at leaf", SIM_PAGING_AGILE, 1,
	  { 0, 5, 1, 1, 1, 8 } },
	{ "agile, nested at leaf + 1", SIM_PAGING_AGILE, 2,
	  { 0, 5, 5, 1, 1, 12 } },
	{ "agile, nested at leaf + 2", SIM_PAGING_AGILE, 3,
	  { 0, 5, 5, 5, 1, 16 } },
	{ "agile, nested at the root", SIM_PAGING_AGILE, 4,
	  { 0, 5, 5, 5, 5, 20 } },
	{ "agile, all nested", SIM_PAGING_AGILE, ALL,
	  { 4, 5, 5, 5, 5, 24 } },
};

struct bench {
	struct sim_hostmem mem;
	struct sim_machine machine;
	struct sim_vcpu *vcpu;
	const struct row *row;
	uint64_t *entry[LEVELS + 1];	/* that the walk goes through */
};

static unsigned index_at(uint64_t address, unsigned level)
{
	return address >> (3 + 9 * level) & 511;
}

static uint64_t *new_table(struct bench *b, uint64_t *hpa)
{
	uint64_t *table = sim_arena_page(&b->mem.tables);

	*hpa = 0;
	if (table) {
		memset(table, 0, GNOMON_PAGE_BYTES);
		*hpa = sim_va_to_hpa(&b->mem, table);
	}
	return table;
}

/* The guest's table of a level, as the guest addresses it. */
static uint64_t guest_table(unsigned level)
{
	return ROOT + (LEVELS - level) * (uint64_t)GNOMON_PAGE_BYTES;
}

static uint64_t *guest_entry(struct bench *b, unsigned level)
{
	return (uint64_t *)(void *)(b->mem.ram + guest_table(level)) +
	       index_at(GVA, level);
}

static void make_guest(struct bench *b)
{
	for (unsigned level = LEVELS; level > 0; level--) {
		*guest_entry(b, level) =
			SET | (level > 1 ? guest_table(level - 1) : PAGE);
	}
}

/* The first 2M of gpa by 4K pages; 0: no memory. */
static uint64_t make_nested(struct bench *b)
{
	uint64_t root, next, *table = new_table(b, &root);

	for (unsigned level = LEVELS; table && level > 1; level--) {
		uint64_t *child = new_table(b, &next);

		table[0] = next | SET;
		table = child;
	}
	for (unsigned i = 0; table && i < 512; i++) {
		table[i] = sim_gpa_to_hpa(i * (uint64_t)GNOMON_PAGE_BYTES) |
			   SET;
	}
	return table ? root : 0;
}

/* Shadow tables down to the guest's; their root. 0: no memory. */
static uint64_t make_shadow(struct bench *b, unsigned below)
{
	uint64_t root, next, *table = new_table(b, &root);

	for (unsigned level = LEVELS; table && level > below; level--) {
		b->entry[level] = &table[index_at(GVA, level)];
		if (level == 1) {
			*b->entry[level] = sim_gpa_to_hpa(PAGE) | SET;
		} else if (level == below + 1) {
			*b->entry[level] = SET | SWITCH |
				sim_gpa_to_hpa(guest_table(below));
		} else {
			table = new_table(b, &next);
			*b->entry[level] = next | SET;
		}
	}
	return table ? root : 0;
}

static bool load(struct bench *b)
{
	struct gnomon_regs regs = {
		.cr0 = 0x80010033, .cr3 = ROOT, .cr4 = 0xa0, .efer = 0xd01,
	};
	uint64_t nested = make_nested(b), root = ROOT;
	const struct row *row = b->row;

	make_guest(b);
	for (unsigned level = 1; level <= LEVELS; level++) {
		b->entry[level] = guest_entry(b, level);
	}
	if (row->below < LEVELS) {
		root = make_shadow(b, row->below);
	} else if (row->paging == SIM_PAGING_AGILE && row->below < ALL) {
		root = sim_gpa_to_hpa(ROOT) | SWITCH;
	}
	sim_vcpu_set(b->vcpu, row->paging, &regs, root, nested);
	b->vcpu->begins_below = row->below == ALL;
	return nested && root;
}

static unsigned refs_of_walk(struct bench *b)
{
	struct sim_walk walk;

	sim_tlb_flush_all(b->vcpu);
	sim_walk(b->vcpu, GVA, GNOMON_USER | GNOMON_WRITE, &walk);
	return walk.refs;
}

/* Counts parts and the total. */
static void count(struct bench *b, unsigned parts[PARTS + 1])
{
	unsigned before = 0;

	for (unsigned level = LEVELS; level > 0; level--) {
		uint64_t kept = *b->entry[level];
		unsigned down;

		*b->entry[level] = 0;
		down = refs_of_walk(b) - 1;	/* to the entry itself */
		*b->entry[level] = kept;
		parts[level == LEVELS ? POINTER : level + 1] = down - before;
		before = down;
	}
	parts[TOTAL] = refs_of_walk(b);
	parts[1] = parts[TOTAL] - before;
}

static bool set_up(struct bench *b, const struct row *row,
		   const struct sim_preset *preset)
{
	bool native = row->paging == SIM_PAGING_1D && row->below;

	memset(b, 0, sizeof(*b));
	b->row = row;
	if (!sim_hostmem_init(&b->mem, 2u << 20, 2u << 20) ||
	    !sim_machine_init(&b->machine, &b->mem, preset, 1,
			      native ? 0 : SIM_HPA_BASE, 1)) {
		return false;
	}
	b->vcpu = &b->machine.vcpus[0];
	return load(b);
}

static void tell(struct sim_validation *v, const struct row *row,
		 const unsigned parts[PARTS + 1])
{
	struct sim_check c = {
		.id = "V1", .unit = "references",
		.source = "agile paging, tables II and VI [FULL]",
		.kind = SIM_CHECK_EXACT, .target = row->parts[TOTAL],
		.ours = parts[TOTAL],
	};

	snprintf(c.what, sizeof(c.what), "table II, %s", row->name);
	snprintf(c.note, sizeof(c.note),
		 "pointer %u, L4 %u, L3 %u, L2 %u, L1 %u", parts[POINTER],
		 parts[4], parts[3], parts[2], parts[1]);
	validate_tell(v, &c);
	c.unit = "parts";
	c.target = c.ours = 0;
	c.note[0] = 0;
	for (unsigned i = 0; i < PARTS; i++) {
		c.ours += parts[i] != row->parts[i];
	}
	snprintf(c.what, sizeof(c.what),
		 "table II, %s: components that differ", row->name);
	validate_tell(v, &c);
}

bool validate_table2(struct sim_validation *v)
{
	static const char *const sets[] = {
		VALIDATE_NO_CACHES,
	};
	struct sim_error error = { 0 };
	struct sim_preset preset;
	bool good = sim_preset_load(sim_default_preset(), &preset, &error);

	for (size_t i = 0; good && i < VALIDATE_COUNT(sets); i++) {
		good = sim_preset_set(&preset, sets[i], &error);
	}
	for (size_t i = 0; good && i < VALIDATE_COUNT(rows); i++) {
		unsigned parts[PARTS + 1] = { 0 };
		struct bench b;

		good = set_up(&b, &rows[i], &preset);
		if (good) {
			count(&b, parts);
			tell(v, &rows[i], parts);
		} else {
			sim_fail(&error, SIM_ERR_NOMEM, "no memory");
		}
		sim_machine_done(&b.machine);
		sim_hostmem_done(&b.mem);
	}
	if (!good) {
		snprintf(v->error, sizeof(v->error), "table II: %.150s",
			 error.text);
	}
	return good;
}
