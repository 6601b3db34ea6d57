/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/guest/guest.h"

extern const unsigned char guest_traps[];
static uint64_t next_page = POOL;

uint64_t hypercall(uint64_t function, uint64_t argument)
{
	uint64_t a = HC_MAGIC;

	__asm__ volatile("vmmcall" : "+a"(a) : "b"(function), "c"(argument)
			 : "memory");
	return a;
}

void say_text(const char *text)
{
	for (; *text; text++) {
		hypercall(HC_PUT, (uint64_t)*text);
	}
}

void say(const char *text)
{
	say_text(text);
	hypercall(HC_PUT, '\n');
}

void say_number(uint64_t value)
{
	char digit[21];
	unsigned at = sizeof(digit) - 1;

	digit[at] = 0;
	do {
		digit[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	say_text(&digit[at]);
}

uint64_t argument(const char *cmdline, const char *name, uint64_t otherwise)
{
	for (; *cmdline; cmdline++) {
		unsigned n = 0;

		while (name[n] && cmdline[n] == name[n]) {
			n++;
		}
		if (!name[n]) {
			uint64_t value = 0;

			for (cmdline += n; *cmdline >= '0' && *cmdline <= '9';
			     cmdline++) {
				value = value * 10 + (uint64_t)(*cmdline - '0');
			}
			return value;
		}
	}
	return otherwise;
}

void say_hex(const char *text, uint64_t value)
{
	say_text(text);
	for (int i = 60; i >= 0; i -= 4) {
		char digit = "0123456789abcdef"[value >> i & 15];

		hypercall(HC_PUT, (uint64_t)digit);
	}
	hypercall(HC_PUT, '\n');
}

void guest_panic(void)
{
	say_hex("unexpected exception ", probe_vector);
	say_hex("  code ", probe_code);
	say_hex("  cr2 ", probe_cr2);
	for (;;) {
		hypercall(HC_EXIT, 99);
	}
}

void traps_init(void)
{
	static struct { uint64_t low, high; } idt[32];
	struct { uint16_t limit; uint64_t base; } __attribute__((packed))
		idtr = { sizeof(idt) - 1, (uint64_t)idt };

	for (unsigned i = 0; i < 32; i++) {
		uint64_t to = (uint64_t)guest_traps + 16 * i;

		idt[i].low = (to & 0xffff) | 0x10ull << 16 | 0x8e00ull << 32 |
			     (to >> 16 & 0xffff) << 48;
		idt[i].high = to >> 32;
	}
	__asm__ volatile("lidt %0" : : "m"(idtr));
}

uint64_t read_cr0(void)
{
	uint64_t v;

	__asm__ volatile("mov %%cr0, %0" : "=r"(v));
	return v;
}

uint64_t read_cr3(void)
{
	uint64_t v;

	__asm__ volatile("mov %%cr3, %0" : "=r"(v));
	return v;
}

uint64_t read_cr4(void)
{
	uint64_t v;

	__asm__ volatile("mov %%cr4, %0" : "=r"(v));
	return v;
}

void write_cr3(uint64_t value)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"(value) : "memory");
}

void flush_one(uint64_t va)
{
	__asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

uint64_t page_new(void)
{
	uint64_t page = next_page;

	next_page += PAGE;
	if (next_page > POOL_END) {
		guest_panic();
	}
	for (unsigned i = 0; i < PAGE / 8; i++) {
		((volatile uint64_t *)at(page))[i] = 0;
	}
	return page;
}

uint64_t root_new(void)
{
	static uint64_t first;
	uint64_t root = page_new();

	first = first ? first : *(uint64_t *)at(read_cr3() & PTE_FRAME);
	uint64_t *pdpt = at(page_new()), *old = at(first & PTE_FRAME);

	for (unsigned i = 0; i < 4; i++) {
		pdpt[i] = old[i];
	}
	*(uint64_t *)at(root) = (uint64_t)pdpt | PTE_P | PTE_W;
	return root;
}

uint64_t *entry(uint64_t root, uint64_t va, unsigned level)
{
	uint64_t *table = at(root);

	for (unsigned l = 4; l > level; l--) {
		uint64_t *e = &table[va >> (3 + 9 * l) & 511];

		if (!(*e & PTE_P)) {
			*e = page_new() | PTE_P | PTE_W | PTE_U;
		}
		table = at(*e & PTE_FRAME);
	}
	return &table[va >> (3 + 9 * level) & 511];
}
