/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/tally.h"

#include <string.h>

static void add(struct sim_tally_interval *i, const struct sim_event *ev)
{
	if (i->events == 0) {
		i->first_instr = ev->instr;
	}
	i->last_instr = ev->instr;
	i->events++;
	i->count[ev->type]++;
	if (ev->type == SIM_EV_ACCESS) {
		i->writes += (ev->flags & SIM_F_WRITE) != 0;
		i->fetches += (ev->flags & SIM_F_FETCH) != 0;
		i->reads += !(ev->flags & (SIM_F_WRITE | SIM_F_FETCH));
		i->user += (ev->flags & SIM_F_USER) != 0;
	}
	i->kept += (ev->flags & SIM_F_KEPT) != 0;
}

static void add_event(struct sim_tally *t, const struct sim_event *ev)
{
	bool marker = ev->type == SIM_EV_MARKER;
	struct sim_tally_interval *i;

	if (t->interval_count == 0 ||
	    (marker && t->interval_count < SIM_TALLY_INTERVALS_MAX)) {
		i = &t->interval[t->interval_count++];
		memset(i, 0, sizeof(*i));
		i->has_marker = marker;
		i->marker = marker ? ev->value : 0;
	}
	add(&t->interval[t->interval_count - 1], ev);
	add(&t->all, ev);
}

enum sim_rec_status sim_tally(struct sim_rec_reader *r, struct sim_tally *t,
			      void (*progress)(void *arg, uint64_t events),
			      void *arg)
{
	struct sim_event ev;
	enum sim_rec_status status = sim_rec_rewind(r);

	t->interval_count = 0;
	memset(&t->all, 0, sizeof(t->all));
	while (status == SIM_REC_OK) {
		status = sim_rec_next(r, &ev);
		if (status != SIM_REC_OK) {
			break;
		}
		add_event(t, &ev);
		if (progress && (t->all.events & 0xffff) == 0) {
			progress(arg, t->all.events);
		}
	}
	return status == SIM_REC_END ? SIM_REC_OK : status;
}
