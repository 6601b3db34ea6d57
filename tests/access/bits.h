/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every influence on an access as one bit of a 64-bit combination. Entry bits
 * exist once per level: P1 is P of the level-1 entry. Letters mean
 *
 *	x86		P W U, N = NX, A D, R = a reserved address bit,
 *			L = a reserved low bit of a large leaf, S = PS
 *	RISC-V		P = V, W U, N = X (granted!), A D, R = a reserved high
 *			bit, L = a misaligning frame bit, S = R (readable)
 */
#ifndef TESTS_ACCESS_BITS_H
#define TESTS_ACCESS_BITS_H

#include <stdint.h>

enum entry_bit {
	E_P, E_W, E_U, E_N, E_A, E_D, E_R, E_L, E_S,
	E_BITS,
};

enum {
	LEVELS_MAX = 5,
	/* Registers and capabilities. */
	B_WP = E_BITS * LEVELS_MAX, B_NXE, B_SMEP, B_SMAP, B_AC,
	B_PKE, B_KEY, B_AD, B_WD,	/* KEY: leaf has key 3, else 0 */
	B_1G, B_PSE,
	B_SUM, B_MXR, B_ADUE,
	/* The access. */
	B_WRITE, B_FETCH, B_USER, B_IMPLICIT,
	B_COUNT,
};

enum format {
	F_32BIT, F_PAE, F_LONG4, F_LONG5, F_SV39, F_SV48,
	FORMATS,
};

static inline unsigned entry_bit(unsigned level, enum entry_bit b)
{
	return (level - 1) * E_BITS + b;
}

static inline int has(uint64_t bits, unsigned bit)
{
	return bits >> bit & 1;
}

/* What should happen, told without reference to any code under test. */
struct prediction {
	int permitted;
	uint32_t error;		/* of the fault */
	unsigned level;		/* of the leaf or the entry that faulted */
	unsigned accessed;	/* bit l: the entry at level l has A after */
	unsigned dirty;		/* likewise D */
	int write, user, fetch;	/* rights of the path, when permitted */
};

unsigned format_levels(enum format f);
struct prediction predict(enum format f, uint64_t bits);

#endif
