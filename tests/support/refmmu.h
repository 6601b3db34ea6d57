/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A naive x86 MMU: what a processor answers for the guest's own tables,
 * written from the architecture and not from guestpt/. It sees memory through
 * a callback that may offer more than one value per entry: with the values
 * that an entry has had since the last flush it enumerates what a TLB may
 * hold.
 */
#ifndef GN_TESTS_SUPPORT_REFMMU_H
#define GN_TESTS_SUPPORT_REFMMU_H

#include "gnomon/gnomon.h"

#ifndef X86_PTE_P	/* a test that looks inside has the engine's */
#define X86_PTE_P UINT64_C(0x001)
#define X86_PTE_W UINT64_C(0x002)
#define X86_PTE_U UINT64_C(0x004)
#define X86_PTE_A UINT64_C(0x020)
#define X86_PTE_D UINT64_C(0x040)
#define X86_PTE_PS UINT64_C(0x080)
#define X86_PTE_G UINT64_C(0x100)
#define X86_PTE_NX (UINT64_C(1) << 63)
#endif

#define X86_CR0_PE UINT64_C(0x1)
#define X86_CR0_WP UINT64_C(0x10000)
#define X86_CR0_PG UINT64_C(0x80000000)
#define X86_CR4_PSE UINT64_C(0x10)
#define X86_CR4_PAE UINT64_C(0x20)
#define X86_CR4_PGE UINT64_C(0x80)
#define X86_CR4_LA57 UINT64_C(0x1000)
#define X86_CR4_PCIDE UINT64_C(0x20000)
#define X86_CR4_SMEP UINT64_C(0x100000)
#define X86_CR4_SMAP UINT64_C(0x200000)
#define X86_CR4_PKE UINT64_C(0x400000)
#define X86_EFER_LME UINT64_C(0x100)
#define X86_EFER_LMA UINT64_C(0x400)
#define X86_EFER_NXE UINT64_C(0x800)

#define X86_PF_P 1u
#define X86_PF_W 2u
#define X86_PF_U 4u
#define X86_PF_RSVD 8u
#define X86_PF_ID 16u
#define X86_PF_PK 32u

struct ref_step {
	uint64_t gpa;		/* of the entry: of memory */
	uint64_t seen;		/* as the guest names it */
	uint64_t value;		/* as read */
	uint64_t set;		/* A and D that a success adds */
	uint8_t bytes;
};

struct ref_result {
	enum gnomon_status status; /* OK, FAULT, ABSENT (table not RAM) */
	uint32_t code;		/* FAULT */
	uint64_t gpa;		/* OK: of memory */
	uint64_t seen;		/* as the guest names it */
	uint8_t shift;		/* OK: of the page */
	bool global;
	/* OK or a forbidden access: what the path grants, and the key. */
	bool write, user, nx;
	uint8_t key;
	uint8_t steps;
	struct ref_step step[GNOMON_MAX_LEVELS];
};

#define REF_VERSIONS 24

struct ref_mmu {
	struct gnomon_caps caps;
	/* Values that the entry at gpa may have, at most REF_VERSIONS; 0 when
	 * there is no memory there. */
	unsigned (*read)(void *arg, uint64_t gpa, unsigned bytes,
			 uint64_t *values);
	/* The memory at a guest's gpa; null: the same. */
	uint64_t (*memory)(const void *arg, uint64_t gpa);
	void *arg;
};

/* Levels of the guest's tables: 0 (no paging), 2, 3 (PAE), 4 or 5. */
unsigned ref_levels(const struct gnomon_regs *regs);
bool ref_canonical(const struct gnomon_regs *regs, uint64_t gva);

/* The walk with the first value that read() offers. */
void ref_walk(const struct ref_mmu *mmu, const struct gnomon_regs *regs,
	      uint64_t gva, uint32_t access, struct ref_result *out);

/*
 * All walks that succeed with access, until accept() says true. Returns
 * whether it did.
 */
bool ref_search(const struct ref_mmu *mmu, const struct gnomon_regs *regs,
		uint64_t gva, uint32_t access,
		bool (*accept)(void *arg, const struct ref_result *result),
		void *arg);

/* May registers old, loaded before, become next in one step? */
bool ref_change_legal(const struct gnomon_regs *old,
		      const struct gnomon_regs *next);
/* May these registers be loaded together? */
bool ref_regs_legal(const struct gnomon_caps *caps,
		    const struct gnomon_regs *regs);

#endif
