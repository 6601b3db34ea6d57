/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page walks that go on beside other work: pwc.walkers of them at once, while
 * the core runs up to core.window instructions ahead of the oldest one. What
 * is charged is the time that the core stands still. Accesses count as
 * independent of each other; a chain of pointers hides less than this says.
 * With core.window 0 the core waits for each walk.
 */
#ifndef SIM_OVERLAP_H
#define SIM_OVERLAP_H

#include <stdint.h>

enum { SIM_WALKERS_MAX = 16 };

struct sim_vcpu;

struct sim_overlap {
	uint64_t end[SIM_WALKERS_MAX];	/* clock; a ring, oldest first */
	uint64_t at[SIM_WALKERS_MAX];	/* instruction that waits for it */
	unsigned first, count;
	uint64_t instr;		/* done so far */
};

/* A walk of so many cycles begins. */
void sim_overlap_walk(struct sim_vcpu *vcpu, uint64_t cycles);
/* Instructions follow; stops where the oldest walk is too far behind. Returns
 * how many are left to be charged by the caller. */
uint64_t sim_overlap_compute(struct sim_vcpu *vcpu, uint64_t instructions);
/* Whatever serialises the core: all walks end first. */
void sim_overlap_drain(struct sim_vcpu *vcpu);

#endif
