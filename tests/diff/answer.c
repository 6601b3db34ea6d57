/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/diff/access.h"
#include "tests/diff/host.h"

#include <inttypes.h>
#include <string.h>

bool attempt_path_leaving(const struct attempt *a)
{
	if (!a->w->slot_leaving) {
		return false;
	}
	for (unsigned i = 0; i < a->ref.steps; i++) {
		if (world_leaving(a->w, a->ref.step[i].seen >> 12)) {
			return true;
		}
	}
	return a->ref.status == GNOMON_OK &&
	       world_leaving(a->w, a->ref.seen >> 12);
}

bool attempt_path_read_only(const struct attempt *a)
{
	for (unsigned i = 0; i < a->ref.steps; i++) {
		if (a->ref.step[i].set &&
		    !fh_writable(a->w->fh, a->ref.step[i].gpa >> 12)) {
			return true;
		}
	}
	return false;
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

/* In a traced table the engine sets what the processor could not. */
static void take_mark(struct attempt *a, uint64_t gpa)
{
	struct world *w = a->w;
	uint64_t at = fh_memory(w->fh, gpa), ad = X86_PTE_A | X86_PTE_D, was;

	if (history_read_now(w, gpa, 8, &was) == 0) {
		return;
	}
	history_note(w, at, 8);
	for (unsigned i = 0; i < a->ref.steps; i++) {
		if (a->ref.step[i].gpa == at) {
			a->ref.step[i].set = ad & ~a->ref.step[i].value;
		}
	}
}

static bool injected(struct attempt *a, const struct gnomon_outcome *out)
{
	struct world *w = a->w;

	w->n.injected++;
	a->injected = true;
	if (a->ref.status == GNOMON_ABSENT || attempt_path_leaving(a) ||
	    attempt_path_read_only(a)) {
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
	if (attempt_path_leaving(a) || attempt_path_read_only(a)) {
		return s == GNOMON_OK;
	}
	if (s != a->ref.status ||
	    (s == GNOMON_OK && (t.gpa.v != a->ref.seen ||
				t.page_shift != a->ref.shift)) ||
	    (s == GNOMON_FAULT && t.error_code != a->ref.code)) {
		world_fail(w, "translate(%#" PRIx64 ", %#x): %s %#" PRIx64
			   " shift %u code %#x; the tables say %s %#" PRIx64
			   " shift %u code %#x", a->gva, a->access,
			   gnomon_status_text(s), t.gpa.v, t.page_shift,
			   t.error_code, gnomon_status_text(a->ref.status),
			   a->ref.seen, a->ref.shift, a->ref.code);
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

/* The tables let this page be stored to: do it, as the guest would have. */
static void emulate_page(struct attempt *a)
{
	struct world *w = a->w;
	uint64_t gpa = a->ref.gpa, v = attempt_value(a, gpa);
	bool known = fh_index(gpa >> 12) < FH_FRAMES;
	bool ram = known && fh_writable(w->fh, gpa >> 12);
	bool may = known && fh_storable(w->fh, gpa >> 12);
	uint64_t before = may ? fh_load(w->fh, gpa, a->bytes) : 0;

	if (may) {
		history_touch(w, gpa >> 12);
	}
	enum gnomon_status s = gnomon_write(w->vm, w->vcpu[a->vcpu],
					    (gnomon_gpa_t){ a->ref.seen }, &v,
					    a->bytes);

	if (s == GNOMON_OK && !may) {
		world_fail(w, "write() to gpa %#" PRIx64 " that is no RAM: ok",
			   gpa);
	} else if (s != GNOMON_OK && ram &&
		   !world_leaving(w, a->ref.seen >> 12)) {
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
}

/* We are the interpreter: the whole store, or its fault and nothing of it. */
static bool emulate(struct attempt *a, const struct gnomon_outcome *out)
{
	struct world *w = a->w;

	w->n.emulated++;
	if (!(a->asked & GNOMON_WRITE) || a->walk) {
		world_fail(w, "EMULATE for access %#x%s", a->asked,
			   a->walk ? " of a page walk" : "");
		return true;
	}
	if (!translate_agrees(a, GNOMON_TRANSLATE_SET_AD)) {
		/* The store may be told by a translation of older tables; the
		 * interpreter then finds today's, and injects the fault. */
		if (!attempt_path_leaving(a) && !attempt_path_read_only(a) &&
		    !(a->nested && judge_device(w, a->vcpu, a->gva, a->access,
						out->gpa.v >> 12))) {
			world_fail(w, "EMULATE at gva %#" PRIx64 ", but the "
				   "tables forbid it", a->gva);
		}
		return true;
	}
	if (out->gpa.v != a->ref.gpa && !attempt_path_leaving(a)) {
		world_fail(w, "EMULATE at gpa %#" PRIx64 "; the tables say %#"
			   PRIx64, out->gpa.v, a->ref.gpa);
	}
	if (a->pair && !translate_agrees(a->pair, GNOMON_TRANSLATE_SET_AD)) {
		return true;
	}
	emulate_page(a);
	if (a->pair && (a->pair->access & GNOMON_WRITE)) {
		emulate_page(a->pair);
	}
	return true;
}

/* Somebody watches the frame: one of those accesses, and an allowed one. */
static bool tracked(struct attempt *a, const struct gnomon_outcome *out)
{
	struct world *w = a->w;

	w->n.tracked++;
	if (attempt_path_leaving(a) || attempt_path_read_only(a)) {
		return true;
	}
	if (!host_watched(w, out->gpa.v >> 12, a->asked) &&
	    !host_watch_moving(w, out->gpa.v >> 12)) {
		world_fail(w, "TRACKED for access %#x to gpa %#" PRIx64
			   ", not watched", a->asked, out->gpa.v);
	}
	/* Nobody can do a page walk for the processor: it stands still. */
	if (a->walk) {
		return true;
	}
	if (a->asked & GNOMON_WRITE) {
		return emulate(a, out);
	}
	if (a->ref.status != GNOMON_OK || a->ref.gpa != out->gpa.v) {
		world_fail(w, "TRACKED at gva %#" PRIx64 ", gpa %#" PRIx64
			   "; the tables say %s %#" PRIx64, a->gva,
			   out->gpa.v, gnomon_status_text(a->ref.status),
			   a->ref.gpa);
	}
	return true;
}

/* A device that a TLB may still lead to is met where the tables had it. */
static bool old_device(const struct attempt *a,
		       const struct gnomon_outcome *out)
{
	uint64_t gfn = out->gpa.v >> 12;
	/* Of a slot that is going, it was a device when it was met. */
	bool there = fh_index(gfn) < FH_FRAMES &&
		     !world_leaving(a->w, a->answered >> 12);

	return ((a->answered ^ a->gva) & 0xfff) == 0 &&
	       !(there && fh_mappable(a->w->fh, gfn) &&
		 !((a->access & GNOMON_WRITE) &&
		   !fh_writable(a->w->fh, gfn))) &&
	       judge_device(a->w, a->vcpu, a->gva, a->access, gfn);
}

/* Is it what the tables and the host say now? */
static bool device_now(const struct attempt *a,
		       const struct gnomon_outcome *out)
{
	const struct fakehost *fh = a->w->fh;
	uint64_t gfn = a->ref.gpa >> 12;

	return a->ref.status == GNOMON_OK && out->gpa.v == a->ref.gpa &&
	       !(fh_index(gfn) < FH_FRAMES && fh_mappable(fh, gfn) &&
		 !((a->access & GNOMON_WRITE) && !fh_writable(fh, gfn)));
}

static bool mmio(struct attempt *a, const struct gnomon_outcome *out)
{
	struct world *w = a->w;

	w->n.mmio++;
	if (a->ref.status == GNOMON_ABSENT || attempt_path_leaving(a) ||
	    attempt_path_read_only(a) || device_now(a, out) ||
	    old_device(a, out)) {
		return true;
	}
	world_fail(w, "vcpu %u: access %#x at gva %#" PRIx64 ": MMIO at gpa %#"
		   PRIx64 "; the tables say %s %#" PRIx64, a->vcpu, a->access,
		   a->gva, out->gpa.v, gnomon_status_text(a->ref.status),
		   a->ref.gpa);
	return true;
}

static bool fetch(struct attempt *a, const struct gnomon_outcome *out)
{
	struct world *w = a->w;
	uint64_t gfn = out->gpa.v >> 12;
	uint64_t at = fh_index(gfn);
	struct fh_frame *f = at < FH_FRAMES ? &w->fh->frame[at] : NULL;

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
	if (!world_leaving(w, gfn)) {
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
		return tracked(a, out);
	case GNOMON_STOP_BUG:
		break;
	}
	world_fail(w, "fault() at gva %#" PRIx64 " answers %d", a->gva,
		   out->action);
	return true;
}

bool attempt_fault(struct attempt *a, const struct hw_result *hw,
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

	a->asked = f.access;
	a->walk = table_walk;
	a->nested = hw->nested;
	w->n.faults++;
	hw_drop_page(&w->cpu[a->vcpu], hw->nested ? gpa : a->gva);
	gnomon_fault(w->vcpu[a->vcpu], &f, &out);
	hwagile_flush(&w->agile[a->vcpu], &(struct gnomon_flush){
		.vcpus = UINT64_C(1) << a->vcpu,
		.start = { a->gva & ~UINT64_C(0xfff) }, .bytes = 4096 });
	if (hw->nested) {
		for (unsigned i = 0; i < a->ref.steps; i++) {
			a->ref.step[i].set = 0;
		}
		if (table_walk && w->p.mode == GNOMON_MODE_AGILE) {
			take_mark(a, gpa);
		}
	}
	take_ad(a);
	if (hw->nested) {
		/* For the judge the gpa is what the tables say. */
		a->ref.status = GNOMON_OK;
		a->ref.seen = gpa;
		a->ref.gpa = fh_memory(w->fh, gpa);
	}
	a->answered = out.gpa.v;
	out.gpa.v = fh_memory(w->fh, out.gpa.v);
	return answer(a, &out);
}
