/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What to do about a store to a traced frame: follow it entry by entry, or
 * stop shadowing the frame because it has become something else. A table that
 * the guest has freed and uses for data, or rewrites as a whole (fork, exec,
 * memset), costs less when it is dropped and shadowed anew on its next use.
 *
 * These are guesses about the guest and decide speed only.
 */
#ifndef TRACEFAULT_DECIDE_H
#define TRACEFAULT_DECIDE_H

#include "tracefault/trace.h"

struct gn_tf_limits {
	/* Traced stores without a use of the table in between; 0 = any. */
	uint16_t leaf_writes;
	uint16_t upper_writes;
};

enum gn_tf_verdict {
	GN_TF_FOLLOW = 0,	/* the VMM emulates it; update the shadows */
	GN_TF_GIVE_UP,		/* drop every shadow page of the frame */
};

/* At the fault: only who stores and where is known yet. */
static inline enum gn_tf_verdict
gn_tf_decide_fault(const struct gn_tf_record *record, uint32_t access)
{
	/* No kernel lets user code write a live table. */
	return (access & GNOMON_USER) && !record->pinned ? GN_TF_GIVE_UP
							 : GN_TF_FOLLOW;
}

/*
 * After the store of bytes at offset in the frame; counts it. entry_bytes is
 * the size of the table's entries.
 */
static inline enum gn_tf_verdict
gn_tf_decide_store(struct gn_tf_record *record,
		   const struct gn_tf_limits *limits, uint32_t offset,
		   uint32_t bytes, uint32_t entry_bytes)
{
	uint16_t limit = record->upper ? limits->upper_writes
				       : limits->leaf_writes;
	/* One, two, four or eight bytes of one entry, naturally aligned. */
	bool plausible = bytes <= entry_bytes && (bytes & (bytes - 1)) == 0 &&
			 (offset & (bytes - 1)) == 0;

	if (record->writes < UINT16_MAX) {
		record->writes++;
	}
	if (record->pinned) {
		return GN_TF_FOLLOW;
	}
	return !plausible || (limit && record->writes > limit)
		       ? GN_TF_GIVE_UP
		       : GN_TF_FOLLOW;
}

/* The table was walked for a fill, by several vcpus at once perhaps. */
static inline void gn_tf_used(struct gn_tf_record *record)
{
	/* Stores so far were updates. Shared lines are not written in vain. */
	if (__atomic_load_n(&record->writes, __ATOMIC_RELAXED)) {
		__atomic_store_n(&record->writes, 0, __ATOMIC_RELAXED);
	}
}

#endif
