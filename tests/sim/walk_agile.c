/* SPDX-License-Identifier: BSD-2-Clause */
/* References of agile walks by where they switch, and what stops them. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/sim/rig.h"

#define GVA 0x0000123440009000u
#define PAGE 0x40000u		/* gpa of the page at GVA */
#define SWITCH ((uint64_t)1 << GNOMON_AGILE_BIT)
#define ALL (RIG_W | RIG_U | RIG_A | RIG_D | 1)
#define ADDR 0x000ffffffffff000u

static struct rig rig;
static uint64_t shadow;		/* root of the shadow tables */

static uint64_t *new_table(uint64_t *hpa)
{
	void *page = sim_arena_page(&rig.mem.tables);

	memset(page, 0, 4096);
	*hpa = sim_va_to_hpa(&rig.mem, page);
	return page;
}

static unsigned index_at(unsigned level)
{
	return GVA >> (3 + 9 * level) & 511;
}

/* hpa of the guest's table for GVA at level. */
static uint64_t guest_table(unsigned level)
{
	return sim_va_to_hpa(&rig.mem, rig_entry(&rig, GVA, level)) & ADDR;
}

static void load(uint64_t root)
{
	sim_vcpu_set(rig.vcpu, SIM_PAGING_AGILE, &rig.regs, root,
		     rig.nested_root);
}

/*
 * Shadow tables for GVA that lead to the guest's table of level below; 0:
 * down to the page. rights: of the entry that switches.
 */
static void build(const char *const *sets, unsigned below, uint64_t rights)
{
	uint64_t *table;

	rig_init(&rig, SIM_PAGING_2D, 1, sets);
	rig_map_nested(&rig, 0);
	rig_map(&rig, GVA, PAGE, 0, RIG_U | RIG_W | RIG_A | RIG_D);
	for (unsigned level = 4; level > 1; level--) {
		*rig_entry(&rig, GVA, level) |= RIG_A;
	}
	if (below == 4) {
		load(guest_table(4) | SWITCH);
		return;
	}
	table = new_table(&shadow);
	for (unsigned level = 4; level > below + 1; level--) {
		uint64_t hpa, *next = new_table(&hpa);

		table[index_at(level)] = hpa | ALL;
		table = next;
	}
	table[index_at(below + 1)] = below ?
		guest_table(below) | SWITCH | RIG_A | 1 | rights :
		sim_gpa_to_hpa(PAGE) | ALL;
	load(shadow);
}

static void tear_down(void)
{
	rig_done(&rig);
}

static struct sim_walk walk_for(uint32_t access)
{
	struct sim_walk walk;

	rig_access(&rig, GVA, access, &walk);
	return walk;
}

TestSuite(walk_agile, .fini = tear_down);

Test(walk_agile, references_by_the_level_of_the_switch)
{
	static const uint32_t refs[] = { 4, 8, 12, 16, 20 };

	for (unsigned below = 0; below <= 4; below++) {
		build(NULL, below, RIG_W | RIG_U);
		struct sim_walk walk = walk_for(GNOMON_USER | GNOMON_WRITE);

		cr_assert_eq(walk.stop, SIM_STOP_NONE, "switch at %u", below);
		cr_expect_eq(walk.refs, refs[below], "switch at %u: %u refs",
			     below, walk.refs);
		cr_expect_eq(walk.below, below > 0);
		cr_expect_eq(walk.word & SIM_T_ADDR, sim_gpa_to_hpa(PAGE));
		if (below < 4) {
			rig_done(&rig);
		}
	}
}

Test(walk_agile, from_the_guests_own_root_on)
{
	build(NULL, 0, RIG_W | RIG_U);
	load(rig.guest_root);
	rig.vcpu->begins_below = true;
	struct sim_walk walk = walk_for(GNOMON_USER | GNOMON_WRITE);

	cr_expect_eq(walk.stop, SIM_STOP_NONE);
	cr_expect_eq(walk.refs, 24);
	cr_expect(walk.below);
}

Test(walk_agile, walk_caches_know_which_part_they_lead_to)
{
	static const char *const sets[] = { "pwc.l2_entries=32", NULL };

	for (unsigned below = 0; below <= 3; below++) {
		build(sets, below, RIG_W | RIG_U);
		walk_for(GNOMON_USER);
		sim_tlb_flush_range(rig.vcpu, 0, 1);
		sim_tlb_flush_pcid(rig.vcpu);
		walk_for(GNOMON_USER);
		/* Another page of the same leaf table: one entry is left. */
		struct sim_walk walk;

		rig_map(&rig, GVA + 0x1000, PAGE + 0x1000, 0,
			RIG_U | RIG_A | RIG_D);
		if (!below) {
			uint64_t *table = sim_hpa_to_va(&rig.mem, shadow);

			for (unsigned level = 4; level > 1; level--) {
				table = sim_hpa_to_va(&rig.mem,
					table[index_at(level)] & ADDR);
			}
			table[index_at(1) + 1] =
				sim_gpa_to_hpa(PAGE + 0x1000) | ALL;
		}
		rig_access(&rig, GVA + 0x1000, GNOMON_USER, &walk);
		cr_expect_eq(walk.stop, SIM_STOP_NONE);
		cr_expect_eq(walk.refs, below ? 5 : 1, "switch at %u: %u",
			     below, walk.refs);
		cr_expect_eq(walk.below, below > 0);
		if (below < 3) {
			rig_done(&rig);
		}
	}
}

Test(walk_agile, rights_of_the_path_above_hold_below)
{
	build(NULL, 1, RIG_U);
	struct sim_walk walk = walk_for(GNOMON_USER | GNOMON_WRITE);

	cr_expect_eq(walk.stop, SIM_STOP_FAULT);
	cr_expect(walk.below);
	cr_expect_eq(walk.error_code, 7);
	rig_done(&rig);
	build(NULL, 1, RIG_W);
	walk = walk_for(GNOMON_USER);
	cr_expect_eq(walk.stop, SIM_STOP_FAULT);
	cr_expect_eq(walk.error_code, 5);
	rig_done(&rig);
	build(NULL, 1, RIG_W | RIG_U | RIG_NX);
	walk = walk_for(GNOMON_USER | GNOMON_EXEC);
	cr_expect_eq(walk.stop, SIM_STOP_FAULT);
	cr_expect_eq(walk.error_code, 0x15);
}

Test(walk_agile, fault_above_the_switch_is_the_shadows)
{
	build(NULL, 1, RIG_W | RIG_U);
	*(uint64_t *)sim_hpa_to_va(&rig.mem, shadow + 8 * index_at(4)) = 0;
	struct sim_walk walk = walk_for(GNOMON_USER);

	cr_expect_eq(walk.stop, SIM_STOP_FAULT);
	cr_expect_not(walk.below);
}

Test(walk_agile, hole_in_the_guests_table_is_the_guests)
{
	build(NULL, 2, RIG_W | RIG_U);
	*rig_entry(&rig, GVA, 1) = 0;
	struct sim_walk walk = walk_for(GNOMON_USER | GNOMON_WRITE);

	cr_expect_eq(walk.stop, SIM_STOP_FAULT);
	cr_expect(walk.below);
	cr_expect_eq(walk.error_code, 6);
}

Test(walk_agile, accessed_and_dirty_are_set_below_and_need_writable_memory)
{
	build(NULL, 2, RIG_W | RIG_U);
	uint64_t *leaf = rig_entry(&rig, GVA, 1);
	uint64_t *upper = rig_entry(&rig, GVA, 2);
	uint64_t table = *upper & ADDR;

	*leaf &= ~(uint64_t)(RIG_A | RIG_D);
	*upper &= ~(uint64_t)RIG_A;
	/* The leaf table is found by a nested walk, the other by the switch. */
	*rig_nested_entry(&rig, table, 1) &= ~(uint64_t)RIG_W;
	struct sim_walk walk = walk_for(GNOMON_USER);

	cr_expect_eq(walk.stop, SIM_STOP_NESTED);
	cr_expect(walk.table_walk);
	cr_expect_eq(walk.nested_access, GNOMON_WRITE);
	cr_expect_eq(walk.gpa, table + 8 * index_at(1));
	cr_expect_eq(*upper & RIG_A, 0, "all or nothing");
	*rig_nested_entry(&rig, table, 1) |= RIG_W;
	walk = walk_for(GNOMON_USER);
	cr_expect_eq(walk.stop, SIM_STOP_NONE);
	cr_expect_eq(*upper & RIG_A, RIG_A);
	cr_expect_eq(*leaf & (RIG_A | RIG_D), RIG_A);
	walk = walk_for(GNOMON_USER | GNOMON_WRITE);
	cr_expect_eq(walk.stop, SIM_STOP_NONE);
	cr_expect_eq(*leaf & (RIG_A | RIG_D), RIG_A | RIG_D);
}

Test(walk_agile, read_only_tables_are_walked_when_nothing_is_to_be_set)
{
	build(NULL, 2, RIG_W | RIG_U);
	*rig_nested_entry(&rig, *rig_entry(&rig, GVA, 2) & ADDR, 1) &=
		~(uint64_t)RIG_W;
	struct sim_walk walk = walk_for(GNOMON_USER | GNOMON_WRITE);

	cr_expect_eq(walk.stop, SIM_STOP_NONE);
	cr_expect_eq(walk.refs, 12);
}

Test(walk_agile, large_page_of_the_guest_below_a_switch)
{
	build(NULL, 2, RIG_W | RIG_U);
	*rig_entry(&rig, GVA, 2) = 0x200000 | RIG_U | RIG_W | RIG_A | RIG_D |
				   RIG_PS | 1;
	struct sim_walk walk = walk_for(GNOMON_USER);

	cr_expect_eq(walk.stop, SIM_STOP_NONE);
	cr_expect_eq(walk.refs, 2 + 1 + 4);
	cr_expect_eq(walk.word & SIM_T_ADDR,
		     sim_gpa_to_hpa(0x200000 + (GVA & 0x1ff000)));
}

Test(walk_agile, an_invlpg_learns_where_its_address_is_walked)
{
	for (unsigned below = 0; below <= 3; below++) {
		build(NULL, below, RIG_W | RIG_U);
		cr_expect_eq(sim_walk_switches(rig.vcpu, GVA), below > 0);
		/* Another gigabyte: nothing there. */
		cr_expect_not(sim_walk_switches(rig.vcpu,
						GVA ^ (uint64_t)1 << 40));
		if (below < 3) {
			rig_done(&rig);
		}
	}
}
