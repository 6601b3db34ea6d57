/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/lock.h"

/* A time of the lock's: its sum and the longest. */
static void add_time(uint64_t *sum, uint64_t *longest, uint64_t time)
{
	*sum += time;
	if (time > *longest) {
		*longest = time;
	}
}

static uint64_t now(const struct gnomon_vm *vm)
{
	return vm->host->clock(vm->ctx);
}

/* The shared side for a vcpu, or without one all of it. */
static void lock(const struct gnomon_vm *vm, const struct gnomon_vcpu *vcpu)
{
	if (vcpu) {
		vm->host->lock_shared(vm->ctx, vcpu->id);
	} else if (vm->host->lock) {
		vm->host->lock(vm->ctx);
	}
}

static void lock_timed(const struct gnomon_vm *vm,
		       const struct gnomon_vcpu *vcpu,
		       struct gnomon_stats *stats, struct gn_eng_since *since)
{
	uint64_t asked = now(vm);

	lock(vm, vcpu);
	since->time = now(vm);
	add_time(&stats->lock_wait_time, &stats->lock_wait_max,
		 since->time - asked);
}

void gn_eng_hold_guarded(const struct gnomon_vm *vm)
{
	if (vm->host->clock) {
		lock_timed(vm, NULL, vm->sh.stats, vm->since);
	} else {
		lock(vm, NULL);
	}
}

void gn_eng_let_go_guarded(const struct gnomon_vm *vm)
{
	struct gnomon_stats *stats = vm->sh.stats;

	if (vm->host->clock) {
		add_time(&stats->lock_exclusive_time,
			 &stats->lock_exclusive_max,
			 now(vm) - vm->since->time);
	}
	if (vm->host->unlock) {
		vm->host->unlock(vm->ctx);
	}
}

void gn_eng_hold_shared(const struct gnomon_vcpu *vcpu)
{
	const struct gnomon_vm *vm = vcpu->vm;

	if (vm->host->clock) {
		lock_timed(vm, vcpu, vcpu->sh.stats, vcpu->since);
	} else {
		lock(vm, vcpu);
	}
	vcpu->sh.stats->lock_shared++;
}

void gn_eng_let_go_shared(const struct gnomon_vcpu *vcpu)
{
	const struct gnomon_vm *vm = vcpu->vm;
	struct gnomon_stats *stats = vcpu->sh.stats;

	if (vm->host->clock) {
		add_time(&stats->lock_shared_time, &stats->lock_shared_max,
			 now(vm) - vcpu->since->time);
	}
	vm->host->unlock_shared(vm->ctx, vcpu->id);
}
