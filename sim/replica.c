/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/replica.h"

#include <stdlib.h>
#include <string.h>

#include "sim/rec_format.h"

/* Open addressing over frame numbers; `room` is a power of two and at
 * least twice `count`. */
struct sim_replica {
	struct sim_replica_table **slot;
	size_t room;
	size_t count;		/* slots in use */
	size_t live;
	uint64_t changes;
	unsigned int entry_bytes;
};

enum {
	FIRST_ROOM = 256,
};

struct sim_replica *sim_replica_new(unsigned int entry_bytes)
{
	struct sim_replica *r = calloc(1, sizeof(*r));

	if (!r) {
		return NULL;
	}
	r->entry_bytes = entry_bytes;
	r->room = FIRST_ROOM;
	r->slot = calloc(r->room, sizeof(*r->slot));
	if (!r->slot) {
		free(r);
		return NULL;
	}
	return r;
}

void sim_replica_free(struct sim_replica *r)
{
	if (!r) {
		return;
	}
	for (size_t i = 0; i < r->room; i++) {
		free(r->slot[i]);
	}
	free(r->slot);
	free(r);
}

static size_t home(const struct sim_replica *r, uint64_t gpa)
{
	return (size_t)((gpa >> 12) * 0x9e3779b97f4a7c15ull >> 32) &
	       (r->room - 1);
}

/* Where the table of the frame `gpa` is, or the free slot for it. */
static size_t locate(const struct sim_replica *r, uint64_t gpa)
{
	size_t i = home(r, gpa);

	while (r->slot[i] && r->slot[i]->gpa != gpa) {
		i = (i + 1) & (r->room - 1);
	}
	return i;
}

const struct sim_replica_table *
sim_replica_find(const struct sim_replica *r, uint64_t gpa)
{
	return r->slot[locate(r, gpa & ~0xfffull)];
}

size_t sim_replica_count(const struct sim_replica *r)
{
	return r->live;
}

uint64_t sim_replica_changes(const struct sim_replica *r)
{
	return r->changes;
}

static bool make_room(struct sim_replica *r)
{
	struct sim_replica bigger = *r;

	if (2 * (r->count + 1) <= r->room) {
		return true;
	}
	bigger.room = 2 * r->room;
	bigger.slot = calloc(bigger.room, sizeof(*bigger.slot));
	if (!bigger.slot) {
		return false;
	}
	for (size_t i = 0; i < r->room; i++) {
		if (r->slot[i]) {
			bigger.slot[locate(&bigger, r->slot[i]->gpa)] =
				r->slot[i];
		}
	}
	free(r->slot);
	*r = bigger;
	return true;
}

static void set_entry(struct sim_replica *r, struct sim_replica_table *t,
		      size_t offset, uint64_t value)
{
	if (r->entry_bytes == 4) {
		sim_set32(t->bytes + (offset & 0xffc), (uint32_t)value);
	} else {
		sim_set64(t->bytes + (offset & 0xff8), value);
	}
}

static enum sim_replica_answer apply_image(struct sim_replica *r,
					   const struct sim_event *ev)
{
	uint64_t gpa = ev->gpa & ~0xfffull;
	struct sim_replica_table *t = r->slot[locate(r, gpa)];

	if (!t) {
		if (r->count >= SIM_REPLICA_TABLES_MAX || !make_room(r)) {
			return SIM_REPLICA_FULL;
		}
		t = malloc(sizeof(*t));
		if (!t) {
			return SIM_REPLICA_FULL;
		}
		r->slot[locate(r, gpa)] = t;
		r->count++;
		t->gpa = gpa;
		t->live = false;
	}
	r->live += !t->live;
	t->live = true;
	t->level = ev->level;
	t->changed = ++r->changes;
	memset(t->bytes, 0, sizeof(t->bytes));
	for (uint32_t i = 0; i < ev->entry_count; i++) {
		size_t offset = ev->entries[i].index * (size_t)r->entry_bytes;

		if (offset < sizeof(t->bytes)) {
			set_entry(r, t, offset, ev->entries[i].value);
		}
	}
	return SIM_REPLICA_OK;
}

static enum sim_replica_answer apply_end(struct sim_replica *r, uint64_t gpa)
{
	struct sim_replica_table *t = r->slot[locate(r, gpa & ~0xfffull)];

	if (!t || !t->live) {
		return SIM_REPLICA_NO_TABLE;
	}
	t->live = false;
	r->live--;
	return SIM_REPLICA_OK;
}

enum sim_replica_answer sim_replica_apply(struct sim_replica *r,
					  const struct sim_event *ev)
{
	if (ev->type == SIM_EV_TABLE_IMAGE) {
		return apply_image(r, ev);
	}
	if (ev->type == SIM_EV_TABLE_END) {
		return apply_end(r, ev->gpa);
	}
	if (ev->type == SIM_EV_TABLE_STORE) {
		struct sim_replica_table *t =
			r->slot[locate(r, ev->gpa & ~0xfffull)];

		if (!t || !t->live) {
			return SIM_REPLICA_NO_TABLE;
		}
		set_entry(r, t, ev->gpa & 0xfff, ev->value);
		t->changed = ++r->changes;
	}
	return SIM_REPLICA_OK;
}

bool sim_replica_read(void *arg, uint64_t gpa, unsigned int bytes,
		      uint64_t *value)
{
	const struct sim_replica_table *t = sim_replica_find(arg, gpa);

	if (!t) {
		return false;
	}
	*value = bytes == 4 ? sim_get32(t->bytes + (gpa & 0xffc)) :
			      sim_get64(t->bytes + (gpa & 0xff8));
	return true;
}

unsigned int sim_rec_entry_bytes(const struct sim_rec_info *info)
{
	return info->levels == 2 ? 4 : 8;
}

struct sim_oracle sim_replica_oracle(struct sim_replica *r,
				     const struct sim_rec_info *info)
{
	return (struct sim_oracle){
		.read = sim_replica_read,
		.arg = r,
		.cr0 = info->cr0,
		.cr3 = info->cr3,
		.cr4 = info->cr4,
		.efer = info->efer,
		.maxphyaddr = info->maxphyaddr,
	};
}

uint32_t sim_replica_entries(const struct sim_replica *r,
			     const struct sim_replica_table *t,
			     struct sim_rec_entry *out)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < 4096 / r->entry_bytes; i++) {
		uint64_t v = r->entry_bytes == 4 ?
			     sim_get32(t->bytes + 4 * i) :
			     sim_get64(t->bytes + 8 * i);

		if (v) {
			out[count++] = (struct sim_rec_entry){
				.value = v, .index = i,
			};
		}
	}
	return count;
}

static int by_gpa(const void *a, const void *b)
{
	const struct sim_replica_table *const *x = a, *const *y = b;

	return ((*x)->gpa > (*y)->gpa) - ((*x)->gpa < (*y)->gpa);
}

const struct sim_replica_table **sim_replica_list(const struct sim_replica *r)
{
	const struct sim_replica_table **list =
		malloc((r->live + 1) * sizeof(*list));
	size_t n = 0;

	if (!list) {
		return NULL;
	}
	for (size_t i = 0; i < r->room; i++) {
		if (r->slot[i] && r->slot[i]->live) {
			list[n++] = r->slot[i];
		}
	}
	qsort(list, n, sizeof(*list), by_gpa);
	return list;
}
