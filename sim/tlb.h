/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TLBs of a vcpu: look-up in both levels, fill and flush. Tags hold the
 * virtual page, its size, the PCID or the global mark.
 */
#ifndef SIM_TLB_H
#define SIM_TLB_H

#include "sim/machine.h"

#define SIM_TAG_VALID ((uint64_t)1 << 63)
#define SIM_TAG_GLOBAL ((uint64_t)1 << 62)
#define SIM_TAG_SIZE_SHIFT 60
#define SIM_TAG_PCID_SHIFT 48
#define SIM_TAG_PCID ((uint64_t)0xfff << SIM_TAG_PCID_SHIFT)
#define SIM_TAG_PAGE (((uint64_t)1 << 45) - 1)

static inline uint64_t sim_page_number(uint64_t gva, unsigned size)
{
	return (gva & (((uint64_t)1 << 57) - 1)) >> (12 + 9 * size);
}

static inline uint64_t sim_tag(uint64_t gva, unsigned size)
{
	return SIM_TAG_VALID | (uint64_t)size << SIM_TAG_SIZE_SHIFT |
	       sim_page_number(gva, size);
}

/* Second level and the rarer sizes; fills the first level on a hit. */
uint64_t sim_tlb_slow(struct sim_vcpu *vcpu, uint64_t gva, bool fetch);

/* Protection keys, when CR4.PKE is set: may this data access go on? */
static inline bool sim_keys_allow(const struct sim_vcpu *vcpu, uint64_t word,
				  uint32_t access)
{
	unsigned key = word >> SIM_T_KEY_SHIFT & 15;
	uint32_t rights = vcpu->pkru >> (2 * key) & 3;
	bool write = access & GNOMON_WRITE;

	if (!vcpu->keys || !(word & SIM_T_U) || (access & GNOMON_EXEC)) {
		return true;
	}
	return !(rights & 1) && !(write && (rights & 2));
}

static inline bool sim_allowed(const struct sim_vcpu *vcpu, uint64_t word,
			       uint32_t access)
{
	const struct sim_pass *check = &vcpu->check[access];

	return (word & check->care) == check->want &&
	       (!vcpu->keys || sim_keys_allow(vcpu, word, access));
}

/* The cached translation of gva, rights unchecked, or 0. Charges and counts
 * the hit or miss. */
static inline uint64_t sim_tlb_find(struct sim_vcpu *vcpu, uint64_t gva,
				    uint32_t access)
{
	bool fetch = access & GNOMON_EXEC;
	struct sim_assoc *a = fetch ? &vcpu->l1i[0] : &vcpu->l1d[0];
	uint64_t tag = sim_tag(gva, 0);
	ptrdiff_t at = sim_assoc_find2(a, tag, tag | vcpu->tag,
				       tag | SIM_TAG_GLOBAL);

	if (at >= 0) {
		vcpu->counts.l1_hits++;
		return a->data[at];
	}
	return sim_tlb_slow(vcpu, gva, fetch);
}

/* Puts a translation in that sim_tlb_find() has just missed, or that was
 * dropped: there must be no other of the page. */
void sim_tlb_fill(struct sim_vcpu *vcpu, uint64_t gva, uint64_t word,
		  bool fetch);

/* INVLPG: the page in this PCID and global, and the PCID's walk caches. */
void sim_tlb_flush_page(struct sim_vcpu *vcpu, uint64_t gva);
/* The same for what a fault drops: only entries for that address. */
void sim_tlb_flush_fault(struct sim_vcpu *vcpu, uint64_t gva);
/* Pages of [gva, gva + bytes), whatever their PCID. */
void sim_tlb_flush_range(struct sim_vcpu *vcpu, uint64_t gva, uint64_t bytes);
/* CR3 load: the current PCID but for global entries. */
void sim_tlb_flush_pcid(struct sim_vcpu *vcpu);
/* Everything, nested entries included. */
void sim_tlb_flush_all(struct sim_vcpu *vcpu);

#endif
