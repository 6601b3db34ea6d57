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

/*
 * Several may put at once: each takes a place, then fills it. The place is
 * free, for the one who empties it says so after that.
 */
static void ring_put(const struct gn_dirty_log *log, uint64_t gfn)
{
	struct gnomon_dirty_ring *ring = log->ring;
	uint32_t put = __atomic_load_n(&ring->put, __ATOMIC_RELAXED);

	do {
		uint32_t used = put - __atomic_load_n(&ring->taken,
						      __ATOMIC_ACQUIRE);

		/* Below 0: put is old, and the exchange will say so. */
		if (used >= log->ring_size && used <= INT32_MAX) {
			__atomic_fetch_add(&ring->lost, 1, __ATOMIC_RELEASE);
			return;
		}
	} while (!__atomic_compare_exchange_n(&ring->put, &put, put + 1, true,
					      __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	__atomic_store_n(&ring->entry[put & (log->ring_size - 1)], gfn + 1,
			 __ATOMIC_RELEASE);
}

bool gnomon_dirty_ring_take(struct gnomon_dirty_ring *ring, gnomon_gfn_t *gfn)
{
	uint64_t *place = &ring->entry[ring->taken & (ring->size - 1)];
	uint64_t entry = __atomic_load_n(place, __ATOMIC_ACQUIRE);

	if (entry == 0) {
		return false;
	}
	__atomic_store_n(place, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&ring->taken, ring->taken + 1, __ATOMIC_RELEASE);
	gfn->v = entry - 1;
	return true;
}

void gn_dirty_mark_slow(const struct gn_dirty *dirty, uint64_t gfn)
{
	for (uint32_t i = 0; dirty->count && i < GN_DIRTY_LOGS; i++) {
		const struct gn_dirty_log *log = &dirty->log[i];
		uint64_t at = gfn - log->first, before;

		if (at >= log->frames) {
			continue;
		}
		before = __atomic_fetch_or(&log->bits[at / 64],
					   GN_BIT(at % 64), __ATOMIC_ACQ_REL);
		if (log->ring && !(before & GN_BIT(at % 64))) {
			ring_put(log, gfn);
		}
	}
}
