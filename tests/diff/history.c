/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/diff/host.h"

#include <stdlib.h>
#include <string.h>

static struct frame_meta *meta_of(const struct world *w, uint64_t gpa)
{
	return w->meta[fh_index(gpa >> 12)];
}

struct frame_meta *history_touch(struct world *w, uint64_t gfn)
{
	if (meta_of(w, gfn << 12)) {
		return meta_of(w, gfn << 12);
	}
	struct frame_meta *m = calloc(1, sizeof(*m));

	if (w->meta_count == w->meta_room) {
		w->meta_room = w->meta_room ? 2 * w->meta_room : 64;
		w->metas = realloc(w->metas, w->meta_room *
					     sizeof(struct frame_meta *));
	}
	if (!m || !w->metas) {
		abort();
	}
	memcpy(m->known, fh_at(w->fh, gfn << 12), sizeof(m->known));
	m->gfn = gfn;
	w->metas[w->meta_count++] = m;
	w->meta[fh_index(gfn)] = m;
	return m;
}

static uint64_t known_word(const struct frame_meta *m, unsigned word)
{
	uint64_t v;

	memcpy(&v, m->known + 8 * word, 8);
	return v;
}

static void note_word(struct world *w, struct frame_meta *m, unsigned word)
{
	uint64_t gpa = m->gfn << 12 | word * 8u;
	uint64_t was = known_word(m, word), is = fh_load(w->fh, gpa, 8);

	if (was == is) {
		return;
	}
	struct log_entry *e = &w->log[w->log_next % DIFF_LOG];

	*e = (struct log_entry){
		.word = gpa >> 3, .value = was, .until = ++w->seq,
		.prev = m->head[word] };
	m->head[word] = ++w->log_next;
	memcpy(m->known + 8 * word, &is, 8);
	if (!raw_logged(w, e)) {
		log_written(w, m->gfn);
	}
}

void history_note(struct world *w, uint64_t gpa, uint64_t bytes)
{
	for (uint64_t at = gpa & ~UINT64_C(7); at < gpa + bytes; at += 8) {
		note_word(w, history_touch(w, at >> 12), at >> 3 & 511);
	}
}

static uint64_t part(uint64_t word, uint64_t gpa, unsigned bytes)
{
	return bytes == 8 ? word : (uint32_t)(word >> (gpa & 4) * 8);
}

unsigned history_read_now(void *world, uint64_t gpa, unsigned bytes,
			  uint64_t *values)
{
	struct world *w = world;

	gpa = fh_memory(w->fh, gpa);
	if (fh_index(gpa >> 12) >= FH_FRAMES ||
	    !fh_readable(w->fh, gpa >> 12)) {
		return 0;
	}
	values[0] = fh_load(w->fh, gpa, bytes);
	return 1;
}

/* The log entry before position, or null when it is too old to matter. */
static const struct log_entry *at(const struct world *w, uint64_t position)
{
	if (position == 0 || position + DIFF_LOG <= w->log_next) {
		return NULL;
	}
	return &w->log[(position - 1) % DIFF_LOG];
}

unsigned history_read_past(void *world, uint64_t gpa, unsigned bytes,
			   uint64_t *values)
{
	struct world *w = world;
	unsigned count = history_read_now(w, gpa, bytes, values);

	gpa = fh_memory(w->fh, gpa);
	uint64_t since = w->times[w->past_vcpu].full;
	const struct frame_meta *m = count ? meta_of(w, gpa) : NULL;

	if (!m) {
		return count;
	}
	const struct log_entry *e = at(w, m->head[gpa >> 3 & 511]);

	for (; e && e->until > since; e = at(w, e->prev)) {
		uint64_t v = part(e->value, gpa, bytes);
		unsigned i = 0;

		while (i < count && values[i] != v) {
			i++;
		}
		if (i < count) {
			continue;
		}
		if (count == REF_VERSIONS) {
			w->overflow = true;
			break;
		}
		values[count++] = v;
	}
	return count;
}

bool history_alive(const struct world *w, uint64_t gpa, unsigned bytes,
		   uint64_t value, uint64_t since)
{
	const struct frame_meta *m = meta_of(w, gpa);

	if (fh_load(w->fh, gpa, bytes) == value) {
		return true;
	}
	if (!m) {
		return false;
	}
	const struct log_entry *e = at(w, m->head[gpa >> 3 & 511]);

	for (; e && e->until > since; e = at(w, e->prev)) {
		if (part(e->value, gpa, bytes) == value) {
			return true;
		}
	}
	return false;
}

void history_explain(const struct world *w, uint64_t gpa)
{
	const struct frame_meta *m = meta_of(w, gpa);
	const struct log_entry *e = m ? at(w, m->head[gpa >> 3 & 511]) : NULL;

	for (unsigned i = 0; e && i < 8; i++, e = at(w, e->prev)) {
		fprintf(stderr, "    was %#llx until %llu\n",
			(unsigned long long)e->value,
			(unsigned long long)e->until);
	}
}

void history_check(struct world *w)
{
	for (uint32_t i = 0; i < w->meta_count; i++) {
		const struct frame_meta *m = w->metas[i];
		const unsigned char *is = fh_at(w->fh, m->gfn << 12);

		if (memcmp(m->known, is, sizeof(m->known)) == 0) {
			continue;
		}
		unsigned at_byte = 0;

		while (m->known[at_byte] == is[at_byte]) {
			at_byte++;
		}
		world_fail(w, "guest memory changed by itself at gpa %#llx",
			   (unsigned long long)(m->gfn << 12 | at_byte));
		return;
	}
}

/* ---- flush points ------------------------------------------------------- */

unsigned times_pcid(const struct gnomon_regs *regs)
{
	return regs->cr4 & X86_CR4_PCIDE ? regs->cr3 & (DIFF_PCIDS - 1) : 0;
}

void times_full(struct world *w, unsigned vcpu)
{
	struct vcpu_times *t = &w->times[vcpu];

	t->full = ++w->seq;
	for (unsigned i = 0; i < DIFF_PCIDS; i++) {
		t->pcid[i] = t->full;
	}
	t->seen[0] = (struct seen_root){ w->regs[vcpu], UINT64_MAX };
	t->seen_count = 1;
}

void times_context(struct world *w, unsigned vcpu, unsigned pcid)
{
	++w->seq;
	for (unsigned i = 0; i < DIFF_PCIDS; i++) {
		if (i == pcid || pcid == DIFF_PCIDS) {
			w->times[vcpu].pcid[i] = w->seq;
		}
	}
}

void times_cr3(struct world *w, unsigned vcpu, bool flushes)
{
	struct vcpu_times *t = &w->times[vcpu];
	const struct gnomon_regs *regs = &w->regs[vcpu];
	unsigned at = 0;

	for (unsigned i = 0; i < t->seen_count; i++) {
		if (t->seen[i].until == UINT64_MAX) {
			t->seen[i].until = w->seq;
		}
	}
	++w->seq;
	if (flushes) {
		t->pcid[times_pcid(regs)] = w->seq;
	}
	while (at < t->seen_count &&
	       (t->seen[at].regs.cr3 != regs->cr3 ||
		memcmp(t->seen[at].regs.pdpte, regs->pdpte,
		       sizeof(regs->pdpte)) != 0)) {
		at++;
	}
	/* When it is full, exec.c flushes before it gets here. */
	if (at == t->seen_count && at < DIFF_CR3S) {
		t->seen_count++;
	}
	t->seen[at] = (struct seen_root){ *regs, UINT64_MAX };
}

/*
 * INVLPG drops all pieces of a large page only if the tables map one there at
 * that moment; pieces of one that is gone already may stay.
 */
void times_invlpg(struct world *w, unsigned vcpu, uint64_t gva, bool globals)
{
	unsigned large = ref_levels(&w->regs[vcpu]) == 2 ? 22 : 21;
	unsigned shift[3] = { 12, large, 30 };
	struct ref_result r;

	world_view(w, vcpu);
	ref_walk(&w->now, &w->regs[vcpu], gva, GNOMON_READ, &r);
	++w->seq;
	for (unsigned i = 0; i < 3; i++) {
		struct vcpu_times *t = &w->times[vcpu];
		uint64_t page = gva >> shift[i];

		if (i > 0 && r.shift != shift[i]) {
			continue;
		}
		t->inv[i][page % DIFF_INV].page = page;
		t->inv[i][page % DIFF_INV].when = w->seq;
		t->inv[i][page % DIFF_INV].pcid =
			times_pcid(&w->regs[vcpu]);
		t->inv[i][page % DIFF_INV].global = globals;
	}
}
