/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether the tables of the moment explain what a vcpu did.
 *
 * A kernel that takes a translation back changes the entry first, then asks
 * the other vcpus to forget what they know of it. Until one has answered it
 * may go on by what it has cached, and its accesses are right although no
 * table allows them any more. In the same way a vcpu may lose its turn between
 * a page fault and the handler's first instruction, and another may change the
 * entry meanwhile. Only a machine with the same TLBs and the same turns could
 * repeat that, so recordings do without: what is stale is counted and left
 * out.
 */
#ifndef RECORD_ACCESS_H
#define RECORD_ACCESS_H

#include "record/memory.h"
#include "sim/oracle.h"
#include "sim/rec_event.h"

/* For struct sim_oracle: `arg` is a struct record_ram. */
bool record_read_ram(void *arg, uint64_t gpa, unsigned int bytes,
		     uint64_t *value);

/*
 * True for an ACCESS that the tables in `ram` forbid, and for a FAULT that
 * they do not demand with just this error code. False for what they cannot
 * decide: that is left to the judge of the recording. `vcpu` holds the
 * registers that translate; its `ac` follows the event.
 */
bool record_is_stale(const struct record_ram *ram, struct sim_oracle vcpu,
		     const struct sim_event *ev);

#endif
