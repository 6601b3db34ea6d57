/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The least a translation can cost: a two-level TLB without counters, rights
 * or charges, and behind it the dependent loads of a walk over the same tables
 * that the simulator walks: 4 of them, or 24 with nested tables and no walk
 * caches.
 */
#ifndef BENCH_BARE_H
#define BENCH_BARE_H

#include "sim/guest.h"

enum { BARE_L1_SETS = 16, BARE_L1_WAYS = 4, BARE_L2_SETS = 128,
       BARE_L2_WAYS = 8 };

struct bare {
	const struct sim_guest *guest;
	uint64_t l1_tag[BARE_L1_SETS][BARE_L1_WAYS];
	uint64_t l1_data[BARE_L1_SETS][BARE_L1_WAYS];
	uint64_t l2_tag[BARE_L2_SETS][BARE_L2_WAYS];
	uint64_t l2_data[BARE_L2_SETS][BARE_L2_WAYS];
	uint8_t l1_next[BARE_L1_SETS], l2_next[BARE_L2_SETS];
	uint64_t sum;		/* of what was translated, so that it is */
};

void bare_init(struct bare *bare, const struct sim_guest *guest);
void bare_done(struct bare *bare);
void bare_run(struct bare *bare, const uint64_t *gva, uint64_t addresses,
	      uint64_t count);

#endif
