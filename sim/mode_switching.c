/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/mode_switching.h"

#include "sim/text.h"
#include "sim/x86.h"

bool sim_guest_switch(struct sim_guest *guest, unsigned vcpu,
		      const gnomon_gpa_t *cr3, enum gnomon_mode mode)
{
	enum gnomon_status status;

	guest->counts.mode_switches++;
	guest->running = vcpu;
	do {
		status = gnomon_mode_switch(guest->vm, cr3, mode, NULL);
	} while (status == GNOMON_MORE);
	sim_vmm_leave(guest);
	if (status != GNOMON_OK) {
		sim_fail(guest->error, SIM_ERR_BUG, "gnomon_mode_switch(): %s",
			 gnomon_status_text(status));
		return false;
	}
	for (unsigned i = 0; i < guest->machine.vcpu_count; i++) {
		guest->regs_stale[i] = true;
		if (!sim_vmm_sync_regs(guest, i, guest->regs[i].ac)) {
			return false;
		}
	}
	return true;
}

/* splitmix64, by Sebastiano Vigna: in the public domain. */
static uint64_t chance(struct sim_switching *s)
{
	uint64_t z = s->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

void sim_switching_init(struct sim_guest *guest, uint64_t seed, uint64_t every)
{
	struct sim_switching *s = &guest->switching;

	s->every = every ? every : SIM_SWITCHING_EVERY;
	s->state = seed;
	s->due = 1 + chance(s) % (2 * s->every);
}

bool sim_switching_work(struct sim_guest *guest, unsigned vcpu)
{
	struct sim_switching *s = &guest->switching;
	uint64_t dice = chance(s);
	enum gnomon_mode mode = dice & 1 ? GNOMON_MODE_NESTED :
					   GNOMON_MODE_SHADOW;
	gnomon_gpa_t space = { guest->regs[vcpu].cr3 & CR3_TABLE };

	s->due = 1 + (dice >> 8) % (2 * s->every);
	sim_vmm_enter(guest, vcpu);
	/* Mostly the one that runs: choices for others only add up. */
	return sim_guest_switch(guest, vcpu, dice & 6 ? &space : NULL, mode);
}
