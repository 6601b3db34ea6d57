/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any multiboot kernel in a 32-bit ELF file, entered as that specification
 * says: protected mode, paging off, flat segments.
 */
#include <string.h>

#include "vmm/vmm.h"

enum {
	AT_GDT = 0x8000,
	AT_INFO = 0x9000,
	AT_MMAP = 0x9100,
	AT_CMDLINE = 0x20000,
	MAGIC_HEADER = 0x1badb002,
	MAGIC_ENTRY = 0x2badb002,
	MMAP_MAX = 32,
};

struct elf32 {
	unsigned char ident[16];
	uint16_t type, machine;
	uint32_t version, entry, phoff, shoff, flags;
	uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct elf32_segment {
	uint32_t type, offset, vaddr, paddr, filesz, memsz, flags, align;
};

struct multiboot_info {
	uint32_t flags, mem_lower, mem_upper, boot_device, cmdline;
	uint32_t mods_count, mods_addr, syms[4], mmap_length, mmap_addr;
};

struct mmap_entry {
	uint32_t size;
	struct e820 range;
} __attribute__((packed));

static bool has_header(const struct module *m)
{
	uint64_t end = m->bytes < 8192 ? m->bytes : 8192;

	for (uint64_t at = 0; at + 12 <= end; at += 4) {
		uint32_t word[3];

		memcpy(word, m->start + at, sizeof(word));
		if (word[0] == MAGIC_HEADER &&
		    word[0] + word[1] + word[2] == 0) {
			return true;
		}
	}
	return false;
}

static void load_segment(const struct module *m,
			 const struct elf32_segment *s)
{
	uint64_t end = (uint64_t)s->paddr + s->memsz;

	if (s->type != 1) {
		return;
	}
	if (s->filesz > s->memsz || s->offset > m->bytes ||
	    s->filesz > m->bytes - s->offset || s->paddr < 0x100000 ||
	    end > VMM_BASE) {
		vmm_die("ELF segment at %x does not fit", (uint64_t)s->paddr);
	}
	memcpy((void *)(uint64_t)s->paddr, m->start + s->offset, s->filesz);
	memset((void *)((uint64_t)s->paddr + s->filesz), 0,
	       s->memsz - s->filesz);
}

static void put_info(const struct boot *boot)
{
	struct multiboot_info *info = (void *)(uint64_t)AT_INFO;
	struct mmap_entry *map = (void *)(uint64_t)AT_MMAP;
	struct e820 range[MMAP_MAX];
	unsigned n = e820_make(boot, range, MMAP_MAX);
	char *to = (void *)(uint64_t)AT_CMDLINE;

	*info = (struct multiboot_info){
		.flags = 1u | 1u << 2 | 1u << 6,
		.mem_lower = 640,
		.mem_upper = (uint32_t)((VMM_BASE - 0x100000) / 1024),
		.cmdline = AT_CMDLINE,
		.mmap_addr = AT_MMAP,
		.mmap_length = n * (uint32_t)sizeof(*map),
	};
	for (unsigned i = 0; i < n; i++) {
		map[i] = (struct mmap_entry){ sizeof(range[i]), range[i] };
	}
	for (unsigned i = 0; i < 255; i++) {
		to[i] = boot->cmdline[i];
		if (!to[i]) {
			break;
		}
	}
}

bool load_elf(struct vmm *v, const struct boot *boot)
{
	static const uint64_t gdt[4] = { 0, 0, UINT64_C(0x00cf9b000000ffff),
					 UINT64_C(0x00cf93000000ffff) };
	const struct module *m = boot->kernel;
	struct vmcb_seg data = { 0x18, SEG_DATA, UINT32_MAX, 0 };
	struct vmcb *c = v->vmcb;
	struct elf32 elf;

	if (m->bytes < sizeof(elf)) {
		return false;
	}
	memcpy(&elf, m->start, sizeof(elf));
	if (memcmp(elf.ident, "\177ELF\1\1", 6) != 0 || !has_header(m)) {
		return false;
	}
	for (unsigned i = 0; i < elf.phnum; i++) {
		uint64_t at = elf.phoff + (uint64_t)i * elf.phentsize;
		struct elf32_segment s;

		if (at + sizeof(s) > m->bytes) {
			vmm_die("ELF headers lie outside the file");
		}
		memcpy(&s, m->start + at, sizeof(s));
		load_segment(m, &s);
	}
	put_info(boot);
	memcpy((void *)(uint64_t)AT_GDT, gdt, sizeof(gdt));
	c->gdtr = (struct vmcb_seg){ 0, 0, sizeof(gdt) - 1, AT_GDT };
	c->idtr = (struct vmcb_seg){ 0, 0, 0, 0 };
	c->ldtr = (struct vmcb_seg){ 0, SEG_LDT, 0, 0 };
	c->tr = (struct vmcb_seg){ 0, SEG_TSS, 0xffff, 0 };
	c->cs = (struct vmcb_seg){ 0x10, SEG_CODE32, UINT32_MAX, 0 };
	c->ds = c->es = c->ss = c->fs = c->gs = data;
	c->rip = elf.entry;
	v->reg[RAX] = MAGIC_ENTRY;
	v->reg[RBX] = AT_INFO;
	v->guest.cr0 = CR0_PE | CR0_ET;
	return true;
}
