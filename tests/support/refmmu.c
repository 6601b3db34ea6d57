/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/support/refmmu.h"

#define BIT(n) (UINT64_C(1) << (n))

/* Bits hi..lo, both included; none when hi < lo. */
static uint64_t bits(unsigned hi, unsigned lo)
{
	return hi < lo ? 0 : (~UINT64_C(0) >> (63 - hi)) & (~UINT64_C(0) << lo);
}

unsigned ref_levels(const struct gnomon_regs *regs)
{
	if (!(regs->cr0 & X86_CR0_PG)) {
		return 0;
	}
	if (regs->efer & X86_EFER_LMA) {
		return regs->cr4 & X86_CR4_LA57 ? 5 : 4;
	}
	return regs->cr4 & X86_CR4_PAE ? 3 : 2;
}

bool ref_canonical(const struct gnomon_regs *regs, uint64_t gva)
{
	unsigned levels = ref_levels(regs);
	unsigned top = levels == 5 ? 56 : 47;
	uint64_t high = gva >> top;

	if (levels < 4) {
		return gva >> 32 == 0;
	}
	return high == 0 || high == bits(63 - top, 0);
}

enum class { HOLE, TABLE, LEAF, RESERVED };

static bool can_be_leaf(const struct ref_mmu *mmu,
			const struct gnomon_regs *regs, unsigned levels,
			unsigned level)
{
	switch (level) {
	case 1:
		return true;
	case 2:
		return levels > 2 || (regs->cr4 & X86_CR4_PSE);
	case 3:
		return levels > 3 && (mmu->caps.features & GNOMON_CAP_1G);
	default:
		return false;
	}
}

static uint64_t reserved(const struct ref_mmu *mmu,
			 const struct gnomon_regs *regs, unsigned levels,
			 unsigned level, bool leaf)
{
	unsigned top = mmu->caps.maxphyaddr;
	uint64_t mask;

	if (levels == 2) {
		if (level == 1 || !leaf) {
			return 0;
		}
		/* 4M: bits 20..13 are address bits 39..32 with PSE-36. */
		if (!(mmu->caps.features & GNOMON_CAP_PSE36)) {
			return bits(21, 13);
		}
		top = top > 40 ? 40 : top;
		return bits(21, top - 32 + 13);
	}
	mask = levels == 3 ? bits(62, top) : bits(51, top);
	if (!(regs->efer & X86_EFER_NXE)) {
		mask |= X86_PTE_NX;
	}
	if (leaf && level > 1) {
		mask |= bits(9 * level + 2, 13);
	}
	return mask;
}

static enum class classify(const struct ref_mmu *mmu,
			   const struct gnomon_regs *regs, unsigned levels,
			   unsigned level, uint64_t value)
{
	bool ps = level > 1 && (value & X86_PTE_PS);
	bool leaf = level == 1 ||
		    (ps && can_be_leaf(mmu, regs, levels, level));

	if (!(value & X86_PTE_P)) {
		return HOLE;
	}
	/* PS where no leaf can be is reserved, but ignored without PSE. */
	if ((ps && !leaf && levels > 2) ||
	    (value & reserved(mmu, regs, levels, level, leaf))) {
		return RESERVED;
	}
	return leaf ? LEAF : TABLE;
}

/* What a walk carries from level to level. */
struct walk {
	const struct ref_mmu *mmu;
	const struct gnomon_regs *regs;
	uint64_t gva;
	uint32_t access;
	unsigned levels;
	bool (*accept)(void *arg, const struct ref_result *result);
	void *arg;
};

static uint32_t access_code(const struct walk *w)
{
	uint32_t code = 0;
	bool nx = w->levels > 2 && (w->regs->efer & X86_EFER_NXE);

	if (w->access & GNOMON_WRITE) {
		code |= X86_PF_W;
	}
	if (w->access & GNOMON_USER) {
		code |= X86_PF_U;
	}
	if ((w->access & GNOMON_EXEC) &&
	    (nx || (w->regs->cr4 & X86_CR4_SMEP))) {
		code |= X86_PF_ID;
	}
	return code;
}

static bool key_forbids(const struct walk *w, const struct ref_result *r)
{
	unsigned at = 2u * r->key;
	bool user = w->access & GNOMON_USER;

	if (w->levels < 4 || !(w->regs->cr4 & X86_CR4_PKE) || !r->user ||
	    (w->access & GNOMON_EXEC)) {
		return false;
	}
	if (w->regs->pkru >> at & 1) {
		return true;
	}
	return (w->regs->pkru >> at & 2) && (w->access & GNOMON_WRITE) &&
	       (user || (w->regs->cr0 & X86_CR0_WP));
}

static bool rights_forbid(const struct walk *w, const struct ref_result *r)
{
	bool user = w->access & GNOMON_USER;
	bool exec = w->access & GNOMON_EXEC;

	if (user && !r->user) {
		return true;
	}
	if (exec) {
		return r->nx ||
		       (!user && r->user && (w->regs->cr4 & X86_CR4_SMEP));
	}
	if (!user && r->user && (w->regs->cr4 & X86_CR4_SMAP) &&
	    (!w->regs->ac || (w->access & GNOMON_IMPLICIT))) {
		return true;
	}
	return (w->access & GNOMON_WRITE) && !r->write &&
	       (user || (w->regs->cr0 & X86_CR0_WP));
}

static uint64_t memory(const struct ref_mmu *mmu, uint64_t gpa)
{
	return mmu->memory ? mmu->memory(mmu->arg, gpa) : gpa;
}

static void leaf_reached(const struct walk *w, unsigned level, uint64_t value,
			 struct ref_result *r)
{
	unsigned shift = 12 + (w->levels == 2 ? 10 : 9) * (level - 1);
	unsigned top = w->levels == 2 ? 31 : 51;
	uint64_t base = value & bits(top, shift);

	if (w->levels == 2 && level == 2 &&
	    (w->mmu->caps.features & GNOMON_CAP_PSE36)) {
		base |= (value & bits(20, 13)) << 19;
	}
	r->shift = (uint8_t)shift;
	r->seen = base | (w->gva & (BIT(shift) - 1));
	r->gpa = memory(w->mmu, r->seen);
	r->global = (value & X86_PTE_G) && (w->regs->cr4 & X86_CR4_PGE);
	r->key = w->levels >= 4 ? value >> 59 & 15 : 0;
	bool key = key_forbids(w, r);

	r->status = GNOMON_OK;
	if (key || rights_forbid(w, r)) {
		r->status = GNOMON_FAULT;
		r->code = access_code(w) | X86_PF_P | (key ? X86_PF_PK : 0);
		return;
	}
	for (unsigned i = 0; i < r->steps; i++) {
		r->step[i].set = X86_PTE_A & ~r->step[i].value;
	}
	if (w->access & GNOMON_WRITE) {
		r->step[r->steps - 1].set |=
			X86_PTE_D & ~r->step[r->steps - 1].value;
	}
}

/* The next table when v leads to one, else 0 with the verdict in *r. */
static uint64_t take_entry(const struct walk *w, unsigned level, uint64_t at,
			   uint64_t v, struct ref_result *r)
{
	r->step[r->steps++] = (struct ref_step){
		.gpa = memory(w->mmu, at), .seen = at, .value = v,
		.bytes = w->levels == 2 ? 4 : 8 };
	r->write = r->write && (v & X86_PTE_W);
	r->user = r->user && (v & X86_PTE_U);
	r->nx = r->nx || (w->levels > 2 && (v & X86_PTE_NX));
	switch (classify(w->mmu, w->regs, w->levels, level, v)) {
	case HOLE:
		r->status = GNOMON_FAULT;
		r->code = access_code(w);
		break;
	case RESERVED:
		r->status = GNOMON_FAULT;
		r->code = access_code(w) | X86_PF_P | X86_PF_RSVD;
		break;
	case LEAF:
		leaf_reached(w, level, v, r);
		break;
	case TABLE:
		return (v & (w->levels == 2 ? bits(31, 12) : bits(51, 12))) |
		       1;
	}
	return 0;
}

/* One level: true when accept() was satisfied. */
static bool descend(const struct walk *w, unsigned level, uint64_t table,
		    const struct ref_result *so_far)
{
	unsigned bytes = w->levels == 2 ? 4 : 8;
	unsigned width = w->levels == 2 ? 10 : 9;
	uint64_t index = w->gva >> (12 + width * (level - 1)) &
			 (BIT(width) - 1);
	uint64_t values[REF_VERSIONS];
	struct ref_result r = *so_far;
	uint64_t at = table + index * bytes;
	unsigned count = w->mmu->read(w->mmu->arg, at, bytes, values);

	if (count == 0) {
		r.status = GNOMON_ABSENT;
		return w->accept(w->arg, &r);
	}
	for (unsigned i = 0; i < count; i++) {
		r = *so_far;
		uint64_t next = take_entry(w, level, at, values[i], &r);

		if (next ? descend(w, level - 1, next & ~UINT64_C(1), &r) :
			   w->accept(w->arg, &r)) {
			return true;
		}
	}
	return false;
}

/* The first table and its level; 0 when *r is the verdict already. */
static unsigned start(const struct walk *w, uint64_t *table,
		      struct ref_result *r)
{
	uint64_t cr3 = w->regs->cr3;

	*r = (struct ref_result){ .write = true, .user = true };
	if (w->levels == 0) {
		r->status = GNOMON_OK;
		r->seen = w->gva & bits(31, 0);
		r->gpa = memory(w->mmu, r->seen);
		r->shift = 12;
		return 0;
	}
	if (w->levels != 3) {
		*table = cr3 & (w->levels == 2 ? bits(31, 12) : bits(51, 12));
		return w->levels;
	}
	uint64_t pdpte = w->regs->pdpte[w->gva >> 30 & 3];

	if (!(pdpte & X86_PTE_P)) {
		r->status = GNOMON_FAULT;
		r->code = access_code(w);
		return 0;
	}
	*table = pdpte & bits(51, 12);
	return 2;
}

void ref_walk(const struct ref_mmu *mmu, const struct gnomon_regs *regs,
	      uint64_t gva, uint32_t access, struct ref_result *out)
{
	struct walk w = { mmu, regs, gva, access, ref_levels(regs), NULL,
			  NULL };
	unsigned width = w.levels == 2 ? 10 : 9;
	uint64_t values[REF_VERSIONS], table = 0;
	unsigned level = start(&w, &table, out);

	while (level > 0) {
		uint64_t index = gva >> (12 + width * (level - 1)) &
				 (BIT(width) - 1);
		uint64_t at = table + index * (w.levels == 2 ? 4 : 8);

		if (mmu->read(mmu->arg, at, w.levels == 2 ? 4 : 8,
			      values) == 0) {
			out->status = GNOMON_ABSENT;
			return;
		}
		table = take_entry(&w, level, at, values[0], out);
		level = table ? level - 1 : 0;
		table &= ~UINT64_C(1);
	}
}

bool ref_search(const struct ref_mmu *mmu, const struct gnomon_regs *regs,
		uint64_t gva, uint32_t access,
		bool (*accept)(void *arg, const struct ref_result *result),
		void *arg)
{
	struct walk w = { mmu, regs, gva, access, ref_levels(regs), accept,
			  arg };
	struct ref_result r;
	uint64_t table = 0;
	unsigned level = start(&w, &table, &r);

	return level ? descend(&w, level, table, &r) : accept(arg, &r);
}

/* The rules of the MOV that makes this change while paging is on. */
bool ref_change_legal(const struct gnomon_regs *old,
		      const struct gnomon_regs *next)
{
	uint64_t flips = old->cr4 ^ next->cr4;

	if (!(old->efer & next->efer & X86_EFER_LMA)) {
		return true;
	}
	return !(flips & X86_CR4_LA57) &&
	       !((flips & next->cr4 & X86_CR4_PCIDE) &&
		 (next->cr3 & bits(11, 0)));
}

bool ref_regs_legal(const struct gnomon_caps *caps,
		    const struct gnomon_regs *regs)
{
	bool lme = regs->efer & X86_EFER_LME;
	bool pae = regs->cr4 & X86_CR4_PAE;
	bool pg = regs->cr0 & X86_CR0_PG;
	bool lma = regs->efer & X86_EFER_LMA;

	if (pg && (!(regs->cr0 & X86_CR0_PE) || (lme && !pae))) {
		return false;
	}
	if (lma != (pg && lme)) {
		return false;
	}
	if (lma && (regs->cr3 & bits(63, caps->maxphyaddr))) {
		return false;
	}
	if ((regs->cr4 & X86_CR4_PCIDE) && !lma) {
		return false;
	}
	if (ref_levels(regs) == 3) {
		for (unsigned i = 0; i < 4; i++) {
			uint64_t e = regs->pdpte[i];

			if ((e & X86_PTE_P) &&
			    (e & (bits(2, 1) | bits(8, 5) |
				  bits(63, caps->maxphyaddr)))) {
				return false;
			}
		}
	}
	return true;
}
