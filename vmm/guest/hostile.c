/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest that attacks. Tables full of rubbish: entries that lead to the VMM,
 * to themselves, to no memory at all, with reserved bits; roots that change
 * under the CPU, roots by the thousand (roots=N on its command line), INVLPG of
 * anything. It may lose its own mind; the VMM must not, and no frame of the VMM
 * may ever be mapped.
 */
#include "vmm/guest/guest.h"

#define ROUNDS 4000u
#define TABLE_PAGES 64u
/* Frames that become roots, in turn: far more than the engine keeps. */
#define ROOT_FIRST (POOL + UINT64_C(0x4000000))
#define ROOT_FRAMES ((UINT64_C(0x30000000) - ROOT_FIRST) / PAGE)

static uint64_t seed = 0x9e3779b97f4a7c15;
static uint64_t page[TABLE_PAGES];
static uint64_t low_pdpt;

static uint64_t rnd(void)
{
	uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static uint64_t below(uint64_t n)
{
	return rnd() % n;
}

/* Addresses that hurt. */
static uint64_t bad_frame(void)
{
	switch (below(8)) {
	case 0:		/* the VMM */
		return UINT64_C(0x30000000) + below(0x8000) * PAGE;
	case 1:		/* beyond all memory */
		return (rnd() & PTE_FRAME) | UINT64_C(1) << 38;
	case 2:		/* anywhere in 52 bits */
		return rnd() & PTE_FRAME;
	case 3:		/* device space */
		return UINT64_C(0xfee00000);
	default:	/* one of our own tables, at any level */
		return page[below(TABLE_PAGES)];
	}
}

static uint64_t bad_entry(void)
{
	uint64_t e = bad_frame();

	e |= below(8) ? PTE_P : 0;
	e |= rnd() & (PTE_W | PTE_U | 0x18 | PTE_A | PTE_D | 0x100);
	e |= below(4) ? 0 : PTE_PS;
	e |= below(8) ? 0 : PTE_NX;
	e |= below(16) ? 0 : UINT64_C(1) << (40 + below(12));
	return e;
}

static uint64_t any_address(void)
{
	uint64_t a = WINDOW + (rnd() & UINT64_C(0x7fffffffff));

	switch (below(6)) {
	case 0:
		return rnd();			/* often non-canonical */
	case 1:
		return rnd() | UINT64_C(0xffff800000000000);
	case 2:
		return a & ~UINT64_C(7);
	default:	/* inside one table's reach */
		return WINDOW + below(1u << 21);
	}
}

/* The low half must stay, or there is no code to run. */
static void make_root(uint64_t root)
{
	*(volatile uint64_t *)at(root) = low_pdpt | PTE_P | PTE_W;
}

static void scribble(void)
{
	volatile uint64_t *t = at(page[below(TABLE_PAGES)]);
	unsigned n = (unsigned)below(8);

	for (unsigned i = 0; i < n; i++) {
		t[1 + below(511)] = bad_entry();
	}
	/* Odd and partial stores. */
	((volatile unsigned char *)t)[8 + below(4088)] = (unsigned char)rnd();
	*(volatile uint32_t *)at((uint64_t)t + 8 + below(4080)) =
		(uint32_t)rnd();
}

static void touch(void)
{
	uint64_t a = any_address();

	switch (below(4)) {
	case 0:
		probe_load(a);
		break;
	case 1:
		probe_invlpg(a);
		break;
	case 2:
		/* Only where a store cannot hit our code or stack. */
		if (a >= WINDOW) {
			probe_store(a, rnd());
			make_root(read_cr3() & PTE_FRAME);
		}
		break;
	default:
		probe_write_cr3(below(16) ? page[below(TABLE_PAGES)]
					  : rnd());
		break;
	}
}

/* More of them than the engine can keep, and than there is memory for. */
static void roots_by_the_thousand(uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		uint64_t r = ROOT_FIRST + i % ROOT_FRAMES * PAGE;

		make_root(r);
		probe_write_cr3(r);
		probe_load(WINDOW);
	}
}

/* INVLPG of all that we run on, and of one address per bit. */
static void forget_everything(void)
{
	for (uint64_t a = 0; a < UINT64_C(0x400000); a += PAGE) {
		probe_invlpg(a);
	}
	for (unsigned bit = 12; bit < 64; bit++) {
		probe_invlpg(UINT64_C(1) << bit);
		probe_invlpg(~UINT64_C(0) << bit);
		probe_invlpg(WINDOW ^ UINT64_C(1) << bit);
	}
}

uint64_t guest_main(const char *cmdline)
{
	uint64_t bad = 0;

	traps_init();
	probe_armed = 1;
	probe_write_efer(EFER_LME | EFER_LMA | EFER_NXE);
	uint64_t root = root_new();

	low_pdpt = *(uint64_t *)at(root) & PTE_FRAME;
	for (unsigned i = 0; i < TABLE_PAGES; i++) {
		page[i] = page_new();
	}
	for (unsigned i = 0; i < TABLE_PAGES; i++) {
		make_root(page[i]);
	}
	for (unsigned i = 0; i < ROUNDS; i++) {
		scribble();
		for (unsigned k = below(6) ? 2 : 0; k > 0; k--) {
			/* Entry 0 of what may be the root is kept alive. */
			make_root(page[below(TABLE_PAGES)]);
			touch();
		}
		if (i % 500 == 499 && hypercall(HC_AUDIT, 0) != 1) {
			bad++;
		}
	}
	roots_by_the_thousand(argument(cmdline, "roots=", 20000));
	forget_everything();
	say_hex("hostile survived; faults taken: ", probe_faults);
	say_hex("audits failed: ", bad + (hypercall(HC_AUDIT, 0) != 1));
	return bad;
}
