/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A multiboot guest in 32-bit mode: unpaged, two levels with 4M leaves, PAE,
 * and back. Checks what a CPU must do, like selftest.c.
 */
#include <stdbool.h>
#include <stdint.h>

#include "vmm/hypercall.h"

enum {
	PG = 1u << 31, WP = 1u << 16,
	PSE = 1u << 4, PAE = 1u << 5,
	P = 1, W = 2, A = 0x20, D = 0x40, PS = 0x80,
	PF = 14 << 16,
	WINDOW = 0x70000000,
	MEMORY = 0x2000000,	/* free from here on */
};

uint32_t probe_load(uint32_t at);
void probe_store(uint32_t at, uint32_t value);
void probe_cr0(uint32_t value);
void probe_cr3(uint32_t value);
void probe_cr4(uint32_t value);
void probe_exec(uint32_t at);
uint32_t call_hypercall(uint32_t function, uint32_t argument);
uint32_t legacy_main(uint32_t magic);
extern volatile uint32_t probe_vector, probe_code, probe_cr2;
extern const char trap_pf[], trap_gp[], trap_other[];

#define NO_FAULT 0xffff0000u
#define FAULT_OF(call) (probe_vector = 0xffff, probe_code = 0, (call), \
	probe_vector << 16 | probe_code)
#define CHECK(cond) do { if (!(cond)) { return __LINE__; } } while (0)

static uint32_t next = MEMORY;

static uint32_t page(void)
{
	volatile uint32_t *p = (volatile uint32_t *)next;

	for (unsigned i = 0; i < 1024; i++) {
		p[i] = 0;
	}
	next += 4096;
	return (uint32_t)p;
}

static volatile uint32_t *word(uint32_t at)
{
	return (volatile uint32_t *)at;
}

static uint32_t cr0(void)
{
	uint32_t v;

	__asm__ volatile("mov %%cr0, %0" : "=r"(v));
	return v;
}

static void invlpg(uint32_t at)
{
	__asm__ volatile("invlpg (%0)" : : "r"(at) : "memory");
}

static void idt_init(void)
{
	static struct { uint32_t low, high; } idt[32];
	struct { uint16_t limit; uint32_t base; } __attribute__((packed))
		idtr = { sizeof(idt) - 1, (uint32_t)idt };

	for (unsigned i = 0; i < 32; i++) {
		uint32_t to = (uint32_t)(i == 14 ? trap_pf
					 : i == 13 ? trap_gp : trap_other);

		idt[i].low = (to & 0xffff) | 0x08u << 16;
		idt[i].high = (to & 0xffff0000) | 0x8e00;
	}
	__asm__ volatile("lidt %0" : : "m"(idtr));
}

static unsigned unpaged(void)
{
	uint32_t a = page();

	probe_store(a, 0x1234);
	CHECK(probe_load(a) == 0x1234);
	CHECK(!(cr0() & PG));
	return 0;
}

/* The same questions to either format; low is the entry's first half. */
static unsigned window(volatile uint32_t *low, uint32_t a, uint32_t b)
{
	*word(a) = 0xa;
	*word(b) = 0xb;
	*low = a | P | W;
	invlpg(WINDOW);
	CHECK(probe_load(WINDOW) == 0xa);
	CHECK((*low & (A | D)) == A);
	probe_store(WINDOW + 4, 7);
	CHECK(*low & D);
	*low = b | P;
	invlpg(WINDOW);
	CHECK(probe_load(WINDOW) == 0xb);
	CHECK(FAULT_OF(probe_store(WINDOW, 1)) == (PF | 3));
	probe_cr0(cr0() & ~(uint32_t)WP);
	CHECK(FAULT_OF(probe_store(WINDOW, 0xb)) == NO_FAULT);
	probe_cr0(cr0() | WP);
	*low = 0;
	invlpg(WINDOW);
	CHECK(FAULT_OF(probe_load(WINDOW + 8)) == (PF | 0));
	CHECK(probe_cr2 == WINDOW + 8);
	return 0;
}

static unsigned two_levels(void)
{
	uint32_t dir = page(), table = page(), a = page(), b = page();
	unsigned line;

	for (uint32_t i = 0; i < 64; i++) {
		word(dir)[i] = i << 22 | P | W | PS;
	}
	word(dir)[WINDOW >> 22] = table | P | W;
	probe_cr4(PSE);
	probe_cr3(dir);
	probe_cr0(cr0() | PG | WP);
	line = window(word(table), a, b);
	if (line) {
		return line;
	}
	/* A 4M leaf; its table entry becomes one and goes again. */
	word(dir)[WINDOW >> 22] = 0x4000000 | P | W | PS;
	probe_cr3(dir);
	*word(0x4005000) = 0x55;
	CHECK(probe_load(WINDOW + 0x5000) == 0x55);
	word(dir)[WINDOW >> 22] = table | P | W;
	probe_cr3(dir);
	CHECK(FAULT_OF(probe_load(WINDOW)) == (PF | 0));
	probe_cr0(cr0() & ~(uint32_t)PG);
	CHECK(*word(0x4005000) == 0x55);
	return 0;
}

static unsigned pae(void)
{
	uint32_t top = page(), dir = page(), far = page(), table = page();
	uint32_t a = page(), b = page();
	unsigned line;

	for (uint32_t i = 0; i < 128; i++) {
		word(dir)[2 * i] = i << 21 | P | W | PS;
	}
	word(top)[0] = dir | P;
	word(top)[2] = far | P;		/* the second gigabyte */
	word(far)[2 * ((WINDOW >> 21) & 511)] = table | P | W;
	probe_cr4(PAE);
	probe_cr3(top);
	probe_cr0(cr0() | PG | WP);
	line = window(word(table), a, b);
	if (line) {
		return line;
	}
	word(table)[0] = a | P;
	CHECK(FAULT_OF(probe_load(WINDOW)) == NO_FAULT);
	/* A CPU keeps the four top entries until CR3 is loaded. TCG reads
	 * them at each walk, which shows in nested mode. */
	word(top)[2] = 0;
	invlpg(WINDOW);
	if (call_hypercall(HC_MODE, 0) == 1) {
		CHECK(FAULT_OF(probe_load(WINDOW)) == NO_FAULT);
	}
	probe_cr3(top);
	CHECK(FAULT_OF(probe_load(WINDOW)) == (PF | 0));
	probe_cr0(cr0() & ~(uint32_t)PG);
	probe_cr4(0);
	return 0;
}

static void put(const char *text, unsigned value)
{
	for (; *text; text++) {
		call_hypercall(HC_PUT, (uint32_t)*text);
	}
	for (int i = 12; i >= 0; i -= 4) {
		call_hypercall(HC_PUT,
			       (uint32_t)"0123456789abcdef"[value >> i & 15]);
	}
	call_hypercall(HC_PUT, '\n');
}

uint32_t legacy_main(uint32_t magic)
{
	static unsigned (*const test[])(void) = { unpaged, two_levels, pae,
						  unpaged, two_levels };
	uint32_t failed = magic != 0x2badb002;

	idt_init();
	for (unsigned i = 0; i < sizeof(test) / sizeof(test[0]); i++) {
		unsigned line = test[i]();

		if (line) {
			put("legacy test failed, number ", i);
			put("  at line ", line);
			failed++;
		}
		if (call_hypercall(HC_AUDIT, 0) != 1) {
			put("audit failed after number ", i);
			failed++;
		}
	}
	put("legacy failed: ", failed);
	return failed;
}
