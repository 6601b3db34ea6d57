/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/tlb.h"

#include "sim/run.h"

static struct sim_assoc *first_level(struct sim_vcpu *vcpu, unsigned size,
				     bool fetch)
{
	return fetch ? &vcpu->l1i[size ? 1 : 0] : &vcpu->l1d[size];
}

static struct sim_assoc *second_level(struct sim_vcpu *vcpu, unsigned size)
{
	return size == 2 ? &vcpu->l2_1g : &vcpu->l2;
}

static bool size_in_second_level(const struct sim_vcpu *vcpu, unsigned size)
{
	return size != 1 || vcpu->machine->param[SIM_P_L2_HOLDS_2M];
}

static inline uint64_t look_up(struct sim_vcpu *vcpu, struct sim_assoc *a,
			uint64_t gva, unsigned size, ptrdiff_t *at)
{
	uint64_t tag = sim_tag(gva, size);

	*at = sim_assoc_find2(a, tag, tag | vcpu->tag, tag | SIM_TAG_GLOBAL);
	return *at >= 0 ? a->data[*at] : 0;
}

/* A page is filled only after a miss, or after its entry was dropped. */
static inline void put(struct sim_vcpu *vcpu, struct sim_assoc *a, uint64_t gva,
		uint64_t word)
{
	unsigned size = word >> SIM_T_SIZE_SHIFT & 3;
	uint64_t tag = sim_tag(gva, size);

	tag |= word & SIM_T_G && vcpu->global ? SIM_TAG_GLOBAL : vcpu->tag;
	sim_assoc_put_new(a, tag, tag, word);
}

/* With 4K pages alone there is one place left to look. */
static uint64_t slow_4k(struct sim_vcpu *vcpu, uint64_t gva, bool fetch)
{
	uint64_t tag = sim_tag(gva, 0), word;
	ptrdiff_t at = sim_assoc_find2(&vcpu->l2, tag, tag | vcpu->tag,
				       tag | SIM_TAG_GLOBAL);

	if (at < 0) {
		vcpu->counts.misses++;
		return 0;
	}
	word = vcpu->l2.data[at];
	vcpu->counts.l2_hits++;
	sim_charge(vcpu, SIM_CAT_WALK, vcpu->machine->param[SIM_P_L2_HIT]);
	sim_assoc_put_new(fetch ? &vcpu->l1i[0] : &vcpu->l1d[0], tag,
			  vcpu->l2.tags[at], word);
	return word;
}

static uint64_t slow_sizes(struct sim_vcpu *vcpu, uint64_t gva, bool fetch)
{
	unsigned used = vcpu->sizes_used;
	uint64_t word;
	ptrdiff_t at;

	for (unsigned size = 1; size < SIM_SIZES; size++) {
		if (used >> size & 1 &&
		    (word = look_up(vcpu, first_level(vcpu, size, fetch), gva,
				    size, &at))) {
			vcpu->counts.l1_hits++;
			return word;
		}
	}
	for (unsigned size = 0; size < SIM_SIZES; size++) {
		if (used >> size & 1 && size_in_second_level(vcpu, size) &&
		    (word = look_up(vcpu, second_level(vcpu, size), gva, size,
				    &at))) {
			vcpu->counts.l2_hits++;
			sim_charge(vcpu, SIM_CAT_WALK,
				   vcpu->machine->param[SIM_P_L2_HIT]);
			put(vcpu, first_level(vcpu, size, fetch), gva, word);
			return word;
		}
	}
	vcpu->counts.misses++;
	return 0;
}

uint64_t sim_tlb_slow(struct sim_vcpu *vcpu, uint64_t gva, bool fetch)
{
	return vcpu->sizes_used == 1 ? slow_4k(vcpu, gva, fetch) :
				       slow_sizes(vcpu, gva, fetch);
}

void sim_tlb_fill(struct sim_vcpu *vcpu, uint64_t gva, uint64_t word,
		  bool fetch)
{
	unsigned size = word >> SIM_T_SIZE_SHIFT & 3;

	vcpu->sizes_used |= 1u << size;
	put(vcpu, first_level(vcpu, size, fetch), gva, word);
	if (size_in_second_level(vcpu, size)) {
		put(vcpu, second_level(vcpu, size), gva, word);
	}
}

static void drop(struct sim_vcpu *vcpu, struct sim_assoc *a, uint64_t gva,
		 unsigned size)
{
	ptrdiff_t at;

	/* Two, when a page was global in one address space only. */
	while (a->ways && look_up(vcpu, a, gva, size, &at)) {
		sim_assoc_drop(a, (size_t)at);
	}
}

static void drop_translations(struct sim_vcpu *vcpu, uint64_t gva)
{
	for (unsigned size = 0; size < SIM_SIZES; size++) {
		if (!(vcpu->sizes_used >> size & 1)) {
			continue;
		}
		drop(vcpu, &vcpu->l1d[size], gva, size);
		drop(vcpu, &vcpu->l1i[size ? 1 : 0], gva, size);
		drop(vcpu, second_level(vcpu, size), gva, size);
	}
}

/* Walk caches are tagged like TLBs, with the page number of their span. */
static void drop_walk_caches(struct sim_vcpu *vcpu, uint64_t mask,
			     uint64_t match)
{
	for (unsigned level = 2; level <= SIM_LEVELS; level++) {
		sim_assoc_clear_if(&vcpu->pwc[level], mask, match);
	}
}

void sim_tlb_flush_fault(struct sim_vcpu *vcpu, uint64_t gva)
{
	drop_translations(vcpu, gva);
	for (unsigned level = 2; level <= SIM_LEVELS; level++) {
		struct sim_assoc *a = &vcpu->pwc[level];
		uint64_t tag = sim_tag(gva, 0) & ~SIM_TAG_PAGE;
		ptrdiff_t at;

		tag |= sim_page_number(gva, level - 1);
		at = a->ways ? sim_assoc_find(a, tag, tag | vcpu->tag)
			     : SIM_ASSOC_MISS;
		if (at >= 0) {
			sim_assoc_drop(a, (size_t)at);
		}
	}
}

void sim_tlb_flush_page(struct sim_vcpu *vcpu, uint64_t gva)
{
	vcpu->counts.page_flushes++;
	drop_translations(vcpu, gva);
	drop_walk_caches(vcpu, SIM_TAG_PCID, vcpu->tag);
}

static void clear_range(struct sim_assoc *a, uint64_t gva, uint64_t bytes)
{
	size_t count = a->ways ? (a->set_mask + 1) * a->ways : 0;

	for (size_t i = 0; i < count; i++) {
		uint64_t tag = a->tags[i];
		unsigned size = tag >> SIM_TAG_SIZE_SHIFT & 3;
		uint64_t page = tag & SIM_TAG_PAGE;

		if (tag && page >= sim_page_number(gva, size) &&
		    page <= sim_page_number(gva + bytes - 1, size)) {
			sim_assoc_drop(a, i);
		}
	}
}

void sim_tlb_flush_range(struct sim_vcpu *vcpu, uint64_t gva, uint64_t bytes)
{
	vcpu->counts.page_flushes++;
	for (unsigned size = 0; size < SIM_SIZES; size++) {
		clear_range(&vcpu->l1d[size], gva, bytes);
	}
	clear_range(&vcpu->l1i[0], gva, bytes);
	clear_range(&vcpu->l1i[1], gva, bytes);
	clear_range(&vcpu->l2, gva, bytes);
	clear_range(&vcpu->l2_1g, gva, bytes);
	drop_walk_caches(vcpu, 0, 0);
}

static void clear_tlbs(struct sim_vcpu *vcpu, uint64_t mask, uint64_t match)
{
	for (unsigned size = 0; size < SIM_SIZES; size++) {
		sim_assoc_clear_if(&vcpu->l1d[size], mask, match);
	}
	sim_assoc_clear_if(&vcpu->l1i[0], mask, match);
	sim_assoc_clear_if(&vcpu->l1i[1], mask, match);
	sim_assoc_clear_if(&vcpu->l2, mask, match);
	sim_assoc_clear_if(&vcpu->l2_1g, mask, match);
}

void sim_tlb_flush_pcid(struct sim_vcpu *vcpu)
{
	vcpu->counts.tlb_flushes++;
	clear_tlbs(vcpu, SIM_TAG_PCID | SIM_TAG_GLOBAL, vcpu->tag);
	drop_walk_caches(vcpu, SIM_TAG_PCID, vcpu->tag);
}

/* Everything that depends on nested tables. */
static void flush_nested(struct sim_vcpu *vcpu)
{
	sim_assoc_clear(&vcpu->ntlb);
	for (unsigned level = 2; level <= SIM_LEVELS; level++) {
		sim_assoc_clear(&vcpu->npwc[level]);
	}
}

void sim_tlb_flush_all(struct sim_vcpu *vcpu)
{
	vcpu->counts.tlb_flushes++;
	clear_tlbs(vcpu, 0, 0);
	drop_walk_caches(vcpu, 0, 0);
	flush_nested(vcpu);
	vcpu->sizes_used = 1;
	vcpu->nested_sizes_used = 1;
}
