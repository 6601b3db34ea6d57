/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/diff/access.h"
#include "tests/diff/host.h"

#include <inttypes.h>
#include <string.h>

/* What to store: an entry where a table is, else anything. */
uint64_t attempt_value(const struct attempt *a, uint64_t gpa)
{
	const struct world *w = a->w;
	uint64_t bits = world_mix(a->bits);
	unsigned t = world_table_in(w, gpa >> 12 & (GNOMON_SMM_GFN - 1));

	if (t == DIFF_TABLES) {
		return bits;
	}
	return world_entry(w, w->p.levels, w->role[t], bits, bits & 7);
}

void attempt_stored(struct attempt *a, uint64_t gpa)
{
	struct world *w = a->w;

	history_touch(w, gpa >> 12);
	fh_store(w->fh, gpa, a->bytes, attempt_value(a, gpa));
	history_note(w, gpa, a->bytes);
}

bool attempt_reached(struct attempt *a, const struct hw_result *hw)
{
	struct world *w = a->w;
	uint64_t gfn = fh_gfn(w->fh, hw->hpa >> 12);
	bool write = a->access & GNOMON_WRITE;
	const char *why = NULL;

	w->n.stale += hw->stale;
	if (gfn == UINT64_MAX || !fh_mappable(w->fh, gfn) ||
	    (write && !fh_writable(w->fh, gfn))) {
		why = "not granted";
	} else if (write && world_traced(w, a->vcpu, gfn)) {
		why = "traced";
	} else if (host_watched(w, gfn, a->access) &&
		   !host_watch_moving(w, gfn)) {
		why = "watched";
	} else if (!judge_legal(w, a->vcpu, a->gva, a->access, gfn)) {
		why = "which no TLB could hold";
	}
	if (why) {
		world_fail(w, "vcpu %u: access %#x at gva %#" PRIx64
			   " reaches hpa %#" PRIx64 ", gfn %#" PRIx64 "%s, %s",
			   a->vcpu, a->access, a->gva, hw->hpa, gfn,
			   hw->stale ? " (stale)" : "", why);
	}
	return !why;
}

static bool try_shadow(struct attempt *a)
{
	struct world *w = a->w;
	struct hw_result hw;

	hw_access(&w->cpu[a->vcpu], &w->regs[a->vcpu], a->gva, a->access,
		  a->bits >> 56 & 3, &hw);
	if (hw.ok) {
		if (attempt_reached(a, &hw) && (a->access & GNOMON_WRITE)) {
			attempt_stored(a, fh_gfn(w->fh, hw.hpa >> 12) << 12 |
					  (a->gva & 0xfff));
		}
		return true;
	}
	ref_walk(&w->now, &w->regs[a->vcpu], a->gva, a->access, &a->ref);
	return attempt_fault(a, &hw, a->ref.gpa, false);
}

/* One gpa in the second dimension: 1 there, 0 faulted, -1 over. */
static int second(struct attempt *a, uint64_t gpa, uint32_t access,
		  bool table_walk)
{
	struct world *w = a->w;
	struct hw_result hw;

	hw_nested(&w->cpu[a->vcpu], gpa, access, a->bits >> 56 & 1, &hw);
	if (!hw.ok) {
		return attempt_fault(a, &hw, gpa, table_walk) ? -1 : 0;
	}
	uint64_t gfn = fh_gfn(w->fh, hw.hpa >> 12);

	w->n.stale += hw.stale;
	if (gfn != fh_memory(w->fh, gpa) >> 12 || !fh_mappable(w->fh, gfn) ||
	    ((access & GNOMON_WRITE) &&
	     (!fh_writable(w->fh, gfn) || world_traced(w, a->vcpu, gfn))) ||
	    (host_watched(w, gfn, access) && !host_watch_moving(w, gfn))) {
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
		bool set = (r.step[i].set || w->p.walks_write) &&
			   fh_writable(w->fh, r.step[i].gpa >> 12);

		a->access &= ~(uint32_t)GNOMON_IMPLICIT;
		got = second(a, r.step[i].seen, set ? GNOMON_WRITE : 0, true);
		if (got <= 0) {
			return got < 0;
		}
	}
	if (r.status != GNOMON_OK) {
		a->injected = true; /* the guest's own business */
		return true;
	}
	got = second(a, r.seen, a->access & (GNOMON_WRITE | GNOMON_EXEC),
		     false);
	if (got <= 0) {
		return got < 0;
	}
	w->dirty.cpu_stores = true;
	for (unsigned i = 0; i < r.steps; i++) {
		if (fh_writable(w->fh, r.step[i].gpa >> 12)) {
			history_touch(w, r.step[i].gpa >> 12);
			fh_store(w->fh, r.step[i].gpa, r.step[i].bytes,
				 r.step[i].value | r.step[i].set);
			history_note(w, r.step[i].gpa, r.step[i].bytes);
		}
	}
	if (a->access & GNOMON_WRITE) {
		attempt_stored(a, r.gpa);
	}
	w->dirty.cpu_stores = false;
	return true;
}

bool world_access(struct world *w, unsigned vcpu, uint64_t gva,
		  uint32_t access, unsigned bytes, uint64_t bits)
{
	struct attempt a = { .w = w, .vcpu = vcpu, .gva = gva,
			     .access = access, .bytes = bytes, .bits = bits };
	bool over = false;

	world_view(w, vcpu);
	w->n.accesses++;
	w->n.smm += w->fh->smm;
	for (unsigned i = 0; i < ACCESS_TRIES && !over && !w->failed; i++) {
		world_enter(w, vcpu);
		over = world_agile(w, vcpu) ? attempt_agile(&a) :
		       world_nested(w, vcpu) ? try_nested(&a) :
					       try_shadow(&a);
	}
	if (!over && !attempt_path_leaving(&a) && !attempt_path_read_only(&a)) {
		world_fail(w, "vcpu %u: access %#x at gva %#" PRIx64
			   " makes no progress", vcpu, access, gva);
	}
	judge_explain(w, vcpu, gva, access);
	return a.injected;
}
