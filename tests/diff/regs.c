/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/diff/world.h"

#include <inttypes.h>
#include <string.h>

/* Does this change of registers make the CPU read the PDPTEs? */
static bool reads_pdptes(const struct gnomon_regs *old,
			 const struct gnomon_regs *new, uint32_t flags)
{
	uint64_t cr4 = X86_CR4_PAE | X86_CR4_PGE | X86_CR4_PSE | X86_CR4_SMEP;

	return !(flags & GNOMON_SET_PDPTES) &&
	       ((flags & GNOMON_SET_CR3) ||
		((old->cr0 ^ new->cr0) & X86_CR0_PG) ||
		((old->cr4 ^ new->cr4) & cr4));
}

static void load_pdptes(const struct world *w, struct gnomon_regs *regs)
{
	uint64_t at = fh_memory(w->fh, regs->cr3 & UINT64_C(0xffffffe0));

	for (unsigned i = 0; i < 4 && ref_levels(regs) == 3; i++) {
		regs->pdpte[i] = 0;
		if (fh_readable(w->fh, at >> 12)) {
			regs->pdpte[i] = fh_load(w->fh, at + 8 * i, 8);
		}
	}
}

bool world_set_regs(struct world *w, unsigned vcpu,
		    const struct gnomon_regs *regs, uint32_t flags)
{
	struct gnomon_regs next = *regs;
	struct gnomon_root root = { 0 };
	enum gnomon_status s;

	/* A PDPT is read as it will be seen. */
	w->fh->smm = regs->smm;
	bool table = ref_levels(regs) != 3 ||
		     fh_readable(w->fh, fh_memory(w->fh, regs->cr3) >> 12);

	if (reads_pdptes(&w->regs[vcpu], &next, flags)) {
		load_pdptes(w, &next);
	}
	for (unsigned i = 0; i < 32; i++) {
		fh_begin_load(w->fh, vcpu);
		s = gnomon_vcpu_set_regs(w->vcpu[vcpu], &next, flags, &root);
		fh_end_load(w->fh, s != GNOMON_OK || root.flush);
		if (s != GNOMON_NOMEM || w->fh->live_max == 0) {
			break;
		}
		w->n.nomem++;
		w->fh->live_max += 16;
	}
	bool legal = ref_regs_legal(&w->now.caps, &next) &&
		     ref_change_legal(&w->regs[vcpu], &next);

	if (table && !w->slot_leaving &&
	    s != (legal ? GNOMON_OK : GNOMON_GP)) {
		world_fail(w, "set_regs(cr0 %#" PRIx64 " cr3 %#" PRIx64
			   " cr4 %#" PRIx64 " efer %#" PRIx64 "): %s, but %s",
			   next.cr0, next.cr3, next.cr4, next.efer,
			   gnomon_status_text(s),
			   legal ? "they are legal" : "they are not");
	}
	if (s != GNOMON_OK) {
		return false;
	}
	bool others = memcmp(w->regs[vcpu].pdpte, next.pdpte,
			     sizeof(next.pdpte)) != 0;

	w->regs[vcpu] = next;
	/* A MOV to CR4 may have loaded other PDPTEs: one more root. */
	if (others && !(flags & GNOMON_SET_CR3)) {
		times_cr3(w, vcpu, false);
	}
	world_load(w, vcpu, root);
	return true;
}

void world_full(struct world *w, unsigned vcpu)
{
	struct gnomon_regs regs = w->regs[vcpu];

	regs.cr4 ^= X86_CR4_PGE;
	bool off = world_set_regs(w, vcpu, &regs, 0);

	regs.cr4 ^= X86_CR4_PGE;
	if (off && !world_set_regs(w, vcpu, &regs, 0)) {
		world_fail(w, "CR4.PGE went off, but not on again");
	}
	if (off) {
		times_full(w, vcpu);
	}
}

/* A table made to be a root of that many levels, or any. */
static uint64_t root_for(const struct world *w, unsigned levels, uint64_t bits)
{
	if (levels == w->p.levels) {
		return w->table[bits % DIFF_ROOTS];
	}
	for (unsigned i = 0; i < DIFF_TABLES; i++) {
		unsigned t = (unsigned)(bits + i) & (DIFF_TABLES - 1);

		if (w->role[t] == levels) {
			return w->table[t];
		}
	}
	return w->table[bits & (DIFF_TABLES - 1)];
}

static void exec_cr3(struct world *w, const struct op *op)
{
	struct gnomon_regs regs = w->regs[op->vcpu];

	regs.cr3 = root_for(w, ref_levels(&regs), op->a) << 12;
	if ((op->a >> 8 & 63) == 0) {
		/* Any table, or no memory at all. */
		regs.cr3 = w->table[op->a >> 16 & (DIFF_TABLES - 1)] << 12;
	} else if ((op->a >> 8 & 127) == 1) {
		regs.cr3 = w->data[op->a >> 16 & (DIFF_DATA - 1)] << 12;
	}
	uint32_t flags = GNOMON_SET_CR3;

	if (regs.cr4 & X86_CR4_PCIDE) {
		regs.cr3 |= op->a >> 32 & (DIFF_PCIDS - 1);
		flags |= op->a >> 40 & 1 ? GNOMON_SET_NOFLUSH : 0;
	} else {
		regs.cr3 |= op->a >> 32 & 0x18;
	}
	if (world_set_regs(w, op->vcpu, &regs, flags)) {
		times_cr3(w, op->vcpu, !(flags & GNOMON_SET_NOFLUSH));
	}
}

/* Off drops everything; on keeps what there is, as of PCID 0. */
static void exec_pcide(struct world *w, const struct op *op)
{
	struct gnomon_regs regs = w->regs[op->vcpu];
	bool on = regs.cr4 & X86_CR4_PCIDE;

	if (!(w->p.features & GNOMON_CAP_PCID) || ref_levels(&regs) < 4) {
		return;
	}
	/* Low bits in CR3 make it illegal: now and then we try. */
	if (!on && (op->a & 7) && (regs.cr3 & 0xfff)) {
		regs.cr3 &= ~UINT64_C(0xfff);
		if (world_set_regs(w, op->vcpu, &regs, GNOMON_SET_CR3)) {
			times_cr3(w, op->vcpu, true);
		}
	}
	regs.cr4 ^= X86_CR4_PCIDE;
	if (world_set_regs(w, op->vcpu, &regs, 0) && on) {
		times_full(w, op->vcpu);
	}
}

static void exec_regs(struct world *w, const struct op *op)
{
	struct gnomon_regs regs = w->regs[op->vcpu];
	uint32_t has = w->p.features;

	switch (op->a & 7) {
	case 0: case 1:
		regs.cr0 ^= X86_CR0_WP;
		break;
	case 2:
		regs.cr4 ^= has & GNOMON_CAP_SMEP ? X86_CR4_SMEP : 0;
		break;
	case 3:
		/* Mostly off: with it a supervisor reaches little. */
		regs.cr4 &= ~X86_CR4_SMAP;
		if ((has & GNOMON_CAP_SMAP) && (op->b & 3) == 0) {
			regs.cr4 |= X86_CR4_SMAP;
		}
		break;
	case 4: case 5:
		regs.ac = !regs.ac;
		break;
	case 6:
		regs.pkru = has & GNOMON_CAP_PKU ?
			    (uint32_t)op->b & (uint32_t)(op->b >> 32) : 0;
		break;
	default:
		/* What NXE means to a cached entry is not said: flush. */
		regs.efer ^= w->p.levels >= 3 ? X86_EFER_NXE : 0;
		if (world_set_regs(w, op->vcpu, &regs, 0)) {
			world_full(w, op->vcpu);
		}
		return;
	}
	world_set_regs(w, op->vcpu, &regs, 0);
}

static void exec_bad_regs(struct world *w, const struct op *op)
{
	struct gnomon_regs regs = w->regs[op->vcpu];

	switch (op->a & 7) {
	case 0: case 1:
		regs.cr0 &= ~X86_CR0_PE;
		break;
	case 2:
		regs.cr4 &= ~X86_CR4_PAE;
		break;
	case 3:
		regs.cr4 ^= X86_CR4_LA57;
		break;
	case 4:
		regs.cr4 |= X86_CR4_PCIDE;
		regs.cr3 |= 0x10;
		break;
	case 5:
		/* With PCIDs on, CR0.PG cannot go. */
		regs.cr0 &= ~X86_CR0_PG;
		regs.efer &= ~X86_EFER_LMA;
		break;
	case 6:
		regs.cr3 |= UINT64_C(1) << 62;
		break;
	default:
		regs.cr3 |= UINT64_C(1) << (w->p.maxphyaddr & 63);
		break;
	}
	if (!ref_regs_legal(&w->now.caps, &regs) ||
	    !ref_change_legal(&w->regs[op->vcpu], &regs)) {
		world_set_regs(w, op->vcpu, &regs, 0);
	}
}

/* Mostly the world's own kind of tables, now and then another's. */
static unsigned levels_for(const struct world *w, uint64_t bits)
{
	unsigned levels = 2 + (bits >> 8 & 3);

	if ((bits & 3) || (levels == 5 &&
			   !(w->p.features & GNOMON_CAP_LA57))) {
		return w->p.levels;
	}
	return levels;
}

static void paging_off(struct world *w, unsigned vcpu)
{
	struct gnomon_regs regs = w->regs[vcpu];

	if (regs.cr4 & X86_CR4_PCIDE) {
		regs.cr4 &= ~X86_CR4_PCIDE;
		if (!world_set_regs(w, vcpu, &regs, 0)) {
			return;
		}
		times_full(w, vcpu);
	}
	regs.cr0 &= ~X86_CR0_PG;
	regs.efer &= ~X86_EFER_LMA;
	if (world_set_regs(w, vcpu, &regs, 0)) {
		times_full(w, vcpu);
	}
}

/* Off, and the next time on again, in this format or another. */
static void exec_paging(struct world *w, const struct op *op)
{
	struct gnomon_regs regs = w->regs[op->vcpu];

	if (regs.cr0 & X86_CR0_PG) {
		paging_off(w, op->vcpu);
		return;
	}
	unsigned levels = levels_for(w, op->a);

	regs.cr3 = root_for(w, levels, op->b) << 12;
	regs.cr0 |= X86_CR0_PG;
	regs.cr4 &= ~(X86_CR4_PSE | X86_CR4_PAE | X86_CR4_LA57);
	regs.cr4 |= levels == 2 ? X86_CR4_PSE : X86_CR4_PAE;
	regs.cr4 |= levels == 5 ? X86_CR4_LA57 : 0;
	regs.efer &= ~(X86_EFER_LME | X86_EFER_LMA);
	regs.efer |= levels >= 4 ? X86_EFER_LME | X86_EFER_LMA : 0;
	if (world_set_regs(w, op->vcpu, &regs, GNOMON_SET_CR3)) {
		times_full(w, op->vcpu);
		w->n.formats += levels != w->p.levels;
	}
}

/* Reads by what a TLB holds from the last time, where it may. */
static void look_around(struct world *w, unsigned vcpu, uint64_t bits)
{
	for (unsigned i = 0; i < DIFF_TABLES && !w->failed; i++) {
		uint64_t gva = world_direct_gva(w, vcpu, i, 0);

		if (world_in_smm(w, w->table[i]) &&
		    ref_canonical(&w->regs[vcpu], gva)) {
			world_access(w, vcpu, gva, GNOMON_READ, 8, bits + i);
		}
	}
}

/* With another CR3, as its code sets up, or with the one that there is. */
static void exec_smm(struct world *w, const struct op *op)
{
	struct gnomon_regs regs = w->regs[op->vcpu];
	uint32_t flags = 0;

	if (!w->p.smm) {
		return;
	}
	if (op->b & 1) {
		look_around(w, op->vcpu, op->b);
	}
	regs.smm = !regs.smm;
	if (op->a & 1) {
		regs.cr3 = root_for(w, ref_levels(&regs), op->b) << 12 |
			   (regs.cr3 & 0xfff);
		flags = GNOMON_SET_CR3;
	}
	if (!world_set_regs(w, op->vcpu, &regs, flags)) {
		return;
	}
	times_full(w, op->vcpu);
	if (op->b & 1) {
		look_around(w, op->vcpu, op->b);
	}
}

void world_regs(struct world *w, const struct op *op)
{
	if (op->kind == OP_CR3) {
		exec_cr3(w, op);
	} else if (op->kind == OP_REGS) {
		exec_regs(w, op);
	} else if (op->kind == OP_BAD_REGS) {
		exec_bad_regs(w, op);
	} else if (op->kind == OP_PCIDE) {
		exec_pcide(w, op);
	} else if (op->kind == OP_SMM) {
		exec_smm(w, op);
	} else {
		exec_paging(w, op);
	}
}
