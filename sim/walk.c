/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page walkers, one reference at a time.
 *
 *   1D: level 4 .. leaf, one reference each.
 *   2D: each guest level first needs its table's gpa translated by a nested
 *       walk, and so does the address at the end: g(h+1)+h references.
 *   Agile: walk_agile.c.
 *
 * The walk caches shorten both dimensions. A walk that started from a walk
 * cache and would fault starts again from the root, as hardware does before
 * it raises a fault.
 */
#include "sim/walk_int.h"

/* ---- nested dimension ------------------------------------------------ */

static bool nested_present(const struct sim_machine *m, uint64_t npte)
{
	return m->ept ? npte & EPT_RWX : npte & PTE_P;
}

/* Set accessed and dirty as the walk of a nested leaf does. */
static uint64_t nested_mark(const struct sim_machine *m, struct trail *trail,
			    uint32_t access)
{
	uint64_t accessed = m->ept ? EPT_A : PTE_A;
	uint64_t dirty = m->ept ? EPT_D : PTE_D;

	for (unsigned level = trail->top; level >= trail->leaf; level--) {
		*trail->entry[level] |= accessed;
	}
	if (access & GNOMON_WRITE) {
		*trail->entry[trail->leaf] |= dirty;
	}
	return *trail->entry[trail->leaf];
}

/* From the root or a walk cache down to the leaf; no rights applied. */
static bool nested_descend(struct sim_vcpu *vcpu, uint64_t gpa,
			   struct trail *trail, struct sim_walk *walk,
			   uint64_t *cycles, bool *hole)
{
	struct sim_machine *m = vcpu->machine;
	uint64_t table = vcpu->nroot & SIM_T_ADDR, word = 0;
	unsigned level = NESTED_LEVELS;
	unsigned hit = probe(vcpu->npwc, gpa, 0, &word);

	*cycles += vcpu->npwc[2].ways ? m->param[SIM_P_PWC_HIT] : 0;
	if (hit) {
		level = hit - 1;
		table = word & SIM_T_ADDR;
	}
	trail->top = level;
	for (;; level--) {
		uint64_t *entry = sim_phys(m, table +
					   (gpa >> (9 * level) & 0xff8));

		if (!entry) {
			return stop(walk, SIM_STOP_BUS);
		}
		reference(vcpu, walk, cycles, entry);
		trail->entry[level] = entry;
		trail->leaf = level;
		*hole = !nested_present(m, *entry);
		if (*hole || level == 1 || (*entry & PTE_PS)) {
			return true;
		}
		table = *entry & SIM_T_ADDR;
		trail->table_word[level] = table;
	}
}

/* What the nested TLB knows of gpa, or 0. */
static uint64_t nested_cached(struct sim_vcpu *vcpu, uint64_t gpa,
			      uint32_t access)
{
	uint64_t missing = access & GNOMON_WRITE ? SIM_T_D : 0;

	for (unsigned used = vcpu->nested_sizes_used; used; used &= used - 1) {
		uint64_t tag = sim_tag(gpa, (unsigned)__builtin_ctz(used));
		ptrdiff_t at = sim_assoc_find(&vcpu->ntlb, tag, tag);

		if (at < 0) {
			continue;
		}
		if (nested_allows(vcpu->ntlb.data[at], access) &&
		    !(missing & ~vcpu->ntlb.data[at])) {
			return vcpu->ntlb.data[at];
		}
		sim_assoc_drop(&vcpu->ntlb, (size_t)at);
	}
	return 0;
}

static bool nested_translate(struct sim_vcpu *vcpu, uint64_t gpa,
			     uint32_t access, bool table_walk,
			     struct sim_walk *walk, uint64_t *cycles,
			     uint64_t *word)
{
	struct sim_machine *m = vcpu->machine;
	struct trail trail;
	unsigned size;
	bool hole;

	*word = nested_cached(vcpu, gpa, access);
	if (*word) {
		*cycles += m->param[SIM_P_NTLB_HIT];
		return true;
	}
	*word = sim_walk_nested_quick(vcpu, gpa, access, &walk->refs, cycles);
	if (*word) {
		return true;
	}
	if (!nested_descend(vcpu, gpa, &trail, walk, cycles, &hole)) {
		return false;
	}
	size = trail.leaf - 1;
	*word = nested_rights(m, *trail.entry[trail.leaf]);
	if (hole || !nested_allows(*word, access)) {
		return nested_stop(walk, gpa, access, table_walk);
	}
	*word = nested_mark(m, &trail, access);
	*word = nested_rights(m, *word) |
		(*word & SIM_T_ADDR & ~(page_bytes(size) - 1)) |
		(uint64_t)size << SIM_T_SIZE_SHIFT | SIM_T_PRESENT;
	remember(vcpu->npwc, gpa, 0, &trail);
	vcpu->nested_sizes_used |= 1u << size;
	sim_assoc_put_new(&vcpu->ntlb, sim_page_number(gpa, size),
			  sim_tag(gpa, size), *word);
	return true;
}

bool sim_walk_nested(struct sim_vcpu *vcpu, uint64_t gpa, uint32_t access,
		     bool table_walk, struct sim_walk *walk,
		     uint64_t *cycles, uint64_t *word)
{
	uint64_t before = *cycles;
	bool good = nested_translate(vcpu, gpa, access, table_walk, walk,
				     cycles, word);

	vcpu->counts.nested_cycles += *cycles - before;
	return good;
}

/* ---- first dimension ------------------------------------------------- */

/* Memory of the entry at table + offset; 2D asks the nested tables. */
FORCED bool entry_memory(struct sim_vcpu *vcpu, bool two, uint64_t address,
			struct sim_walk *walk, uint64_t *cycles,
			uint64_t **entry)
{
	uint64_t word;

	if (two && !(address & SIM_TAG_VALID)) {
		if (!sim_walk_nested(vcpu, address, GNOMON_WRITE, true, walk,
				     cycles, &word)) {
			return false;
		}
		address = word_address(word, address);
	}
	*entry = sim_phys(vcpu->machine, address & ~SIM_TAG_VALID);
	if (!*entry) {
		return stop(walk, SIM_STOP_BUS);
	}
	reference(vcpu, walk, cycles, *entry);
	return true;
}

/* What a walk cache keeps of the table that holds entry: its address as the
 * walker needs it. In 2D that is the hpa, marked with the top bit: no nested
 * walk to get there. */
FORCED uint64_t table_word(const struct sim_vcpu *vcpu, bool two,
			   uint64_t table, const uint64_t *entry,
			   uint64_t rights)
{
	if (two) {
		table = (sim_va_to_hpa(vcpu->machine->mem, entry) &
			 SIM_T_ADDR) | SIM_TAG_VALID;
	}
	return table | rights;
}

/* Down to the leaf; *rights gathers what all levels allow. */
FORCED bool descend(struct sim_vcpu *vcpu, bool two, uint64_t gva,
		    uint32_t access, bool use_caches, struct trail *trail,
		    struct sim_walk *walk, uint64_t *cycles, uint64_t *rights)
{
	uint64_t table = vcpu->root & SIM_T_ADDR, word = 0;
	unsigned level = vcpu->levels, hit = 0;

	*rights = RIGHTS;
	if (use_caches) {
		hit = probe(vcpu->pwc, gva, vcpu->tag, &word);
	}
	walk->from_cache = hit;
	if (hit) {
		level = hit - 1;
		table = word & (SIM_T_ADDR | SIM_TAG_VALID);
		*rights = word & RIGHTS;
	}
	trail->top = level;
	trail->accessed = true;
	for (;; level--) {
		uint64_t offset = gva >> (9 * level) & 0xff8;
		uint64_t *entry, value;

		if (!entry_memory(vcpu, two, table + offset, walk, cycles,
				  &entry)) {
			return false;
		}
		if (level < trail->top) {
			trail->table_word[level + 1] =
				table_word(vcpu, two, table, entry, *rights);
		}
		value = *entry;
		trail->accessed &= (value & PTE_A) != 0;
		trail->entry[level] = entry;
		trail->leaf = level;
		if (!(value & PTE_P)) {
			return fault(vcpu, walk, access, 0);
		}
		if (value & reserved_bits(vcpu->rsvd, value, level)) {
			return fault(vcpu, walk, access, PF_P | PF_RSVD);
		}
		*rights &= entry_rights(value);
		if (level == 1 || (value & PTE_PS)) {
			return true;
		}
		table = value & SIM_T_ADDR;
	}
}

static void mark(struct trail *trail, uint32_t access, uint64_t *word)
{
	uint64_t *leaf = trail->entry[trail->leaf];

	for (unsigned level = trail->top;
	     !trail->accessed && level >= trail->leaf; level--) {
		*trail->entry[level] |= PTE_A;
	}
	if ((access & GNOMON_WRITE) && !(*leaf & PTE_D)) {
		*leaf |= PTE_D;
	}
	if (!(*leaf & PTE_D)) {
		*word &= ~(uint64_t)SIM_T_D;
	}
}

bool sim_walk_join(struct sim_vcpu *vcpu, uint64_t gva, uint32_t access,
		   struct sim_walk *walk, uint64_t *cycles)
{
	uint64_t guest = walk->word, nested, mask;
	uint64_t gpa = word_address(guest, gva);
	unsigned guest_size = guest >> SIM_T_SIZE_SHIFT & 3, size;

	access &= GNOMON_WRITE | GNOMON_EXEC;
	if (!sim_walk_nested(vcpu, gpa, access, false, walk, cycles,
			     &nested)) {
		return false;
	}
	size = nested >> SIM_T_SIZE_SHIFT & 3;
	size = size < guest_size ? size : guest_size;
	mask = page_bytes(size) - 1;
	walk->word = (word_address(nested, gpa) & ~mask) |
		     (guest & nested & (SIM_T_W | SIM_T_X | SIM_T_D)) |
		     (guest & (SIM_T_U | SIM_T_G)) |
		     (guest & (uint64_t)15 << SIM_T_KEY_SHIFT) |
		     (uint64_t)size << SIM_T_SIZE_SHIFT | SIM_T_PRESENT;
	return true;
}

FORCED bool attempt(struct sim_vcpu *vcpu, bool two, uint64_t gva,
		    uint32_t access, bool use_caches, struct sim_walk *walk,
		    uint64_t *cycles)
{
	struct trail trail;
	uint64_t rights;

	walk->stop = SIM_STOP_NONE;
	if (!descend(vcpu, two, gva, access, use_caches, &trail, walk,
		     cycles, &rights)) {
		return false;
	}
	walk->word = leaf_word(*trail.entry[trail.leaf], trail.leaf,
			       rights);
	if (!sim_allowed(vcpu, walk->word, access)) {
		bool key = !sim_keys_allow(vcpu, walk->word, access);

		return fault(vcpu, walk, access, PF_P | (key ? PF_KEY : 0));
	}
	mark(&trail, access, &walk->word);
	remember(vcpu->pwc, gva, vcpu->tag, &trail);
	return !two || sim_walk_join(vcpu, gva, access, walk, cycles);
}

static bool attempt_1d(struct sim_vcpu *vcpu, uint64_t gva, uint32_t access,
		       bool use_caches, struct sim_walk *walk,
		       uint64_t *cycles)
{
	return attempt(vcpu, false, gva, access, use_caches, walk, cycles);
}

static bool attempt_2d(struct sim_vcpu *vcpu, uint64_t gva, uint32_t access,
		       bool use_caches, struct sim_walk *walk,
		       uint64_t *cycles)
{
	return attempt(vcpu, true, gva, access, use_caches, walk, cycles);
}

static bool try(struct sim_vcpu *vcpu, uint64_t gva, uint32_t access,
		bool use_caches, struct sim_walk *walk, uint64_t *cycles)
{
	switch (vcpu->paging) {
	case SIM_PAGING_2D:
		return attempt_2d(vcpu, gva, access, use_caches, walk, cycles);
	case SIM_PAGING_AGILE:
		return sim_walk_agile(vcpu, gva, access, use_caches, walk,
				      cycles);
	case SIM_PAGING_1D:
		break;
	}
	return attempt_1d(vcpu, gva, access, use_caches, walk, cycles);
}

static void walk_slowly(struct sim_vcpu *vcpu, uint64_t gva, uint32_t access,
			struct sim_walk *walk)
{
	uint64_t cycles = vcpu->pwc[2].ways ?
		vcpu->machine->param[SIM_P_PWC_HIT] : 0;

	walk->refs = 0;
	if (!try(vcpu, gva, access, true, walk, &cycles) &&
	    walk->stop == SIM_STOP_FAULT && walk->from_cache) {
		sim_tlb_flush_fault(vcpu, gva);
		try(vcpu, gva, access, false, walk, &cycles);
	}
	walk_charge(vcpu, walk->refs, cycles);
	if (walk->stop == SIM_STOP_NONE) {
		sim_tlb_fill(vcpu, gva, walk->word, access & GNOMON_EXEC);
	}
}

void sim_walk(struct sim_vcpu *vcpu, uint64_t gva, uint32_t access,
	      struct sim_walk *walk)
{
	walk->word = vcpu->paging == SIM_PAGING_1D ?
		sim_walk_quick(vcpu, gva, access, &walk->refs) : 0;
	if (!walk->word) {
		vcpu->missing = AHEAD_RUN;
		vcpu->walked = gva;
		walk_slowly(vcpu, gva, access, walk);
		return;
	}
	walk->stop = SIM_STOP_NONE;
	walk->from_cache = true;
	walk->below = false;
}
