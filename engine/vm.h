/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a vm and a vcpu are made of. The engine folder turns the public calls
 * into calls of shadow/ or nested/; it holds no algorithm of its own.
 */
#ifndef ENGINE_VM_H
#define ENGINE_VM_H

#include "direct/direct.h"
#include "engine/mmio.h"
#include "nested/nested.h"
#include "shadow/shadow.h"

/* A slot that is being deleted. */
struct gn_eng_gone {
	bool busy;
	struct gnomon_slot slot;
	/* Frames of the memory that it has or shows, before next: done with. */
	uint64_t next;
	uint64_t end;
	struct gn_np_range range[GN_SLOTS_VIEWS]; /* the guest's */
};

/* When the lock was got, by the host's clock. */
struct gn_eng_since {
	uint64_t time;
};

/* Where gn_tf_sweep_space() has come to: frame next of a slot. */
struct gn_eng_sweep {
	uint32_t slot;
	uint64_t next;
};

struct gnomon_vm {
	struct gnomon_config config; /* mode: of spaces nobody chose for */
	const struct gnomon_host *host;	/* = &callbacks */
	/* What the VMM's header does not know yet is null. */
	struct gnomon_host callbacks;
	void *ctx;
	bool guarded;		/* the host has a lock or a clock */
	struct gn_pool pool;
	struct gn_slots slots;
	/* By frames of memory, and so by the guest's outside SMM. */
	struct gn_mem mem;
	struct gn_mem mem_smm;	/* by the guest's inside */
	struct gn_sh sh;	/* always there; empty without the mode */
	struct gn_np np[GN_SLOTS_VIEWS]; /* made only for modes with NESTED */
	struct gn_dp dp;	/* mode DIRECT */
	struct gnomon_stats stats; /* and those of each vcpu: see vcpu.own */
	uint64_t slot_generation; /* see mmio.h; from 1 */
	uint64_t vcpus;		/* bit n: vcpu n exists */
	struct gn_eng_gone gone[GNOMON_SLOTS_MAX];
	/* What is left of a gnomon_zap_all(). */
	struct gn_np_range zap[GN_SLOTS_VIEWS];
	struct gn_eng_sweep sweep; /* of choices that count no more */
	struct gn_eng_since held; /* by whoever holds the vm alone */
	struct gn_eng_since *since; /* = &held: a hold changes no vm */
};

struct gnomon_vcpu {
	struct gnomon_vm *vm;
	uint32_t id;
	bool loaded;		/* registers have been set once */
	uint8_t mode;		/* enum gnomon_mode: what it was last given */
	struct gnomon_regs regs;
	struct gn_sh_vcpu sh;	/* ctx is the vcpu's in any mode */
	struct gn_dp_vcpu dp;
	struct gn_eng_mmio_cache mmio;
	/* What its calls add to the vm's, some of them while others do. */
	struct gnomon_stats own;
	struct gn_eng_since held;
	struct gn_eng_since *since; /* = &held */
};

/* May a vcpu of the vm run in the mode? */
static inline bool gn_eng_has(const struct gnomon_vm *vm, unsigned mode)
{
	return vm->config.modes >> mode & 1;
}

static inline bool gn_eng_has_agile(const struct gnomon_vm *vm)
{
	return gn_eng_has(vm, GNOMON_MODE_AGILE);
}

static inline bool gn_eng_has_shadow(const struct gnomon_vm *vm)
{
	return gn_eng_has(vm, GNOMON_MODE_SHADOW) || gn_eng_has_agile(vm);
}

static inline bool gn_eng_has_nested(const struct gnomon_vm *vm)
{
	return gn_eng_has(vm, GNOMON_MODE_NESTED) || gn_eng_has_agile(vm);
}

/* Address spaces that slots may differ in. */
static inline unsigned gn_eng_views(const struct gnomon_vm *vm)
{
	return vm->config.smm ? 2 : 1;
}

/* Hierarchies of nested tables: one for each, where there are any. */
static inline unsigned gn_eng_nested_views(const struct gnomon_vm *vm)
{
	return gn_eng_has_nested(vm) ? gn_eng_views(vm) : 0;
}

/* Where the vcpu's nested tables are. */
static inline struct gn_np *gn_eng_np(const struct gnomon_vcpu *vcpu)
{
	return &vcpu->vm->np[vcpu->sh.view];
}

/* The frame of memory that a guest frame shows to the vcpu. */
static inline uint64_t gn_eng_memory(const struct gnomon_vcpu *vcpu,
				     uint64_t gfn)
{
	return gn_slots_memory(&vcpu->vm->slots, vcpu->sh.view, gfn);
}

/* The same for the VMM, who names guest frames as outside SMM. */
static inline gnomon_gfn_t gn_eng_vm_memory(const struct gnomon_vm *vm,
					    gnomon_gfn_t gfn)
{
	return gn_gfn(gn_slots_memory(&vm->slots, 0, gfn.v));
}

/* What the CPU walks, or begins with. */
static inline bool gn_eng_shadows(unsigned mode)
{
	return mode == GNOMON_MODE_SHADOW || mode == GNOMON_MODE_AGILE;
}

static inline bool gn_eng_on_shadow(const struct gnomon_vcpu *vcpu)
{
	return gn_eng_shadows(vcpu->mode);
}

static inline bool gn_eng_on_nested(const struct gnomon_vcpu *vcpu)
{
	return vcpu->mode == GNOMON_MODE_NESTED;
}

static inline bool gn_eng_direct(const struct gnomon_vm *vm)
{
	return vm->config.mode == GNOMON_MODE_DIRECT;
}

/* No frame of memory has so high a number. */
static inline uint64_t gn_eng_frames(const struct gnomon_vm *vm)
{
	return GNOMON_SMM_GFN * gn_eng_views(vm);
}

/* A limit for callers that gave none. */
static inline uint32_t *gn_eng_budget(uint32_t *budget, uint32_t *none)
{
	*none = UINT32_MAX;
	return budget ? budget : none;
}

#endif
