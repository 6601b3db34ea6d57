/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A process-level recording played on the guest kernel model: what programs
 * asked of their kernel becomes what the model does to its page tables.
 *
 * Two passes over the recording: the first, sim_play_plan(), finds how large
 * the files and the memory must be; the second, sim_play_event(), drives the
 * kernel. Whatever the recording does not say (a mapping that was there
 * before, a stack that grew, the parent of a process) is filled in, and
 * counted. No event makes it fail; the kernel can, when its memory is
 * exhausted.
 */
#ifndef SIM_KERN_PLAY_H
#define SIM_KERN_PLAY_H

#include "sim/kern.h"

struct sim_play;

/* What the recording left open, and what became of it. */
struct sim_play_counts {
	uint64_t touches;	/* accesses and faults of programs */
	uint64_t adopted;	/* of those: no mapping was known; got a page */
	uint64_t widened;	/* of those: succeeded against the mapping */
	uint64_t refused;	/* of those: faults that stayed */
	uint64_t grown;		/* of those: below a stack, which grew */
	uint64_t spawned;	/* processes that came out of nowhere */
	uint64_t ignored;	/* events with an impossible range */
};

struct sim_play *sim_play_new(void);	/* NULL: out of memory */
void sim_play_free(struct sim_play *play);	/* NULL is fine */

/* The first pass; false when memory is short. */
bool sim_play_plan(struct sim_play *play, const struct sim_event *ev);
/* Raise memory and vcpus to what the planned events need. */
void sim_play_config(const struct sim_play *play,
		     struct sim_kern_config *config);

/*
 * The second pass: puts the planned files into the page cache of a kernel that
 * has booted. Call again for another kernel, after the first is destroyed.
 */
void sim_play_start(struct sim_play *play, struct sim_kern *k);
void sim_play_event(struct sim_play *play, const struct sim_event *ev);
/* What was still waiting for its next event. */
void sim_play_end(struct sim_play *play);

struct sim_play_counts sim_play_counts(const struct sim_play *play);

#endif
