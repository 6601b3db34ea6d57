/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Agile paging in the simulated VMM (the walker is sim/walk_agile.c, the
 * policy policy/agile.c): what leaves the guest and what does not, the
 * decisions about tables, and the optional hardware of the paper that turns
 * the guest's root into a shadow root without an exit.
 */
#ifndef SIM_MODE_AGILE_H
#define SIM_MODE_AGILE_H

#include <gnomon/policy.h>

#include "sim/guest.h"

enum { SIM_AGILE_ROOTS = 8 };

/* Of one vcpu: the guest's CR3 (its table) to what to load. */
struct sim_agile_cache {
	uint64_t cr3[SIM_AGILE_ROOTS];	/* + 1; 0: free */
	struct gnomon_root root[SIM_AGILE_ROOTS];
	uint64_t used[SIM_AGILE_ROOTS];
	uint64_t age;
};

struct sim_agile {
	unsigned roots;		/* entries of each cache */
	uint64_t must_tell;	/* vcpus that run on a root that went */
	struct sim_agile_cache cache[GNOMON_VCPUS_MAX];
};

bool sim_agile_init(struct sim_guest *guest);
/* The policy's configuration from the preset. */
void sim_agile_policy(const struct sim_guest *guest,
		      struct gnomon_policy_config *config);

/*
 * A MOV to CR3 that the cache knows: done, without an exit. keep: the guest
 * set bit 63. False: not known.
 */
bool sim_agile_cr3(struct sim_guest *guest, unsigned vcpu, uint64_t cr3,
		   bool keep);
/* The engine has told the root for the vcpu's CR3: the cache learns it. */
void sim_agile_learn(struct sim_guest *guest, unsigned vcpu);
/* A shadow page of the table gfn went. */
void sim_agile_zapped(struct sim_guest *guest, uint64_t gfn);
/* Tell the engine the registers of vcpus whose root went; before they run. */
bool sim_agile_settle(struct sim_guest *guest);

/*
 * With hardware that sets A and D in the guest's tables, the shadow and the
 * nested ones (agile.hardware_ad): a fault on entries that are shadowed and
 * lack nothing but such a bit is none. may_mark: is it one? Then the engine
 * does in the CPU's place what the CPU would, and marked says after the
 * engine's answer whether that was all: charged as one more walk in two
 * dimensions, not as an exit. False: it leaves the guest after all.
 */
bool sim_agile_may_mark(struct sim_guest *guest, unsigned vcpu,
			const struct sim_touch *touch,
			const struct sim_walk *walk);
bool sim_agile_marked(struct sim_guest *guest, unsigned vcpu,
		      const struct sim_touch *touch,
		      const struct gnomon_outcome *outcome);

/* SCOPE_TABLE and SCOPE_WRITTEN. False: guest->error. */
bool sim_agile_decided(struct sim_guest *guest, unsigned vcpu,
		       const struct gnomon_policy_decision *decision);
/* A store to a table that a policy asked about: told, and let through. */
bool sim_agile_tracked(struct sim_guest *guest, unsigned vcpu, uint64_t gpa);

#endif
