/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest that measures: what does it cost to leave for the VMM, by cause?
 * Ticks of the time-stamp counter for one of a kind, in batches; the best
 * batch is what a busy machine disturbed least.
 */
#include "vmm/guest/guest.h"

#define BATCHES 41u
#define ROUNDS 100u

static uint64_t root, second, va, *pte;

static uint64_t ticks(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

static void nothing(unsigned i)
{
	__asm__ volatile("" : : "r"(i));
}

static void one_cpuid(unsigned i)
{
	(void)cpuid(i & 1, 0);
}

static void one_hypercall(unsigned i)
{
	hypercall(255, i);
}

static void one_cr3(unsigned i)
{
	write_cr3(i & 1 ? second : root);
}

static void one_invlpg(unsigned i)
{
	flush_one(va + (i & 15) * PAGE);
}

static void one_hidden(unsigned i)
{
	flush_one(va + (i & 15) * PAGE);
	probe_load(va + (i & 15) * PAGE);
}

static void one_fault(unsigned i)
{
	probe_load(va + (16 + (i & 15)) * PAGE);
}

/* Of an entry that is used: with the accesses that come with it. */
static void one_store(unsigned i)
{
	((volatile uint64_t *)pte)[i & 15] ^= PTE_W;
}

static void one_remap(unsigned i)
{
	one_store(i);
	one_hidden(i);
}

static const struct {
	const char *name;
	void (*one)(unsigned i);
} kinds[] = {
	{ "nothing", nothing },
	{ "cpuid", one_cpuid },
	{ "hypercall", one_hypercall },
	{ "cr3", one_cr3 },
	{ "invlpg", one_invlpg },
	{ "invlpg+load", one_hidden },
	{ "fault", one_fault },
	{ "store", one_store },
	{ "store+invlpg+load", one_remap },
};

static void sort(uint64_t *a, unsigned n)
{
	for (unsigned i = 1; i < n; i++) {
		for (unsigned k = i; k && a[k] < a[k - 1]; k--) {
			uint64_t t = a[k];

			a[k] = a[k - 1];
			a[k - 1] = t;
		}
	}
}

static void measure(unsigned kind)
{
	uint64_t took[BATCHES];

	for (unsigned b = 0; b < BATCHES; b++) {
		uint64_t start = ticks();

		for (unsigned i = 0; i < ROUNDS; i++) {
			kinds[kind].one(i);
		}
		took[b] = (ticks() - start) / ROUNDS;
	}
	sort(took, BATCHES);
	say_text("cost ");
	say_text(kinds[kind].name);
	say_text(" best=");
	say_number(took[0]);
	say_text(" median=");
	say_number(took[BATCHES / 2]);
	say("");
}

uint64_t guest_main(const char *cmdline)
{
	(void)cmdline;
	traps_init();
	probe_armed = 1;
	probe_write_efer(EFER_LME | EFER_LMA | EFER_NXE);
	probe_write_cr0(read_cr0() | CR0_WP | CR0_MP);
	root = root_new();
	second = root_new();
	va = WINDOW;
	pte = entry(root, va, 1);
	for (unsigned i = 0; i < 16; i++) {
		pte[i] = page_new() | PTE_P | PTE_W | PTE_A | PTE_D;
	}
	*entry(second, va, 4) = *entry(root, va, 4);
	write_cr3(root);
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		measure(i);
	}
	return hypercall(HC_AUDIT, 0) != 1;
}
