/* SPDX-License-Identifier: BSD-2-Clause */
/* gnomon_walk(): what each step says, in the formats that differ. */
#include <criterion/criterion.h>
#include <string.h>

#include "gnomon/gnomon.h"

static _Alignas(4096) unsigned char ram[8 * 4096];

static enum gnomon_status load(void *arg, gnomon_gpa_t gpa, unsigned bytes,
			       uint64_t *value)
{
	(void)arg;
	if (gpa.v >= sizeof(ram)) {
		return GNOMON_ABSENT;
	}
	*value = 0;
	memcpy(value, ram + gpa.v, bytes);
	return GNOMON_OK;
}

static const struct gnomon_host host = { .size = sizeof(host), .load = load };
static const struct gnomon_caps caps = { .features = 0x1ff, .maxphyaddr = 40 };
static struct gnomon_regs regs;
static struct gnomon_trail trail;

static void put(uint64_t gpa, uint64_t gpte)
{
	memcpy(ram + gpa, &gpte, 8);
}

static enum gnomon_status walk(uint64_t gva, uint32_t access)
{
	return gnomon_walk(&regs, &caps, &host, NULL, (gnomon_gva_t){ gva },
			   access, 0, &trail);
}

static void init(void)
{
	memset(ram, 0, sizeof(ram));
	regs = (struct gnomon_regs){ .cr0 = 0x80010001, .cr3 = 0x1000,
				     .cr4 = 0x20, .efer = 0xd00 };
}

TestSuite(gnomon_walk, .init = init);

Test(gnomon_walk, rights_shrink_on_the_way)
{
	put(0x1000, 0x2067);
	put(0x2000, 0x3065);
	put(0x3000, 0x4063);
	put(0x4000, UINT64_C(0x8000000000005061));
	cr_assert_eq(walk(0x123, GNOMON_READ), GNOMON_OK);
	cr_assert_str_eq(trail.format, "4-level");
	cr_assert_eq(trail.step_count, 4);
	cr_assert_eq(trail.step[0].path_rights, 15);
	cr_assert_eq(trail.step[1].path_rights, 13);
	cr_assert_eq(trail.step[2].path_rights, 9);
	cr_assert_eq(trail.step[3].path_rights, 8);
	cr_assert_eq(trail.step[2].rights, 11);
	cr_assert_eq(trail.step[3].kind, GNOMON_ENTRY_LEAF);
	cr_assert_eq(trail.result.gpa.v, 0x5123);
	cr_assert(!trail.result.writable);
	cr_assert_eq(ram[0x4000] & 0x40, 0x40, "D was there already");
}

Test(gnomon_walk, pae_shows_the_pdpte)
{
	regs.efer = 0;
	put(0x1010, 0x2001);
	put(0x2008, 0x6020e7);
	cr_assert_eq(walk(0x80201234, GNOMON_WRITE), GNOMON_FAULT);
	cr_assert_eq(trail.result.error_code, 11);
	put(0x2008, 0x6000e7);
	cr_assert_eq(walk(0x80201234, GNOMON_WRITE), GNOMON_OK);
	cr_assert_str_eq(trail.format, "pae");
	cr_assert_eq(trail.step_count, 2);
	cr_assert_eq(trail.step[0].level, 3);
	cr_assert_eq(trail.step[0].gpa.v, 0x1010);
	cr_assert_eq(trail.step[0].frame.v, 0x2000);
	cr_assert_eq(trail.result.gpa.v, 0x601234);
	cr_assert_eq(walk(0x1000, GNOMON_READ), GNOMON_FAULT);
	cr_assert_eq(trail.step_count, 1);
	cr_assert_eq(trail.step[0].kind, GNOMON_ENTRY_HOLE);
}

Test(gnomon_walk, the_missing_entry_is_named_not_shown)
{
	put(0x1000, 0x7000067);
	cr_assert_eq(walk(0x40000000, GNOMON_READ), GNOMON_ABSENT);
	cr_assert_eq(trail.step_count, 1);
	cr_assert_eq(trail.result.gpa.v, 0x7000008);
}

Test(gnomon_walk, odd_input_is_told_apart)
{
	cr_assert_eq(walk(UINT64_C(1) << 47, GNOMON_READ), GNOMON_GP);
	regs.cr0 = 0x80000000;
	cr_assert_eq(walk(0, GNOMON_READ), GNOMON_INVAL);
	regs = (struct gnomon_regs){ .cr0 = 1 };
	cr_assert_eq(walk(0x12345, GNOMON_WRITE), GNOMON_OK);
	cr_assert_eq(trail.result.gpa.v, 0x12345);
	cr_assert_eq(trail.step_count, 0);
}
