/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The walk of a processor with agile paging (Gandhi, Hill and Swift, ISCA
 * 2016): shadow entries one reference each, down to one with the switching
 * bit. That holds the hpa of the guest's own table: its entry is one more
 * reference, and each level below costs a nested walk and one. With h levels
 * of nested table and a switch at the guest's level g (1 = its leaf table),
 * (4 - g) + 1 + (g - 1)(h + 1) + h: 8, 12, 16 with 4 levels, 20 when the root
 * register itself has the bit. Without a switch it is the walk of a shadow
 * table; from the guest's own CR3 on, as for a process that is walked nested
 * as a whole, it takes g(h+1)+h = 24.
 *
 * Entries of the guest's tables are read as data; only to set A or D does the
 * nested table have to allow a write.
 */
#include "sim/walk_int.h"

#define SWITCH ((uint64_t)1 << GNOMON_AGILE_BIT)
/* Of a walk cache's word: it leads into the guest's tables. */
#define BELOW SIM_TAG_VALID

/* How an entry of the guest's was found; what to do before it is marked. */
enum found {
	FOUND_SHADOW,		/* not the guest's: marked as it is */
	FOUND_DIRECT,		/* by a switch, to memory that is writable */
	FOUND_NESTED,		/* by a nested walk for reading */
	FOUND_CACHED,		/* by a walk cache: the gpa is not known */
};

struct agile {
	struct sim_vcpu *vcpu;
	struct sim_walk *walk;
	uint64_t *cycles;
	uint64_t table;		/* of the next entry: an hpa, or a gpa */
	uint64_t rights;
	enum found found;	/* how that entry will be found */
	unsigned level;		/* of it */
	struct trail trail;
	uint8_t how[SIM_LEVELS + 1];	/* enum found */
	uint64_t gpa[SIM_LEVELS + 1];	/* FOUND_NESTED: of the entry */
};

static void begin(struct agile *a, uint64_t gva, bool use_caches)
{
	struct sim_vcpu *vcpu = a->vcpu;
	uint64_t word = 0;
	unsigned hit = use_caches ? probe(vcpu->pwc, gva, vcpu->tag, &word)
				  : 0;

	a->table = vcpu->root & SIM_T_ADDR;
	a->level = vcpu->levels;
	a->rights = RIGHTS;
	a->found = vcpu->begins_below ? FOUND_NESTED :
		   vcpu->root & SWITCH ? FOUND_DIRECT : FOUND_SHADOW;
	if (hit) {
		a->table = word & SIM_T_ADDR;
		a->level = hit - 1;
		a->rights = word & RIGHTS;
		a->found = word & BELOW ? FOUND_CACHED : FOUND_SHADOW;
	}
	a->walk->from_cache = hit;
	a->trail.top = a->level;
	a->trail.accessed = true;
}

/* The memory of the entry for gva in a->table. */
static bool locate(struct agile *a, uint64_t gva, uint64_t **entry)
{
	uint64_t address = a->table + (gva >> (9 * a->level) & 0xff8), word;

	if (a->found == FOUND_NESTED) {
		a->gpa[a->level] = address;
		if (!sim_walk_nested(a->vcpu, address, GNOMON_READ, true,
				     a->walk, a->cycles, &word)) {
			return false;
		}
		address = word_address(word, address);
	}
	*entry = sim_phys(a->vcpu->machine, address);
	if (!*entry) {
		return stop(a->walk, SIM_STOP_BUS);
	}
	reference(a->vcpu, a->walk, a->cycles, *entry);
	a->how[a->level] = (uint8_t)a->found;
	a->trail.entry[a->level] = *entry;
	a->trail.leaf = a->level;
	a->walk->below = a->found != FOUND_SHADOW;
	return true;
}

/* What a walk cache keeps of the table that holds entry: always its hpa. */
static void note_table(struct agile *a, const uint64_t *entry)
{
	uint64_t hpa = sim_va_to_hpa(a->vcpu->machine->mem, entry);

	if (a->level < a->trail.top) {
		a->trail.table_word[a->level + 1] =
			(hpa & SIM_T_ADDR) | a->rights |
			(a->found == FOUND_SHADOW ? 0 : BELOW);
	}
}

/* True: the walk goes on in a->table. */
static bool go_on(struct agile *a, uint64_t value)
{
	bool below = a->found != FOUND_SHADOW;

	a->rights &= (value & PTE_W ? SIM_T_W : 0u) |
		     (value & PTE_U ? SIM_T_U : 0u) |
		     (value & PTE_NX ? 0u : SIM_T_X);
	if (a->level == 1 || (value & PTE_PS)) {
		return false;
	}
	a->table = value & SIM_T_ADDR;
	a->level--;
	a->found = below ? FOUND_NESTED :
		   value & SWITCH ? FOUND_DIRECT : FOUND_SHADOW;
	return true;
}

static bool descend(struct agile *a, uint64_t gva, uint32_t access)
{
	uint64_t *entry, value, rsvd;

	do {
		if (!locate(a, gva, &entry)) {
			return false;
		}
		note_table(a, entry);
		value = *entry;
		rsvd = a->walk->below ? a->vcpu->rsvd_below : a->vcpu->rsvd;
		if (!(value & PTE_P)) {
			return fault(a->vcpu, a->walk, access, 0);
		}
		if (value & reserved_bits(rsvd, value, a->level)) {
			return fault(a->vcpu, a->walk, access,
				     PF_P | PF_RSVD);
		}
		a->trail.accessed &= (value & PTE_A) != 0;
	} while (go_on(a, value));
	return true;
}

/* May the bits of the entry at level be set? */
static bool may_mark(struct agile *a, unsigned level)
{
	uint64_t word;

	if (a->how[level] == FOUND_CACHED) {
		/* Walk again from the root, to learn its gpa. */
		return stop(a->walk, SIM_STOP_FAULT);
	}
	return a->how[level] != FOUND_NESTED ||
	       sim_walk_nested(a->vcpu, a->gpa[level], GNOMON_WRITE, true,
			       a->walk, a->cycles, &word);
}

/* A of every entry and, for a write, D of the leaf: all of it or nothing. */
static bool mark(struct agile *a, uint32_t access)
{
	struct trail *t = &a->trail;
	uint64_t *leaf = t->entry[t->leaf];
	bool dirty = (access & GNOMON_WRITE) && !(*leaf & PTE_D);

	for (unsigned level = t->top; level >= t->leaf; level--) {
		bool lacks = !(*t->entry[level] & PTE_A) ||
			     (dirty && level == t->leaf);

		if (lacks && !may_mark(a, level)) {
			return false;
		}
	}
	for (unsigned level = t->top; !t->accessed && level >= t->leaf;
	     level--) {
		*t->entry[level] |= PTE_A;
	}
	if (dirty) {
		*leaf |= PTE_D;
	}
	if (!(*leaf & PTE_D)) {
		a->walk->word &= ~(uint64_t)SIM_T_D;
	}
	return true;
}

bool sim_walk_agile(struct sim_vcpu *vcpu, uint64_t gva, uint32_t access,
		    bool use_caches, struct sim_walk *walk, uint64_t *cycles)
{
	struct agile a = { .vcpu = vcpu, .walk = walk, .cycles = cycles };

	walk->stop = SIM_STOP_NONE;
	walk->below = false;
	begin(&a, gva, use_caches);
	if (!descend(&a, gva, access)) {
		walk->level = (uint8_t)a.level;
		return false;
	}
	walk->level = (uint8_t)a.trail.leaf;
	walk->word = leaf_word(*a.trail.entry[a.trail.leaf], a.trail.leaf,
			       a.rights);
	if (!sim_allowed(vcpu, walk->word, access)) {
		bool key = !sim_keys_allow(vcpu, walk->word, access);

		return fault(vcpu, walk, access, PF_P | (key ? PF_KEY : 0));
	}
	if (!mark(&a, access)) {
		return false;
	}
	remember(vcpu->pwc, gva, vcpu->tag, &a.trail);
	return !walk->below || sim_walk_join(vcpu, gva, access, walk, cycles);
}

void sim_walk_mark(struct sim_vcpu *vcpu, uint64_t cr3, uint64_t gva)
{
	struct sim_walk walk = { 0 };
	uint64_t table = cr3 & SIM_T_ADDR, cycles = 0, word, *entry;
	unsigned level = vcpu->levels;
	bool leaf = false;

	for (; !leaf; level--) {
		table += gva >> (9 * level) & 0xff8;
		entry = sim_phys(vcpu->machine, sim_gpa_to_hpa(table));
		if (!entry) {
			break;
		}
		sim_walk_nested(vcpu, table, GNOMON_READ, true, &walk,
				&cycles, &word);
		reference(vcpu, &walk, &cycles, entry);
		leaf = level == 1 || (*entry & PTE_PS);
		table = *entry & SIM_T_ADDR;
	}
	sim_walk_nested(vcpu, table, GNOMON_READ, false, &walk, &cycles,
			&word);
	walk_charge(vcpu, walk.refs, cycles);
}

bool sim_walk_switches(struct sim_vcpu *vcpu, uint64_t gva)
{
	struct sim_walk walk = { 0 };
	uint64_t cycles = 0;
	struct agile a = { .vcpu = vcpu, .walk = &walk, .cycles = &cycles };
	uint64_t *entry;

	begin(&a, gva, true);
	while (a.found == FOUND_SHADOW) {
		if (!locate(&a, gva, &entry) || !(*entry & PTE_P) ||
		    !go_on(&a, *entry)) {
			break;
		}
	}
	sim_charge(vcpu, SIM_CAT_FLUSH, cycles);
	return a.found != FOUND_SHADOW;
}
