/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/sim/rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define RAM ((uint64_t)64 << 20)

static const char *const base_sets[] = {
	"cache.on=0", "cache.flat=100", "tlb.l2_hit=7", "pwc.hit=0",
	"pwc.nested_tlb_hit=0",
	"pwc.l4_entries=0", "pwc.l3_entries=0", "pwc.l2_entries=0",
	"pwc.nested_l4_entries=0", "pwc.nested_l3_entries=0",
	"pwc.nested_l2_entries=0", "pwc.nested_tlb_entries=0",
	NULL,
};

static void apply(struct sim_preset *preset, const char *const *sets)
{
	struct sim_error error = { 0 };

	for (; sets && *sets; sets++) {
		cr_assert(sim_preset_set(preset, *sets, &error), "%s",
			  error.text);
	}
}

void rig_set(struct rig *rig)
{
	sim_vcpu_set(rig->vcpu, rig->vcpu->paging, &rig->regs,
		     rig->guest_root, rig->nested_root);
}

void rig_init(struct rig *rig, enum sim_paging paging, unsigned vcpus,
	      const char *const *sets)
{
	struct sim_error error = { 0 };
	bool nested = paging == SIM_PAGING_2D;

	memset(rig, 0, sizeof(*rig));
	cr_assert(sim_preset_load("clx-8269cy", &rig->preset, &error), "%s",
		  error.text);
	apply(&rig->preset, base_sets);
	apply(&rig->preset, sets);
	cr_assert(sim_hostmem_init(&rig->mem, RAM, RAM));
	cr_assert(sim_machine_init(&rig->machine, &rig->mem, &rig->preset,
				   vcpus, nested ? SIM_HPA_BASE : 0, 1));
	rig->vcpu = &rig->machine.vcpus[0];
	rig->vcpu->paging = paging;
	rig->regs = (struct gnomon_regs){
		.cr0 = 0x80050033, .cr4 = 0x3000a0, .efer = 0xd01,
	};
	rig->guest_root = rig->regs.cr3 = 0x1000;
	rig->next_frame = 0x2000;
	if (nested) {
		void *page = sim_arena_page(&rig->mem.tables);

		memset(page, 0, 4096);
		rig->nested_root = sim_va_to_hpa(&rig->mem, page);
	}
	rig_set(rig);
}

void rig_done(struct rig *rig)
{
	sim_machine_done(&rig->machine);
	sim_hostmem_done(&rig->mem);
}

static uint64_t *guest_table(struct rig *rig, uint64_t entry)
{
	return (uint64_t *)(void *)(rig->mem.ram +
				    (entry & 0x000ffffffffff000u));
}

static unsigned index_at(uint64_t address, unsigned level)
{
	return address >> (3 + 9 * level) & 511;
}

uint64_t *rig_entry(struct rig *rig, uint64_t gva, unsigned level)
{
	uint64_t *table = guest_table(rig, rig->guest_root);

	for (unsigned at = 4; at > level; at--) {
		uint64_t *entry = &table[index_at(gva, at)];

		if (!*entry) {
			*entry = rig->next_frame | RIG_W | RIG_U | 1;
			rig->next_frame += 4096;
		}
		table = guest_table(rig, *entry);
	}
	return &table[index_at(gva, level)];
}

void rig_map(struct rig *rig, uint64_t gva, uint64_t gpa, unsigned size,
	     uint64_t flags)
{
	*rig_entry(rig, gva, size + 1) = gpa | flags | 1 |
					 (size ? RIG_PS : 0);
}

uint64_t *rig_nested_entry(struct rig *rig, uint64_t gpa, unsigned level)
{
	uint64_t *table = sim_hpa_to_va(&rig->mem, rig->nested_root);

	for (unsigned at = 4; at > level; at--) {
		uint64_t *entry = &table[index_at(gpa, at)];

		if (!*entry) {
			void *page = sim_arena_page(&rig->mem.tables);

			memset(page, 0, 4096);
			*entry = sim_va_to_hpa(&rig->mem, page) | RIG_W |
				 RIG_U | 1;
		}
		table = sim_hpa_to_va(&rig->mem,
				      *entry & 0x000ffffffffff000u);
	}
	return &table[index_at(gpa, level)];
}

void rig_map_nested(struct rig *rig, unsigned size)
{
	uint64_t bytes = (uint64_t)4096 << (9 * size);

	for (uint64_t gpa = 0; gpa < RAM; gpa += bytes) {
		*rig_nested_entry(rig, gpa, size + 1) =
			sim_gpa_to_hpa(gpa) | RIG_W | RIG_U | 1 |
			(size ? RIG_PS : 0);
	}
}

uint64_t rig_access(struct rig *rig, uint64_t gva, uint32_t access,
		    struct sim_walk *walk)
{
	uint64_t before = rig->vcpu->cycles[SIM_CAT_WALK];
	uint64_t word = sim_tlb_find(rig->vcpu, gva, access);
	struct sim_walk own;

	walk = walk ? walk : &own;
	memset(walk, 0, sizeof(*walk));
	if (!word || !sim_allowed(rig->vcpu, word, access)) {
		if (word) {
			sim_tlb_flush_fault(rig->vcpu, gva);
		}
		sim_walk(rig->vcpu, gva, access, walk);
		word = walk->word;
	}
	walk->word = word;
	return rig->vcpu->cycles[SIM_CAT_WALK] - before;
}
