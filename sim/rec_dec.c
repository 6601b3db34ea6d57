/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Decoding trusts nothing: a frame with the right checksum may still have
 * been made by hand.  Numbers may be read past the end of their column, but
 * never past the padding of the frame; each event checks its columns once,
 * and loops check as they go.
 */
#include <string.h>

#include "sim/rec_code.h"
#include "sim/rec_format.h"

static uint64_t number_slow(const uint8_t **pp)
{
	const uint8_t *p = *pp;
	uint64_t v = 0;

	for (unsigned int shift = 0; shift < 70; shift += 7) {
		uint8_t b = *p++;

		v |= shift < 64 ? (uint64_t)(b & 0x7f) << shift : 0;
		if (b < 0x80) {
			break;
		}
	}
	*pp = p;
	return v;
}

static inline uint64_t number(struct sim_rec_dec *d, enum sim_rec_column c)
{
	const uint8_t *p = d->p[c];

	if (*p < 0x80) {
		d->p[c] = p + 1;
		return *p;
	}
	if (p[1] < 0x80) {
		d->p[c] = p + 2;
		return (p[0] & 0x7fu) | (uint64_t)p[1] << 7;
	}
	return number_slow(&d->p[c]);
}

static inline uint64_t unfold(uint64_t v)
{
	return v >> 1 ^ (0 - (v & 1));
}

static inline uint64_t address(struct sim_rec_dec *d, enum sim_rec_column c)
{
	unsigned int slot = *d->p[REC_COL_SLOT]++ & (REC_SLOTS - 1);
	uint64_t *at = &d->s.slot[c == REC_COL_GPA][slot];

	*at += unfold(number(d, c));
	return *at;
}

static uint64_t entry(struct sim_rec_dec *d)
{
	uint64_t turned = d->s.value + unfold(number(d, REC_COL_VALUE));

	d->s.value = turned;
	return turned >> 1 | turned << 63;
}

/* A number that must fit a small field; too large ones become `limit`+1. */
static uint32_t small(struct sim_rec_dec *d, uint32_t limit)
{
	uint64_t v = number(d, REC_COL_MISC);

	return v > limit ? limit + 1 : (uint32_t)v;
}

static bool inside(const struct sim_rec_dec *d, enum sim_rec_column c)
{
	return d->p[c] <= d->end[c];
}

static bool take_entries(struct sim_rec_dec *d, struct sim_event *ev)
{
	uint32_t count = small(d, SIM_REC_ENTRIES_MAX);
	uint32_t next = 0;

	if (count > SIM_REC_ENTRIES_MAX) {
		return false;
	}
	for (uint32_t i = 0; i < count; i++) {
		uint32_t skip = small(d, SIM_REC_ENTRIES_MAX);
		uint64_t value = entry(d);

		if (!inside(d, REC_COL_MISC) || !inside(d, REC_COL_VALUE)) {
			return false;
		}
		d->entries[i] = (struct sim_rec_entry){
			.value = value, .index = next + skip,
		};
		next += skip + 1;
	}
	ev->entries = d->entries;
	ev->entry_count = count;
	return true;
}

static bool take_text(struct sim_rec_dec *d, struct sim_event *ev)
{
	uint32_t bytes = small(d, SIM_REC_TEXT_MAX);
	const uint8_t *p = d->p[REC_COL_MISC];

	if (!inside(d, REC_COL_MISC) || bytes > SIM_REC_TEXT_MAX ||
	    bytes > (size_t)(d->end[REC_COL_MISC] - p)) {
		return false;
	}
	ev->text = (const char *)p;
	ev->text_bytes = bytes;
	d->p[REC_COL_MISC] = p + bytes;
	return true;
}

static void take_numbers(struct sim_rec_dec *d, struct sim_event *ev,
			 uint32_t fields, bool zero)
{
	if (fields & REC_HAS_FLAGS) {
		ev->flags = (uint16_t)small(d, SIM_F_ALL);
	}
	if (fields & REC_HAS_GVA) {
		ev->gva = address(d, REC_COL_GVA);
	}
	if (fields & REC_HAS_GPA) {
		ev->gpa = address(d, REC_COL_GPA);
	}
	if (fields & REC_HAS_NUMBER) {
		ev->value = number(d, REC_COL_MISC);
	}
	if (fields & REC_HAS_NEAR) {
		d->s.gap += unfold(number(d, REC_COL_GPA));
		ev->gpa = ev->gva - d->s.gap;
		ev->value = zero ? 0 : entry(d);
	}
	if (fields & REC_HAS_SIZE) {
		ev->size = (uint16_t)small(d, SIM_REC_SIZE_MAX);
	}
	if (fields & REC_HAS_LEVEL) {
		ev->level = (uint8_t)small(d, 254);
	}
	if (fields & REC_HAS_SUB) {
		ev->sub = (uint8_t)number(d, REC_COL_MISC);
	}
	if (fields & REC_HAS_OFFSET) {
		ev->gpa = number(d, REC_COL_MISC);
	}
	if (ev->flags & SIM_F_IP) {
		ev->ip = address(d, REC_COL_GVA);
	}
	if (fields & REC_HAS_TO) {
		ev->to = address(d, REC_COL_GVA);
	}
}

/* Everything but a plain access. */
static bool take_event(struct sim_rec_dec *d, struct sim_event *ev,
		       unsigned int op)
{
	bool zero = op & REC_OP_ZERO;
	uint32_t fields;

	ev->type = (uint8_t)(op & ~(unsigned int)REC_OP_ZERO);
	fields = sim_rec_fields(ev->type);
	if (fields == 0 || ev->type == SIM_EV_ACCESS ||
	    (zero && ev->type != SIM_EV_TABLE_STORE)) {
		return false;
	}
	take_numbers(d, ev, fields, zero);
	if ((fields & REC_HAS_ENTRIES) && !take_entries(d, ev)) {
		return false;
	}
	if ((fields & REC_HAS_TEXT) && !take_text(d, ev)) {
		return false;
	}
	return inside(d, REC_COL_GPA) && inside(d, REC_COL_VALUE) &&
	       !sim_rec_check_event(ev);
}

static bool take_access(struct sim_rec_dec *d, struct sim_event *ev,
			unsigned int op)
{
	unsigned int kind = op >> REC_OP_KIND_SHIFT & 3;
	unsigned int size = op & REC_OP_SIZE_MASK;

	ev->type = SIM_EV_ACCESS;
	ev->flags = (uint16_t)(kind | (op & REC_OP_USER ? SIM_F_USER : 0u));
	ev->size = (uint16_t)(1u << size);
	if (size == REC_OP_SIZE_OTHER) {
		ev->size = (uint16_t)small(d, SIM_REC_SIZE_MAX);
	}
	if (kind == REC_OP_KIND_FLAGS) {
		ev->flags = (uint16_t)small(d, SIM_F_ALL);
	}
	ev->gva = address(d, REC_COL_GVA);
	if (size != REC_OP_SIZE_OTHER && kind != REC_OP_KIND_FLAGS) {
		return !(op & REC_OP_ACCESS_SPARE);
	}
	return !(op & REC_OP_ACCESS_SPARE) && !sim_rec_check_event(ev);
}

static bool take_context(struct sim_rec_dec *d)
{
	uint64_t vcpu = number(d, REC_COL_MISC);
	uint64_t pid = number(d, REC_COL_MISC);
	uint64_t tid = number(d, REC_COL_MISC);

	d->s.vcpu = (uint16_t)vcpu;
	d->s.pid = (uint32_t)pid;
	d->s.tid = (uint32_t)tid;
	return vcpu < SIM_REC_VCPUS_MAX && pid <= UINT32_MAX &&
	       tid <= UINT32_MAX;
}

bool sim_rec_dec_next(struct sim_rec_dec *d, struct sim_event *ev)
{
	unsigned int op = *d->p[REC_COL_OP]++;
	uint64_t passed;

	if (op == REC_OP_CONTEXT) {
		if (!take_context(d)) {
			return false;
		}
		op = *d->p[REC_COL_OP]++;
	}
	passed = number(d, REC_COL_TIME);
	if (passed > UINT64_MAX - d->s.instr) {
		return false;
	}
	d->s.instr += passed;
	*ev = (struct sim_event){
		.instr = d->s.instr,
		.vcpu = d->s.vcpu,
		.pid = d->s.pid,
		.tid = d->s.tid,
	};
	if (op & REC_OP_ACCESS ? !take_access(d, ev, op) :
				 !take_event(d, ev, op)) {
		return false;
	}
	d->events_left--;
	return inside(d, REC_COL_OP) && inside(d, REC_COL_TIME) &&
	       inside(d, REC_COL_SLOT) && inside(d, REC_COL_GVA) &&
	       inside(d, REC_COL_MISC);
}

bool sim_rec_dec_start(struct sim_rec_dec *d, const uint8_t *raw,
		       size_t bytes, uint32_t events, uint64_t first_instr)
{
	const uint8_t *p = raw + REC_RAW_HEAD;
	size_t left;

	memset(&d->s, 0, sizeof(d->s));
	d->events_left = 0;
	if (bytes < REC_RAW_HEAD) {
		return false;
	}
	left = bytes - REC_RAW_HEAD;
	for (int i = 0; i < REC_COLS; i++) {
		uint32_t length = sim_get32(raw + 4 * i);

		if (length > left) {
			return false;
		}
		d->p[i] = p;
		d->end[i] = p + length;
		p += length;
		left -= length;
	}
	d->s.instr = first_instr;
	d->events_left = events;
	return left == 0;
}

bool sim_rec_dec_done(const struct sim_rec_dec *d)
{
	for (int i = 0; i < REC_COLS; i++) {
		if (d->p[i] != d->end[i]) {
			return false;
		}
	}
	return true;
}
