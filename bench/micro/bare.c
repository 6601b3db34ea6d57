/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/micro/bare.h"

#include <string.h>

#define ADDRESS 0x000ffffffffff000u

void bare_init(struct bare *bare, const struct sim_guest *guest)
{
	memset(bare, 0, sizeof(*bare));
	bare->guest = guest;
}

void bare_done(struct bare *bare)
{
	/* Read, so that no compiler drops the work. */
	volatile uint64_t sum = bare->sum;

	(void)sum;
}

/* Four dependent loads from bytes at address 0 of the table space. */
static inline uint64_t walk(const uint8_t *base, uint64_t root, uint64_t gva)
{
	uint64_t table = root;

	for (int shift = 36; shift >= 9; shift -= 9) {
		uint64_t entry;

		memcpy(&entry, base + (table & ADDRESS) +
		       (gva >> shift & 0xff8), sizeof(entry));
		table = entry;
	}
	return (table & ADDRESS) | (gva & 0xfff);
}

static uint64_t walk_2d(const uint8_t *ram, const uint8_t *hpa, uint64_t root,
			uint64_t nroot, uint64_t gva)
{
	uint64_t table = root;

	for (int shift = 36; shift >= 9; shift -= 9) {
		uint64_t gpa = (table & ADDRESS) + (gva >> shift & 0xff8);
		uint64_t entry;

		memcpy(&entry, hpa + walk(hpa, nroot, gpa), sizeof(entry));
		table = entry;
	}
	(void)ram;
	return walk(hpa, nroot, (table & ADDRESS) | (gva & 0xfff));
}

static inline int find(const uint64_t *tags, int ways, uint64_t tag)
{
	int found = -1;

	for (int way = 0; way < ways; way++) {
		found = tags[way] == tag ? way : found;
	}
	return found;
}

static uint64_t miss(struct bare *b, uint64_t gva)
{
	const struct sim_guest *g = b->guest;
	const uint8_t *hpa = g->mem.ram - SIM_HPA_BASE;

	if (!g->vm) {
		return walk(g->mem.ram, g->regs[0].cr3, gva);
	}
	if (sim_guest_shadows(g, 0)) {
		return walk(hpa, g->root[0].cr3.v, gva);
	}
	return walk_2d(g->mem.ram, hpa, g->regs[0].cr3, g->root[0].ncr3.v,
		       gva);
}

static uint64_t translate(struct bare *b, uint64_t gva)
{
	uint64_t tag = gva >> 12, word;
	unsigned one = tag % BARE_L1_SETS, two = tag % BARE_L2_SETS;
	int way = find(b->l1_tag[one], BARE_L1_WAYS, tag);

	if (way >= 0) {
		return b->l1_data[one][way] | (gva & 0xfff);
	}
	way = find(b->l2_tag[two], BARE_L2_WAYS, tag);
	if (way >= 0) {
		word = b->l2_data[two][way];
	} else {
		word = miss(b, gva) & ADDRESS;
		way = b->l2_next[two]++ % BARE_L2_WAYS;
		b->l2_tag[two][way] = tag;
		b->l2_data[two][way] = word;
	}
	way = b->l1_next[one]++ % BARE_L1_WAYS;
	b->l1_tag[one][way] = tag;
	b->l1_data[one][way] = word;
	return word | (gva & 0xfff);
}

void bare_run(struct bare *bare, const uint64_t *gva, uint64_t addresses,
	      uint64_t count)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < count; i++) {
		sum += translate(bare, gva[i % addresses]);
	}
	bare->sum += sum;
}
