/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest kernel's page tables: making, linking, finding, freeing. Every
 * change of an entry goes through kern_set(), which tells the sink of it when
 * the table is reachable from a loaded root.
 */
#include <stdlib.h>

#include "sim/kern_int.h"

struct kern_table *kern_table_new(struct sim_kern *k, unsigned level)
{
	struct kern_table *t = calloc(1, sizeof(*t));
	uint64_t gpa = t ? kern_frame_get(k, USE_TABLE) : 0;

	if (!gpa) {
		free(t);
		kern_fail(k, "out of memory");
		return NULL;
	}
	t->gpa = gpa;
	t->level = (uint8_t)level;
	kern_frame(k, gpa)->table = t;
	kern_frame_fill(k, gpa);
	kern_spend(k, k->work.zero_page);
	return t;
}

void kern_table_free(struct sim_kern *k, struct kern_table *t)
{
	if (t->known) {
		struct sim_event ev = { .type = SIM_EV_TABLE_END,
					.gpa = t->gpa, .level = t->level };

		kern_emit(k, &ev);
	}
	kern_frame_put(k, t->gpa);
	free(t);
}

static struct kern_table *child_of(struct sim_kern *k, uint64_t entry)
{
	if (!(entry & PTE_P) || (entry & PTE_PS)) {
		return NULL;
	}
	return kern_frame(k, entry & KERN_ADDR)->table;
}

static void tell(struct sim_kern *k, struct kern_table *t, uint8_t type)
{
	struct sim_rec_entry entries[512];
	uint32_t count = 0;

	for (unsigned i = 0; i < 512; i++) {
		if (t->e[i]) {
			entries[count++] = (struct sim_rec_entry){
				.value = t->e[i], .index = i
			};
		}
	}
	struct sim_event ev = { .type = type, .gpa = t->gpa,
				.level = t->level, .entries = entries,
				.entry_count = count };

	kern_emit(k, &ev);
}

/* Tell what the table holds; the tables below it come first. */
void kern_table_publish(struct sim_kern *k, struct kern_table *t)
{
	if (t->known) {
		return;
	}
	for (unsigned i = 0; t->level > 1 && i < 512; i++) {
		struct kern_table *child = child_of(k, t->e[i]);

		if (child) {
			kern_table_publish(k, child);
		}
	}
	tell(k, t, SIM_EV_TABLE_IMAGE);
	k->n.images++;
	t->known = true;
}

void sim_kern_final(struct sim_kern *k)
{
	for (uint64_t i = 0; i < k->frame_count; i = kern_next_used(k, i)) {
		struct kern_table *t = k->frames[i].table;

		if (t && t->known) {
			tell(k, t, SIM_EV_FINAL_TABLE);
		}
	}
}

void kern_set(struct sim_kern *k, struct kern_table *t, unsigned index,
	      uint64_t value, unsigned bytes)
{
	uint64_t gpa = t->gpa + index * sizeof(uint64_t);

	if (t->known && t->level > 1) {
		struct kern_table *child = child_of(k, value);

		if (child) {
			kern_table_publish(k, child);
		}
	}
	t->e[index] = value;
	if (!t->known) {
		return;
	}
	struct sim_event ev = {
		.type = SIM_EV_TABLE_STORE, .gva = KERN_DIRECT + gpa,
		.gpa = gpa, .value = value, .size = (uint16_t)bytes,
		.level = t->level, .flags = SIM_F_KEPT,
	};

	k->n.table_stores++;
	k->n.accesses++;
	kern_emit(k, &ev);
}

struct kern_table *kern_find(struct sim_kern *k, struct kern_mm *mm,
			     uint64_t gva, unsigned level)
{
	struct kern_table *t = mm->pgd;

	while (t && t->level > level) {
		t = child_of(k, t->e[kern_index(gva, t->level)]);
	}
	return t;
}

void kern_link(struct sim_kern *k, struct kern_mm *mm, struct kern_table *t,
	       unsigned index, uint64_t value)
{
	if (t->level == 4 && mm->user_pgd) {
		kern_set(k, mm->user_pgd, index, value, 8);
		value |= value ? PTE_NX : 0;
	}
	kern_set(k, t, index, value, 8);
}

struct kern_table *kern_make(struct sim_kern *k, struct kern_mm *mm,
			     uint64_t gva, unsigned level)
{
	struct kern_table *t = mm->pgd;

	while (t->level > level) {
		unsigned i = kern_index(gva, t->level);
		struct kern_table *child = child_of(k, t->e[i]);

		if (!child) {
			child = kern_table_new(k, t->level - 1u);
			if (!child) {
				return NULL;
			}
			kern_link(k, mm, t, i, child->gpa | PTE_TABLE);
		}
		t = child;
	}
	return t;
}

uint64_t kern_next(struct sim_kern *k, struct kern_mm *mm, uint64_t gva)
{
	struct kern_table *t = mm->pgd, *child = t;
	uint64_t span = KERN_PAGE << 27;

	while (t->level > 2) {
		child = child_of(k, t->e[kern_index(gva, t->level)]);
		if (!child) {
			break;
		}
		t = child;
		span >>= 9;
	}
	return (gva | (span - 1)) + 1;
}

uint64_t kern_lookup(struct sim_kern *k, struct kern_mm *mm, uint64_t gva)
{
	struct kern_table *pmd = kern_find(k, mm, gva, 2);

	if (!pmd) {
		return 0;
	}
	uint64_t e = pmd->e[kern_index(gva, 2)];
	struct kern_table *pt = child_of(k, e);

	if (!pt) {
		return e & PTE_PS ? e : 0;
	}
	return pt->e[kern_index(gva, 1)];
}

/*
 * One table that index of parent links, if all it can map lies between floor
 * and ceiling; that is Linux's rule, so that tables shared with a neighbour
 * mapping stay.
 */
static void free_one(struct sim_kern *k, struct kern_mm *mm,
		     struct kern_table *parent, uint64_t gva, uint64_t floor,
		     uint64_t ceiling, struct kern_gather *g)
{
	uint64_t span = KERN_PAGE << (9 * (parent->level - 1));
	uint64_t start = gva & ~(span - 1);
	unsigned i = kern_index(gva, parent->level);
	struct kern_table *t = child_of(k, parent->e[i]);

	if (!t || start < floor || start + span > ceiling) {
		return;
	}
	kern_link(k, mm, parent, i, 0);
	kern_table_free(k, t);
	/* Linux counts a table as one page at its beginning. */
	kern_gather_add(g, start, KERN_PAGE);
}

void kern_free_tables(struct sim_kern *k, struct kern_mm *mm, uint64_t start,
		      uint64_t end, uint64_t floor, uint64_t ceiling,
		      struct kern_gather *g)
{
	for (unsigned level = 2; level <= 4; level++) {
		uint64_t span = KERN_PAGE << (9 * (level - 1));

		for (uint64_t at = start; at < end;) {
			struct kern_table *parent =
				kern_find(k, mm, at, level);

			if (parent) {
				free_one(k, mm, parent, at, floor, ceiling, g);
				at = (at | (span - 1)) + 1;
			} else {
				at = kern_next(k, mm, at);
			}
		}
	}
}
