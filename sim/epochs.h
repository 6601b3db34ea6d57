/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a run does and costs, by address space and epoch, and the best that
 * could have been done: for each address space the cheapest sequence of modes,
 * found by dynamic programming over the recorded costs of fixed modes.
 *
 * An epoch is a fixed number of events of the input, so that epochs of runs
 * under different modes hold the same life. A space is the table that CR3
 * names; what happens while it is loaded is its cost.
 *
 * Assumed: what a mode costs in an epoch does not depend on the modes of
 * earlier epochs or other spaces, but for the price of a change. A change to
 * a shadow mode costs a CR3 load that leaves the guest and the hidden faults
 * that fill again what the shadow run had filled by then; a change to nested
 * costs the exit of a CR3 load.
 */
#ifndef SIM_EPOCHS_H
#define SIM_EPOCHS_H

#include "sim/guest.h"
#include "sim/run.h"

enum {
	SIM_EPOCH_EVENTS = 4096,
	SIM_EPOCH_FILLS = 8,	/* sptes that a hidden fault fills */
};

/* What one space cost in one epoch. */
struct sim_epoch {
	uint64_t space;
	uint64_t number;
	uint64_t cycles[SIM_CAT_COUNT];
	int64_t filled;		/* leaf sptes that came, less those that went */
	/* Of the cycles, those that ended with shadow tables loaded. */
	uint64_t shadowed;
};

/* What an epoch had, all spaces together. */
enum sim_epoch_count {
	SIM_EPOCH_STORES,	/* into page tables, in the input */
	SIM_EPOCH_CR3_LOADS,	/* in the input */
	SIM_EPOCH_MISSES,	/* of the TLB */
	SIM_EPOCH_EXITS,
	SIM_EPOCH_HIDDEN,	/* hidden faults */
	SIM_EPOCH_TRACE,	/* trace faults */
	SIM_EPOCH_VIOLATIONS,	/* nested ones */
	SIM_EPOCH_SWITCHES,	/* decisions of a policy carried out */
	SIM_EPOCH_COUNTS
};

/* One run, cell by cell; zero is empty. */
struct sim_epochs {
	struct sim_epoch *list;
	size_t count;
	size_t capacity;
	size_t first;		/* of the cells of the epoch under way */
	bool failed;		/* no memory */
	/* By number of the epoch; `ran` of them. */
	uint64_t (*counts)[SIM_EPOCH_COUNTS];
	size_t ran;
	size_t counts_room;
	uint64_t before[SIM_EPOCH_COUNTS]; /* as of the last epoch's end */
	uint64_t stores, cr3_loads;	/* so far */
	uint64_t number;
	/* Where the last cell of a vcpu ended. */
	uint64_t seen[GNOMON_VCPUS_MAX][SIM_CAT_COUNT];
	uint64_t sptes;
	uint64_t price[SIM_CAT_COUNT];	/* of a change to nested */
	uint64_t hidden[SIM_CAT_COUNT];	/* of a hidden fault */
};

void sim_epochs_free(struct sim_epochs *epochs);

struct sim_event;

/* Before an event is replayed; number counts from 0. */
void sim_epochs_event(struct sim_epochs *epochs, struct sim_guest *guest,
		      const struct sim_event *event, uint64_t number);
/* After the last event. */
void sim_epochs_end(struct sim_epochs *epochs, struct sim_guest *guest);

/*
 * The optimum over `count` runs of the same input, with a shadow mode or not
 * by shadow[]. Fills in mode, cycles and their causes of *best, which the
 * caller has copied from one of the runs; events that it cannot know become 0.
 * False: the runs do not match, or no memory.
 */
bool sim_optimal(const struct sim_epochs *const runs[], const bool shadow[],
		 size_t count, struct sim_result *best);

#endif
