/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shadow paging whose VMM rewrites the instructions that write tables, as
 * adaptive binary translation does: the first trace fault of an instruction
 * is taken as a fault, then the instruction calls the VMM by itself. From then
 * on each execution pays a look whether its target is traced, and a traced
 * store costs a call instead of an exit.
 */
#ifndef SIM_MODE_PATCHED_H
#define SIM_MODE_PATCHED_H

#include "sim/guest.h"

bool sim_patched_init(struct sim_guest *guest);
/* Before the store: is its instruction rewritten? Charges the look. */
bool sim_patched_is(struct sim_guest *guest, unsigned vcpu, uint64_t rip);
/* It trapped: rewrite it. */
void sim_patched_add(struct sim_guest *guest, uint64_t rip);

#endif
