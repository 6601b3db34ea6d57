/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/mode_patched.h"

/* Kernels have some hundred places that write tables. */
enum { SITES = 8192, PROBES = 64 };

struct sim_patched {
	uint64_t rip[SITES];	/* 0: free */
};

bool sim_patched_init(struct sim_guest *guest)
{
	guest->patched = sim_arena_zalloc(&guest->arena,
					  sizeof(*guest->patched));
	return guest->patched;
}

/* Where rip is or would be; NULL when its neighbourhood is full. */
static uint64_t *site(struct sim_guest *guest, uint64_t rip)
{
	uint64_t hash = rip * 0x9e3779b97f4a7c15ull >> 32;

	for (unsigned i = 0; i < PROBES; i++) {
		uint64_t *at = &guest->patched->rip[(hash + i) % SITES];

		if (*at == rip || *at == 0) {
			return at;
		}
	}
	return NULL;
}

bool sim_patched_is(struct sim_guest *guest, unsigned vcpu, uint64_t rip)
{
	const uint64_t *at = guest->patched ? site(guest, rip) : NULL;

	if (!at || !*at) {
		return false;
	}
	sim_guest_charge(guest, vcpu, SIM_CAT_VMM, SIM_P_VMM_PATCH_CHECK);
	return true;
}

void sim_patched_add(struct sim_guest *guest, uint64_t rip)
{
	uint64_t *at = guest->patched ? site(guest, rip) : NULL;

	if (at) {
		*at = rip;
	}
}
