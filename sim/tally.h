/* SPDX-License-Identifier: BSD-2-Clause */
/* How many events of each type a recording holds, marker by marker. */
#ifndef SIM_TALLY_H
#define SIM_TALLY_H

#include "sim/rec.h"

enum {
	/* More markers than this share the last interval. */
	SIM_TALLY_INTERVALS_MAX = 256,
};

struct sim_tally_interval {
	bool has_marker;	/* false: before the first marker */
	uint64_t marker;	/* that begins it */
	uint64_t first_instr;
	uint64_t last_instr;	/* of its last event */
	uint64_t events;	/* all types */
	uint64_t count[SIM_EV_TYPE_END];
	uint64_t reads;		/* accesses, by kind */
	uint64_t writes;
	uint64_t fetches;
	uint64_t user;		/* accesses at CPL 3 */
	uint64_t kept;		/* table stores that are accesses too */
};

struct sim_tally {
	struct sim_tally_interval all;
	size_t interval_count;
	struct sim_tally_interval interval[SIM_TALLY_INTERVALS_MAX];
};

/*
 * Counts all events from the start of `r`.  On a failure the tally holds
 * what came before it.  `progress` may be NULL.
 */
enum sim_rec_status sim_tally(struct sim_rec_reader *r, struct sim_tally *t,
			      void (*progress)(void *arg, uint64_t events),
			      void *arg);

#endif
