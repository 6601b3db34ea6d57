/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Other modes while the guest runs: the call for whoever decides, and the mode
 * "switching", which decides by chance. A guest cannot tell how it is
 * virtualized, so whatever it decides every check of a run must hold; it says
 * nothing about speed.
 */
#ifndef SIM_MODE_SWITCHING_H
#define SIM_MODE_SWITCHING_H

#include "sim/guest.h"

/*
 * The address space whose table lies at *cr3, or (null) the whole vm, goes to
 * the mode; every vcpu hears of it. vcpu is the one that is in the VMM for it.
 * False: guest->error.
 */
bool sim_guest_switch(struct sim_guest *guest, unsigned vcpu,
		      const gnomon_gpa_t *cr3, enum gnomon_mode mode);

#define SIM_SWITCHING_EVERY 2000u	/* events, on average */

/* In mode "switching": begins to count; every: events, 0 = the default. */
void sim_switching_init(struct sim_guest *guest, uint64_t seed,
			uint64_t every);
bool sim_switching_work(struct sim_guest *guest, unsigned vcpu);

/* Between two events. */
static inline bool sim_switching_step(struct sim_guest *guest, unsigned vcpu)
{
	return !guest->switching.due || --guest->switching.due ||
	       sim_switching_work(guest, vcpu);
}

#endif
