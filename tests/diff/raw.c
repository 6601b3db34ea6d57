/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device writes to tables without telling (I11). Until the VMM says so,
 * with gnomon_write() of what is there now or by forgetting everything, the
 * engine may go by the old values as well as by the new; it must stay within
 * them, and whole.
 */
#include "tests/diff/host.h"

#include <inttypes.h>
#include <string.h>

/* Old values stay legal from here on, until raw_notify(). */
static void begin(struct world *w, uint64_t gpa, unsigned bytes)
{
	w->raw_gpa = gpa;
	w->raw_bytes = bytes;
	w->raw_since = w->n.ops;
	w->raw_count = 0;
}

static bool pending(const struct world *w, uint64_t gpa)
{
	uint64_t first = w->raw_gpa >> 3;

	return w->raw_bytes && gpa >> 3 >= first &&
	       gpa >> 3 <= (w->raw_gpa + w->raw_bytes - 1) >> 3;
}

bool raw_logged(struct world *w, struct log_entry *e)
{
	if (!pending(w, e->word << 3) || w->raw_count == DIFF_RAW) {
		return false;
	}
	w->raw[w->raw_count++] = e;
	e->until = UINT64_MAX;
	return true;
}

void raw_notify(struct world *w, uint64_t bits)
{
	uint64_t gpa = w->raw_gpa;
	unsigned char is[64];
	enum gnomon_status s = GNOMON_ABSENT;

	memcpy(is, fh_at(w->fh, gpa), w->raw_bytes);
	if (bits & 3) {
		s = gnomon_write(w->vm, NULL, (gnomon_gpa_t){ gpa }, is,
				 w->raw_bytes);
	}
	if (memcmp(is, fh_at(w->fh, gpa), w->raw_bytes) != 0) {
		world_fail(w, "telling of a write at gpa %#" PRIx64
			   " changed memory", gpa);
	}
	if (s == GNOMON_OK) {
		log_written(w, gpa >> 12);
	} else {
		/* Not ours to write, or the other way to say it. */
		host_zap(w);
	}
	w->raw_bytes = 0;
	++w->seq;
	for (unsigned i = 0; i < w->raw_count; i++) {
		w->raw[i]->until = w->seq;
	}
}

void world_raw(struct world *w, const struct op *op)
{
	unsigned t = op->a & (DIFF_TABLES - 1);
	unsigned size = world_entry_bytes(w->p.levels);
	unsigned index = world_index(w->p.levels, w->role[t], op->a >> 8);
	uint64_t gpa = (w->table[t] << 12) + index * size;
	uint64_t v[4];

	if (w->raw_bytes) {
		raw_notify(w, op->b);
		return;
	}
	for (unsigned i = 0; i < 4; i++) {
		v[i] = world_entry(w, w->p.levels, w->role[t],
				   world_mix(op->b + i), op->b & 7);
		if (size == 4) {
			v[i] |= v[i] << 32;
		}
	}
	unsigned bytes = op->a >> 16 & 1 ? size : 1 + (op->a >> 20 & 31);

	if (index == 4096 / size - 1) {
		bytes = bytes < size ? bytes : size;
	}
	if (!fh_readable(w->fh, gpa >> 12)) {
		return;
	}
	w->n.raw++;
	begin(w, gpa, bytes);
	history_touch(w, gpa >> 12);
	memcpy(fh_at(w->fh, gpa), v, bytes);
	history_note(w, gpa, bytes);
}
