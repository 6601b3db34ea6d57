/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * First states of guests: a Linux bzImage by the 64-bit boot protocol, and
 * our own blobs, which are entered alike. ELF is in load_elf.c.
 */
#include <string.h>

#include "vmm/vmm.h"

/* Guest-physical homes of what a loader leaves behind, all below 640K. */
enum {
	AT_GDT = 0x8000,
	AT_PARAMS = 0x10000,
	AT_CMDLINE = 0x20000,
	AT_TABLES = 0x30000,	/* PML4, PDPT, 4 PDs */
	AT_STACK = 0x80000,
	AT_BLOB = 0x100000,
	CMDLINE_MAX = 2048,
	E820_MAX = 32,
};

static void *guest(uint64_t gpa)
{
	return (void *)gpa;
}

static void segments(struct vmcb *c, uint16_t code)
{
	struct vmcb_seg data = { 0x18, SEG_DATA, UINT32_MAX, 0 };

	c->cs = (struct vmcb_seg){ 0x10, code, UINT32_MAX, 0 };
	c->ds = c->es = c->ss = c->fs = c->gs = data;
	c->ldtr = (struct vmcb_seg){ 0, SEG_LDT, 0, 0 };
	c->tr = (struct vmcb_seg){ 0, SEG_TSS, 0xffff, 0 };
	c->idtr = (struct vmcb_seg){ 0, 0, 0, 0 };
}

/* 64-bit mode on an identity map of 4G, interrupts off. */
static void enter_64(struct vmm *v, uint64_t rip, uint64_t rsi)
{
	static const uint64_t gdt[4] = { 0, 0, UINT64_C(0x00af9b000000ffff),
					 UINT64_C(0x00cf93000000ffff) };
	uint64_t *pml4 = guest(AT_TABLES), *pdpt = guest(AT_TABLES + 0x1000);
	uint64_t *pds = guest(AT_TABLES + 0x2000);

	memset(pml4, 0, 0x2000);
	pml4[0] = (AT_TABLES + 0x1000) | 3;
	for (unsigned g = 0; g < 4; g++) {
		pdpt[g] = (AT_TABLES + 0x2000 + g * 0x1000ull) | 3;
	}
	for (uint64_t i = 0; i < 2048; i++) {
		pds[i] = i << 21 | 0x83;
	}
	memcpy(guest(AT_GDT), gdt, sizeof(gdt));
	segments(v->vmcb, SEG_CODE64);
	v->vmcb->gdtr = (struct vmcb_seg){ 0, 0, sizeof(gdt) - 1, AT_GDT };
	v->vmcb->rip = rip;
	v->reg[RSI] = rsi;
	v->reg[RSP] = AT_STACK;
	v->guest.cr0 = CR0_PE | CR0_PG | CR0_ET | CR0_NE;
	v->guest.cr3 = AT_TABLES;
	v->guest.cr4 = CR4_PAE;
	v->guest.efer = EFER_LME | EFER_LMA;
}

/* ---- memory map ---------------------------------------------------------- */

struct multiboot_mmap {
	uint32_t size;
	uint64_t addr, bytes;
	uint32_t type;
} __attribute__((packed));

static unsigned add_range(struct e820 *map, unsigned n, unsigned max,
			  uint64_t start, uint64_t end, uint32_t type)
{
	if (start < end && n < max) {
		map[n++] = (struct e820){ start, end - start, type };
	}
	return n;
}

unsigned e820_make(const struct boot *boot, struct e820 *map, unsigned max)
{
	uint64_t at = boot->mmap, stop = at + boot->mmap_bytes;
	unsigned n = 0;

	while (at < stop) {
		const struct multiboot_mmap *m = guest(at);
		uint64_t start = m->addr, end = start + m->bytes;

		at += m->size + 4;
		if (end <= VMM_BASE || start >= VMM_END) {
			n = add_range(map, n, max, start, end, m->type);
			continue;
		}
		/* Our own range lies in RAM: a hole that nobody may use. */
		n = add_range(map, n, max, start, VMM_BASE, m->type);
		n = add_range(map, n, max, VMM_BASE, VMM_END, 2);
		n = add_range(map, n, max, VMM_END, end, m->type);
	}
	return n;
}

/* ---- our blobs ----------------------------------------------------------- */

static size_t put_cmdline(const char *text)
{
	char *to = guest(AT_CMDLINE);
	size_t n = 0;

	while (text[n] && n < CMDLINE_MAX - 1) {
		to[n] = text[n];
		n++;
	}
	to[n] = 0;
	return n;
}

void load_blob(struct vmm *v, const struct module *blob, const char *cmdline)
{
	memcpy(guest(AT_BLOB), blob->start, blob->bytes);
	put_cmdline(cmdline);
	enter_64(v, AT_BLOB, AT_CMDLINE);
}

/* ---- Linux --------------------------------------------------------------- */

static uint32_t get32(const unsigned char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static void put32(unsigned char *p, uint64_t value)
{
	uint32_t v = (uint32_t)value;

	memcpy(p, &v, sizeof(v));
}

static void put_initrd(unsigned char *params, const struct module *initrd)
{
	uint64_t at = (VMM_BASE - initrd->bytes) & ~UINT64_C(0xfff);

	memcpy(guest(at), initrd->start, initrd->bytes);
	put32(params + 0x218, at);
	put32(params + 0x21c, initrd->bytes);
}

bool load_linux(struct vmm *v, const struct boot *boot)
{
	const unsigned char *image = boot->kernel->start;
	unsigned char *params = guest(AT_PARAMS);
	uint64_t setup, bytes, home;

	if (boot->kernel->bytes < 0x1000 ||
	    get32(image + 0x202) != 0x53726448 /* "HdrS" */) {
		return false;
	}
	setup = ((image[0x1f1] ? image[0x1f1] : 4) + 1u) * 512u;
	bytes = get32(image + 0x1f4) * UINT64_C(16);
	memcpy(&home, image + 0x258, sizeof(home));
	if (!(image[0x236] & 1) || setup + bytes > boot->kernel->bytes ||
	    home < AT_BLOB || home + get32(image + 0x260) > VMM_BASE) {
		vmm_die("this kernel has no 64-bit entry or does not fit");
	}
	memset(params, 0, 4096);
	memcpy(params + 0x1f1, image + 0x1f1, 0x11 + image[0x201]);
	memcpy(guest(home), image + setup, bytes);
	params[0x210] = 0xff;		/* a loader without a number */
	put_cmdline(boot->cmdline);
	put32(params + 0x228, AT_CMDLINE);
	if (boot->initrd) {
		put_initrd(params, boot->initrd);
	}
	params[0x1e8] = (unsigned char)e820_make(
		boot, (struct e820 *)(params + 0x2d0), E820_MAX);
	enter_64(v, home + 0x200, AT_PARAMS);
	return true;
}
