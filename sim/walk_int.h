/* SPDX-License-Identifier: BSD-2-Clause */
/* What the walkers share: sim/walk.c in one and two dimensions, and
 * sim/walk_agile.c. */
#ifndef SIM_WALK_INT_H
#define SIM_WALK_INT_H

#include "sim/run.h"
#include "sim/tlb.h"
#include "sim/x86.h"

enum {
	EPT_W = 1u << 1, EPT_X = 1u << 2, EPT_RWX = 7, EPT_A = 1u << 8,
	EPT_D = 1u << 9,
	PF_P = 1, PF_W = 2, PF_U = 4, PF_RSVD = 8, PF_FETCH = 16, PF_KEY = 32,
	NESTED_LEVELS = 4,
	AHEAD_RUN = 16,		/* walks look ahead so far behind one */
};
/* One body, compiled for one and for two dimensions. */
#define FORCED static inline __attribute__((always_inline))
#define RIGHTS ((uint64_t)(SIM_T_W | SIM_T_U | SIM_T_X))

/* The entries that a walk went through, by level. */
struct trail {
	uint64_t *entry[SIM_LEVELS + 1];
	uint64_t table_word[SIM_LEVELS + 1];	/* for the walk cache */
	unsigned top, leaf;	/* the highest and the lowest level */
	bool accessed;		/* all entries are marked so already */
};

static inline void reference(struct sim_vcpu *vcpu, struct sim_walk *walk,
			     uint64_t *cycles, const void *va)
{
	walk->refs++;
	*cycles += sim_cache_ref(vcpu->machine, va);
}

static inline bool stop(struct sim_walk *walk, enum sim_stop why)
{
	walk->stop = why;
	return false;
}

/* Find the deepest walk cache that knows address; 0 when none does. */
FORCED unsigned probe(struct sim_assoc caches[], uint64_t address,
			     uint64_t tag_bits, uint64_t *word)
{
	for (unsigned level = 2; level <= SIM_LEVELS; level++) {
		struct sim_assoc *a = &caches[level];
		uint64_t page = sim_page_number(address, level - 1);
		ptrdiff_t at = sim_assoc_find_again(a, page, SIM_TAG_VALID |
						    page | tag_bits);

		if (at >= 0) {
			*word = a->data[at];
			return level;
		}
	}
	return 0;
}

static inline void remember(struct sim_assoc caches[], uint64_t address,
			    uint64_t tag_bits, const struct trail *trail)
{
	for (unsigned level = trail->top; level > trail->leaf; level--) {
		uint64_t page = sim_page_number(address, level - 1);

		sim_assoc_put_new(&caches[level], page,
				  SIM_TAG_VALID | page | tag_bits,
				  trail->table_word[level]);
	}
}

static inline uint64_t page_bytes(unsigned size)
{
	return (uint64_t)1 << (12 + 9 * size);
}

static inline uint64_t word_address(uint64_t word, uint64_t address)
{
	uint64_t mask = page_bytes(word >> SIM_T_SIZE_SHIFT & 3) - 1;

	return (word & SIM_T_ADDR & ~mask) | (address & mask);
}

/* What an entry of the first tables allows, as in a translation. */
static inline uint64_t entry_rights(uint64_t entry)
{
	return (entry >> 1 & (SIM_T_W | SIM_T_U)) | (~entry >> 61 & SIM_T_X);
}

/* What a nested entry allows, and whether it is dirty. */
static inline uint64_t nested_rights(const struct sim_machine *m,
				     uint64_t npte)
{
	if (m->ept) {
		return (npte >> 1 & SIM_T_W) | (npte & SIM_T_X) |
		       (npte & EPT_D ? SIM_T_D : 0u);
	}
	return (npte >> 1 & SIM_T_W) | (npte & PTE_NX ? 0u : SIM_T_X) |
	       (npte & PTE_D ? SIM_T_D : 0u);
}
_Static_assert((unsigned)EPT_X == (unsigned)SIM_T_X, "no shift is needed");

static inline bool nested_allows(uint64_t word, uint32_t access)
{
	return !((access & GNOMON_WRITE) && !(word & SIM_T_W)) &&
	       !((access & GNOMON_EXEC) && !(word & SIM_T_X));
}

/* Charge and count a walk that is done. */
static inline void walk_charge(struct sim_vcpu *vcpu, uint32_t refs,
			       uint64_t cycles)
{
	uint64_t exposed = vcpu->machine->param[SIM_P_WALK_EXPOSED];

	vcpu->counts.walks++;
	vcpu->counts.walk_refs += refs;
	vcpu->counts.walks_by_refs[
		refs < SIM_REFS_MAX ? refs : SIM_REFS_MAX]++;
	if (exposed != 100) {
		cycles = cycles * exposed / 100;
	}
	if (vcpu->machine->param[SIM_P_CORE_WINDOW]) {
		sim_overlap_walk(vcpu, cycles);
		return;
	}
	sim_charge(vcpu, SIM_CAT_WALK, cycles);
}

static inline bool nested_stop(struct sim_walk *walk, uint64_t gpa,
			       uint32_t access, bool table_walk)
{
	walk->gpa = gpa;
	walk->nested_access = access;
	walk->table_walk = table_walk;
	return stop(walk, SIM_STOP_NESTED);
}

static inline uint32_t fault_code(const struct sim_vcpu *vcpu, uint32_t access,
				  uint32_t why)
{
	bool fetch = (access & GNOMON_EXEC) && vcpu->fetch_code;

	return why | (access & GNOMON_WRITE ? PF_W : 0u) |
	       (access & GNOMON_USER ? PF_U : 0u) | (fetch ? PF_FETCH : 0u);
}

/* Bits that must be clear in a present entry of that level. */
static inline uint64_t reserved_bits(uint64_t rsvd, uint64_t entry,
				     unsigned level)
{
	if (level > 3) {
		return rsvd | PTE_PS;
	}
	if (level > 1 && (entry & PTE_PS)) {
		return rsvd |
		       ((page_bytes(level - 1) - 1) & ~(uint64_t)0x1fff);
	}
	return rsvd;
}

static inline bool fault(struct sim_vcpu *vcpu, struct sim_walk *walk,
			 uint32_t access, uint32_t why)
{
	walk->error_code = fault_code(vcpu, access, why);
	return stop(walk, SIM_STOP_FAULT);
}

/* The leaf's word, dirty assumed; used to check rights. */
static inline uint64_t leaf_word(uint64_t entry, unsigned level,
				 uint64_t rights)
{
	unsigned size = level - 1;
	uint64_t key = entry >> 59 & 15;

	return (entry & SIM_T_ADDR & ~(page_bytes(size) - 1)) | rights |
	       SIM_T_D | (entry & PTE_G ? SIM_T_G : 0u) |
	       (uint64_t)size << SIM_T_SIZE_SHIFT | SIM_T_PRESENT |
	       key << SIM_T_KEY_SHIFT;
}

/* ---- between the walkers ----------------------------------------------- */

/* The nested translation of gpa: a word as in a TLB, or a stop. */
bool sim_walk_nested(struct sim_vcpu *vcpu, uint64_t gpa, uint32_t access,
		     bool table_walk, struct sim_walk *walk,
		     uint64_t *cycles, uint64_t *word);
/* Join the guest's leaf, walk->word, with the translation of its address. */
bool sim_walk_join(struct sim_vcpu *vcpu, uint64_t gva, uint32_t access,
		   struct sim_walk *walk, uint64_t *cycles);
/* One attempt on agile tables, as attempt() in walk.c. */
bool sim_walk_agile(struct sim_vcpu *vcpu, uint64_t gva, uint32_t access,
		    bool use_caches, struct sim_walk *walk, uint64_t *cycles);

/* As sim_walk_quick() for the nested walk of gpa after a miss in the nested
 * TLB: its word, or 0 and nothing done. Adds to *refs and *cycles. */
uint64_t sim_walk_nested_quick(struct sim_vcpu *vcpu, uint64_t gpa,
			       uint32_t access, uint32_t *refs,
			       uint64_t *cycles);

#endif
