/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/walk_int.h"

enum { TOP = SIM_LEVELS };

/* What a walk went through, from `top` down to level 1. */
struct way {
	const uint64_t *entry[TOP + 1];
	uint64_t word[TOP + 1];		/* for the walk cache */
	unsigned top;
	uint64_t rights;
};

FORCED bool find_way(struct sim_vcpu *vcpu, uint64_t gva, struct way *way)
{
	/* Present, marked, nothing reserved; above the leaf no large page. */
	uint64_t want = PTE_P | PTE_A, care = want | PTE_PS | vcpu->rsvd;
	uint64_t word, table;
	unsigned level = probe(vcpu->pwc, gva, vcpu->tag, &word);

	if (!level) {
		return false;
	}
	way->top = --level;
	way->rights = word & RIGHTS;
	table = word & SIM_T_ADDR;
	for (;; level--) {
		const uint64_t *entry = sim_phys(vcpu->machine, table +
						 (gva >> (9 * level) & 0xff8));

		way->entry[level] = entry;
		if (level == 1) {
			break;
		}
		if (!entry || (*entry & care) != want) {
			return false;
		}
		table = *entry & SIM_T_ADDR;
		way->rights &= entry_rights(*entry);
		way->word[level] = table | way->rights;
	}
	if (!way->entry[1] ||
	    (*way->entry[1] & (care & ~(uint64_t)PTE_PS)) != want) {
		return false;
	}
	way->rights &= entry_rights(*way->entry[1]);
	return true;
}

FORCED uint64_t word_of(const struct way *way)
{
	uint64_t value = *way->entry[1];

	return (value & SIM_T_ADDR) | way->rights | SIM_T_PRESENT |
	       (value >> 3 & SIM_T_D) | (value >> 4 & SIM_T_G) |
	       (value >> 7 & (uint64_t)15 << SIM_T_KEY_SHIFT);
}
_Static_assert(PTE_D >> 3 == (unsigned)SIM_T_D && SIM_T_KEY_SHIFT == 52 &&
	       PTE_G >> 4 == (unsigned)SIM_T_G, "words are made by shifts");

FORCED void commit(struct sim_vcpu *vcpu, uint64_t gva, bool fetch,
		   const struct way *way, uint64_t word)
{
	struct sim_machine *m = vcpu->machine;
	uint64_t cycles = vcpu->pwc[2].ways ? m->param[SIM_P_PWC_HIT] : 0;
	uint64_t tag = sim_tag(gva, 0);

	if (m->caches.on) {
		for (unsigned level = way->top; level; level--) {
			cycles += sim_cache_look_up(m, way->entry[level]);
		}
	} else {
		cycles += (uint64_t)way->top * m->caches.flat_cycles;
	}
	walk_charge(vcpu, way->top, cycles);
	for (unsigned level = way->top; level > 1; level--) {
		uint64_t page = sim_page_number(gva, level - 1);

		sim_assoc_put_new(&vcpu->pwc[level], page, SIM_TAG_VALID |
				  page | vcpu->tag, way->word[level]);
	}
	vcpu->sizes_used |= 1;
	tag |= (word & SIM_T_G) && vcpu->global ? SIM_TAG_GLOBAL : vcpu->tag;
	sim_assoc_put_new(fetch ? &vcpu->l1i[0] : &vcpu->l1d[0], tag, tag,
			  word);
	sim_assoc_put_new(&vcpu->l2, tag, tag, word);
}

uint64_t sim_walk_quick(struct sim_vcpu *vcpu, uint64_t gva, uint32_t access,
			uint32_t *refs)
{
	struct way way;
	uint64_t word;

	vcpu->missing = AHEAD_RUN;
	if (!find_way(vcpu, gva, &way)) {
		return 0;
	}
	word = word_of(&way);
	/* The rights may be there but for a D bit that is yet to be set. */
	if (!sim_allowed(vcpu, word, access)) {
		return 0;
	}
	commit(vcpu, gva, access & GNOMON_EXEC, &way, word);
	*refs = way.top;
	return word;
}

/* ---- nested dimension ---- */

/* Down to the leaf, which may be a large one; its level, or 0. */
static unsigned find_nested(struct sim_vcpu *vcpu, uint64_t gpa,
			    struct way *way)
{
	const struct sim_machine *m = vcpu->machine;
	/* Bit 0 is present in one format, readable in the other. */
	uint64_t need = PTE_P | (m->ept ? (uint64_t)EPT_A : (uint64_t)PTE_A);
	uint64_t word, table;
	unsigned level = probe(vcpu->npwc, gpa, 0, &word);

	if (!level) {
		return 0;
	}
	way->top = --level;
	table = word & SIM_T_ADDR;
	for (;; level--) {
		const uint64_t *entry = sim_phys(m, table +
						 (gpa >> (9 * level) & 0xff8));

		if (!entry || (*entry & need) != need) {
			return 0;
		}
		way->entry[level] = entry;
		if (level == 1 || (*entry & PTE_PS)) {
			return level;
		}
		table = *entry & SIM_T_ADDR;
		way->word[level] = table;
	}
}

static void commit_nested(struct sim_vcpu *vcpu, uint64_t gpa, unsigned leaf,
			  const struct way *way, uint64_t word,
			  uint64_t *cycles)
{
	struct sim_machine *m = vcpu->machine;
	uint64_t tag = sim_tag(gpa, leaf - 1);

	*cycles += vcpu->npwc[2].ways ? m->param[SIM_P_PWC_HIT] : 0;
	if (m->caches.on) {
		for (unsigned level = way->top; level >= leaf; level--) {
			*cycles += sim_cache_look_up(m, way->entry[level]);
		}
	} else {
		*cycles += (uint64_t)(way->top - leaf + 1) *
			   m->caches.flat_cycles;
	}
	for (unsigned level = way->top; level > leaf; level--) {
		uint64_t page = sim_page_number(gpa, level - 1);

		sim_assoc_put_new(&vcpu->npwc[level], page,
				  SIM_TAG_VALID | page, way->word[level]);
	}
	vcpu->nested_sizes_used |= 1u << (leaf - 1);
	sim_assoc_put_new(&vcpu->ntlb, tag, tag, word);
}

uint64_t sim_walk_nested_quick(struct sim_vcpu *vcpu, uint64_t gpa,
			   uint32_t access, uint32_t *refs, uint64_t *cycles)
{
	struct way way;
	unsigned leaf = find_nested(vcpu, gpa, &way);
	uint64_t word, npte;

	if (!leaf) {
		return 0;
	}
	npte = *way.entry[leaf];
	word = nested_rights(vcpu->machine, npte);
	if (!nested_allows(word, access) ||
	    ((access & GNOMON_WRITE) && !(word & SIM_T_D))) {
		return 0;
	}
	word |= (npte & SIM_T_ADDR & ~(page_bytes(leaf - 1) - 1)) |
		(uint64_t)(leaf - 1) << SIM_T_SIZE_SHIFT | SIM_T_PRESENT;
	*refs += way.top - leaf + 1;
	commit_nested(vcpu, gpa, leaf, &way, word, cycles);
	return word;
}

/* ---- looking ahead ---- */

/* The entry of that level for address, or NULL where there is none. */
static const uint64_t *entry_at(const struct sim_machine *m, uint64_t bias,
				uint64_t table, unsigned from, unsigned level,
				uint64_t address)
{
	for (;; from--) {
		const uint64_t *entry = sim_hpa_to_va(m->mem,
			(table & SIM_T_ADDR) + bias +
			(address >> (9 * from) & 0xff8));

		if (from == level || !entry) {
			return entry;
		}
		table = *entry;
		if ((table & (PTE_P | PTE_PS)) != PTE_P) {
			return NULL;
		}
	}
}

/* Where the level-1 entry of the first tables lies, or NULL. It may have been
 * there: not to be read. */
static const uint64_t *leaf_place(struct sim_vcpu *vcpu, uint64_t bias,
				  uint64_t gva)
{
	const struct sim_machine *m = vcpu->machine;
	uint64_t region = gva >> 30, key = vcpu->root ^ region << 12;
	unsigned slot = region % SIM_AHEAD_TABLES;
	const uint64_t *entry;

	if (vcpu->ahead[slot].key != key || !vcpu->ahead[slot].table) {
		entry = entry_at(m, bias, vcpu->root, vcpu->levels, 2, gva);
		if (!entry) {
			return NULL;
		}
		vcpu->ahead[slot].key = key;
		vcpu->ahead[slot].table = entry - (gva >> 21 & 511);
	}
	entry = &vcpu->ahead[slot].table[gva >> 21 & 511];
	return (*entry & (PTE_P | PTE_PS)) == PTE_P ?
		entry_at(m, bias, *entry, 1, 1, gva) : NULL;
}

static void prefetch_sets(const struct sim_caches *caches,
			  const struct sim_hostmem *mem, const void *va)
{
	uint64_t line = sim_va_to_hpa(mem, va) >> SIM_LINE_SHIFT;

	for (int i = 1; caches->on && i < SIM_CACHES; i++) {
		sim_assoc_prefetch(&caches->level[i], line);
	}
}

void sim_walk_ahead(struct sim_vcpu *vcpu, uint64_t far, uint64_t near)
{
	const struct sim_machine *m = vcpu->machine;
	bool two = vcpu->paging == SIM_PAGING_2D;
	/* Guest tables hold gpas; where a gpa is backed is no secret here. */
	uint64_t bias = SIM_HPA_BASE - (two ? 0 : m->phys_bias);
	const uint64_t *entry;

	if (vcpu->paging == SIM_PAGING_AGILE) {
		return;
	}
	entry = leaf_place(vcpu, bias, far);
	if (entry) {
		__builtin_prefetch(entry);
	}
	if (!two && !m->caches.on) {
		return;
	}
	/* To be read, it must be an entry now: memory that the guest has not
	 * touched would count as touched. */
	entry = two ? entry_at(m, bias, vcpu->root, vcpu->levels, 1, near) :
		      leaf_place(vcpu, bias, near);
	if (!entry) {
		return;
	}
	prefetch_sets(&m->caches, m->mem, entry);
	if (!two || !(*entry & PTE_P)) {
		return;
	}
	entry = entry_at(m, 0, vcpu->nroot, NESTED_LEVELS, 1,
			 *entry & SIM_T_ADDR);
	if (entry) {
		__builtin_prefetch(entry);
		prefetch_sets(&m->caches, m->mem, entry);
	}
}
