/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/support/hwagile.h"

#include <inttypes.h>
#include <string.h>

#define ADDR UINT64_C(0x000ffffffffff000)
#define SWITCH (UINT64_C(1) << GNOMON_AGILE_BIT)

void hwagile_init(struct hwagile *cpu, struct fakehost *fh, unsigned id,
		  unsigned host_maxphyaddr, unsigned guest_maxphyaddr)
{
	*cpu = (struct hwagile){
		.fh = fh, .id = id, .host_maxphyaddr = host_maxphyaddr,
		.guest_maxphyaddr = guest_maxphyaddr,
	};
	hw_init(&cpu->nested, fh, id, host_maxphyaddr);
}

void hwagile_load(struct hwagile *cpu, struct gnomon_root root)
{
	bool changed = root.ncr3.v != cpu->root.ncr3.v ||
		       root.agile != cpu->root.agile;

	if (root.flush || root.flush_global || changed) {
		for (unsigned i = 0; i < HW_TLB; i++) {
			cpu->tlb[i].valid = cpu->tlb[i].valid &&
					    cpu->tlb[i].global &&
					    !root.flush_global && !changed;
		}
	}
	if (changed) {
		memset(cpu->nested.tlb, 0, sizeof(cpu->nested.tlb));
	}
	cpu->root = root;
	cpu->nested.root = root;
}

void hwagile_flush(struct hwagile *cpu, const struct gnomon_flush *flush)
{
	uint64_t first = flush->start.v >> 12;
	uint64_t last = (flush->start.v + flush->bytes - 1) >> 12;

	if (!(flush->vcpus >> cpu->id & 1)) {
		return;
	}
	if (flush->nested) {
		memset(cpu->nested.tlb, 0, sizeof(cpu->nested.tlb));
	}
	for (unsigned i = 0; i < HW_TLB; i++) {
		struct hw_tlb *t = &cpu->tlb[i];
		unsigned width = t->shift - 12u;

		if (flush->nested || flush->bytes == 0 ||
		    (t->valid && t->page >> width >= first >> width &&
		     t->page >> width <= last >> width)) {
			t->valid = false;
		}
	}
}

struct walk {
	struct hwagile *cpu;
	const struct gnomon_regs *regs;
	struct hwagile_result *out;
	uint32_t access;
	uint64_t gva, table;
	bool below, direct;	/* how the next table is found */
	unsigned level;
	bool write, user, nx;
	/* Of the guest's entries, what must allow a write to mark them. */
	uint64_t *entry[GNOMON_MAX_LEVELS + 1];
	uint64_t gpa[GNOMON_MAX_LEVELS + 1];	/* 0: found by the switch */
	uint64_t memory[GNOMON_MAX_LEVELS + 1];	/* the same, as memory */
};

/* Set wherever it walks shadow tables, whatever the guest has. */
static bool nxe(const struct walk *w)
{
	return w->cpu->root.agile || (w->regs->efer & X86_EFER_NXE);
}

static bool end(struct walk *w, uint32_t code)
{
	struct hwagile_result *out = w->out;
	bool fetch = (w->access & GNOMON_EXEC) &&
		     (nxe(w) ||
		      (w->regs->cr4 & X86_CR4_SMEP));
	bool user = (w->access & GNOMON_USER) &&
		    !(w->access & GNOMON_IMPLICIT);

	out->below = w->below;
	out->code = code | (w->access & GNOMON_WRITE ? X86_PF_W : 0) |
		    (user ? X86_PF_U : 0) | (fetch ? X86_PF_ID : 0);
	return false;
}

/* Memory of the guest behind a host address, or null. */
static uint64_t *guest_at(struct walk *w, uint64_t hpa)
{
	uint64_t gfn = fh_gfn(w->cpu->fh, hpa >> 12);

	if (gfn == UINT64_MAX || !fh_mappable(w->cpu->fh, gfn)) {
		fh_error(w->cpu->fh, "vcpu %u walks hpa %#" PRIx64 ", which "
			 "is no memory of the guest", w->cpu->id, hpa);
		return NULL;
	}
	w->memory[w->level] = gfn << 12 | (hpa & 0xfff);
	return (uint64_t *)(void *)fh_at(w->cpu->fh, w->memory[w->level]);
}

static bool nested(struct walk *w, uint64_t gpa, uint32_t access,
		   bool table_walk, uint64_t *hpa)
{
	struct hw_result r;

	hw_nested(&w->cpu->nested, gpa, access, 0, &r);
	if (!r.ok) {
		w->out->hw = r;
		w->out->hw.table_walk = table_walk;
		return false;
	}
	*hpa = r.hpa;
	return true;
}

/* The entry of the table under way; null ends the walk. */
static uint64_t *locate(struct walk *w)
{
	unsigned index = w->gva >> (3 + 9 * w->level) & 511;
	uint64_t at = w->table + 8 * index, hpa = at;

	w->out->refs++;
	w->gpa[w->level] = 0;
	if (w->below && w->direct) {
		return guest_at(w, at);
	}
	if (w->below) {
		w->gpa[w->level] = at;
		return nested(w, at, GNOMON_READ, true, &hpa)
			       ? guest_at(w, hpa)
			       : NULL;
	}
	struct fh_page *page = fh_page_at(w->cpu->fh, w->table);

	if (!page) {
		fh_error(w->cpu->fh, "vcpu %u walks hpa %#" PRIx64
			 ", which is no table", w->cpu->id, w->table);
		return NULL;
	}
	page->seen[w->cpu->id] = w->cpu->fh->epoch[w->cpu->id];
	return (uint64_t *)(void *)page->va + index;
}

static bool reserved(const struct walk *w, uint64_t e)
{
	unsigned bits = w->below ? w->cpu->guest_maxphyaddr
				 : w->cpu->host_maxphyaddr;
	uint64_t low = (UINT64_C(1) << (9 * (w->level - 1))) - 1;

	if ((e & X86_PTE_PS) && w->level > 3) {
		return true;
	}
	if (w->level > 1 && (e & X86_PTE_PS) && (e >> 13 & low >> 1)) {
		return true;
	}
	return (e & (~UINT64_C(0) << bits) & ADDR) ||
	       ((e & X86_PTE_NX) && !nxe(w));
}

/* Down to the leaf's value. */
static bool descend(struct walk *w, uint64_t *leaf)
{
	for (;; w->level--) {
		uint64_t *entry = locate(w), e;

		if (!entry) {
			return false;
		}
		e = *entry;
		w->entry[w->level] = w->below ? entry : NULL;
		if (!(e & X86_PTE_P)) {
			return end(w, 0);
		}
		if (reserved(w, e)) {
			return end(w, X86_PF_P | X86_PF_RSVD);
		}
		w->write = w->write && (e & X86_PTE_W);
		w->user = w->user && (e & X86_PTE_U);
		w->nx = w->nx || (e & X86_PTE_NX);
		if (w->level == 1 || (e & X86_PTE_PS)) {
			*leaf = e;
			return true;
		}
		w->table = e & ADDR;
		w->direct = !w->below && (e & SWITCH);
		w->below = w->below || w->direct;
	}
}

/* WP and NXE: on shadow tables always set, else the guest's own. */
static bool allows(const struct walk *w, bool write, bool user, bool nx,
		   unsigned key)
{
	struct hw_leaf leaf = {
		.write = write, .user = user, .nx = nx,
		.entry = (uint64_t)key << 59,
	};
	bool wp = w->cpu->root.agile || (w->regs->cr0 & X86_CR0_WP);

	if (!wp && !(w->access & GNOMON_USER)) {
		leaf.write = true;
	}
	return hw_allows(w->regs, w->access, &leaf);
}

static bool mark(struct walk *w, unsigned top)
{
	bool dirty = w->access & GNOMON_WRITE;
	uint64_t hpa;

	for (unsigned l = top; l >= w->level; l--) {
		uint64_t want = X86_PTE_A |
				(dirty && l == w->level ? X86_PTE_D : 0);

		if (w->entry[l] && (*w->entry[l] & want) != want &&
		    w->gpa[l] && !nested(w, w->gpa[l], GNOMON_WRITE, true,
					 &hpa)) {
			return false;
		}
	}
	for (unsigned l = top; l >= w->level; l--) {
		if (w->entry[l]) {
			*w->entry[l] |= X86_PTE_A |
				(dirty && l == w->level ? X86_PTE_D : 0);
			w->out->mark[w->out->marks++] = w->memory[l];
		}
	}
	return true;
}

static struct hw_tlb *tlb_of(struct hwagile *cpu, uint64_t gva)
{
	uint64_t page = gva >> 12;

	return &cpu->tlb[(page ^ page >> 9 ^ page >> 18 ^ page >> 27) %
			 HW_TLB];
}

static bool from_tlb(struct walk *w, const struct hw_tlb *t)
{
	/* WP = 0 or not, what is not dirty in all tables has to walk. */
	if (!t->valid || t->page != w->gva >> 12 ||
	    ((w->access & GNOMON_WRITE) && !t->write) ||
	    !allows(w, t->write, t->user, t->nx, t->key)) {
		return false;
	}
	w->cpu->tlb_hits++;
	w->out->below = t->below;
	w->out->hw.ok = w->out->hw.stale = true;
	w->out->hw.hpa = t->hfn << 12 | (w->gva & 0xfff);
	return true;
}

static void fill(struct walk *w, struct hw_tlb *t, uint64_t leaf,
		 uint64_t hpa)
{
	bool dirty = leaf & X86_PTE_D;

	*t = (struct hw_tlb){
		.valid = true, .user = w->user, .nx = w->nx,
		.below = w->below,
		/* A write through a clean entry has to walk. */
		.write = w->write && dirty,
		.global = leaf & X86_PTE_G, .key = leaf >> 59 & 15,
		.shift = (uint8_t)(3 + 9 * w->level), .page = w->gva >> 12,
		.hfn = hpa >> 12,
	};
	w->out->hw.ok = true;
	w->out->hw.hpa = hpa;
}

void hwagile_access(struct hwagile *cpu, const struct gnomon_regs *regs,
		    uint64_t gva, uint32_t access, unsigned hint,
		    struct hwagile_result *out)
{
	struct walk w = {
		.cpu = cpu, .regs = regs, .out = out, .access = access,
		.gva = gva, .table = cpu->root.cr3.v & ADDR,
		.below = !cpu->root.agile, .level = ref_levels(regs) == 5 ? 5
									   : 4,
		.write = true, .user = true,
	};
	struct hw_tlb *t = tlb_of(cpu, gva);
	unsigned top = w.level;
	uint64_t leaf = 0, hpa, in;

	memset(out, 0, sizeof(*out));
	if ((hint & HW_USE_TLB) && from_tlb(&w, t)) {
		return;
	}
	if (!descend(&w, &leaf)) {
		return;
	}
	if (!allows(&w, w.write, w.user, w.nx, leaf >> 59 & 15)) {
		/* No protection keys here, so the code needs no PK. */
		end(&w, X86_PF_P);
		return;
	}
	if (w.below && !mark(&w, top)) {
		return;
	}
	in = (UINT64_C(1) << (3 + 9 * w.level)) - 1;
	hpa = (leaf & ADDR & ~in) | (gva & in);
	out->below = w.below;
	if (w.below) {
		cpu->below++;
		if (!nested(&w, hpa, access & (GNOMON_WRITE | GNOMON_EXEC),
			    false, &hpa)) {
			return;
		}
		leaf = *w.entry[w.level];
		/* The page of the nested table may be the smaller one. */
		w.write = w.write && (access & GNOMON_WRITE);
		w.nx = w.nx || !(access & GNOMON_EXEC);
	} else {
		leaf |= X86_PTE_D;
	}
	fill(&w, t, leaf, hpa);
}
