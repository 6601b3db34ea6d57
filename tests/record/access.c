/* SPDX-License-Identifier: BSD-2-Clause */
/* What is left out of a recording as stale, and what is not. */
#include "record/access.h"

#include <criterion/criterion.h>
#include <string.h>

enum {
	FRAMES = 8,
	ROOT = 1, L3, L2, L1,
	PAGE = 6, OTHER = 7,
	P = 1, W = 2, U = 4,
};

#define GVA 0x1ff000ull		/* the last entry of L1 */

static uint64_t ram[FRAMES][512];
static const struct record_ram file = {
	.data = (const uint8_t *)ram, .bytes = sizeof(ram),
};

static void put(unsigned int frame, unsigned int index, unsigned int to,
		uint64_t bits)
{
	ram[frame][index] = (uint64_t)to << 12 | bits;
}

static void start(void)
{
	memset(ram, 0, sizeof(ram));
	put(ROOT, 0, L3, P | W | U);
	put(L3, 0, L2, P | W | U);
	put(L2, 0, L1, P | W | U);
	put(L1, 511, PAGE, P | W | U);
	put(L1, 510, OTHER, P | W);
}

static bool is_stale(struct sim_event ev)
{
	/* Long mode with WP, NXE, SMEP and SMAP. */
	struct sim_oracle vcpu = {
		.cr0 = 0x80050033, .cr3 = ROOT << 12, .cr4 = 0x350ee0,
		.efer = 0xd01, .maxphyaddr = RECORD_MAXPHYADDR,
	};

	return record_is_stale(&file, vcpu, &ev);
}

static bool access_is_stale(uint64_t gva, unsigned int size,
			    unsigned int flags)
{
	return is_stale((struct sim_event){
		.type = SIM_EV_ACCESS, .gva = gva, .size = (uint16_t)size,
		.flags = (uint16_t)flags });
}

static bool fault_is_stale(uint64_t code)
{
	return is_stale((struct sim_event){
		.type = SIM_EV_FAULT, .gva = GVA, .value = code });
}

TestSuite(access, .init = start);

Test(access, what_the_tables_allow)
{
	cr_expect(!access_is_stale(GVA, 8, SIM_F_USER));
	cr_expect(!access_is_stale(GVA, 8, SIM_F_USER | SIM_F_WRITE));
	cr_expect(!access_is_stale(GVA, 8, SIM_F_AC));
	cr_expect(!access_is_stale(GVA, 1, SIM_F_USER | SIM_F_FETCH));
}

Test(access, an_entry_taken_back)
{
	ram[L1][511] = 0;
	cr_expect(access_is_stale(GVA, 8, SIM_F_USER));
	cr_expect(access_is_stale(GVA, 8, SIM_F_USER | SIM_F_WRITE));
}

Test(access, a_table_taken_back)
{
	ram[L2][0] = 0;
	cr_expect(access_is_stale(GVA, 8, SIM_F_USER));
}

Test(access, only_writes_after_write_protection)
{
	put(L1, 511, PAGE, P | U);
	cr_expect(!access_is_stale(GVA, 8, SIM_F_USER));
	cr_expect(access_is_stale(GVA, 8, SIM_F_USER | SIM_F_WRITE));
}

Test(access, rights_of_who_asks)
{
	put(L1, 511, PAGE, P | W | 1ull << 63);
	cr_expect(access_is_stale(GVA, 8, SIM_F_USER));
	cr_expect(!access_is_stale(GVA, 8, 0));
	cr_expect(access_is_stale(GVA, 1, SIM_F_FETCH));
	put(L1, 511, PAGE, P | W | U);
	cr_expect(access_is_stale(GVA, 8, 0), "SMAP");
	cr_expect(access_is_stale(GVA, 8, SIM_F_IMPLICIT | SIM_F_AC));
}

Test(access, both_pages_of_one_that_crosses)
{
	put(L1, 510, OTHER, P | W | U);
	cr_expect(!access_is_stale(GVA - 4, 8, SIM_F_USER));
	ram[L1][511] = 0;
	cr_expect(access_is_stale(GVA - 4, 8, SIM_F_USER));
	cr_expect(!access_is_stale(GVA - 4, 4, SIM_F_USER));
}

Test(access, a_table_nobody_knows_is_left_to_the_judge)
{
	put(L2, 0, FRAMES, P | W | U);
	cr_expect(!access_is_stale(GVA, 8, SIM_F_USER));
	cr_expect(!fault_is_stale(SIM_PF_U));
}

Test(access, faults)
{
	cr_expect(fault_is_stale(SIM_PF_U), "mapped meanwhile");
	ram[L1][511] = 0;
	cr_expect(!fault_is_stale(SIM_PF_U));
	cr_expect(!fault_is_stale(SIM_PF_U | SIM_PF_W));
	cr_expect(fault_is_stale(SIM_PF_U | SIM_PF_P), "unmapped meanwhile");
	put(L1, 511, PAGE, P | U);
	cr_expect(!fault_is_stale(SIM_PF_U | SIM_PF_W | SIM_PF_P));
	cr_expect(fault_is_stale(SIM_PF_U | SIM_PF_W), "another entry");
}
