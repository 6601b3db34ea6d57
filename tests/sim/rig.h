/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine to measure single properties on: prices of which each is a
 * different power of ten, and tables built by hand.
 */
#ifndef TESTS_SIM_RIG_H
#define TESTS_SIM_RIG_H

#include "sim/machine.h"
#include "sim/run.h"
#include "sim/tlb.h"

enum {
	RIG_W = 2, RIG_U = 4, RIG_A = 0x20, RIG_D = 0x40, RIG_PS = 0x80,
	RIG_G = 0x100,
	/* Prices of the rig. */
	RIG_REF = 100,
	RIG_L2_HIT = 7,
};
#define RIG_NX ((uint64_t)1 << 63)

struct rig {
	struct sim_preset preset;
	struct sim_hostmem mem;
	struct sim_machine machine;
	struct sim_vcpu *vcpu;
	struct gnomon_regs regs;
	uint64_t next_frame;	/* for guest tables: gpa */
	uint64_t guest_root;	/* gpa */
	uint64_t nested_root;	/* hpa */
};

/*
 * Caches off, a reference costs RIG_REF, all walk caches and the nested TLB
 * absent, 64 MiB of RAM, paging as Linux sets it. Then sets (NULL at the end)
 * as "section.key=value" before the machine is made. Freed by rig_done().
 */
void rig_init(struct rig *rig, enum sim_paging paging, unsigned vcpus,
	      const char *const *sets);
void rig_done(struct rig *rig);

/* Maps gva to gpa in the guest's tables; size 0: 4K, 1: 2M, 2: 1G. flags over
 * present. In 1D the tables hold addresses with no bias. */
void rig_map(struct rig *rig, uint64_t gva, uint64_t gpa, unsigned size,
	     uint64_t flags);
/* The entry that rig_map() wrote, at that level (1 = leaf). */
uint64_t *rig_entry(struct rig *rig, uint64_t gva, unsigned level);
/* Maps [0, 64 MiB) of gpa in the nested tables with leaves of that size. */
void rig_map_nested(struct rig *rig, unsigned size);
uint64_t *rig_nested_entry(struct rig *rig, uint64_t gpa, unsigned level);

/* Looks up and, on a miss, walks: cycles of category walk it took. *walk may
 * be NULL. */
uint64_t rig_access(struct rig *rig, uint64_t gva, uint32_t access,
		    struct sim_walk *walk);
/* Takes rig->regs into the vcpu. */
void rig_set(struct rig *rig);

#endif
