/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/support/guest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADDR UINT64_C(0x000ffffffffff000)
#define TRIES 40

struct guest_options guest_defaults(void)
{
	return (struct guest_options){ .mode = GNOMON_MODE_SHADOW,
				       .levels = 4,
				       .options = GNOMON_OPT_ALL };
}

/* ---- tables ------------------------------------------------------------- */

static unsigned entry_bytes(const struct guest *g)
{
	return g->o.levels == 2 ? 4 : 8;
}

uint64_t guest_table(struct guest *g)
{
	uint64_t gfn = g->next_table++;

	memset(fh_at(g->fh, gfn << 12), 0, 4096);
	return gfn;
}

void guest_poke(struct guest *g, uint64_t gpa, uint64_t value)
{
	fh_store(g->fh, gpa, entry_bytes(g), value);
}

uint64_t guest_peek(struct guest *g, uint64_t gpa)
{
	return fh_load(g->fh, gpa, entry_bytes(g));
}

uint64_t guest_entry(struct guest *g, uint64_t root, uint64_t gva,
		     unsigned level)
{
	unsigned width = g->o.levels == 2 ? 10 : 9;
	uint64_t table = root << 12;

	for (unsigned l = g->o.levels;; l--) {
		uint64_t index = gva >> (12 + width * (l - 1)) &
				 ((1u << width) - 1);
		uint64_t at = fh_memory(g->fh, table + index * entry_bytes(g));

		if (l == level) {
			return at;
		}
		if (!(guest_peek(g, at) & X86_PTE_P)) {
			uint64_t flags = l == 3 && g->o.levels == 3 ?
					 X86_PTE_P : GUEST_RWU;

			guest_poke(g, at, guest_table(g) << 12 | flags);
		}
		table = guest_peek(g, at) & ADDR;
	}
}

void guest_map(struct guest *g, uint64_t root, uint64_t gva, uint64_t gpa,
	       uint64_t flags, unsigned level)
{
	guest_poke(g, guest_entry(g, root, gva, level),
		   gpa | flags | (level > 1 ? X86_PTE_PS : 0));
}

/* ---- events ------------------------------------------------------------- */

bool guest_audit(struct guest *g)
{
	struct gnomon_audit report = { 0 };
	uint64_t calls = g->fh->calls_all, fail_at = g->fh->fail_at;

	/* What the audit asks the host does not count. */
	g->fh->fail_at = 0;
	bool ok = gnomon_audit(g->vm, GNOMON_AUDIT_FULL, &report) ==
		  GNOMON_OK;

	g->fh->fail_at = fail_at;
	g->fh->calls_all = calls;
	if (ok) {
		return true;
	}
	fh_error(g->fh, "audit: %s, at %#" PRIx64 " and %#" PRIx64,
		 report.rule ? report.rule : "?", report.a, report.b);
	return false;
}

static void after_call(struct guest *g)
{
	if (g->audits) {
		guest_audit(g);
	}
}

void guest_dma(struct guest *g, uint64_t gpa, uint64_t value)
{
	enum gnomon_status s = gnomon_write(g->vm, NULL,
					    (gnomon_gpa_t){ gpa }, &value,
					    entry_bytes(g));

	/* One callback may have been told to fail. */
	if (s != GNOMON_OK && g->fh->fail_hit) {
		s = gnomon_write(g->vm, NULL, (gnomon_gpa_t){ gpa }, &value,
				 entry_bytes(g));
	}
	if (s != GNOMON_OK) {
		fh_error(g->fh, "write at %#" PRIx64 ": %s", gpa,
			 gnomon_status_text(s));
	}
	after_call(g);
}

static void read_pdptes(struct guest *g, struct gnomon_regs *regs)
{
	g->fh->smm = regs->smm;
	for (unsigned i = 0; ref_levels(regs) == 3 && i < 4; i++) {
		regs->pdpte[i] = fh_seen(g->fh, (regs->cr3 & ~31ull) + 8 * i,
					 8);
	}
	g->fh->smm = false;
}

enum gnomon_status guest_regs(struct guest *g, unsigned vcpu,
			      const struct gnomon_regs *regs, uint32_t flags)
{
	struct gnomon_regs next = *regs;
	struct gnomon_root root = { 0 };
	enum gnomon_status s = GNOMON_NOMEM;

	if ((flags & GNOMON_SET_CR3) || next.cr0 != g->regs[vcpu].cr0 ||
	    next.cr4 != g->regs[vcpu].cr4) {
		read_pdptes(g, &next);
	}
	for (unsigned i = 0; i < 2 && s == GNOMON_NOMEM; i++) {
		fh_begin_load(g->fh, vcpu);
		s = gnomon_vcpu_set_regs(g->vcpu[vcpu], &next, flags, &root);
		fh_end_load(g->fh, s != GNOMON_OK || root.flush);
		after_call(g);
	}
	if (s == GNOMON_OK) {
		g->regs[vcpu] = next;
		hw_load_root(&g->cpu[vcpu], root);
	}
	return s;
}

enum gnomon_status guest_load(struct guest *g, unsigned vcpu, uint64_t root)
{
	struct gnomon_regs regs = g->regs[vcpu];

	regs.cr3 = root << 12;
	return guest_regs(g, vcpu, &regs, GNOMON_SET_CR3);
}

void guest_invlpg(struct guest *g, unsigned vcpu, uint64_t gva)
{
	if (guest_is_nested(g, vcpu)) {
		return;		/* no exit */
	}
	gnomon_invlpg(g->vcpu[vcpu], (gnomon_gva_t){ gva });
	after_call(g);
}

/* ---- accesses ----------------------------------------------------------- */

struct run {
	struct guest *g;
	unsigned vcpu;
	uint64_t gva, value;
	uint32_t access;
	bool walking;		/* the fault was the processor's own */
	struct guest_access end;
};

static void reached(struct run *r, uint64_t hpa)
{
	struct guest *g = r->g;
	uint64_t gfn = fh_gfn(g->fh, hpa >> 12);

	r->end.end = GUEST_DONE;
	r->end.gpa = gfn << 12 | (hpa & 0xfff);
	if (gfn == UINT64_MAX || !fh_mappable(g->fh, gfn) ||
	    ((r->access & GNOMON_WRITE) &&
	     (!fh_writable(g->fh, gfn) || guest_must_trap(g, r->vcpu, gfn)))) {
		fh_error(g->fh, "access %#x at gva %#" PRIx64 " reaches hpa %#"
			 PRIx64 " (gfn %#" PRIx64 ")", r->access, r->gva, hpa,
			 gfn);
	} else if (r->access & GNOMON_WRITE) {
		fh_store(g->fh, r->end.gpa, entry_bytes(g), r->value);
	}
}

static void emulate(struct run *r)
{
	struct guest *g = r->g;
	struct gnomon_translation t = { 0 };
	enum gnomon_status s = gnomon_translate(g->vcpu[r->vcpu],
			(gnomon_gva_t){ r->gva }, r->access,
			GNOMON_TRANSLATE_SET_AD, &t);

	after_call(g);
	if (s == GNOMON_FAULT) {
		r->end.end = GUEST_PF;
		r->end.code = t.error_code;
		return;
	}
	r->end.end = GUEST_STUCK;
	r->end.gpa = t.gpa.v;
	if (s == GNOMON_OK) {
		s = gnomon_write(g->vm, g->vcpu[r->vcpu], t.gpa, &r->value,
				 entry_bytes(g));
		after_call(g);
		r->end.end = s == GNOMON_OK ? GUEST_DONE :
			     s == GNOMON_ABSENT ? GUEST_MMIO : GUEST_STUCK;
	}
}

/* True when the access is over. */
static bool answer(struct run *r, const struct gnomon_outcome *out)
{
	struct guest *g = r->g;
	uint64_t gfn = fh_index(out->gpa.v >> 12);

	if ((unsigned)out->kind < GNOMON_KINDS) {
		r->end.kinds[out->kind]++;
	}
	switch (out->action) {
	case GNOMON_RESUME:
		return false;
	case GNOMON_INJECT:
		r->end.end = GUEST_PF;
		r->end.code = out->error_code;
		return true;
	case GNOMON_TRACKED:
	case GNOMON_EMULATE:
		/* A load or a walk that is watched: as if it were done. */
		if ((r->access & GNOMON_WRITE) && !r->walking) {
			emulate(r);
		}
		return true;
	case GNOMON_DO_MMIO:
		r->end.end = GUEST_MMIO;
		r->end.gpa = out->gpa.v;
		return true;
	case GNOMON_RETRY:
		if (gfn < FH_FRAMES &&
		    g->fh->frame[gfn].kind == GNOMON_FRAME_NOT_NOW) {
			g->fh->frame[gfn].kind = GNOMON_FRAME_RAM;
		}
		return false;
	case GNOMON_STOP_NOMEM:
		/* The host may have failed once; twice is an end. */
		if (r->end.code++ == 0) {
			return false;
		}
		r->end.end = GUEST_NO_MEMORY;
		return true;
	case GNOMON_STOP_BUG:
		break;
	}
	fh_error(g->fh, "fault() at gva %#" PRIx64 " answers %d", r->gva,
		 out->action);
	return true;
}

static bool fault(struct run *r, const struct hw_result *hw, bool table_walk)
{
	struct guest *g = r->g;
	struct gnomon_outcome out = { .action = GNOMON_STOP_BUG };
	struct gnomon_fault f = {
		.gva = { r->gva }, .gpa = { hw->gpa }, .rip = g->rip,
		.access = hw->nested ? hw->access : r->access,
		.nested = hw->nested, .table_walk = table_walk };

	r->end.faults++;
	r->walking = table_walk;
	hw_drop_page(&g->cpu[r->vcpu], hw->nested ? hw->gpa : r->gva);
	gnomon_fault(g->vcpu[r->vcpu], &f, &out);
	after_call(g);
	return answer(r, &out);
}

static bool try_shadow(struct run *r)
{
	struct hw_result hw;

	hw_access(&r->g->cpu[r->vcpu], &r->g->regs[r->vcpu], r->gva,
		  r->access, HW_USE_TLB | HW_USE_PSC, &hw);
	if (!hw.ok) {
		return fault(r, &hw, false);
	}
	reached(r, hw.hpa);
	return true;
}

static bool try_nested(struct run *r)
{
	struct guest *g = r->g;
	struct hwcpu *cpu = &g->cpu[r->vcpu];
	struct hw_result hw;
	struct ref_result ref;

	ref_walk(&g->ref, &g->regs[r->vcpu], r->gva, r->access, &ref);
	for (unsigned i = 0; i < ref.steps; i++) {
		hw_nested(cpu, ref.step[i].gpa,
			  ref.step[i].set || g->o.walks_write ?
			  GNOMON_WRITE : GNOMON_READ, HW_USE_TLB, &hw);
		if (!hw.ok) {
			return fault(r, &hw, true);
		}
	}
	if (ref.status != GNOMON_OK) {
		r->end.end = GUEST_PF;
		r->end.code = ref.code;
		return true;
	}
	hw_nested(cpu, ref.gpa, r->access & (GNOMON_WRITE | GNOMON_EXEC),
		  HW_USE_TLB, &hw);
	if (!hw.ok) {
		return fault(r, &hw, false);
	}
	for (unsigned i = 0; i < ref.steps; i++) {
		fh_store(g->fh, fh_memory(g->fh, ref.step[i].gpa),
			 ref.step[i].bytes,
			 ref.step[i].value | ref.step[i].set);
	}
	reached(r, hw.hpa);
	return true;
}

struct guest_access guest_access(struct guest *g, unsigned vcpu, uint64_t gva,
				 uint32_t access, uint64_t value)
{
	struct run r = { .g = g, .vcpu = vcpu, .gva = gva, .value = value,
			 .access = access, .end = { .end = GUEST_STUCK } };

	g->rip += 4;
	g->fh->smm = g->regs[vcpu].smm;
	for (unsigned i = 0; i < TRIES; i++) {
		hw_enter(&g->cpu[vcpu], gnomon_vcpu_root(g->vcpu[vcpu]));
		if (guest_is_nested(g, vcpu) ? try_nested(&r) :
					       try_shadow(&r)) {
			break;
		}
	}
	g->fh->smm = false;
	return r.end;
}

/* ---- life --------------------------------------------------------------- */

static void on_flush(void *arg, const struct gnomon_flush *flush)
{
	struct guest *g = arg;

	hw_flush(&g->cpu[0], flush);
	hw_flush(&g->cpu[1], flush);
}

static void add_slot(struct guest *g, uint32_t id, uint64_t first,
		     uint64_t frames, uint32_t flags, bool window)
{
	struct gnomon_slot slot = fh_slot(g->fh, id, first, frames, flags,
					  window);
	enum gnomon_status s = gnomon_slot_set(g->vm, &slot);

	if (s == GNOMON_NOMEM) {
		s = gnomon_slot_set(g->vm, &slot);
	}
	if (s != GNOMON_OK) {
		fh_error(g->fh, "slot %u: %s", id, gnomon_status_text(s));
	}
}

static void make_vm(struct guest *g)
{
	struct gnomon_config config = {
		.size = sizeof(config), .mode = g->o.mode,
		.modes = g->o.modes, .smm = g->o.smm,
		.caps = g->ref.caps, .host_maxphyaddr = 46,
		.options = g->o.options,
		.table_pages_max = g->o.table_pages_max,
		.nested_around = g->o.nested_around };
	enum gnomon_status s = GNOMON_NOMEM;

	g->memory[2] = aligned_alloc(64, (gnomon_vm_bytes() + 63) & ~63ull);
	for (unsigned i = 0; i < 2 && s == GNOMON_NOMEM; i++) {
		s = gnomon_vm_create(g->memory[2], &config, &g->fh->host,
				     g->fh, &g->vm);
	}
	if (s != GNOMON_OK) {
		fprintf(stderr, "vm_create: %s\n", gnomon_status_text(s));
		abort();
	}
	add_slot(g, GUEST_LOW, 0, 1024, 0, true);
	add_slot(g, GUEST_LARGE, 1024, 2048, 0, true);
	add_slot(g, GUEST_CALLS, 4096, 64, 0, false);
	add_slot(g, GUEST_ROM, 6144, 8, GNOMON_SLOT_ROM, true);
	add_slot(g, GUEST_READONLY, 6160, 8, GNOMON_SLOT_READONLY, true);
}

static void make_vcpu(struct guest *g, unsigned i)
{
	enum gnomon_status s = GNOMON_NOMEM;

	hw_init(&g->cpu[i], g->fh, i, 46);
	g->memory[i] = aligned_alloc(64, (gnomon_vcpu_bytes() + 63) & ~63ull);
	for (unsigned t = 0; t < 2 && s == GNOMON_NOMEM; t++) {
		s = gnomon_vcpu_create(g->vm, i, g->memory[i], &g->vcpu[i]);
	}
	if (s != GNOMON_OK) {
		fprintf(stderr, "vcpu_create: %s\n", gnomon_status_text(s));
		abort();
	}
	struct gnomon_regs regs = {
		.cr0 = X86_CR0_PE | X86_CR0_PG | X86_CR0_WP,
		.cr3 = g->root << 12,
		.cr4 = X86_CR4_PGE };

	regs.cr4 |= g->o.levels == 2 ? X86_CR4_PSE : X86_CR4_PAE;
	regs.cr4 |= g->o.levels == 5 ? X86_CR4_LA57 : 0;
	regs.efer = g->o.levels >= 4 ? X86_EFER_LME | X86_EFER_LMA : 0;
	regs.efer |= g->o.levels >= 3 ? X86_EFER_NXE : 0;
	s = guest_regs(g, i, &regs, GNOMON_SET_CR3);
	if (s != GNOMON_OK) {
		fh_error(g->fh, "first registers: %s", gnomon_status_text(s));
	}
}

struct guest *guest_create(struct guest_options o)
{
	struct guest *g = calloc(1, sizeof(*g));

	if (!g) {
		abort();
	}
	g->o = o;
	g->o.levels = o.levels ? o.levels : 4;
	g->fh = fh_create();
	fh_frames(g->fh, 1024, 2048, (struct fh_frame){
		.kind = GNOMON_FRAME_RAM, .order = 9, .write = true });
	g->fh->on_flush = on_flush;
	g->fh->on_flush_arg = g;
	g->fh->fail_at = o.fail_at;
	g->fh->live_max = o.live_max;
	g->ref = (struct ref_mmu){ .read = fh_read, .arg = g->fh };
	g->ref.caps.maxphyaddr = 40;
	g->ref.caps.features = o.features | GNOMON_CAP_NX | GNOMON_CAP_SMEP |
			       GNOMON_CAP_SMAP | GNOMON_CAP_1G;
	g->ref.caps.features |= g->o.levels == 5 ? GNOMON_CAP_LA57 : 0;
	g->rip = 0x400000;
	g->next_table = 16;
	g->root = guest_table(g);
	make_vm(g);
	make_vcpu(g, 0);
	make_vcpu(g, 1);
	return g;
}

unsigned guest_destroy(struct guest *g)
{
	enum gnomon_status s;

	/* They run no more. */
	g->fh->epoch[0]++;
	g->fh->epoch[1]++;
	gnomon_vcpu_destroy(g->vcpu[0]);
	gnomon_vcpu_destroy(g->vcpu[1]);
	do {
		uint32_t budget = 5;

		s = gnomon_vm_destroy(g->vm, &budget);
	} while (s == GNOMON_MORE);
	if (s != GNOMON_OK) {
		fh_error(g->fh, "vm_destroy: %s", gnomon_status_text(s));
	}
	unsigned errors = fh_destroy(g->fh);

	for (unsigned i = 0; i < 3; i++) {
		free(g->memory[i]);
	}
	free(g);
	return errors;
}
