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
