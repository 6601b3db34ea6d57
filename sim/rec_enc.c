/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "sim/rec_code.h"
#include "sim/rec_format.h"

/* Room for `bytes` more in a column, or NULL. */
static uint8_t *room(struct sim_rec_enc *e, enum sim_rec_column c,
		     size_t bytes)
{
	struct sim_rec_buf *b = &e->col[c];

	if (b->room - b->bytes < bytes) {
		size_t size = 2 * b->room + bytes + 4096;
		uint8_t *data = realloc(b->data, size);

		if (!data) {
			e->nomem = true;
			return NULL;
		}
		b->data = data;
		b->room = size;
	}
	return b->data + b->bytes;
}

static void put_byte(struct sim_rec_enc *e, enum sim_rec_column c,
		     unsigned int v)
{
	uint8_t *p = room(e, c, 1);

	if (p) {
		*p = (uint8_t)v;
		e->col[c].bytes++;
	}
}

static void put_number(struct sim_rec_enc *e, enum sim_rec_column c,
		       uint64_t v)
{
	uint8_t *p = room(e, c, 10);
	size_t n = 0;

	if (!p) {
		return;
	}
	for (; v >= 0x80; v >>= 7) {
		p[n++] = (uint8_t)(v | 0x80);
	}
	p[n++] = (uint8_t)v;
	e->col[c].bytes += n;
}

/* Small numbers for small differences of either sign. */
static uint64_t fold(uint64_t difference)
{
	return difference << 1 ^ (0 - (difference >> 63));
}

static unsigned int oldest(const uint32_t *age)
{
	unsigned int best = 0;

	for (unsigned int i = 1; i < REC_SLOTS; i++) {
		best = age[i] < age[best] ? i : best;
	}
	return best;
}

/*
 * The register nearest to the address, or, when none is near, the one
 * unused for longest: a far jump then costs a few bytes once and spoils
 * nothing that is in use.
 */
static void put_address(struct sim_rec_enc *e, enum sim_rec_column c,
			uint64_t address)
{
	unsigned int bank = c == REC_COL_GPA;
	uint64_t *slot = e->s.slot[bank];
	uint32_t *age = e->age[bank];
	uint64_t far = fold(address - slot[0]), there;
	unsigned int best = 0;

	for (unsigned int i = 1; i < REC_SLOTS; i++) {
		there = fold(address - slot[i]);
		best = there < far ? i : best;
		far = there < far ? there : far;
	}
	if (far >> 26) {
		best = oldest(age);
		far = fold(address - slot[best]);
	}
	put_byte(e, REC_COL_SLOT, best);
	put_number(e, c, far);
	slot[best] = address;
	age[best] = ++e->now;
}

/* NX is the top bit; turned down, near entries stay near. */
static void put_entry(struct sim_rec_enc *e, uint64_t value)
{
	uint64_t turned = value << 1 | value >> 63;

	put_number(e, REC_COL_VALUE, fold(turned - e->s.value));
	e->s.value = turned;
}

static void put_entries(struct sim_rec_enc *e, const struct sim_event *ev)
{
	uint32_t next = 0;

	put_number(e, REC_COL_MISC, ev->entry_count);
	for (uint32_t i = 0; i < ev->entry_count; i++) {
		put_number(e, REC_COL_MISC, ev->entries[i].index - next);
		put_entry(e, ev->entries[i].value);
		next = ev->entries[i].index + 1;
	}
}

static void put_text(struct sim_rec_enc *e, const struct sim_event *ev)
{
	uint8_t *p;

	put_number(e, REC_COL_MISC, ev->text_bytes);
	p = room(e, REC_COL_MISC, ev->text_bytes);
	if (p && ev->text_bytes) {
		memcpy(p, ev->text, ev->text_bytes);
		e->col[REC_COL_MISC].bytes += ev->text_bytes;
	}
}

static void put_context(struct sim_rec_enc *e, const struct sim_event *ev)
{
	struct sim_rec_state *s = &e->s;

	if (s->vcpu == ev->vcpu && s->pid == ev->pid && s->tid == ev->tid) {
		return;
	}
	put_byte(e, REC_COL_OP, REC_OP_CONTEXT);
	put_number(e, REC_COL_MISC, ev->vcpu);
	put_number(e, REC_COL_MISC, ev->pid);
	put_number(e, REC_COL_MISC, ev->tid);
	s->vcpu = ev->vcpu;
	s->pid = ev->pid;
	s->tid = ev->tid;
}

static void put_access(struct sim_rec_enc *e, const struct sim_event *ev)
{
	static const uint8_t codes[65] = {
		[1] = 1, [2] = 2, [4] = 3, [8] = 4, [16] = 5, [32] = 6,
		[64] = 7,
	};
	unsigned int size = ev->size <= 64 && codes[ev->size] ?
			    codes[ev->size] - 1u : REC_OP_SIZE_OTHER;
	unsigned int kind = ev->flags & (SIM_F_WRITE | SIM_F_FETCH);
	bool plain = kind != REC_OP_KIND_FLAGS &&
		     !(ev->flags & (SIM_F_IMPLICIT | SIM_F_AC));
	unsigned int op = REC_OP_ACCESS | size;

	if (size == REC_OP_SIZE_OTHER) {
		put_number(e, REC_COL_MISC, ev->size);
	}
	if (plain) {
		op |= kind << REC_OP_KIND_SHIFT;
		op |= ev->flags & SIM_F_USER ? REC_OP_USER : 0;
	} else {
		op |= REC_OP_KIND_FLAGS << REC_OP_KIND_SHIFT;
		put_number(e, REC_COL_MISC, ev->flags);
	}
	put_byte(e, REC_COL_OP, op);
	put_address(e, REC_COL_GVA, ev->gva);
}

static void put_store(struct sim_rec_enc *e, const struct sim_event *ev)
{
	uint64_t gap = ev->gva - ev->gpa;

	put_number(e, REC_COL_GPA, fold(gap - e->s.gap));
	e->s.gap = gap;
	if (ev->value) {
		put_entry(e, ev->value);
	}
}

/* The order here is the order in which the decoder takes the fields. */
static void put_fields(struct sim_rec_enc *e, const struct sim_event *ev)
{
	uint32_t fields = sim_rec_fields(ev->type);

	if (fields & REC_HAS_FLAGS) {
		put_number(e, REC_COL_MISC, ev->flags);
	}
	if (fields & REC_HAS_GVA) {
		put_address(e, REC_COL_GVA, ev->gva);
	}
	if (fields & REC_HAS_GPA) {
		put_address(e, REC_COL_GPA, ev->gpa);
	}
	if (fields & REC_HAS_NUMBER) {
		put_number(e, REC_COL_MISC, ev->value);
	}
	if (fields & REC_HAS_NEAR) {
		put_store(e, ev);
	}
	if (fields & REC_HAS_SIZE) {
		put_number(e, REC_COL_MISC, ev->size);
	}
	if (fields & REC_HAS_LEVEL) {
		put_number(e, REC_COL_MISC, ev->level);
	}
	if (fields & REC_HAS_SUB) {
		put_number(e, REC_COL_MISC, ev->sub);
	}
	if (fields & REC_HAS_OFFSET) {
		put_number(e, REC_COL_MISC, ev->gpa);
	}
	if (ev->flags & SIM_F_IP) {
		put_address(e, REC_COL_GVA, ev->ip);
	}
	if (fields & REC_HAS_TO) {
		put_address(e, REC_COL_GVA, ev->to);
	}
	if (fields & REC_HAS_ENTRIES) {
		put_entries(e, ev);
	}
	if (fields & REC_HAS_TEXT) {
		put_text(e, ev);
	}
}

bool sim_rec_enc_put(struct sim_rec_enc *e, const struct sim_event *ev)
{
	if (e->events == 0) {
		e->first_instr = ev->instr;
		e->s.instr = ev->instr;
	}
	put_context(e, ev);
	put_number(e, REC_COL_TIME, ev->instr - e->s.instr);
	e->s.instr = ev->instr;
	if (ev->type == SIM_EV_ACCESS) {
		put_access(e, ev);
	} else {
		bool zero = ev->type == SIM_EV_TABLE_STORE && ev->value == 0;

		put_byte(e, REC_COL_OP, ev->type | (zero ? REC_OP_ZERO : 0u));
		put_fields(e, ev);
	}
	e->events++;
	return !e->nomem;
}

void sim_rec_enc_reset(struct sim_rec_enc *e)
{
	memset(&e->s, 0, sizeof(e->s));
	memset(e->age, 0, sizeof(e->age));
	e->now = 0;
	e->events = 0;
	for (int i = 0; i < REC_COLS; i++) {
		e->col[i].bytes = 0;
	}
}

void sim_rec_enc_free(struct sim_rec_enc *e)
{
	for (int i = 0; i < REC_COLS; i++) {
		free(e->col[i].data);
	}
}

size_t sim_rec_enc_bytes(const struct sim_rec_enc *e)
{
	size_t bytes = REC_RAW_HEAD;

	for (int i = 0; i < REC_COLS; i++) {
		bytes += e->col[i].bytes;
	}
	return bytes;
}

void sim_rec_enc_write(const struct sim_rec_enc *e, uint8_t *raw)
{
	uint8_t *p = raw + REC_RAW_HEAD;

	for (int i = 0; i < REC_COLS; i++) {
		const struct sim_rec_buf *b = &e->col[i];

		sim_set32(raw + 4 * i, (uint32_t)b->bytes);
		if (b->bytes) {
			memcpy(p, b->data, b->bytes);
		}
		p += b->bytes;
	}
}
