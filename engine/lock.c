/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/lock.h"

static uint64_t now(const struct gnomon_vm *vm)
{
	return vm->host->clock ? vm->host->clock(vm->ctx) : 0;
}

static void add_time(uint64_t *sum, uint64_t *longest, uint64_t time)
{
	*sum += time;
	if (time > *longest) {
		*longest = time;
	}
}

/* The lock is ours, asked for at asked. When it was got. */
static uint64_t got(const struct gnomon_vm *vm, struct gnomon_stats *stats,
		    uint64_t asked)
{
	uint64_t since = now(vm);

	add_time(&stats->lock_wait_time, &stats->lock_wait_max, since - asked);
	return since;
}

void gn_eng_hold(const struct gnomon_vm *vm)
{
	uint64_t asked = now(vm);

	if (vm->host->lock) {
		vm->host->lock(vm->ctx);
	}
	vm->sh.stats->lock_exclusive++;
	vm->since->time = got(vm, vm->sh.stats, asked);
}

void gn_eng_let_go(const struct gnomon_vm *vm)
{
	struct gnomon_stats *stats = vm->sh.stats;

	add_time(&stats->lock_exclusive_time, &stats->lock_exclusive_max,
		 now(vm) - vm->since->time);
	if (vm->host->unlock) {
		vm->host->unlock(vm->ctx);
	}
}

void gn_eng_hold_shared(const struct gnomon_vcpu *vcpu)
{
	const struct gnomon_vm *vm = vcpu->vm;
	struct gnomon_stats *stats = vcpu->sh.stats;
	uint64_t asked = now(vm);

	vm->host->lock_shared(vm->ctx, vcpu->id);
	stats->lock_shared++;
	vcpu->since->time = got(vm, stats, asked);
}

void gn_eng_let_go_shared(const struct gnomon_vcpu *vcpu)
{
	const struct gnomon_vm *vm = vcpu->vm;
	struct gnomon_stats *stats = vcpu->sh.stats;

	add_time(&stats->lock_shared_time, &stats->lock_shared_max,
		 now(vm) - vcpu->since->time);
	vm->host->unlock_shared(vm->ctx, vcpu->id);
}
