/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nested tables on the fake host, and a second walker for them that knows
 * the vendors' bits by heart and reads the pages by their hpa.
 *
 * Guest memory: 64M at 0, the upper half in 2M blocks; 1G at 1G in one block.
 */
#ifndef GN_TESTS_NESTED_NPFIX_H
#define GN_TESTS_NESTED_NPFIX_H

#include "nested/nested.h"
#include "tests/support/fakehost.h"

#define NPFIX_BLOCKS (FH_SMALL_FRAMES / 2) /* first gfn in 2M blocks */

struct npfix {
	struct fakehost *fh;
	struct gn_pool pool;
	struct gn_slots slots;
	struct gn_np np;
};

/* Aborts when anything fails. */
void npfix_open(struct npfix *fix, const struct gn_np_format *format,
		unsigned levels, unsigned leaf_levels, uint32_t tables_max);
/* Complaints of the fake host and the pool; 0 is good. */
unsigned npfix_close(struct npfix *fix);

struct gnomon_outcome npfix_fault(struct npfix *fix, uint64_t gfn,
				  uint32_t access);
/* Null, or the first broken rule of the full audit. */
const char *npfix_audit(struct npfix *fix);
bool npfix_unmap(struct npfix *fix, uint64_t first, uint64_t frames);
bool npfix_protect(struct npfix *fix, uint64_t first, uint64_t frames);

/* What the CPU would find. */
struct npfix_seen {
	bool present;
	bool bad;
	bool writable;
	unsigned level;
	unsigned refs;
	uint64_t hfn;
	uint64_t *entry;	/* the last one read */
};
struct npfix_seen npfix_look(struct npfix *fix, uint64_t gfn);

#endif
