/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory layer of a VMM, whole but small: two vcpus that walk our tables
 * in software, each with a TLB; shadow and nested paging, switched while the
 * guest runs; frames that must be fetched, a device, a dirty log. It needs the
 * installed header and library and nothing else of gnomon. main.c is the VMM
 * and its guest, cpu.c the CPU and what is done when it leaves the guest.
 */
#ifndef LAYER_H
#define LAYER_H

#include <gnomon/gnomon.h>

#define DEVICE_GPA UINT64_C(0xfee00000)
#define BIT(n) (UINT64_C(1) << (n))
#define ADDRESS UINT64_C(0x000ffffffffff000) /* of an entry */

enum {
	RAM_FRAMES = 64, POOL_PAGES = 512,
	RAM_AT = 0x100, POOL_AT = 0x1000, /* host frames */
	VCPUS = 2, TLB_ENTRIES = 16,
	P = 1, W = 2, U = 4, A = 0x20, D = 0x40, /* bits of an entry */
};

struct translation {
	bool valid, write;
	uint64_t page, frame;	/* gva, hpa: in frames */
};

struct cpu {
	struct gnomon_vcpu *vcpu;
	struct gnomon_regs regs;
	struct gnomon_root root;
	struct translation tlb[TLB_ENTRIES];
	unsigned next;
	uint32_t error_code;	/* of the guest's last #PF */
};

/* main.c */
extern unsigned char ram[RAM_FRAMES][4096], pool[POOL_PAGES][4096];
extern struct cpu cpus[VCPUS];
extern struct gnomon_vm *vm;
extern uint64_t device_register;
extern unsigned exits;

/* Counts and tells what is not as it must be. */
void must(bool good, const char *what);
/* Brings a frame back that frame() had not got. */
void fetch(gnomon_gpa_t gpa);

/* cpu.c */
void flush(void *ctx, const struct gnomon_flush *f);
/* Before the CPU runs the guest with another root. */
void enter(struct cpu *c, struct gnomon_root root);
/*
 * One instruction of the guest, a load or a store of 8 bytes; false: the guest
 * got a page fault.
 */
bool access_memory(struct cpu *c, uint64_t gva, bool write, uint64_t *value);
void invlpg(struct cpu *c, uint64_t gva);
void load_cr3(struct cpu *c, uint64_t cr3);

#endif
