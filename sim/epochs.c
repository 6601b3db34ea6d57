/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/epochs.h"

#include <stdlib.h>

#include "sim/rec.h"
#include "sim/x86.h"

void sim_epochs_free(struct sim_epochs *epochs)
{
	free(epochs->list);
	free(epochs->counts);
	epochs->list = NULL;
	epochs->counts = NULL;
	epochs->ran = epochs->counts_room = 0;
	epochs->count = epochs->capacity = epochs->first = 0;
}

static struct sim_epoch *cell(struct sim_epochs *epochs, uint64_t space)
{
	for (size_t i = epochs->count; i-- > epochs->first;) {
		if (epochs->list[i].space == space) {
			return &epochs->list[i];
		}
	}
	if (epochs->count == epochs->capacity) {
		size_t more = epochs->capacity ? 2 * epochs->capacity : 256;
		void *list = realloc(epochs->list,
				     more * sizeof(*epochs->list));

		if (!list) {
			epochs->failed = true;
			return NULL;
		}
		epochs->list = list;
		epochs->capacity = more;
	}
	epochs->list[epochs->count] = (struct sim_epoch){
		.space = space, .number = epochs->number,
	};
	return &epochs->list[epochs->count++];
}

static uint64_t sptes_of(const struct sim_guest *guest)
{
	struct gnomon_stats stats = { 0 };

	if (guest->vm) {
		gnomon_vm_stats(guest->vm, &stats, sizeof(stats));
	}
	return stats.rmap_entries;
}

/* What vcpu has cost since its last cell goes to the space it has loaded. */
static void close_cell(struct sim_epochs *epochs, struct sim_guest *guest,
		       unsigned vcpu)
{
	const struct sim_vcpu *v = &guest->machine.vcpus[vcpu];
	struct sim_epoch *c = cell(epochs, guest->regs[vcpu].cr3 & CR3_TABLE);
	uint64_t sptes = sptes_of(guest);

	if (!c) {
		return;
	}
	for (int cat = 0; cat < SIM_CAT_COUNT; cat++) {
		if (sim_guest_shadows(guest, vcpu)) {
			c->shadowed += v->cycles[cat] -
				       epochs->seen[vcpu][cat];
		}
		c->cycles[cat] += v->cycles[cat] - epochs->seen[vcpu][cat];
		epochs->seen[vcpu][cat] = v->cycles[cat];
	}
	c->filled += (int64_t)(sptes - epochs->sptes);
	epochs->sptes = sptes;
}

static void count_all(const struct sim_epochs *epochs,
		      const struct sim_guest *guest,
		      uint64_t now[SIM_EPOCH_COUNTS])
{
	const struct sim_guest_counts *c = &guest->counts;

	now[SIM_EPOCH_STORES] = epochs->stores;
	now[SIM_EPOCH_CR3_LOADS] = epochs->cr3_loads;
	now[SIM_EPOCH_MISSES] = 0;
	for (unsigned i = 0; i < guest->machine.vcpu_count; i++) {
		now[SIM_EPOCH_MISSES] +=
			guest->machine.vcpus[i].counts.misses;
	}
	now[SIM_EPOCH_EXITS] = c->exits;
	now[SIM_EPOCH_HIDDEN] = c->by_kind[GNOMON_KIND_HIDDEN];
	now[SIM_EPOCH_TRACE] = c->by_kind[GNOMON_KIND_TRACE];
	now[SIM_EPOCH_VIOLATIONS] = c->by_kind[GNOMON_KIND_NESTED];
	now[SIM_EPOCH_SWITCHES] = c->mode_switches;
}

/* The epoch under way is over. */
static void close_counts(struct sim_epochs *epochs,
			 const struct sim_guest *guest)
{
	uint64_t now[SIM_EPOCH_COUNTS];

	if (epochs->ran == epochs->counts_room) {
		size_t room = epochs->ran ? 2 * epochs->ran : 256;
		void *counts = realloc(epochs->counts,
				       room * sizeof(*epochs->counts));

		if (!counts) {
			epochs->failed = true;
			return;
		}
		epochs->counts = counts;
		epochs->counts_room = room;
	}
	count_all(epochs, guest, now);
	for (int i = 0; i < SIM_EPOCH_COUNTS; i++) {
		epochs->counts[epochs->ran][i] = now[i] - epochs->before[i];
		epochs->before[i] = now[i];
	}
	epochs->ran++;
}

static void close_all(struct sim_epochs *epochs, struct sim_guest *guest)
{
	for (unsigned i = 0; i < guest->machine.vcpu_count; i++) {
		close_cell(epochs, guest, i);
	}
	close_counts(epochs, guest);
}

void sim_epochs_event(struct sim_epochs *epochs, struct sim_guest *guest,
		      const struct sim_event *event, uint64_t number)
{
	number /= SIM_EPOCH_EVENTS;
	if (number != epochs->number) {
		close_all(epochs, guest);
		epochs->first = epochs->count;
		epochs->number = number;
	}
	epochs->stores += event->type == SIM_EV_TABLE_STORE;
	epochs->cr3_loads += event->type == SIM_EV_CR3;
	/* The load itself is on account of the space that comes. */
	if (event->type == SIM_EV_CR3 &&
	    event->vcpu < guest->machine.vcpu_count) {
		close_cell(epochs, guest, event->vcpu);
	}
}

void sim_epochs_end(struct sim_epochs *epochs, struct sim_guest *guest)
{
	const uint64_t *param = guest->machine.param;

	close_all(epochs, guest);
	epochs->price[SIM_CAT_EXIT] = param[SIM_P_EXIT_RTT];
	epochs->price[SIM_CAT_VMM] = param[SIM_P_VMM_CR3];
	epochs->hidden[SIM_CAT_EXIT] = param[SIM_P_EXIT_RTT];
	epochs->hidden[SIM_CAT_VMM] = param[SIM_P_VMM_HIDDEN];
}
