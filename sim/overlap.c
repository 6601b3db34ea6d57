/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/overlap.h"

#include "sim/machine.h"
#include "sim/run.h"

static void wait_until(struct sim_vcpu *v, uint64_t end)
{
	uint64_t now = sim_vcpu_clock(v);

	if (end > now) {
		sim_charge(v, SIM_CAT_WALK, end - now);
	}
}

/* The oldest walk, ended or waited for, leaves. */
static void retire(struct sim_vcpu *v)
{
	struct sim_overlap *o = &v->overlap;

	wait_until(v, o->end[o->first]);
	o->first = (o->first + 1) % SIM_WALKERS_MAX;
	o->count--;
}

/* A walker has to be free; which instruction it worked for does not matter. */
static void wait_for_walker(struct sim_vcpu *v, uint64_t walkers)
{
	struct sim_overlap *o = &v->overlap;
	uint64_t now = sim_vcpu_clock(v), soonest = UINT64_MAX;
	unsigned busy = 0;

	for (unsigned i = 0; i < o->count; i++) {
		uint64_t end = o->end[(o->first + i) % SIM_WALKERS_MAX];

		busy += end > now;
		soonest = end > now && end < soonest ? end : soonest;
	}
	if (busy >= walkers) {
		wait_until(v, soonest);
	}
}

void sim_overlap_walk(struct sim_vcpu *v, uint64_t cycles)
{
	struct sim_overlap *o = &v->overlap;
	unsigned last;

	wait_for_walker(v, v->machine->param[SIM_P_PWC_WALKERS]);
	while (o->count && o->end[o->first] <= sim_vcpu_clock(v)) {
		retire(v);
	}
	/* Younger walks may have ended before the oldest one. */
	if (o->count == SIM_WALKERS_MAX) {
		retire(v);
	}
	last = (o->first + o->count++) % SIM_WALKERS_MAX;
	o->end[last] = sim_vcpu_clock(v) + cycles;
	o->at[last] = o->instr;
}

uint64_t sim_overlap_compute(struct sim_vcpu *v, uint64_t instructions)
{
	struct sim_overlap *o = &v->overlap;
	uint64_t window = v->machine->param[SIM_P_CORE_WINDOW];

	while (o->count &&
	       o->instr + instructions > o->at[o->first] + window) {
		uint64_t limit = o->at[o->first] + window;
		uint64_t go = limit > o->instr ? limit - o->instr : 0;

		sim_compute_plain(v, go);
		o->instr += go;
		instructions -= go;
		retire(v);
	}
	o->instr += instructions;
	return instructions;
}

void sim_overlap_drain(struct sim_vcpu *v)
{
	while (v->overlap.count) {
		retire(v);
	}
}
