/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/kernel/watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void wrong(struct watch *w, const struct sim_event *ev,
		  const char *what, uint64_t a, uint64_t b)
{
	if (w->wrong[0]) {
		return;
	}
	snprintf(w->wrong, sizeof(w->wrong),
		 "event %" PRIu64 " (%s, gva %" PRIx64 "): %s (%" PRIx64
		 ", %" PRIx64 ")", w->events, sim_event_name(ev->type),
		 ev->gva, what, a, b);
}

static void check(struct watch *w, const struct sim_event *ev, uint64_t gpa)
{
	struct sim_access a = {
		.gva = ev->gva, .write = ev->flags & SIM_F_WRITE,
		.fetch = ev->flags & SIM_F_FETCH,
		.user = ev->flags & SIM_F_USER,
	};
	struct sim_oracle_result r;

	if (ev->type == SIM_EV_TABLE_STORE) {
		a.write = true;
	}
	if (ev->type == SIM_EV_FAULT) {
		a.write = ev->value & SIM_PF_W;
		a.fetch = ev->value & SIM_PF_ID;
	}
	if (ev->type == SIM_EV_ACCESS && (ev->gva & 4095) + ev->size > 4096) {
		wrong(w, ev, "reaches into the next page", ev->size, 0);
	}
	/* The kernel reaches user memory between STAC and CLAC. */
	w->oracle[ev->vcpu].ac = true;
	sim_oracle(&w->oracle[ev->vcpu], &a, &r);
	w->checked++;
	if (ev->type == SIM_EV_FAULT) {
		if (r.answer != SIM_ORACLE_FAULT || r.error != ev->value) {
			wrong(w, ev, "no such fault", r.answer, r.error);
		}
	} else if (r.answer != SIM_ORACLE_OK) {
		wrong(w, ev, "not allowed", r.answer, r.error);
	} else if (gpa && r.gpa != gpa) {
		wrong(w, ev, "another gpa", r.gpa, gpa);
	}
}

static bool on_event(void *ctx, const struct sim_event *ev)
{
	struct watch *w = ctx;

	w->events++;
	if (ev->instr < w->last_instr) {
		wrong(w, ev, "time runs back", ev->instr, w->last_instr);
	}
	w->last_instr = ev->instr;
	switch (ev->type) {
	case SIM_EV_CR3:
		w->oracle[ev->vcpu].cr3 = ev->value & ~(UINT64_C(1) << 63);
		break;
	case SIM_EV_ACCESS:
	case SIM_EV_FAULT:
		check(w, ev, 0);
		break;
	case SIM_EV_TABLE_STORE:
		check(w, ev, ev->gpa);
		break;
	default:
		break;
	}
	if (sim_replica_apply(w->replica, ev) != SIM_REPLICA_OK) {
		wrong(w, ev, "the replica refuses it", ev->gpa, ev->level);
	}
	return true;
}

struct sim_kern_sink watch_sink(struct watch *w)
{
	return (struct sim_kern_sink){ .event = on_event, .ctx = w };
}

bool watch_init(struct watch *w, const struct sim_rec_info *info)
{
	memset(w, 0, sizeof(*w));
	w->replica = sim_replica_new(8);
	if (!w->replica) {
		return false;
	}
	for (unsigned i = 0; i < 64; i++) {
		w->oracle[i] = sim_replica_oracle(w->replica, info);
	}
	return true;
}

void watch_drop(struct watch *w)
{
	sim_replica_free(w->replica);
}

bool watch_start(struct watch *w, const struct sim_kern_config *config,
		 struct sim_kern **k)
{
	struct sim_kern_sink sink = watch_sink(w);
	struct sim_rec_info info;
	const char *why;

	*k = sim_kern_create(config, &sink, &why);
	if (!*k) {
		return false;
	}
	sim_kern_info(*k, &info);
	if (!watch_init(w, &info)) {
		sim_kern_destroy(*k);
		return false;
	}
	sim_kern_boot(*k);
	return true;
}

void watch_end(struct watch *w, struct sim_kern *k)
{
	sim_kern_destroy(k);
	watch_drop(w);
}
