/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Privileged instructions and architectural constants.
 */
#ifndef VMM_CPU_H
#define VMM_CPU_H

#include <stdint.h>

#define BIT(n) (UINT64_C(1) << (n))

enum {
	CR0_PE = 1u << 0,
	CR0_MP = 1u << 1,
	CR0_TS = 1u << 3,
	CR0_ET = 1u << 4,
	CR0_NE = 1u << 5,
	CR0_WP = 1u << 16,
	CR0_PG = 1u << 31,
	CR4_PSE = 1u << 4,
	CR4_PAE = 1u << 5,
	CR4_PGE = 1u << 7,
	CR4_LA57 = 1u << 12,
	CR4_PCIDE = 1u << 17,
	CR4_OSXSAVE = 1u << 18,
	CR4_SMEP = 1u << 20,
	CR4_SMAP = 1u << 21,
	EFER_LME = 1u << 8,
	EFER_LMA = 1u << 10,
	EFER_NXE = 1u << 11,
	EFER_SVME = 1u << 12,
	RFLAGS_CF = 1u << 0,
	RFLAGS_ZF = 1u << 6,
	RFLAGS_TF = 1u << 8,
	RFLAGS_IF = 1u << 9,
	RFLAGS_DF = 1u << 10,
	RFLAGS_AC = 1u << 18,
	/* What arithmetic changes: CF PF AF ZF SF OF. */
	RFLAGS_STATUS = 0x8d5,
};

enum {
	MSR_APIC_BASE = 0x1b,
	MSR_EFER = 0xc0000080,
	MSR_FS_BASE = 0xc0000100,
	MSR_GS_BASE = 0xc0000101,
	MSR_VM_CR = 0xc0010114,
	MSR_VM_HSAVE_PA = 0xc0010117,
};

enum { VEC_DB = 1, VEC_UD = 6, VEC_DF = 8, VEC_GP = 13, VEC_PF = 14 };

enum { PF_P = 1, PF_W = 2, PF_U = 4, PF_RSVD = 8, PF_I = 16 };

static inline void outb(uint16_t port, uint8_t v)
{
	__asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

static inline void outw(uint16_t port, uint16_t v)
{
	__asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port));
}

static inline void outl(uint16_t port, uint32_t v)
{
	__asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline uint16_t inw(uint16_t port)
{
	uint16_t v;

	__asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline uint32_t inl(uint16_t port)
{
	uint32_t v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline uint64_t rdmsr(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (uint64_t)high << 32 | low;
}

static inline void wrmsr(uint32_t msr, uint64_t v)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)v),
			 "d"((uint32_t)(v >> 32)));
}

static inline void write_cr4(uint64_t v)
{
	__asm__ volatile("mov %0, %%cr4" : : "r"(v) : "memory");
}

struct cpuid {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(uint32_t leaf, uint32_t sub)
{
	struct cpuid c;

	__asm__ volatile("cpuid" : "=a"(c.eax), "=b"(c.ebx), "=c"(c.ecx),
			 "=d"(c.edx) : "a"(leaf), "c"(sub));
	return c;
}

#endif
