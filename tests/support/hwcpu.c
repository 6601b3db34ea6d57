/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/support/hwcpu.h"

#include <inttypes.h>
#include <string.h>

#define ADDR UINT64_C(0x000ffffffffff000)

void hw_init(struct hwcpu *cpu, struct fakehost *fh, unsigned id,
	     unsigned host_maxphyaddr)
{
	*cpu = (struct hwcpu){ .fh = fh, .id = id, .nested_levels = 4,
			       .host_maxphyaddr = host_maxphyaddr };
}

unsigned hw_shadow_levels(const struct gnomon_regs *regs)
{
	return ref_levels(regs) == 5 ? 5 : 4;
}

static void drop_all(struct hwcpu *cpu)
{
	memset(cpu->tlb, 0, sizeof(cpu->tlb));
	memset(cpu->psc, 0, sizeof(cpu->psc));
	cpu->wide = false;
}

static struct hw_tlb *tlb_of(struct hwcpu *cpu, uint64_t gva)
{
	uint64_t page = gva >> 12;

	return &cpu->tlb[(page ^ page >> 9 ^ page >> 18 ^ page >> 27) %
			 HW_TLB];
}

void hw_flush(struct hwcpu *cpu, const struct gnomon_flush *flush)
{
	if (!(flush->vcpus >> cpu->id & 1)) {
		return;
	}
	if (flush->bytes == 0 || flush->nested) {
		drop_all(cpu);
		return;
	}
	uint64_t first = flush->start.v >> 12;
	uint64_t last = (flush->start.v + flush->bytes - 1) >> 12;

	memset(cpu->psc, 0, sizeof(cpu->psc));
	if (first == last && !cpu->wide) {
		struct hw_tlb *t = tlb_of(cpu, flush->start.v);

		t->valid = t->valid && t->page != first;
		return;
	}
	for (unsigned i = 0; i < HW_TLB; i++) {
		struct hw_tlb *t = &cpu->tlb[i];
		unsigned width = t->shift - 12u;

		/* Any byte of the leaf's page drops all of it. */
		if (t->valid && t->page >> width >= first >> width &&
		    t->page >> width <= last >> width) {
			t->valid = false;
		}
	}
}

void hw_drop_page(struct hwcpu *cpu, uint64_t gva)
{
	struct gnomon_flush one = { .vcpus = UINT64_C(1) << cpu->id,
				    .start = { gva & ~UINT64_C(0xfff) },
				    .bytes = 4096 };

	hw_flush(cpu, &one);
}

static void drop_non_global(struct hwcpu *cpu)
{
	memset(cpu->psc, 0, sizeof(cpu->psc));
	for (unsigned i = 0; i < HW_TLB; i++) {
		cpu->tlb[i].valid = cpu->tlb[i].valid && cpu->tlb[i].global;
	}
}

void hw_load_root(struct hwcpu *cpu, struct gnomon_root root)
{
	if (root.flush_global) {
		drop_all(cpu);
	} else if (root.flush) {
		drop_non_global(cpu);
	}
	if (root.flush || root.flush_global) {
		cpu->fh->epoch[cpu->id]++;
	}
	cpu->root = root;
	cpu->loaded = true;
}

void hw_enter(struct hwcpu *cpu, struct gnomon_root root)
{
	if (!cpu->loaded || root.cr3.v != cpu->root.cr3.v ||
	    root.ncr3.v != cpu->root.ncr3.v) {
		hw_load_root(cpu, root);
	}
}

/* The entry at index of the table at hpa, or null with an error noted. */
static uint64_t *entry_at(struct hwcpu *cpu, uint64_t hpa, unsigned index)
{
	struct fh_page *page = fh_page_at(cpu->fh, hpa & ~UINT64_C(0xfff));

	if (!page) {
		fh_error(cpu->fh, "vcpu %u walks hpa %#" PRIx64
			 ", which is no table", cpu->id, hpa);
		return NULL;
	}
	page->seen[cpu->id] = cpu->fh->epoch[cpu->id];
	return (uint64_t *)(void *)page->va + index;
}

static bool reserved(const struct hwcpu *cpu, uint64_t entry, unsigned level)
{
	uint64_t high = (~UINT64_C(0) << cpu->host_maxphyaddr) & ADDR;

	if ((entry & X86_PTE_PS) && level > 3) {
		return true;
	}
	if (level > 1 && (entry & X86_PTE_PS) &&
	    (entry >> 13 & ((UINT64_C(1) << (9 * (level - 1) - 1)) - 1))) {
		return true;
	}
	return entry & high;
}

struct path {
	uint64_t *entry[GNOMON_MAX_LEVELS];
	unsigned steps;
	unsigned level;		/* of the leaf */
	bool write, user, nx;
	uint64_t leaf;
};

/* Walk to a leaf; false when an entry is absent or reserved. */
static bool walk(struct hwcpu *cpu, uint64_t table, unsigned level,
		 uint64_t va, struct path *p)
{
	for (;; level--) {
		uint64_t *e = entry_at(cpu, table, va >> (3 + 9 * level) &
				       511);

		if (!e || !(*e & X86_PTE_P) || reserved(cpu, *e, level)) {
			return false;
		}
		p->entry[p->steps++] = e;
		p->write = p->write && (*e & X86_PTE_W);
		p->user = p->user && (*e & X86_PTE_U);
		p->nx = p->nx || (*e & X86_PTE_NX);
		p->leaf = *e;
		p->level = level;
		if (level == 1 || (*e & X86_PTE_PS)) {
			return true;
		}
		table = *e & ADDR;
	}
}

static void set_bits(const struct path *p, bool write)
{
	for (unsigned i = 0; i < p->steps; i++) {
		*p->entry[i] |= X86_PTE_A;
	}
	if (write) {
		*p->entry[p->steps - 1] |= X86_PTE_D;
	}
}

static bool key_forbids(const struct gnomon_regs *regs, uint32_t access,
			unsigned key)
{
	uint32_t bits = regs->pkru >> 2 * key & 3;

	return ref_levels(regs) >= 4 && (regs->cr4 & X86_CR4_PKE) &&
	       ((bits & 1) || ((bits & 2) && (access & GNOMON_WRITE)));
}

/*
 * As hardware has it under a shadow root: WP and NXE always on; SMEP, SMAP,
 * AC and the protection keys are the guest's, but off without its paging.
 */
static bool allowed(const struct gnomon_regs *regs, uint32_t access,
		    bool write, bool user, bool nx, unsigned key)
{
	bool from_user = access & GNOMON_USER;
	/* While the guest has paging off, SMEP, SMAP and PKE are off too. */
	uint64_t cr4 = regs->cr0 & X86_CR0_PG ? regs->cr4 : 0;

	if (from_user && !user) {
		return false;
	}
	if (cr4 && user && !(access & GNOMON_EXEC) &&
	    key_forbids(regs, access, key)) {
		return false;
	}
	if (access & GNOMON_EXEC) {
		return !nx && !(user && !from_user &&
				(cr4 & X86_CR4_SMEP));
	}
	if (!from_user && user && (cr4 & X86_CR4_SMAP) &&
	    (!regs->ac || (access & GNOMON_IMPLICIT))) {
		return false;
	}
	return !(access & GNOMON_WRITE) || write;
}

/* ---- Intel's second dimension ------------------------------------------- */

#define EPT_R UINT64_C(1)
#define EPT_W UINT64_C(2)
#define EPT_X UINT64_C(4)
#define EPT_ALL (EPT_R | EPT_W | EPT_X)
#define EPT_TYPE UINT64_C(0x38)
#define EPT_A UINT64_C(0x100)
#define EPT_D UINT64_C(0x200)

/* What makes a present entry a misconfiguration. */
static bool ept_bad(const struct hwcpu *cpu, uint64_t e, unsigned level,
		    bool leaf)
{
	uint64_t high = (~UINT64_C(0) << cpu->host_maxphyaddr) & ADDR;
	uint64_t low = (UINT64_C(1) << (9 * (level - 1))) - 1;
	unsigned type = e >> 3 & 7;

	if ((e & high) || ((e & EPT_W) && !(e & EPT_R))) {
		return true;
	}
	if (!leaf) {
		return e & (level > 3 ? EPT_TYPE | X86_PTE_PS : EPT_TYPE);
	}
	return (e & ADDR) >> 12 & low || type == 2 || type == 3 || type == 7;
}

/* The pointer: A and D on, write-back, this many levels. */
static bool ept_root_fits(const struct hwcpu *cpu)
{
	return (cpu->root.ncr3.v & 0xfff) ==
	       (0x40 | (cpu->nested_levels - 1) << 3 | 6);
}

static bool walk_ept(struct hwcpu *cpu, uint64_t va, struct path *p)
{
	uint64_t table = cpu->root.ncr3.v & ADDR, rights = EPT_ALL;

	if (!ept_root_fits(cpu)) {
		fh_error(cpu->fh, "EPT pointer %#" PRIx64,
			 cpu->root.ncr3.v);
		return false;
	}
	for (unsigned level = cpu->nested_levels;; level--) {
		uint64_t *e = entry_at(cpu, table, va >> (3 + 9 * level) &
				       511);
		bool leaf = e && (level == 1 || (*e & X86_PTE_PS));

		if (!e || !(*e & EPT_ALL)) {
			return false;
		}
		if (ept_bad(cpu, *e, level, leaf)) {
			fh_error(cpu->fh, "EPT misconfiguration: %#" PRIx64
				 " at level %u", *e, level);
			return false;
		}
		rights &= *e;
		p->entry[p->steps++] = e;
		p->leaf = *e;
		p->level = level;
		if (leaf) {
			break;
		}
		table = *e & ADDR;
	}
	p->user = rights & EPT_R;
	p->write = rights & EPT_W;
	p->nx = !(rights & EPT_X);
	return true;
}

static void set_ept_bits(const struct path *p, bool write)
{
	for (unsigned i = 0; i < p->steps; i++) {
		*p->entry[i] |= EPT_A;
	}
	if (write) {
		*p->entry[p->steps - 1] |= EPT_D;
	}
}

/* ---- TLB and table cache ------------------------------------------------ */

static struct hw_psc *psc_of(struct hwcpu *cpu, uint64_t gva)
{
	return &cpu->psc[(gva >> 21 ^ gva >> 30) % HW_PSC];
}

static bool from_psc(struct hwcpu *cpu, uint64_t gva, struct path *p)
{
	struct hw_psc *c = psc_of(cpu, gva);

	if (!c->valid || c->prefix != gva >> 21) {
		return false;
	}
	*p = (struct path){ .write = c->write, .user = c->user,
			    .nx = c->nx };
	return walk(cpu, c->table, 1, gva, p);
}

static void to_psc(struct hwcpu *cpu, uint64_t gva, const struct path *p)
{
	struct path up = { .write = true, .user = true };

	if (p->level != 1 || p->steps < 2) {
		return;
	}
	for (unsigned i = 0; i + 1 < p->steps; i++) {
		up.write = up.write && (*p->entry[i] & X86_PTE_W);
		up.user = up.user && (*p->entry[i] & X86_PTE_U);
		up.nx = up.nx || (*p->entry[i] & X86_PTE_NX);
	}
	*psc_of(cpu, gva) = (struct hw_psc){
		.valid = true, .write = up.write, .user = up.user,
		.nx = up.nx, .prefix = gva >> 21,
		.table = *p->entry[p->steps - 2] & ADDR };
}

static uint64_t leaf_hfn(const struct path *p, uint64_t va)
{
	uint64_t in = (UINT64_C(1) << (9 * (p->level - 1))) - 1;

	return ((p->leaf & ADDR) >> 12 & ~in) | (va >> 12 & in);
}

void hw_access(struct hwcpu *cpu, const struct gnomon_regs *regs,
	       uint64_t gva, uint32_t access, unsigned hint,
	       struct hw_result *out)
{
	struct hw_tlb *t = tlb_of(cpu, gva);
	struct path p = { .write = true, .user = true };

	*out = (struct hw_result){ 0 };
	if ((hint & HW_USE_TLB) && t->valid && t->page == gva >> 12) {
		/* A cached entry that forbids makes the CPU walk again. */
		if (allowed(regs, access, t->write, t->user, t->nx,
			    t->key)) {
			cpu->tlb_hits++;
			out->ok = out->stale = true;
			out->hpa = t->hfn << 12 | (gva & 0xfff);
			return;
		}
	}
	cpu->walks++;
	if ((hint & HW_USE_PSC) && from_psc(cpu, gva, &p)) {
		out->stale = true;
	} else {
		p = (struct path){ .write = true, .user = true };
		if (!walk(cpu, cpu->root.cr3.v & ADDR, hw_shadow_levels(regs),
			  gva, &p)) {
			return;
		}
	}
	unsigned key = p.leaf >> 59 & 15;

	if (!allowed(regs, access, p.write, p.user, p.nx, key)) {
		return;
	}
	set_bits(&p, access & GNOMON_WRITE);
	if (!out->stale) {
		to_psc(cpu, gva, &p);
	}
	*t = (struct hw_tlb){
		.valid = true, .write = p.write, .user = p.user, .nx = p.nx,
		.global = p.leaf & X86_PTE_G,
		.key = (uint8_t)key, .shift = (uint8_t)(3 + 9 * p.level),
		.page = gva >> 12, .hfn = leaf_hfn(&p, gva) };
	cpu->wide = cpu->wide || p.level > 1;
	out->ok = true;
	out->hpa = t->hfn << 12 | (gva & 0xfff);
}

bool hw_allows(const struct gnomon_regs *regs, uint32_t access,
	       const struct hw_leaf *leaf)
{
	return allowed(regs, access, leaf->write, leaf->user, leaf->nx,
		       leaf->entry >> 59 & 15);
}

void hw_nested(struct hwcpu *cpu, uint64_t gpa, uint32_t access,
	       unsigned hint, struct hw_result *out)
{
	struct hw_tlb *t = tlb_of(cpu, gpa);
	struct path p = { .write = true, .user = true };

	*out = (struct hw_result){ .nested = true, .gpa = gpa,
				   .access = access };
	if ((hint & HW_USE_TLB) && t->valid && t->page == gpa >> 12 &&
	    !((access & GNOMON_WRITE) && !(t->write && t->dirty)) &&
	    !((access & GNOMON_EXEC) && t->nx)) {
		cpu->tlb_hits++;
		out->ok = out->stale = true;
		out->hpa = t->hfn << 12 | (gpa & 0xfff);
		return;
	}
	cpu->walks++;
	bool found = cpu->ept ? walk_ept(cpu, gpa, &p) :
				walk(cpu, cpu->root.ncr3.v & ADDR,
				     cpu->nested_levels, gpa, &p);

	/* AMD's second dimension treats every access as a user's. */
	if (!found || !p.user || ((access & GNOMON_WRITE) && !p.write) ||
	    ((access & GNOMON_EXEC) && p.nx)) {
		return;
	}
	if (cpu->ept) {
		set_ept_bits(&p, access & GNOMON_WRITE);
	} else {
		set_bits(&p, access & GNOMON_WRITE);
	}
	*t = (struct hw_tlb){
		.valid = true, .write = p.write, .user = p.user, .nx = p.nx,
		.dirty = access & GNOMON_WRITE,
		.shift = (uint8_t)(3 + 9 * p.level), .page = gpa >> 12,
		.hfn = leaf_hfn(&p, gpa) };
	cpu->wide = cpu->wide || p.level > 1;
	out->ok = true;
	out->hpa = t->hfn << 12 | (gpa & 0xfff);
}

/* Does it lead to a table of the guest's (agile paging)? */
static bool switches(const struct hwcpu *cpu, uint64_t e, unsigned level)
{
	return cpu->root.agile && level > 1 && (e >> GNOMON_AGILE_BIT & 1);
}

/* A depth-first visit without recursion: one index per level. */
void hw_scan(struct hwcpu *cpu, bool nested, unsigned levels,
	     bool (*visit)(void *arg, const struct hw_leaf *leaf), void *arg)
{
	uint64_t table[6] = { 0 };
	unsigned index[6] = { 0 };
	uint64_t rights[6] = { 0 };	/* W and U inherited, NX inverted */
	unsigned level = levels;
	/* Rights that are clear in the entry that grants all. */
	uint64_t flip = nested && cpu->ept ? 0 : X86_PTE_NX;
	uint64_t present = flip ? X86_PTE_P : EPT_ALL;

	table[level] = (nested ? cpu->root.ncr3.v : cpu->root.cr3.v) & ADDR;
	rights[level] = flip ? X86_PTE_W | X86_PTE_U | X86_PTE_NX : EPT_ALL;
	while (level <= levels) {
		if (index[level] == 512) {
			index[level++] = 0;
			continue;
		}
		struct fh_page *page = fh_page_at(cpu->fh, table[level]);

		if (!page) {
			fh_error(cpu->fh, "a level-%u entry points at %#"
				 PRIx64 ", which is no table", level + 1,
				 table[level]);
			return;
		}
		uint64_t e = ((uint64_t *)(void *)page->va)[index[level]++];

		if (!(e & present) || (flip && reserved(cpu, e, level)) ||
		    (!nested && switches(cpu, e, level))) {
			continue;
		}
		uint64_t r = rights[level] & (e ^ flip);

		if (level > 1 && !(e & X86_PTE_PS)) {
			level--;
			table[level] = e & ADDR;
			rights[level] = r;
			index[level] = 0;
			continue;
		}
		struct hw_leaf leaf = {
			.entry = e, .shift = (uint8_t)(3 + 9 * level),
			.write = r & X86_PTE_W,
			.user = r & (flip ? X86_PTE_U : EPT_R),
			.nx = !(r & (flip ? X86_PTE_NX : EPT_X)) };

		for (unsigned l = level; l <= levels; l++) {
			leaf.gva |= (uint64_t)(index[l] - 1) << (3 + 9 * l);
		}
		unsigned top = 2 + 9 * (levels + 1);

		if (!nested && leaf.gva >> top & 1) {
			leaf.gva |= ~UINT64_C(0) << top;
		}
		if (!visit(arg, &leaf)) {
			return;
		}
	}
}
