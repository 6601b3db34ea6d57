/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/diff/world.h"

#include <inttypes.h>
#include <string.h>

/* Faults that one access may take before we call it stuck. */
#define TRIES 24

struct attempt {
	struct world *w;
	unsigned vcpu;
	uint64_t gva;
	uint32_t access;
	unsigned bytes;
	uint64_t bits;		/* randomness for this access */
	struct ref_result ref;	/* the tables as they are before the fault */
};

/* What to store: an entry where a table is, else anything. */
static uint64_t value_for(const struct world *w, uint64_t gpa, uint64_t bits)
{
	unsigned t = world_table_in(w, gpa >> 12);

	if (t == DIFF_TABLES) {
		return bits;
	}
	return world_entry(w, w->role[t], bits, bits & 3);
}

static void stored(struct attempt *a, uint64_t gpa)
{
	struct world *w = a->w;
	uint64_t v = value_for(w, gpa, world_mix(a->bits));

	history_touch(w, gpa >> 12);
	fh_store(w->fh, gpa, a->bytes, v);
	history_note(w, gpa, a->bytes);
}

/* In the window between two calls of slot_delete() both answers are right. */
static bool leaving(const struct world *w, uint64_t gfn)
{
	return w->slot_leaving && gfn - 5120 < 64;
}

static bool path_leaving(const struct attempt *a)
{
	for (unsigned i = 0; i < a->ref.steps; i++) {
		if (leaving(a->w, a->ref.step[i].gpa >> 12)) {
			return true;
		}
	}
	return a->ref.status == GNOMON_OK &&
	       leaving(a->w, a->ref.gpa >> 12);
}

/* A or D cannot be stored: what then happens is the host's doing. */
static bool path_read_only(const struct attempt *a)
{
	for (unsigned i = 0; i < a->ref.steps; i++) {
		if (a->ref.step[i].set &&
		    !fh_writable(a->w->fh, a->ref.step[i].gpa >> 12)) {
			return true;
		}
	}
	return false;
}

/* The processor reached hpa: was that right? */
static bool reached(struct attempt *a, const struct hw_result *hw)
{
	struct world *w = a->w;
	uint64_t gfn = fh_gfn(w->fh, hw->hpa >> 12);
	bool write = a->access & GNOMON_WRITE;

	w->n.stale += hw->stale;
	if (gfn == UINT64_MAX || !fh_mappable(w->fh, gfn) ||
	    (write && !fh_writable(w->fh, gfn))) {
		world_fail(w, "vcpu %u: access %#x at gva %#" PRIx64
			   " reaches hpa %#" PRIx64 ", not granted", a->vcpu,
			   a->access, a->gva, hw->hpa);
		return false;
	}
	if (write && gnomon_is_traced(w->vm, (gnomon_gfn_t){ gfn })) {
		world_fail(w, "vcpu %u: store at gva %#" PRIx64 " reaches "
			   "traced gfn %#" PRIx64, a->vcpu, a->gva, gfn);
		return false;
	}
	if (!judge_legal(w, a->vcpu, a->gva, a->access, gfn)) {
		world_fail(w, "vcpu %u: access %#x at gva %#" PRIx64
			   " reaches gfn %#" PRIx64 "%s, which no TLB could "
			   "hold", a->vcpu, a->access, a->gva, gfn,
			   hw->stale ? " (stale)" : "");
		return false;
	}
	if (write) {
		stored(a, gfn << 12 | (a->gva & 0xfff));
	}
	return true;
}

/* The engine may have set A and D on the path, nothing else. */
static void take_ad(struct attempt *a)
{
	for (unsigned i = 0; i < a->ref.steps; i++) {
		const struct ref_step *s = &a->ref.step[i];
		uint64_t is = fh_load(a->w->fh, s->gpa, s->bytes);
		uint64_t set = 0;

		/* A table that points at itself is on the path twice. */
		for (unsigned j = 0; j < a->ref.steps; j++) {
			set |= a->ref.step[j].gpa == s->gpa ?
			       a->ref.step[j].set : 0;
		}
		if ((is ^ s->value) & ~set) {
			world_fail(a->w, "fault at gva %#" PRIx64 " changed "
				   "the entry at gpa %#" PRIx64, a->gva,
				   s->gpa);
		}
		history_note(a->w, s->gpa, s->bytes);
	}
}

static bool injected(struct attempt *a, const struct gnomon_outcome *out)
{
	struct world *w = a->w;

	w->n.injected++;
	if (a->ref.status == GNOMON_ABSENT || path_leaving(a) ||
	    path_read_only(a)) {
		return true;
	}
	if (a->ref.status != GNOMON_FAULT ||
	    a->ref.code != out->error_code || out->gva.v != a->gva) {
		world_fail(w, "vcpu %u: access %#x at gva %#" PRIx64 " got #PF "
			   "%#x, cr2 %#" PRIx64 "; the tables say %s %#x",
			   a->vcpu, a->access, a->gva, out->error_code,
			   out->gva.v, gnomon_status_text(a->ref.status),
			   a->ref.code);
	}
	return true;
}

/* What gnomon_translate() says must be what the tables say. */
static bool translate_agrees(struct attempt *a, uint32_t flags)
{
	struct gnomon_translation t = { 0 };
	struct world *w = a->w;
	enum gnomon_status s;

	ref_walk(&w->now, &w->regs[a->vcpu], a->gva, a->access, &a->ref);
	s = gnomon_translate(w->vcpu[a->vcpu], (gnomon_gva_t){ a->gva },
			     a->access, flags, &t);
	if (!(flags & GNOMON_TRANSLATE_SET_AD)) {
		for (unsigned i = 0; i < a->ref.steps; i++) {
			a->ref.step[i].set = 0;
		}
	}
	take_ad(a);
	if (path_leaving(a) || path_read_only(a)) {
		return s == GNOMON_OK;
	}
	if (s != a->ref.status ||
	    (s == GNOMON_OK && (t.gpa.v != a->ref.gpa ||
				t.page_shift != a->ref.shift)) ||
	    (s == GNOMON_FAULT && t.error_code != a->ref.code)) {
		world_fail(w, "translate(%#" PRIx64 ", %#x): %s %#" PRIx64
			   " shift %u code %#x; the tables say %s %#" PRIx64
			   " shift %u code %#x", a->gva, a->access,
			   gnomon_status_text(s), t.gpa.v, t.page_shift,
			   t.error_code, gnomon_status_text(a->ref.status),
			   a->ref.gpa, a->ref.shift, a->ref.code);
	}
	if (s == GNOMON_OK && (flags & GNOMON_TRANSLATE_SET_AD)) {
		ref_walk(&w->now, &w->regs[a->vcpu], a->gva, a->access,
			 &a->ref);
		if (judge_ad_missing(w, &a->ref)) {
			world_fail(w, "translate(%#" PRIx64 ") left A or D "
				   "clear", a->gva);
		}
	}
	return s == GNOMON_OK;
}

/* We are the interpreter: the store, as the guest would have made it. */
static bool emulate(struct attempt *a, const struct gnomon_outcome *out)
{
	struct world *w = a->w;

	w->n.emulated++;
	if (!(a->access & GNOMON_WRITE)) {
		world_fail(w, "EMULATE for access %#x", a->access);
		return true;
	}
	if (!translate_agrees(a, GNOMON_TRANSLATE_SET_AD)) {
		if (!path_leaving(a) && !path_read_only(a)) {
			world_fail(w, "EMULATE at gva %#" PRIx64 ", but the "
				   "tables forbid it", a->gva);
		}
		return true;
	}
	uint64_t gpa = a->ref.gpa;
	uint64_t v = value_for(w, gpa, world_mix(a->bits));

	if (out->gpa.v != gpa && !path_leaving(a)) {
		world_fail(w, "EMULATE at gpa %#" PRIx64 "; the tables say %#"
			   PRIx64, out->gpa.v, gpa);
	}
	bool ram = gpa >> 12 < FH_FRAMES && fh_writable(w->fh, gpa >> 12);
	bool may = gpa >> 12 < FH_FRAMES && fh_storable(w->fh, gpa >> 12);
	uint64_t before = may ? fh_load(w->fh, gpa, a->bytes) : 0;

	if (may) {
		history_touch(w, gpa >> 12);
	}
	enum gnomon_status s = gnomon_write(w->vm, w->vcpu[a->vcpu],
					    (gnomon_gpa_t){ gpa }, &v,
					    a->bytes);

	if (s == GNOMON_OK && !may) {
		world_fail(w, "write() to gpa %#" PRIx64 " that is no RAM: ok",
			   gpa);
	} else if (s != GNOMON_OK && ram && !leaving(w, gpa >> 12)) {
		world_fail(w, "write() at gpa %#" PRIx64 ": %s", gpa,
			   gnomon_status_text(s));
	} else if (may) {
		uint64_t is = fh_load(w->fh, gpa, a->bytes);

		v = s == GNOMON_OK ? v : before;
		if (memcmp(&is, &v, a->bytes) != 0) {
			world_fail(w, "write() did not store at %#" PRIx64,
				   gpa);
		}
		history_note(w, gpa, a->bytes);
	}
	return true;
}

static bool mmio(struct attempt *a, const struct gnomon_outcome *out)
{
	struct world *w = a->w;
	uint64_t gfn = a->ref.gpa >> 12;

	w->n.mmio++;
	if (a->ref.status == GNOMON_ABSENT || path_leaving(a) ||
	    path_read_only(a)) {
		return true;
	}
	if (a->ref.status != GNOMON_OK || out->gpa.v != a->ref.gpa ||
	    (gfn < FH_FRAMES && fh_mappable(w->fh, gfn) &&
	     !((a->access & GNOMON_WRITE) && !fh_writable(w->fh, gfn)))) {
		world_fail(w, "vcpu %u: access %#x at gva %#" PRIx64 ": MMIO "
			   "at gpa %#" PRIx64 "; the tables say %s %#" PRIx64,
			   a->vcpu, a->access, a->gva, out->gpa.v,
			   gnomon_status_text(a->ref.status), a->ref.gpa);
	}
	return true;
}

static bool fetch(struct attempt *a, const struct gnomon_outcome *out)
{
	struct world *w = a->w;
	uint64_t gfn = out->gpa.v >> 12;
	struct fh_frame *f = gfn < FH_FRAMES ? &w->fh->frame[gfn] : NULL;

	if (host_changing(w, gfn)) {
		return true;
	}
	if (f && f->kind == GNOMON_FRAME_NOT_NOW) {
		f->kind = GNOMON_FRAME_RAM;
		return false;
	}
	if (f && (a->access & GNOMON_WRITE) && !f->write &&
	    f->kind == GNOMON_FRAME_RAM) {
		f->write = true;
		return false;
	}
	if (!leaving(w, gfn)) {
		world_fail(w, "RETRY for gpa %#" PRIx64 ", which is there",
			   out->gpa.v);
	}
	return true;
}

/* True when the access is over. */
static bool answer(struct attempt *a, const struct gnomon_outcome *out)
{
	struct world *w = a->w;

	switch (out->action) {
	case GNOMON_RESUME:
		w->n.hidden++;
		return false;
	case GNOMON_INJECT:
		return injected(a, out);
	case GNOMON_EMULATE:
		return emulate(a, out);
	case GNOMON_DO_MMIO:
		return mmio(a, out);
	case GNOMON_RETRY:
		return fetch(a, out);
	case GNOMON_STOP_NOMEM:
		w->n.nomem++;
		if (w->fh->live_max == 0) {
			world_fail(w, "NOMEM, but the host has pages");
		}
		w->fh->live_max += 16;
		return w->failed;
	case GNOMON_TRACKED:
	case GNOMON_STOP_BUG:
		break;
	}
	world_fail(w, "fault() at gva %#" PRIx64 " answers %d", a->gva,
		   out->action);
	return true;
}

static bool fault(struct attempt *a, const struct hw_result *hw,
		  uint64_t gpa, bool table_walk)
{
	struct world *w = a->w;
	struct gnomon_fault f = {
		.gva = { a->gva }, .gpa = { gpa },
		.rip = UINT64_C(0x400000) + (a->bits & 0xff0),
		.access = hw->nested ? hw->access : a->access,
		.nested = hw->nested, .table_walk = table_walk,
	};
	struct gnomon_outcome out = { .action = GNOMON_STOP_BUG };

	w->n.faults++;
	hw_drop_page(&w->cpu[a->vcpu], hw->nested ? gpa : a->gva);
	gnomon_fault(w->vcpu[a->vcpu], &f, &out);
	if (hw->nested) {
		for (unsigned i = 0; i < a->ref.steps; i++) {
			a->ref.step[i].set = 0;
		}
	}
	take_ad(a);
	if (hw->nested) {
		/* For the judge the gpa is what the tables say. */
		a->ref.status = GNOMON_OK;
		a->ref.gpa = gpa;
	}
	return answer(a, &out);
}

static bool try_shadow(struct attempt *a)
{
	struct world *w = a->w;
	struct hw_result hw;

	hw_access(&w->cpu[a->vcpu], &w->regs[a->vcpu], a->gva, a->access,
		  a->bits >> 56 & 3, &hw);
	if (hw.ok) {
		reached(a, &hw);
		return true;
	}
	ref_walk(&w->now, &w->regs[a->vcpu], a->gva, a->access, &a->ref);
	return fault(a, &hw, a->ref.gpa, false);
}

/* One gpa in the second dimension: 1 there, 0 faulted, -1 over. */
static int second(struct attempt *a, uint64_t gpa, uint32_t access,
		  bool table_walk)
{
	struct world *w = a->w;
	struct hw_result hw;

	hw_nested(&w->cpu[a->vcpu], gpa, access, a->bits >> 56 & 1, &hw);
	if (!hw.ok) {
		return fault(a, &hw, gpa, table_walk) ? -1 : 0;
	}
	uint64_t gfn = fh_gfn(w->fh, hw.hpa >> 12);

	w->n.stale += hw.stale;
	if (gfn != gpa >> 12 || !fh_mappable(w->fh, gfn) ||
	    ((access & GNOMON_WRITE) && !fh_writable(w->fh, gfn))) {
		world_fail(w, "gpa %#" PRIx64 " reaches hpa %#" PRIx64
			   ", not granted", gpa, hw.hpa);
		return -1;
	}
	return 1;
}

static bool try_nested(struct attempt *a)
{
	struct world *w = a->w;
	int got;

	ref_walk(&w->now, &w->regs[a->vcpu], a->gva, a->access, &a->ref);
	struct ref_result r = a->ref;

	for (unsigned i = 0; i < r.steps; i++) {
		bool set = r.step[i].set &&
			   fh_writable(w->fh, r.step[i].gpa >> 12);

		a->access &= ~(uint32_t)GNOMON_IMPLICIT;
		got = second(a, r.step[i].gpa, set ? GNOMON_WRITE : 0, true);
		if (got <= 0) {
			return got < 0;
		}
	}
	if (r.status != GNOMON_OK) {
		return true;	/* the guest's own business */
	}
	got = second(a, r.gpa, a->access & (GNOMON_WRITE | GNOMON_EXEC),
		     false);
	if (got <= 0) {
		return got < 0;
	}
	for (unsigned i = 0; i < r.steps; i++) {
		if (fh_writable(w->fh, r.step[i].gpa >> 12)) {
			history_touch(w, r.step[i].gpa >> 12);
			fh_store(w->fh, r.step[i].gpa, r.step[i].bytes,
				 r.step[i].value | r.step[i].set);
			history_note(w, r.step[i].gpa, r.step[i].bytes);
		}
	}
	if (a->access & GNOMON_WRITE) {
		stored(a, r.gpa);
	}
	return true;
}

void world_access(struct world *w, unsigned vcpu, uint64_t gva,
		  uint32_t access, unsigned bytes, uint64_t bits)
{
	struct attempt a = { .w = w, .vcpu = vcpu, .gva = gva,
			     .access = access, .bytes = bytes, .bits = bits };
	bool over = false;

	w->n.accesses++;
	for (unsigned i = 0; i < TRIES && !over && !w->failed; i++) {
		hw_enter(&w->cpu[vcpu], gnomon_vcpu_root(w->vcpu[vcpu]));
		over = w->p.mode == GNOMON_MODE_NESTED ? try_nested(&a) :
							 try_shadow(&a);
	}
	if (!over && !path_leaving(&a) && !path_read_only(&a)) {
		world_fail(w, "vcpu %u: access %#x at gva %#" PRIx64
			   " makes no progress", vcpu, access, gva);
	}
	judge_explain(w, vcpu, gva, access);
}
