/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/window.h"

static bool out_one(struct sim_window *w)
{
	const struct sim_event *ev = &w->held[w->first];

	w->first = (w->first + 1) % SIM_AHEAD_FAR;
	w->count--;
	return w->out(w->ctx, ev);
}

bool sim_window_drain(struct sim_window *w)
{
	while (w->count) {
		if (!out_one(w)) {
			return false;
		}
	}
	return true;
}

bool sim_window_event(struct sim_window *w, const struct sim_event *ev)
{
	struct sim_machine *m = &w->guest->machine;
	unsigned far, near;

	if (ev->type != SIM_EV_ACCESS || ev->vcpu >= m->vcpu_count ||
	    !m->vcpus[ev->vcpu].missing) {
		return sim_window_drain(w) && w->out(w->ctx, ev);
	}
	if (w->count == SIM_AHEAD_FAR && !out_one(w)) {
		return false;
	}
	far = (w->first + w->count) % SIM_AHEAD_FAR;
	near = (far + SIM_AHEAD_FAR - SIM_AHEAD_NEAR) % SIM_AHEAD_FAR;
	w->held[far] = *ev;
	w->count++;
	/* With a few held there is no near one yet; nothing is asked twice. */
	sim_touch_ahead(w->guest, ev->vcpu, ev->gva,
			w->held[w->count > SIM_AHEAD_NEAR ? near : far].gva);
	return true;
}
