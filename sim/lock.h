/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What vcpus wait for each other. The VMM has one lock for a vm's tables; what
 * an exit costs the VMM, interrupts to other vcpus included, is spent under it.
 *
 * While a run goes on, each exit is written down: how long its vcpu ran before,
 * how long it held the lock, and on which side, as the engine asked for it.
 * Afterwards all vcpus start at once and go through their exits in the order
 * of their clocks, first come, first served. One that waits is not in the guest
 * and needs no interrupt to flush its TLB, so that what an interrupt to it and
 * its exit were charged is given back. So waiting does not depend on how
 * the input mixes the vcpus, and an input must not depend on waiting: what one
 * vcpu waits for another in the guest is not in the model.
 */
#ifndef SIM_LOCK_H
#define SIM_LOCK_H

#include <gnomon/gnomon.h>
#include <stddef.h>

struct sim_guest;

enum sim_lock_kind {
	SIM_LOCK_NONE,
	SIM_LOCK_ONE,		/* every change of tables excludes all others */
	SIM_LOCK_SHARED,	/* shared where the engine takes it shared */
};

enum sim_lock_side {
	SIM_SIDE_FREE,		/* not taken */
	SIM_SIDE_SHARED,
	SIM_SIDE_EXCLUSIVE,
};

/* One exit. */
struct sim_hold {
	uint64_t before;	/* cycles since the last one */
	uint32_t held;
	uint16_t side;		/* enum sim_lock_side */
	uint16_t kicks;		/* interrupts to others meanwhile */
	uint64_t targets;	/* which vcpus got them */
};

struct sim_holds {
	struct sim_hold *hold;	/* the last one is under way */
	size_t count, room;	/* in the guest's arena */
	uint64_t total, under;	/* clock and VMM time at the last exit */
	uint64_t kicking;	/* cycles spent on flushes for others */
};

struct sim_lock {
	enum sim_lock_kind kind;
	bool failed;		/* no memory: nothing is known */
	struct sim_holds vcpu[GNOMON_VCPUS_MAX];
	uint64_t waits, wait_cycles;
};

/* Fills the host's lock callbacks; nothing is written down with one vcpu. */
void sim_lock_init(struct sim_guest *guest);
/* An exit of the vcpu begins. */
void sim_lock_exit(struct sim_guest *guest, unsigned vcpu);
/* The exit under way found that the fault is the guest's own. */
void sim_lock_not_needed(struct sim_guest *guest, unsigned vcpu);
/*
 * The end of the run: charges each vcpu with what it waited. False: out of
 * memory, guest->error says so.
 */
bool sim_lock_settle(struct sim_guest *guest);

/* An interrupt to another vcpu, under the lock. */
void sim_lock_kick(struct sim_guest *guest, unsigned target);
/* Cycles of a flush, under the lock. */
void sim_lock_flush(struct sim_guest *guest, uint64_t cycles);

/* ---- for tests ---- */

/* What the side-by-side run of the vcpus changes for each of them. */
struct sim_lock_bill {
	uint64_t waited;	/* cycles, handing over included */
	uint64_t waits;
	uint64_t spared_kicks;	/* of its own interrupts, not needed */
	uint64_t spared_exits;	/* of its exits by others' interrupts */
};

/* handoff: cycles on top for one that had to wait; ipi: price of a kick. */
void sim_lock_run(const struct sim_lock *lock, unsigned vcpus,
		  uint64_t handoff, uint64_t ipi, struct sim_lock_bill *bill);

#endif
