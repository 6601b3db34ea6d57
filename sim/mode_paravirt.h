/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest kernel as if it had been ported to direct paging: its stores into
 * tables become requests that are collected and go out in one hypercall, as
 * Linux does with its lazy MMU mode. A recording tells what an unported kernel
 * did; the port is what lies between it and the vcpu here.
 *
 * A batch goes out when it is full (paravirt.batch), when the next store is to
 * another table (paravirt.scope 0), before CR3 loads and INVLPG, before user
 * mode runs, and when something faults because it is still waiting. Stores to
 * tables that no address space uses yet are plain stores (late pinning), and
 * an address space is pinned at its first load of CR3.
 */
#ifndef SIM_MODE_PARAVIRT_H
#define SIM_MODE_PARAVIRT_H

#include "sim/guest.h"

bool sim_paravirt_init(struct sim_guest *guest);

/* Store an entry. DONE with *asked false: it is no table, store it plainly. */
enum sim_touch_end sim_paravirt_store(struct sim_guest *guest, unsigned vcpu,
				      uint64_t gpa, uint64_t gpte,
				      bool *asked);
/* The batch goes out. False: guest->error. */
bool sim_paravirt_flush(struct sim_guest *guest, unsigned vcpu);
bool sim_paravirt_cr3(struct sim_guest *guest, unsigned vcpu, uint64_t cr3);
bool sim_paravirt_invlpg(struct sim_guest *guest, unsigned vcpu, uint64_t gva);
/* The kernel frees a table. */
bool sim_paravirt_end(struct sim_guest *guest, unsigned vcpu, uint64_t gpa);

/* Does anything wait to go out? */
bool sim_paravirt_waits(const struct sim_guest *guest);
/* The entry as the guest believes it to be, with what waits. */
uint64_t sim_paravirt_gpte(struct sim_guest *guest, uint64_t gpa);

/* The same in any mode; gpa in RAM, a multiple of 8. */
static inline uint64_t sim_guest_gpte(struct sim_guest *guest, uint64_t gpa)
{
	return guest->paravirt ? sim_paravirt_gpte(guest, gpa)
			       : *(uint64_t *)sim_guest_memory(guest, gpa);
}

#endif
