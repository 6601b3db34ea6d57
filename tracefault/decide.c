/* SPDX-License-Identifier: BSD-2-Clause */
#include "tracefault/decide.h"

enum gn_tf_verdict gn_tf_decide_fault(const struct gn_tf_record *record,
				      uint32_t access)
{
	/* No kernel lets user code write a live table. */
	if ((access & GNOMON_USER) && !record->pinned) {
		return GN_TF_GIVE_UP;
	}
	return GN_TF_FOLLOW;
}

/* One, two, four or eight bytes inside one entry, naturally aligned. */
static bool plausible(uint32_t offset, uint32_t bytes, uint32_t entry_bytes)
{
	return bytes <= entry_bytes && (bytes & (bytes - 1)) == 0 &&
	       (offset & (bytes - 1)) == 0;
}

enum gn_tf_verdict gn_tf_decide_store(struct gn_tf_record *record,
				      const struct gn_tf_limits *limits,
				      uint32_t offset, uint32_t bytes,
				      uint32_t entry_bytes)
{
	uint16_t limit = record->upper ? limits->upper_writes
				       : limits->leaf_writes;

	if (record->writes < UINT16_MAX) {
		record->writes++;
	}
	if (record->pinned) {
		return GN_TF_FOLLOW;
	}
	if (!plausible(offset, bytes, entry_bytes)) {
		return GN_TF_GIVE_UP;
	}
	return limit && record->writes > limit ? GN_TF_GIVE_UP : GN_TF_FOLLOW;
}
