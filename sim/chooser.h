/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A policy at work in the simulated VMM: what it is told, how its decisions
 * are carried out, and what looking costs.
 *
 * While a vcpu is in the VMM and CR3 loads come there, the counters are read
 * (READ cycles). On nested tables nothing leaves the guest, so a counter of
 * the cycles in nested walks interrupts it whenever it has counted `period`:
 * one exit and the price of a fault that needed nothing. SHSP is woken once an
 * interval instead.
 */
#ifndef SIM_CHOOSER_H
#define SIM_CHOOSER_H

#include <gnomon/policy.h>

#include "sim/guest.h"

#define SIM_SHSP_INTERVAL 10000000u	/* cycles: 4 ms at 2.5 GHz */

/* Counters of a vcpu as of the last look. */
struct sim_chooser_seen {
	uint64_t misses;
	uint64_t nested_cycles;
	uint64_t clock;		/* SHSP: at the last tick */
};

struct sim_chooser {
	struct gnomon_policy *policy;
	bool by_interval;	/* SHSP: goes by the counters alone */
	bool ticks;		/* is woken at the end of intervals */
	bool leaves;		/* ADAPTIVE_HW: wants to know of tables */
	uint64_t period;	/* cycles in nested walks, or of an interval */
	uint64_t faults;	/* SHSP: guest page faults, all vcpus */
	struct sim_chooser_seen seen[GNOMON_VCPUS_MAX];
};

/* After the vm is made, before its vcpus are. */
bool sim_chooser_init(struct sim_guest *guest);

/* The vcpu is in the VMM: tell the policy what the counters say. */
void sim_chooser_look(struct sim_guest *guest, unsigned vcpu);

/* Something happened on vcpu; gfn and level are of a table. */
void sim_chooser_tell(struct sim_guest *guest, unsigned vcpu,
		     enum gnomon_policy_event_kind kind, uint64_t gfn,
		     unsigned level, uint32_t count);

/* A hidden fault at gva was filled; a shadow page of a table was made. */
void sim_chooser_filled(struct sim_guest *guest, unsigned vcpu, uint64_t gva);
void sim_chooser_made(struct sim_guest *guest, uint64_t gfn);

/* ---- what shadowing would cost: sim/chooser_count.c -------------------- */

/* An event of the vcpu, now, of no kind yet. */
struct gnomon_policy_event sim_chooser_event(const struct sim_guest *guest,
					     unsigned vcpu);
/* SCOPE_COUNT: counted, and told. */
void sim_chooser_count(struct sim_guest *guest, unsigned vcpu,
		       const struct gnomon_policy_decision *decision);
/*
 * A space is about to be shadowed with its leaves open: mark them, or each
 * would be shadowed and traced for a moment. False: guest->error.
 */
bool sim_chooser_open_leaves(struct sim_guest *guest, unsigned vcpu,
			     uint64_t space);

/* Between two events: interrupts that are due, decisions that wait. */
bool sim_chooser_work(struct sim_guest *guest, unsigned vcpu);

static inline bool sim_chooser_step(struct sim_guest *guest, unsigned vcpu)
{
	return !guest->chooser || sim_chooser_work(guest, vcpu);
}

#endif
