/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bit ranges and alignment.
 */
#ifndef BASE_BITS_H
#define BASE_BITS_H

#include <stdbool.h>
#include <stdint.h>

#define GN_BIT(n) (UINT64_C(1) << (n))

/* Bits hi..lo set, both included; empty when hi < lo. */
static inline uint64_t gn_mask(unsigned hi, unsigned lo)
{
	if (hi < lo || lo > 63) {
		return 0;
	}
	return (hi >= 63 ? ~UINT64_C(0) : GN_BIT(hi + 1) - 1) &
	       ~(GN_BIT(lo) - 1);
}

/* align is a power of two. */
static inline uint64_t gn_align_down(uint64_t v, uint64_t align)
{
	return v & ~(align - 1);
}

static inline bool gn_is_aligned(uint64_t v, uint64_t align)
{
	return (v & (align - 1)) == 0;
}

#endif
