/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The oracle against the architecture's rules, case by case: one page, its
 * entries, the registers, an access, and what has to come out.
 */
#include "sim/oracle.h"

#include <criterion/criterion.h>

#define NX (1ull << 63)
#define KEY(n) ((uint64_t)(n) << 59)

enum {
	P = 1, W = 2, U = 4, A = 1 << 5, D = 1 << 6, PS = 1 << 7, G = 1 << 8,
	RW = P | W, RWU = P | W | U,
};

enum {
	CR0 = 0x80050033u,	/* PG WP PE ... */
	NO_WP = 0x80040033u,
	CR4 = 0x20,		/* PAE */
	PGE = 1 << 7, LA57 = 1 << 12, SMEP = 1 << 20, SMAP = 1 << 21,
	PKE = 1 << 22,
	EFER = 0xd01,		/* SCE LME LMA NXE */
	NO_NXE = 0x501,
};

/* Entries by level; every table of a level is the same one. */
struct memory {
	uint64_t entry[6];
	unsigned int reads;
};

static bool read_entry(void *arg, uint64_t gpa, unsigned int bytes,
		       uint64_t *value)
{
	struct memory *m = arg;
	unsigned int level = (unsigned int)(gpa >> 12);

	m->reads++;
	if (level < 1 || level > 5) {
		return false;
	}
	*value = bytes == 4 ? (uint32_t)m->entry[level] : m->entry[level];
	return true;
}

static struct memory memory;
static struct sim_oracle mmu;
static struct sim_oracle_result result;

/* Four levels, tables at level << 12, a page at 0x7654000. */
static void reset(void)
{
	memory = (struct memory){ .entry = {
		0, 0x7654000 | RWU, 0x1000 | RWU, 0x2000 | RWU, 0x3000 | RWU,
		0x4000 | RWU,
	} };
	mmu = (struct sim_oracle){
		.read = read_entry, .arg = &memory, .cr0 = CR0,
		.cr3 = 0x4000, .cr4 = CR4, .efer = EFER, .maxphyaddr = 40,
	};
}

enum { R = 0, WR = 1, X = 2, USER = 4, IMPL = 8 };

static void go(uint64_t gva, unsigned int how)
{
	struct sim_access a = {
		.gva = gva, .write = how & WR, .fetch = how & X,
		.user = how & USER, .implicit = how & IMPL,
	};

	sim_oracle(&mmu, &a, &result);
}

static void ok(unsigned int how)
{
	go(0x123, how);
	cr_assert(result.answer == SIM_ORACLE_OK, "how %u: fault %#x", how,
		  result.error);
	cr_assert(result.gpa == 0x7654123, "%#llx",
		  (unsigned long long)result.gpa);
}

static void fault(unsigned int how, uint32_t error)
{
	go(0x123, how);
	cr_assert(result.answer == SIM_ORACLE_FAULT, "how %u: no fault", how);
	cr_assert(result.error == error, "how %u: error %#x, not %#x", how,
		  result.error, error);
	for (unsigned int i = 0; i < result.entry_count; i++) {
		cr_assert(result.entry[i].before == result.entry[i].after);
	}
}

Test(oracle, all_allowed)
{
	reset();
	ok(R);
	ok(WR);
	ok(X);
	ok(USER);
	ok(USER | WR);
	ok(USER | X);
	ok(IMPL);
	cr_assert(result.page_bytes == 4096 && result.entry_count == 4);
	cr_assert(result.page_user && result.page_write && result.page_exec);
}

Test(oracle, missing_entry_at_each_level)
{
	for (int level = 1; level <= 4; level++) {
		reset();
		memory.entry[level] &= ~1ull;
		fault(R, 0);
		fault(WR, SIM_PF_W);
		fault(X, SIM_PF_ID);
		fault(USER, SIM_PF_U);
		fault(USER | WR, SIM_PF_U | SIM_PF_W);
		fault(USER | X, SIM_PF_U | SIM_PF_ID);
		fault(USER | IMPL, 0);
		cr_assert(result.entry_count == 5u - (unsigned int)level);
	}
}

Test(oracle, user_bit_counts_at_each_level)
{
	for (int level = 1; level <= 4; level++) {
		reset();
		memory.entry[level] &= ~(uint64_t)U;
		ok(R);
		ok(WR);
		ok(X);
		ok(USER | IMPL);
		fault(USER, SIM_PF_P | SIM_PF_U);
		fault(USER | WR, SIM_PF_P | SIM_PF_U | SIM_PF_W);
		fault(USER | X, SIM_PF_P | SIM_PF_U | SIM_PF_ID);
	}
}

Test(oracle, write_bit_and_wp)
{
	for (int level = 1; level <= 4; level++) {
		reset();
		memory.entry[level] &= ~(uint64_t)W;
		ok(R);
		ok(USER);
		fault(WR, SIM_PF_P | SIM_PF_W);
		fault(USER | WR, SIM_PF_P | SIM_PF_U | SIM_PF_W);
		mmu.cr0 = NO_WP;
		ok(WR);
		fault(USER | WR, SIM_PF_P | SIM_PF_U | SIM_PF_W);
	}
}

Test(oracle, no_execute_and_nxe)
{
	for (int level = 1; level <= 4; level++) {
		reset();
		memory.entry[level] |= NX;
		ok(R);
		ok(USER | WR);
		fault(X, SIM_PF_P | SIM_PF_ID);
		fault(USER | X, SIM_PF_P | SIM_PF_U | SIM_PF_ID);
		mmu.efer = NO_NXE;
		fault(R, SIM_PF_P | SIM_PF_RSVD);
		fault(USER | X, SIM_PF_P | SIM_PF_RSVD | SIM_PF_U);
		mmu.cr4 |= SMEP;
		fault(USER | X, SIM_PF_P | SIM_PF_RSVD | SIM_PF_U |
		      SIM_PF_ID);
	}
}

Test(oracle, smep_and_smap)
{
	reset();
	mmu.cr4 |= SMEP;
	fault(X, SIM_PF_P | SIM_PF_ID);
	ok(USER | X);
	ok(R);
	mmu.cr4 |= SMAP;
	fault(R, SIM_PF_P);
	fault(WR, SIM_PF_P | SIM_PF_W);
	ok(USER | WR);
	mmu.ac = true;
	ok(R);
	ok(WR);
	fault(IMPL, SIM_PF_P);
	fault(X, SIM_PF_P | SIM_PF_ID);
	memory.entry[3] &= ~(uint64_t)U;
	mmu.ac = false;
	ok(R);
	ok(X);
	ok(IMPL | WR);
	mmu.efer = NO_NXE;
	mmu.cr4 = CR4;
	memory.entry[1] &= ~1ull;
	fault(X, 0);
}

Test(oracle, protection_keys)
{
	reset();
	memory.entry[1] |= KEY(5);
	mmu.pkru = 1u << 10;		/* access disabled for key 5 */
	ok(R);
	mmu.cr4 |= PKE;
	fault(USER, SIM_PF_P | SIM_PF_U | SIM_PF_PK);
	fault(R, SIM_PF_P | SIM_PF_PK);
	ok(USER | X);
	mmu.pkru = 2u << 10;		/* writes disabled */
	ok(USER);
	fault(USER | WR, SIM_PF_P | SIM_PF_U | SIM_PF_W | SIM_PF_PK);
	fault(WR, SIM_PF_P | SIM_PF_W | SIM_PF_PK);
	mmu.cr0 = NO_WP;
	ok(WR);
	fault(USER | WR, SIM_PF_P | SIM_PF_U | SIM_PF_W | SIM_PF_PK);
	mmu.pkru = 3u << 8;		/* another key */
	ok(USER | WR);
	mmu.pkru = 3u << 10;
	memory.entry[2] &= ~(uint64_t)U;	/* no user page */
	ok(R);
	fault(USER, SIM_PF_P | SIM_PF_U);
}

Test(oracle, reserved_bits)
{
	for (int level = 1; level <= 4; level++) {
		for (unsigned int bit = 12; bit < 52; bit++) {
			bool bad = bit >= 40;

			reset();
			memory.entry[level] |= 1ull << bit;
			go(0x123, USER);
			cr_assert(bad == (result.answer == SIM_ORACLE_FAULT &&
					  result.error == 0xd) ||
				  (!bad && level > 1));
		}
		reset();
		memory.entry[level] |= 0x7ffull << 52;	/* for software */
		ok(USER);
	}
	reset();
	memory.entry[4] |= PS;
	fault(R, SIM_PF_P | SIM_PF_RSVD);
	/* The highest reserved bit wins over a missing entry below it. */
	memory.entry[3] = 0;
	fault(R, SIM_PF_P | SIM_PF_RSVD);
}

Test(oracle, large_pages)
{
	reset();
	memory.entry[2] = 0x40000000 | RWU | PS;
	go(0x1ff123, USER);
	cr_assert(result.answer == SIM_ORACLE_OK &&
		  result.gpa == 0x401ff123 && result.page_bytes == 2 << 20);
	memory.entry[2] |= 1 << 12;		/* PAT */
	go(0x1ff123, USER);
	cr_assert(result.gpa == 0x401ff123);
	for (unsigned int bit = 13; bit < 21; bit++) {
		memory.entry[2] = 0x40000000 | RWU | PS | 1ull << bit;
		fault(R, SIM_PF_P | SIM_PF_RSVD);
	}
	reset();
	memory.entry[3] = 0x40000000 | RWU | PS;
	go(0x3ffff123, USER);
	cr_assert(result.answer == SIM_ORACLE_OK &&
		  result.gpa == 0x7ffff123 && result.page_bytes == 1 << 30);
	mmu.no_pages_1g = true;
	fault(R, SIM_PF_P | SIM_PF_RSVD);
	mmu.no_pages_1g = false;
	for (unsigned int bit = 13; bit < 30; bit++) {
		memory.entry[3] = 0x40000000 | RWU | PS | 1ull << bit;
		fault(R, SIM_PF_P | SIM_PF_RSVD);
	}
}

Test(oracle, marks)
{
	reset();
	ok(R);
	for (unsigned int i = 0; i < 4; i++) {
		cr_assert(result.entry[i].after ==
			  (result.entry[i].before | A));
	}
	ok(WR);
	cr_assert(result.entry[2].after == (result.entry[2].before | A));
	cr_assert(result.entry[3].after == (result.entry[3].before | A | D));
	memory.entry[1] |= G;
	ok(R);
	cr_assert(!result.global);
	mmu.cr4 |= PGE;
	ok(R);
	cr_assert(result.global);
}

Test(oracle, indices_and_canonical_addresses)
{
	static const uint64_t gva = 0x0000123456789abcull;

	reset();
	go(gva, R);
	cr_assert(result.entry[0].gpa == 0x4000 + 8 * (gva >> 39 & 511));
	cr_assert(result.entry[1].gpa == 0x3000 + 8 * (gva >> 30 & 511));
	cr_assert(result.entry[2].gpa == 0x2000 + 8 * (gva >> 21 & 511));
	cr_assert(result.entry[3].gpa == 0x1000 + 8 * (gva >> 12 & 511));
	go(1ull << 47, R);
	cr_assert(result.answer == SIM_ORACLE_NON_CANONICAL);
	go(~0ull << 47, R);
	cr_assert(result.answer == SIM_ORACLE_OK);
	mmu.cr4 |= LA57;
	mmu.cr3 = 0x5000;
	go(1ull << 47, R);
	cr_assert(result.answer == SIM_ORACLE_OK && result.entry_count == 5);
	go(1ull << 56, R);
	cr_assert(result.answer == SIM_ORACLE_NON_CANONICAL);
	mmu.cr3 = 0x9000;
	go(0, R);
	cr_assert(result.answer == SIM_ORACLE_UNKNOWN &&
		  result.unknown_gpa == 0x9000);
}

Test(oracle, pae)
{
	reset();
	mmu.efer = 0x800;
	mmu.pdpte[1] = 0x2001;
	go(0x40000123, USER | WR);
	cr_assert(result.answer == SIM_ORACLE_OK && result.entry_count == 2 &&
		  result.gpa == 0x7654123);
	go(0x123, USER | X);
	cr_assert(result.answer == SIM_ORACLE_FAULT && memory.reads == 2 &&
		  result.error == (SIM_PF_U | SIM_PF_ID));
	memory.entry[1] |= 1ull << 52;
	go(0x40000123, R);
	cr_assert(result.error == (SIM_PF_P | SIM_PF_RSVD));
}

Test(oracle, two_levels)
{
	reset();
	mmu.efer = 0;
	mmu.cr4 = 0;
	mmu.cr3 = 0x2000;
	go(0xffc01123, USER | WR);
	cr_assert(result.answer == SIM_ORACLE_OK &&
		  result.gpa == 0x7654123 && result.entry_bytes == 4);
	cr_assert(result.entry[0].gpa == 0x2ffc &&
		  result.entry[1].gpa == 0x1004);
	memory.entry[2] = 0x12400000 | RWU | PS;
	go(0x3ff123, USER);		/* PS means nothing without PSE */
	cr_assert(result.answer == SIM_ORACLE_UNKNOWN);
	mmu.cr4 = 1 << 4;
	go(0x3ff123, USER);
	cr_assert(result.answer == SIM_ORACLE_OK &&
		  result.gpa == 0x127ff123 && result.page_bytes == 4 << 20);
	memory.entry[2] |= 0xff << 13;		/* address bits 39:32 */
	go(0x3ff123, USER);
	cr_assert(result.gpa == 0xff127ff123ull);
	mmu.maxphyaddr = 36;
	fault(R, SIM_PF_P | SIM_PF_RSVD);
	mmu.maxphyaddr = 40;
	memory.entry[2] |= 1 << 21;
	fault(R, SIM_PF_P | SIM_PF_RSVD);
	memory.entry[2] = 0;
	fault(USER | X, SIM_PF_U);
}

Test(oracle, no_paging)
{
	reset();
	mmu.cr0 = 0x11;
	mmu.efer = 0;
	go(0xfedcba98, USER | WR | X);
	cr_assert(result.answer == SIM_ORACLE_OK &&
		  result.gpa == 0xfedcba98 && memory.reads == 0);
}
