/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Both dimensions at once: what the CPU reads, in order, to translate a gva
 * through the guest's tables when each of their addresses is a gpa itself.
 * With g guest and h nested levels on the way that is g(h+1)+h entries.
 */
#ifndef NESTED_WALK2D_H
#define NESTED_WALK2D_H

#include "guestpt/walk.h"
#include "nested/nested.h"

#define GN_NP_REFS_MAX (GN_NP_LEVELS * (GN_NP_LEVELS + 1) + GN_NP_LEVELS)

/* One entry read. */
struct gn_np_ref {
	gnomon_hpa_t hpa;
	uint8_t guest_level;	/* of the gpte under way; 0: the final gpa */
	uint8_t nested_level;	/* of the npte; 0: this is the gpte */
};

struct gn_np_walk2d {
	gnomon_hpa_t hpa;	/* OK: of the byte at gva */
	gnomon_gpa_t gpa;	/* OK: of gva; ABSENT: that nested denies */
	uint8_t page_shift;	/* OK: of the smaller of the two leaves */
	bool table_walk;	/* ABSENT: gpa is that of a gpte */
	uint32_t access;	/* ABSENT: as gn_np_fault() wants it */
	uint32_t error_code;	/* FAULT */
	uint8_t refs;
	struct gn_np_ref ref[GN_NP_REFS_MAX];
	struct gn_gpt_walk guest; /* OK and FAULT */
};

/*
 * Translate gva for access (enum gnomon_access). GNOMON_OK; GNOMON_FAULT and
 * GNOMON_GP: the guest's own tables refuse; GNOMON_ABSENT: a nested violation
 * or misconfiguration. A gpte's address is walked for a write, because the
 * CPU may set A and D in it. Changes nothing.
 */
enum gnomon_status gn_np_walk2d(const struct gn_np *np,
				const struct gn_gpt_ctx *ctx,
				const struct gn_mem *mem, gnomon_gva_t gva,
				uint32_t access, struct gn_np_walk2d *out)
	GNOMON_MUST_USE;

#endif
