/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/diff/host.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

bool judge_ad_missing(const struct world *w, const struct ref_result *r)
{
	for (unsigned i = 0; i < r->steps; i++) {
		if (r->step[i].set &&
		    fh_writable(w->fh, r->step[i].gpa >> 12)) {
			return true;
		}
	}
	return false;
}

struct question {
	struct world *w;
	unsigned vcpu;
	uint64_t gva, gfn;
	unsigned pcid;
	bool global_only;
	bool device;	/* no memory: A and D may be missing */
	uint32_t code;	/* of a page fault, or 0 */
};

/* When was the page of this size that holds gva last flushed by itself? */
static uint64_t flushed_page(const struct question *q,
			     const struct ref_result *r)
{
	const struct vcpu_times *t = &q->w->times[q->vcpu];
	unsigned i = r->shift == 12 ? 0 : r->shift == 30 ? 2 : 1;
	uint64_t page = q->gva >> r->shift;
	unsigned at = page % DIFF_INV;

	if (t->inv[i][at].page != page ||
	    (r->global ? !t->inv[i][at].global :
			 t->inv[i][at].pcid != q->pcid)) {
		return 0;
	}
	return t->inv[i][at].when;
}

/* Is it what the question is about, whenever that was? */
static bool asked_for(const struct question *q, const struct ref_result *r)
{
	if (q->code) {
		return r->status == GNOMON_FAULT && r->code == q->code;
	}
	return r->status == GNOMON_OK && r->gpa >> 12 == q->gfn &&
	       (q->device || !judge_ad_missing(q->w, r));
}

static bool could_be_cached(void *arg, const struct ref_result *r)
{
	const struct question *q = arg;
	const struct vcpu_times *t = &q->w->times[q->vcpu];

	if (!asked_for(q, r) || (q->global_only && !r->global)) {
		return false;
	}
	uint64_t since = flushed_page(q, r);
	uint64_t flushed = r->global ? t->full : t->pcid[q->pcid];

	since = flushed > since ? flushed : since;
	for (unsigned i = 0; i < r->steps; i++) {
		if (!history_alive(q->w, r->step[i].gpa, r->step[i].bytes,
				   r->step[i].value, since)) {
			return false;
		}
	}
	return true;
}

/* From each root that may still be behind a cached translation. */
static bool legal_by_history(struct question q, uint32_t access)
{
	struct world *w = q.w;
	struct vcpu_times *t = &w->times[q.vcpu];
	struct gnomon_regs regs = w->regs[q.vcpu];

	q.pcid = times_pcid(&regs);
	w->n.searches++;
	w->past_vcpu = q.vcpu;
	w->overflow = false;
	for (unsigned i = 0; i < t->seen_count; i++) {
		const struct gnomon_regs *seen = &t->seen[i].regs;

		q.global_only = times_pcid(seen) != q.pcid ||
				t->seen[i].until <= t->pcid[q.pcid];
		regs.cr3 = seen->cr3;
		for (unsigned j = 0; j < 4; j++) {
			regs.pdpte[j] = seen->pdpte[j];
		}
		if (ref_search(&w->past, &regs, q.gva, access,
			       could_be_cached, &q)) {
			return true;
		}
	}
	/* More values than we can remember: no verdict. */
	w->n.overflows += w->overflow;
	return w->overflow;
}

bool judge_legal(struct world *w, unsigned vcpu, uint64_t gva,
		 uint32_t access, uint64_t gfn)
{
	struct ref_result r;

	world_view(w, vcpu);
	ref_walk(&w->now, &w->regs[vcpu], gva, access, &r);
	if (r.status == GNOMON_OK && r.gpa >> 12 == gfn &&
	    !judge_ad_missing(w, &r)) {
		return true;
	}
	return legal_by_history((struct question){
		.w = w, .vcpu = vcpu, .gva = gva, .gfn = gfn }, access);
}

bool judge_device(struct world *w, unsigned vcpu, uint64_t gva,
		  uint32_t access, uint64_t gfn)
{
	return legal_by_history((struct question){
		.w = w, .vcpu = vcpu, .gva = gva, .gfn = gfn,
		.device = true }, access);
}

bool judge_fault(struct world *w, unsigned vcpu, uint64_t gva,
		 uint32_t access, uint32_t code)
{
	return legal_by_history((struct question){
		.w = w, .vcpu = vcpu, .gva = gva, .code = code }, access);
}

/* The engine's entries on the way, as the processor finds them now. */
static void explain_ours(const struct world *w, unsigned vcpu, uint64_t gva)
{
	const struct hwcpu *cpu = &w->cpu[vcpu];
	uint64_t table = cpu->root.cr3.v, entry = 1;

	for (unsigned l = hw_shadow_levels(&w->regs[vcpu]);
	     !world_nested(w, vcpu) && l > 0 && (entry & X86_PTE_P) &&
	     !(entry & X86_PTE_PS); l--) {
		const struct fh_page *page = fh_page_at(w->fh, table &
				UINT64_C(0xffffffffff000));

		if (!page) {
			return;
		}
		memcpy(&entry, page->va + 8 * (gva >> (3 + 9 * l) & 511), 8);
		fprintf(stderr, "  spte at level %u: %#" PRIx64 "\n", l, entry);
		table = entry;
	}
}

void judge_explain(const struct world *w, unsigned vcpu, uint64_t gva,
		   uint32_t access)
{
	const struct gnomon_regs *regs = &w->regs[vcpu];
	struct ref_result r;

	if (!w->failed || !getenv("DIFF_EXPLAIN")) {
		return;
	}
	ref_walk(&w->now, regs, gva, access, &r);
	fprintf(stderr, "%s\ncr0 %#" PRIx64 " cr3 %#" PRIx64 " cr4 %#" PRIx64
		" efer %#" PRIx64 " pkru %#x ac %d, root %#" PRIx64 "\n",
		w->why, regs->cr0, regs->cr3, regs->cr4, regs->efer,
		regs->pkru, regs->ac, w->cpu[vcpu].root.cr3.v);
	for (unsigned i = 0; i < r.steps; i++) {
		uint64_t gfn = r.step[i].gpa >> 12;

		fprintf(stderr, "  entry %#" PRIx64 " = %#" PRIx64
			" set %#" PRIx64 " traced %d writable %d\n",
			r.step[i].gpa, r.step[i].value, r.step[i].set,
			gnomon_is_traced(w->vm, (gnomon_gfn_t){ gfn }),
			fh_writable(w->fh, gfn));
		history_explain(w, r.step[i].gpa);
	}
	explain_ours(w, vcpu, gva);
	fprintf(stderr, "  now %" PRIu64 ", last flush of all %" PRIu64
		", of what is not global %" PRIu64 "\n", w->seq,
		w->times[vcpu].full, w->times[vcpu].pcid[times_pcid(regs)]);
	fprintf(stderr, "  %s gpa %#" PRIx64 " code %#x\n",
		gnomon_status_text(r.status), r.gpa, r.code);
}

struct scan {
	struct world *w;
	unsigned vcpu;
};

/* What the host granted bounds every leaf, whatever the guest says. */
static bool within_host(struct world *w, unsigned vcpu,
			const struct hw_leaf *leaf, uint64_t gva,
			uint64_t hfn, uint64_t *gfn)
{
	*gfn = fh_gfn(w->fh, hfn);
	if (*gfn == UINT64_MAX || !fh_mappable(w->fh, *gfn)) {
		world_fail(w, "leaf %#" PRIx64 " at gva %#" PRIx64
			   " maps hfn %#" PRIx64 ", not the guest's",
			   leaf->entry, gva, hfn);
		return false;
	}
	if (leaf->write && !fh_writable(w->fh, *gfn)) {
		world_fail(w, "leaf at gva %#" PRIx64 " writable, but the "
			   "host keeps gfn %#" PRIx64 " read-only", gva,
			   *gfn);
		return false;
	}
	if ((host_watched(w, *gfn, GNOMON_READ) ||
	     (leaf->write && host_watched(w, *gfn, GNOMON_WRITE)) ||
	     (!leaf->nx && host_watched(w, *gfn, GNOMON_EXEC))) &&
	    !host_watch_moving(w, *gfn)) {
		world_fail(w, "leaf %#" PRIx64 " at gva %#" PRIx64 " grants "
			   "what is watched of gfn %#" PRIx64, leaf->entry,
			   gva, *gfn);
		return false;
	}
	if (leaf->write && world_traced(w, vcpu, *gfn)) {
		world_fail(w, "leaf at gva %#" PRIx64 " writable, but gfn %#"
			   PRIx64 " is traced", gva, *gfn);
		return false;
	}
	return true;
}

static bool visit_page(struct scan *s, const struct hw_leaf *leaf,
		       uint64_t gva, uint64_t hfn)
{
	static const uint32_t kinds[] = {
		GNOMON_READ, GNOMON_WRITE, GNOMON_EXEC,
		GNOMON_READ | GNOMON_USER, GNOMON_WRITE | GNOMON_USER,
		GNOMON_EXEC | GNOMON_USER,
	};
	struct world *w = s->w;
	uint64_t gfn;

	if (!within_host(w, s->vcpu, leaf, gva, hfn, &gfn)) {
		return false;
	}
	w->n.scanned++;
	for (unsigned i = 0; i < 6; i++) {
		if (hw_allows(&w->regs[s->vcpu], kinds[i], leaf) &&
		    !judge_legal(w, s->vcpu, gva, kinds[i], gfn)) {
			world_fail(w, "vcpu %u: leaf %#" PRIx64 " lets access "
				   "%#x at gva %#" PRIx64 " reach gfn %#"
				   PRIx64 ", which no TLB could", s->vcpu,
				   leaf->entry, kinds[i], gva, gfn);
			judge_explain(w, s->vcpu, gva, kinds[i]);
			return false;
		}
	}
	return true;
}

static bool visit_shadow(void *arg, const struct hw_leaf *leaf)
{
	struct scan *s = arg;
	uint64_t frames = UINT64_C(1) << (leaf->shift - 12);
	uint64_t hfn = (leaf->entry & UINT64_C(0xffffffffff000)) >> 12;
	uint64_t step = frames > 4096 ? 4093 : frames > 1 ? 37 : 1;

	hfn &= ~(frames - 1);
	for (uint64_t i = 0; i < frames; i += step) {
		if (!visit_page(s, leaf, leaf->gva + (i << 12), hfn + i)) {
			return false;
		}
	}
	return true;
}

static bool visit_nested(void *arg, const struct hw_leaf *leaf)
{
	struct scan *s = arg;
	uint64_t frames = UINT64_C(1) << (leaf->shift - 12);
	uint64_t hfn = (leaf->entry & UINT64_C(0xffffffffff000)) >> 12;

	hfn &= ~(frames - 1);
	for (uint64_t i = 0; i < frames; i += frames > 4096 ? 4093 : 1) {
		uint64_t gfn;

		if (!within_host(s->w, s->vcpu, leaf, leaf->gva + (i << 12),
				 hfn + i, &gfn)) {
			return false;
		}
		if (gfn != fh_memory(s->w->fh, leaf->gva + (i << 12)) >> 12) {
			world_fail(s->w, "gpa %#" PRIx64 " maps gfn %#" PRIx64,
				   leaf->gva + (i << 12), gfn);
			return false;
		}
		s->w->n.scanned++;
	}
	return true;
}

void judge_scan(struct world *w, unsigned vcpu)
{
	struct scan s = { w, vcpu };
	struct hwcpu *cpu = &w->cpu[vcpu];

	world_view(w, vcpu);
	world_enter(w, vcpu);
	if (world_nested(w, vcpu) || world_agile(w, vcpu)) {
		hw_scan(cpu, true, cpu->nested_levels, visit_nested, &s);
	}
	if (!world_nested(w, vcpu)) {
		hw_scan(cpu, false, hw_shadow_levels(&w->regs[vcpu]),
			visit_shadow, &s);
	}
}
