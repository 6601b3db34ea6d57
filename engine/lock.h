/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Holding a vm: alone, or with other vcpus on the shared side of the host's
 * lock. Counts how often, and how long by the host's clock. Nothing here is
 * nested: a call holds a vm once at a time.
 */
#ifndef ENGINE_LOCK_H
#define ENGINE_LOCK_H

#include "engine/vm.h"

void gn_eng_hold_guarded(const struct gnomon_vm *vm);
void gn_eng_let_go_guarded(const struct gnomon_vm *vm);

static inline void gn_eng_hold(const struct gnomon_vm *vm)
{
	if (vm->guarded) {
		gn_eng_hold_guarded(vm);
	}
	vm->sh.stats->lock_exclusive++;
}

static inline void gn_eng_let_go(const struct gnomon_vm *vm)
{
	if (vm->guarded) {
		gn_eng_let_go_guarded(vm);
	}
}

/* True: there is nothing to hold or to let go, and the call is counted. */
static inline bool gn_eng_is_free(const struct gnomon_vm *vm)
{
	if (vm->guarded) {
		return false;
	}
	vm->sh.stats->lock_exclusive++;
	return true;
}

/* Does the host have a shared side? Else a call must hold the vm alone. */
static inline bool gn_eng_has_shared(const struct gnomon_vm *vm)
{
	return vm->host->lock_shared != NULL;
}

/* vcpu's own call; only what its statistics may count is written. */
void gn_eng_hold_shared(const struct gnomon_vcpu *vcpu);
void gn_eng_let_go_shared(const struct gnomon_vcpu *vcpu);

#endif
