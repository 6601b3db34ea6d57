/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/lock.h"

#include <string.h>

#include "sim/guest.h"
#include "sim/text.h"

enum { ROOM_START = 256 };

static void take(struct sim_guest *guest, enum sim_lock_side side)
{
	struct sim_holds *h = &guest->lock.vcpu[guest->running];

	if (guest->lock.kind == SIM_LOCK_ONE) {
		side = SIM_SIDE_EXCLUSIVE;
	}
	if (h->count && h->hold[h->count - 1].side < side) {
		h->hold[h->count - 1].side = side;
	}
}

static void host_lock(void *ctx)
{
	take(ctx, SIM_SIDE_EXCLUSIVE);
}

static void host_lock_shared(void *ctx, uint32_t vcpu)
{
	(void)vcpu;
	take(ctx, SIM_SIDE_SHARED);
}

static void host_unlock(void *ctx)
{
	(void)ctx;
}

static void host_unlock_shared(void *ctx, uint32_t vcpu)
{
	(void)ctx;
	(void)vcpu;
}

void sim_lock_init(struct sim_guest *guest)
{
	if (guest->machine.vcpu_count < 2 ||
	    guest->machine.param[SIM_P_LOCK_KIND] == SIM_LOCK_NONE) {
		return;
	}
	guest->lock.kind = (enum sim_lock_kind)
		guest->machine.param[SIM_P_LOCK_KIND];
	guest->host.lock = host_lock;
	guest->host.unlock = host_unlock;
	guest->host.lock_shared = host_lock_shared;
	guest->host.unlock_shared = host_unlock_shared;
}

/* The exit under way is over: what the VMM did since it began was held. */
static void close_hold(struct sim_guest *guest, unsigned vcpu)
{
	struct sim_holds *h = &guest->lock.vcpu[vcpu];
	const struct sim_vcpu *v = &guest->machine.vcpus[vcpu];
	uint64_t under = v->cycles[SIM_CAT_VMM] + h->kicking;

	if (h->count) {
		h->hold[h->count - 1].held = (uint32_t)(under - h->under);
	}
	h->under = under;
}

static bool make_room(struct sim_guest *guest, struct sim_holds *h)
{
	size_t room = h->room ? h->room * 2 : ROOM_START;
	struct sim_hold *hold;

	if (h->count < h->room) {
		return true;
	}
	hold = sim_arena_zalloc(&guest->arena, room * sizeof(*hold));
	if (!hold) {
		guest->lock.failed = true;
		return false;
	}
	if (h->hold) {
		memcpy(hold, h->hold, h->count * sizeof(*hold));
		sim_arena_free(&guest->arena, h->hold);
	}
	h->hold = hold;
	h->room = room;
	return true;
}

void sim_lock_exit(struct sim_guest *guest, unsigned vcpu)
{
	struct sim_lock *lock = &guest->lock;
	struct sim_holds *h = &lock->vcpu[vcpu];
	uint64_t total, held;

	if (lock->kind == SIM_LOCK_NONE || !make_room(guest, h)) {
		return;
	}
	close_hold(guest, vcpu);
	total = sim_vcpu_clock(&guest->machine.vcpus[vcpu]);
	held = h->count ? h->hold[h->count - 1].held : 0;
	h->hold[h->count++] = (struct sim_hold){
		.before = total - h->total - held,
	};
	h->total = total;
}

void sim_lock_not_needed(struct sim_guest *guest, unsigned vcpu)
{
	struct sim_holds *h = &guest->lock.vcpu[vcpu];

	if (guest->lock.kind == SIM_LOCK_ONE && h->count) {
		h->hold[h->count - 1].side = SIM_SIDE_FREE;
	}
}

void sim_lock_flush(struct sim_guest *guest, uint64_t cycles)
{
	guest->lock.vcpu[guest->running].kicking += cycles;
}

void sim_lock_kick(struct sim_guest *guest, unsigned target)
{
	struct sim_holds *h = &guest->lock.vcpu[guest->running];

	sim_lock_flush(guest, guest->machine.param[SIM_P_FLUSH_IPI]);
	if (h->count) {
		h->hold[h->count - 1].kicks++;
		h->hold[h->count - 1].targets |= (uint64_t)1 << target;
	}
}

/* ---- afterwards ---- */

struct queue {
	uint64_t exclusive;	/* until then nobody else may enter */
	uint64_t shared;	/* until then no one may exclude */
};

/* When an exit that comes at `now` gets the lock. */
static uint64_t admit(const struct queue *q, uint32_t side, uint64_t now)
{
	if (side == SIM_SIDE_FREE) {
		return now;
	}
	now = now > q->exclusive ? now : q->exclusive;
	return side == SIM_SIDE_SHARED || now > q->shared ? now : q->shared;
}

/* Interrupts that are not needed, as their vcpus wait for this very lock. */
static uint64_t spare(const struct sim_hold *hold, const uint64_t *come,
		      uint64_t now, struct sim_lock_bill *bill)
{
	unsigned targets = (unsigned)__builtin_popcountll(hold->targets);
	uint64_t spared = 0;

	for (uint64_t mask = hold->targets; mask; mask &= mask - 1) {
		unsigned vcpu = (unsigned)__builtin_ctzll(mask);

		if (come[vcpu] <= now) {
			bill[vcpu].spared_exits += hold->kicks / targets;
			spared += hold->kicks / targets;
		}
	}
	return spared;
}

/* How long the lock is held from `now` on. */
static uint64_t length(const struct sim_hold *hold, uint64_t spared,
		       uint64_t ipi)
{
	return hold->held > spared * ipi ? hold->held - spared * ipi : 0;
}

void sim_lock_run(const struct sim_lock *lock, unsigned vcpus,
		  uint64_t handoff, uint64_t ipi, struct sim_lock_bill *bill)
{
	size_t at[GNOMON_VCPUS_MAX] = { 0 };
	uint64_t come[GNOMON_VCPUS_MAX];	/* when the next exit does */
	struct queue q = { 0 };

	memset(bill, 0, vcpus * sizeof(*bill));
	memset(come, 0xff, sizeof(come));
	for (unsigned i = 0; i < vcpus; i++) {
		if (lock->vcpu[i].count) {
			come[i] = lock->vcpu[i].hold[0].before;
		}
	}
	for (;;) {
		const struct sim_hold *hold;
		unsigned first = 0;
		uint64_t got, spared, end;

		for (unsigned i = 1; i < vcpus; i++) {
			first = come[i] < come[first] ? i : first;
		}
		if (come[first] == UINT64_MAX) {
			return;
		}
		hold = &lock->vcpu[first].hold[at[first]++];
		got = admit(&q, hold->side, come[first]);
		if (got > come[first]) {
			got += handoff;
			bill[first].waits++;
			bill[first].waited += got - come[first];
		}
		spared = spare(hold, come, got, bill);
		bill[first].spared_kicks += spared;
		end = got + length(hold, spared, ipi);
		if (hold->side == SIM_SIDE_EXCLUSIVE) {
			q.exclusive = end;
		} else if (hold->side == SIM_SIDE_SHARED && end > q.shared) {
			q.shared = end;
		}
		come[first] = at[first] < lock->vcpu[first].count ?
			end + hold[1].before : UINT64_MAX;
	}
}

static void give_back(struct sim_vcpu *v, enum sim_cat cat, uint64_t cycles)
{
	v->cycles[cat] -= cycles < v->cycles[cat] ? cycles : v->cycles[cat];
}

bool sim_lock_settle(struct sim_guest *guest)
{
	struct sim_lock_bill bill[GNOMON_VCPUS_MAX];
	struct sim_lock *lock = &guest->lock;
	const uint64_t *param = guest->machine.param;
	unsigned vcpus = guest->machine.vcpu_count;

	if (lock->kind == SIM_LOCK_NONE) {
		return true;
	}
	if (lock->failed) {
		sim_fail(guest->error, SIM_ERR_NOMEM,
			 "no memory for what the vcpus hold the lock");
		return false;
	}
	for (unsigned i = 0; i < vcpus; i++) {
		close_hold(guest, i);
	}
	sim_lock_run(lock, vcpus, param[SIM_P_LOCK_HANDOFF],
		     param[SIM_P_FLUSH_IPI], bill);
	for (unsigned i = 0; i < vcpus; i++) {
		struct sim_vcpu *v = &guest->machine.vcpus[i];

		sim_charge(v, SIM_CAT_VMM, bill[i].waited);
		give_back(v, SIM_CAT_FLUSH,
			  bill[i].spared_kicks * param[SIM_P_FLUSH_IPI]);
		give_back(v, SIM_CAT_EXIT,
			  bill[i].spared_exits * param[SIM_P_EXIT_RTT]);
		guest->counts.kicks -= bill[i].spared_kicks;
		guest->counts.exits -= bill[i].spared_exits;
		lock->waits += bill[i].waits;
		lock->wait_cycles += bill[i].waited;
	}
	return true;
}
