/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/dirty.h"

#include "base/bits.h"

bool gn_dirty_logged(const struct gn_dirty *dirty, uint64_t first,
		     uint64_t frames)
{
	for (uint32_t i = 0; dirty->count && i < GN_DIRTY_LOGS; i++) {
		const struct gn_dirty_log *log = &dirty->log[i];

		if (log->frames && first < log->first + log->frames &&
		    log->first < first + frames) {
			return true;
		}
	}
	return false;
}

bool gn_dirty_clean_slow(const struct gn_dirty *dirty, uint64_t gfn)
{
	for (uint32_t i = 0; dirty->count && i < GN_DIRTY_LOGS; i++) {
		const struct gn_dirty_log *log = &dirty->log[i];
		uint64_t at = gfn - log->first;

		if (at < log->frames &&
		    !(__atomic_load_n(&log->bits[at / 64], __ATOMIC_RELAXED) &
		      GN_BIT(at % 64))) {
			return true;
		}
	}
	return false;
}

void gn_dirty_mark_slow(const struct gn_dirty *dirty, uint64_t gfn)
{
	for (uint32_t i = 0; dirty->count && i < GN_DIRTY_LOGS; i++) {
		const struct gn_dirty_log *log = &dirty->log[i];
		uint64_t at = gfn - log->first;

		if (at < log->frames) {
			__atomic_fetch_or(&log->bits[at / 64],
					  GN_BIT(at % 64), __ATOMIC_ACQ_REL);
		}
	}
}
