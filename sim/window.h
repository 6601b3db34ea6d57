/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Holds accesses back for a few events, so that the walks of those to come can
 * be looked ahead for (sim/touch.h). They come out in order, and before any
 * event that is not an access.
 */
#ifndef SIM_WINDOW_H
#define SIM_WINDOW_H

#include "sim/rec.h"
#include "sim/touch.h"

struct sim_window {
	/* One event out; false stops. */
	bool (*out)(void *ctx, const struct sim_event *ev);
	void *ctx;
	struct sim_guest *guest;
	unsigned first, count;
	struct sim_event held[SIM_AHEAD_FAR];
};

/* Takes one event; false when out() did not want one. */
bool sim_window_event(struct sim_window *w, const struct sim_event *ev);
/* All that are held back. */
bool sim_window_drain(struct sim_window *w);

#endif
