/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/tables.h"

#include <stdlib.h>
#include <string.h>

enum {
	ENTRIES = 512,
	PRESENT = 1,
	LARGE = 1 << 7,
};

#define ADDRESS 0x000ffffffffff000ull

struct record_table {
	uint64_t gpa;
	uint32_t links;		/* entries that point here */
	uint8_t level;
	bool root;		/* was loaded into a CR3 */
	bool busy;		/* in use further up the call chain: stays */
	uint64_t entry[ENTRIES];
};

bool record_init(struct record *r, struct sim_rec_writer *out,
		 const uint8_t *ram, uint64_t ram_bytes, unsigned int levels,
		 unsigned int vcpus)
{
	memset(r, 0, sizeof(*r));
	r->out = out;
	r->ram = ram;
	r->ram_bytes = ram_bytes & ~0xfffull;
	r->levels = levels;
	r->vcpus = vcpus < RECORD_VCPUS_MAX ? vcpus : RECORD_VCPUS_MAX;
	r->table = calloc((size_t)(ram_bytes >> 12) + 1, sizeof(*r->table));
	for (unsigned int i = 0; i < RECORD_VCPUS_MAX; i++) {
		r->root[i] = UINT64_MAX;
	}
	r->left = UINT64_MAX;
	return r->table != NULL;
}

void record_free(struct record *r)
{
	for (uint64_t i = 0; r->table && i < r->ram_bytes >> 12; i++) {
		free(r->table[i]);
	}
	free(r->table);
	r->table = NULL;
}

void record_put(struct record *r, struct sim_event ev)
{
	if (r->status != SIM_REC_OK) {
		return;
	}
	ev.instr = r->instr;
	ev.vcpu = r->vcpu;
	r->status = sim_rec_put(r->out, &ev);
}

static struct record_table *find(const struct record *r, uint64_t gpa)
{
	return gpa < r->ram_bytes ? r->table[gpa >> 12] : NULL;
}

bool record_is_table(const struct record *r, uint64_t gpa)
{
	return find(r, gpa) != NULL;
}

static void load(const struct record *r, uint64_t gpa, uint64_t *entries)
{
	memcpy(entries, r->ram + gpa, ENTRIES * sizeof(*entries));
}

static void put_table(struct record *r, enum sim_event_type type,
		      const struct record_table *t, const uint64_t *entries)
{
	struct sim_rec_entry list[ENTRIES];
	uint32_t n = 0;

	for (uint32_t i = 0; i < ENTRIES; i++) {
		if (entries[i]) {
			list[n++] = (struct sim_rec_entry){
				.value = entries[i], .index = i,
			};
		}
	}
	record_put(r, (struct sim_event){
		.type = (uint8_t)type, .gpa = t->gpa, .level = t->level,
		.entries = list, .entry_count = n,
	});
}

/* The table an entry of `level` links, or UINT64_MAX. */
static uint64_t link_of(const struct record *r, unsigned int level,
			uint64_t entry)
{
	uint64_t gpa = entry & ADDRESS;

	if (level < 2 || !(entry & PRESENT) ||
	    ((entry & LARGE) && level <= 3) || gpa >= r->ram_bytes) {
		return UINT64_MAX;
	}
	return gpa;
}

static void end_table(struct record *r, struct record_table *t);

static void unlink_table(struct record *r, uint64_t gpa)
{
	struct record_table *t = find(r, gpa);

	if (t && t->links > 0) {
		t->links--;
	}
	if (t && t->links == 0 && !t->root && !t->busy) {
		end_table(r, t);
	}
}

/* Depth is bounded: what is below has a lower level. */
static void end_table(struct record *r, struct record_table *t)
{
	r->table[t->gpa >> 12] = NULL;
	record_put(r, (struct sim_event){
		.type = SIM_EV_TABLE_END, .gpa = t->gpa, .level = t->level,
	});
	for (uint32_t i = 0; i < ENTRIES; i++) {
		uint64_t child = link_of(r, t->level, t->entry[i]);

		if (child != UINT64_MAX) {
			unlink_table(r, child);
		}
	}
	free(t);
}

static bool is_loaded(const struct record *r, uint64_t gpa)
{
	for (unsigned int i = 0; i < r->vcpus; i++) {
		if (r->root[i] == gpa) {
			return true;
		}
	}
	return false;
}

/* A page that is linked now: its image, behind those of its children. */
static struct record_table *discover(struct record *r, uint64_t gpa,
				     unsigned int level)
{
	struct record_table *t = find(r, gpa);

	if (t && t->level != level) {
		/* A table that maps itself has one level here; or the frame
		 * is reused, and the end of its old life went unseen. */
		if (t->busy || is_loaded(r, gpa)) {
			return NULL;
		}
		end_table(r, t);
		t = NULL;
	}
	if (t) {
		return t;
	}
	t = calloc(1, sizeof(*t));
	if (!t) {
		r->status = SIM_REC_NOMEM;
		return NULL;
	}
	t->gpa = gpa;
	t->level = (uint8_t)level;
	t->busy = true;
	load(r, gpa, t->entry);
	r->table[gpa >> 12] = t;
	r->epoch++;
	for (uint32_t i = 0; i < ENTRIES; i++) {
		uint64_t child = link_of(r, level, t->entry[i]);
		struct record_table *c = child == UINT64_MAX ? NULL :
			discover(r, child, level - 1);

		if (c) {
			c->links++;
		}
	}
	t->busy = false;
	put_table(r, SIM_EV_TABLE_IMAGE, t, t->entry);
	return t;
}

static bool is_over(const struct record *r, const struct record_table *t)
{
	if (!t->root || is_loaded(r, t->gpa)) {
		return false;
	}
	for (uint32_t i = 0; i < ENTRIES / 2; i++) {
		if (t->entry[i]) {
			return false;
		}
	}
	return true;
}

void record_root(struct record *r, unsigned int vcpu, uint64_t cr3)
{
	uint64_t gpa = cr3 & ADDRESS;
	struct record_table *t;

	if (vcpu >= r->vcpus || gpa >= r->ram_bytes) {
		return;
	}
	r->left = r->root[vcpu];
	r->root[vcpu] = gpa;
	t = discover(r, gpa, r->levels);
	if (t) {
		t->root = true;
	}
}

void record_left(struct record *r)
{
	struct record_table *t = find(r, r->left);

	if (t && is_over(r, t)) {
		end_table(r, t);
	}
}

/* The frame of a root that nobody runs on is used for something else. */
static bool is_reused(const struct record *r, const struct record_table *t,
		      uint64_t gpa, unsigned int size)
{
	uint64_t now[ENTRIES];

	if (!t->root || t->links || is_loaded(r, t->gpa)) {
		return false;
	}
	if (size < 8 || (gpa & 7)) {
		return true;
	}
	load(r, t->gpa, now);
	for (uint32_t i = ENTRIES / 2; i < ENTRIES; i++) {
		if (t->entry[i] && now[i] != t->entry[i]) {
			return true;
		}
	}
	return false;
}

static void store_entry(struct record *r, struct record_table *t,
			struct sim_event ev)
{
	uint32_t index = (uint32_t)(ev.gpa >> 3 & (ENTRIES - 1));
	uint64_t before = link_of(r, t->level, t->entry[index]);
	uint64_t after;

	memcpy(&ev.value, r->ram + (ev.gpa & ~7ull), sizeof(ev.value));
	after = link_of(r, t->level, ev.value);
	t->entry[index] = ev.value;
	if (after != before && after != UINT64_MAX) {
		struct record_table *c;

		/* A stale table that gives way must not take this along. */
		t->busy = true;
		c = discover(r, after, t->level - 1u);
		t->busy = false;
		if (c) {
			c->links++;
		}
	}
	ev.type = SIM_EV_TABLE_STORE;
	ev.level = t->level;
	record_put(r, ev);
	r->table_stores++;
	if (after != before && before != UINT64_MAX) {
		unlink_table(r, before);
	}
}

bool record_store(struct record *r, uint64_t gva, uint64_t gpa,
		  unsigned int size, uint64_t ip, unsigned int flags)
{
	struct record_table *t = find(r, gpa);

	if (!t) {
		return false;
	}
	if (is_reused(r, t, gpa, size)) {
		end_table(r, t);
		return false;
	}
	/* A wide store is one event per entry that it touches. */
	for (unsigned int done = 0; done < size;) {
		unsigned int part = 8 - (unsigned int)((gpa + done) & 7);

		part = part < size - done ? part : size - done;
		if ((gpa + done) >> 12 != t->gpa >> 12) {
			break;
		}
		store_entry(r, t, (struct sim_event){
			.gva = gva + done, .gpa = gpa + done,
			.size = (uint16_t)part, .ip = ip,
			.flags = (uint16_t)(SIM_F_IP | (done ? 0 : flags)),
		});
		done += part;
		t = find(r, gpa);
		if (!t) {
			return true;
		}
	}
	if (is_over(r, t)) {
		end_table(r, t);
	}
	return true;
}

void record_is_data(struct record *r, uint64_t gpa)
{
	struct record_table *t = find(r, gpa);

	if (t && t->root && !t->links && !is_loaded(r, t->gpa)) {
		end_table(r, t);
	}
}

void record_final(struct record *r)
{
	uint64_t entries[ENTRIES];

	for (uint64_t i = 0; i < r->ram_bytes >> 12; i++) {
		if (r->table[i]) {
			load(r, i << 12, entries);
			put_table(r, SIM_EV_FINAL_TABLE, r->table[i], entries);
		}
	}
}
