/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bits of the guest's processor, for the simulator. The judge and the oracle
 * have their own: a wrong one here must not be wrong there.
 */
#ifndef SIM_X86_H
#define SIM_X86_H

#include <stdint.h>

enum {
	PTE_P = 1u << 0, PTE_W = 1u << 1, PTE_U = 1u << 2, PTE_A = 1u << 5,
	PTE_D = 1u << 6, PTE_PS = 1u << 7, PTE_G = 1u << 8,
};
#define PTE_NX (UINT64_C(1) << 63)

enum {
	CR0_WP = 1u << 16,
	CR4_PGE = 1u << 7, CR4_LA57 = 1u << 12, CR4_PCIDE = 1u << 17,
	CR4_SMEP = 1u << 20, CR4_SMAP = 1u << 21, CR4_PKE = 1u << 22,
	EFER_LMA = 1u << 10, EFER_NXE = 1u << 11,
	/* Of the table that CR3 names, without LA57; no leaf is that high. */
	ROOT_LEVEL = 4,
};
/* gpa of the table, in CR3 as in an entry. */
#define CR3_TABLE UINT64_C(0x000ffffffffff000)

#endif
