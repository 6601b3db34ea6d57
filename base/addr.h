/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arithmetic on typed addresses. Nothing here knows about tables.
 */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include "gnomon/gnomon.h"

static inline gnomon_gva_t gn_gva(uint64_t v)
{
	return (gnomon_gva_t){ v };
}

static inline gnomon_gpa_t gn_gpa(uint64_t v)
{
	return (gnomon_gpa_t){ v };
}

static inline gnomon_hpa_t gn_hpa(uint64_t v)
{
	return (gnomon_hpa_t){ v };
}

static inline gnomon_gfn_t gn_gfn(uint64_t v)
{
	return (gnomon_gfn_t){ v };
}

static inline gnomon_hfn_t gn_hfn(uint64_t v)
{
	return (gnomon_hfn_t){ v };
}

static inline gnomon_gfn_t gn_gpa_gfn(gnomon_gpa_t gpa)
{
	return (gnomon_gfn_t){ gpa.v >> GNOMON_PAGE_SHIFT };
}

static inline gnomon_gpa_t gn_gfn_gpa(gnomon_gfn_t gfn)
{
	return (gnomon_gpa_t){ gfn.v << GNOMON_PAGE_SHIFT };
}

static inline gnomon_hpa_t gn_hfn_hpa(gnomon_hfn_t hfn)
{
	return (gnomon_hpa_t){ hfn.v << GNOMON_PAGE_SHIFT };
}

/* Frames in a leaf at level (1 = 4K, 2 = 2M, 3 = 1G), 512-entry tables. */
static inline uint64_t gn_level_frames(unsigned level)
{
	return UINT64_C(1) << (9 * (level - 1));
}

#endif
