/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One access of the guest on its way: access.c and cross.c make it, answer.c
 * does what the engine says about its faults, as a VMM would.
 */
#ifndef GN_TESTS_DIFF_ACCESS_H
#define GN_TESTS_DIFF_ACCESS_H

#include "tests/diff/world.h"

/* Faults that one access may take before we call it stuck. */
#define ACCESS_TRIES 24

struct attempt {
	struct world *w;
	unsigned vcpu;
	uint64_t gva;
	uint32_t access;
	unsigned bytes;
	uint64_t bits;		/* randomness for this access */
	struct ref_result ref;	/* the tables as they are before the fault */
	struct attempt *pair;	/* the other page of a store across two */
	uint32_t asked;		/* access of the fault under way */
	bool walk;		/* it is the processor's own, to a table */
	bool nested;		/* a nested violation: its TLB knew the gpa */
	uint64_t answered;	/* the gpa of the outcome, as it was given */
	bool injected;
};

/* Both answers are right: a slot on the path is going. */
bool attempt_path_leaving(const struct attempt *a);
/* A or D cannot be stored: what then happens is the host's doing. */
bool attempt_path_read_only(const struct attempt *a);
/* What to store: an entry where a table is, else anything. */
uint64_t attempt_value(const struct attempt *a, uint64_t gpa);
/* The guest's store reached memory. */
void attempt_stored(struct attempt *a, uint64_t gpa);
/* The processor reached an hpa: was that right? */
bool attempt_reached(struct attempt *a, const struct hw_result *hw);
/* One try of a vcpu in mode AGILE; true when the access is over. */
bool attempt_agile(struct attempt *a);
/* Tell the engine of the fault and obey; true when the access is over. */
bool attempt_fault(struct attempt *a, const struct hw_result *hw,
		   uint64_t gpa, bool table_walk);

#endif
