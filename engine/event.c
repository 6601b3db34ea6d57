/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/calls.h"

#include <string.h>

#include "base/bits.h"
#include "shadow/fault.h"
#include "shadow/root.h"
#include "shadow/sync.h"
#include "shadow/unsync.h"

#define CR4_PCIDE GN_BIT(17)

/* With nested tables a page fault is the guest's own unless it has passed. */
static void guest_fault(struct gnomon_vcpu *vcpu,
			const struct gnomon_fault *fault,
			struct gnomon_outcome *out)
{
	struct gn_gpt_walk walk;
	enum gnomon_status status =
		gn_gpt_walk(&vcpu->sh.ctx, vcpu->sh.mem, fault->gva,
			    fault->access, 0, &walk);

	out->kind = GNOMON_KIND_SPURIOUS;
	if (status == GNOMON_FAULT) {
		out->action = GNOMON_INJECT;
		out->kind = GNOMON_KIND_TRUE;
		out->error_code = walk.error_code;
		out->gva = fault->gva;
	}
}

/*
 * A CPU that walks the guest's tables under nested ones writes to them, or
 * counts as if it did: no trace can hold there. Other stores are traced.
 */
static void let_walk(struct gnomon_vm *vm, uint64_t gfn)
{
	struct gn_tf_record *record = gn_tf_find(&vm->sh.tf, gfn);

	if (record && record->tables) {
		gn_sh_loosen(&vm->sh, record);
	}
}

/*
 * A CPU with agile paging writes to the guest's tables for nothing but A and
 * D. Where it may not, for a trace or a watch, they are set for it: A first,
 * and D when it comes back with A set.
 */
static bool mark_gpte(struct gnomon_vcpu *vcpu, gnomon_gpa_t gpa)
{
	struct gnomon_vm *vm = vcpu->vm;
	unsigned bytes = gn_gpt_entry_bytes(&vcpu->sh.ctx);
	const struct gn_tf_record *record = gn_tf_find(
		&vm->sh.tf, gn_eng_memory(vcpu, gn_gpa_gfn(gpa).v));
	uint64_t at = gn_align_down(gpa.v, bytes), old, marked;

	if (!record || !(record->tables || record->watch) ||
	    gn_mem_load_slow(vcpu->sh.mem, at, bytes, &old) != GNOMON_OK) {
		return false;
	}
	marked = old | (old & X86_PTE_A ? X86_PTE_D : X86_PTE_A);
	/* Whoever was faster has the CPU look again. */
	return !(old & X86_PTE_P) ||
	       gn_mem_cmpxchg(vcpu->sh.mem, at, bytes, &old, marked) ==
		       GNOMON_OK;
}

static void misconfig(struct gnomon_vcpu *vcpu,
		      const struct gnomon_fault *fault,
		      struct gnomon_outcome *out)
{
	struct gnomon_vm *vm = vcpu->vm;
	struct gn_np_walk walk;

	vm->stats.misconfigs++;
	out->kind = GNOMON_KIND_SPURIOUS;
	gn_np_walk(gn_eng_np(vcpu), fault->gpa, fault->access, &walk);
	if (walk.end == GN_NP_END_BAD) {
		out->action = GNOMON_STOP_BUG;
		if (vm->host->bug) {
			vm->host->bug(vm->ctx, "a nested entry is damaged");
		}
	}
}

static void nested_fault(struct gnomon_vcpu *vcpu,
			 const struct gnomon_fault *fault,
			 struct gnomon_outcome *out)
{
	struct gnomon_vm *vm = vcpu->vm;

	if (!fault->nested) {
		guest_fault(vcpu, fault, out);
		return;
	}
	if (fault->misconfig) {
		misconfig(vcpu, fault, out);
		return;
	}
	if (fault->table_walk && (fault->access & GNOMON_WRITE)) {
		if (gn_eng_has_agile(vm) && mark_gpte(vcpu, fault->gpa)) {
			out->kind = GNOMON_KIND_NESTED;
			return;
		}
		let_walk(vm, gn_eng_memory(vcpu, gn_gpa_gfn(fault->gpa).v));
	}
	gn_np_fault(gn_eng_np(vcpu), fault->gpa, fault->access, out, NULL);
}

/* The same with the vm held together with others; false: not this one. */
static bool nested_fault_shared(struct gnomon_vcpu *vcpu,
				const struct gnomon_fault *fault,
				struct gnomon_outcome *out)
{
	if (!fault->nested || fault->misconfig) {
		return false;
	}
	if (fault->table_walk && (fault->access & GNOMON_WRITE)) {
		const struct gn_tf_record *record = gn_tf_find(
			&vcpu->vm->sh.tf,
			gn_eng_memory(vcpu, gn_gpa_gfn(fault->gpa).v));

		if (record && (gn_tf_guarded(record) || record->watch)) {
			return false;
		}
	}
	if (!gn_np_fault_shared(gn_eng_np(vcpu), fault->gpa, fault->access,
				&vcpu->own, out)) {
		return false;
	}
	vcpu->own.pf_fixed += out->kind == GNOMON_KIND_NESTED;
	return true;
}

static __attribute__((noinline)) void
count_inject(struct gnomon_vcpu *vcpu, const struct gnomon_outcome *out)
{
	const struct gnomon_vm *vm = vcpu->vm;

	vcpu->own.pf_guest++;
	if (vm->host->event) {
		vm->host->event(vm->ctx, GNOMON_EVENT_INJECT, out->gva.v,
				out->error_code);
	}
}

static inline void count(struct gnomon_vcpu *vcpu,
			 const struct gnomon_outcome *out)
{
	vcpu->own.pf_taken++;
	vcpu->own.faults[out->kind]++;
	if (out->action == GNOMON_EMULATE) {
		vcpu->own.pf_emulate++;
	} else if (out->action == GNOMON_INJECT) {
		count_inject(vcpu, out);
	}
}

/* Below a switch the CPU walks nested tables too. */
static inline bool may_be_nested(const struct gnomon_vcpu *vcpu)
{
	return gn_eng_on_nested(vcpu) || vcpu->mode == GNOMON_MODE_AGILE;
}

/* Not one of the shadow's; out of the way of those. */
static __attribute__((noinline)) void
other_fault(struct gnomon_vcpu *vcpu, const struct gnomon_fault *fault,
	    struct gnomon_outcome *outcome)
{
	struct gnomon_vm *vm = vcpu->vm;

	if (!vcpu->loaded || (fault->nested && !may_be_nested(vcpu))) {
		outcome->action = GNOMON_STOP_BUG;
	} else if (gn_eng_direct(vm)) {
		gn_dp_fault(&vm->dp, &vcpu->dp, fault, outcome);
	} else {
		nested_fault(vcpu, fault, outcome);
		vcpu->own.pf_fixed += outcome->kind == GNOMON_KIND_NESTED;
	}
}

static inline void serve(struct gnomon_vcpu *vcpu,
			 const struct gnomon_fault *fault,
			 struct gnomon_outcome *outcome)
{
	gn_eng_root_loaded(vcpu);
	if (vcpu->loaded && !fault->nested && gn_eng_on_shadow(vcpu)) {
		gn_sh_fault(&vcpu->sh, fault, outcome);
	} else {
		other_fault(vcpu, fault, outcome);
	}
}

void gn_eng_serve(struct gnomon_vcpu *vcpu, const struct gnomon_fault *fault,
		  struct gnomon_outcome *outcome)
{
	*outcome = (struct gnomon_outcome){ .action = GNOMON_RESUME };
	serve(vcpu, fault, outcome);
}

/* A device that the vcpu has met since its last flush point. */
static bool known_device(struct gnomon_vcpu *vcpu,
			 const struct gnomon_fault *fault,
			 struct gnomon_outcome *outcome)
{
	bool found = gn_eng_mmio_find(&vcpu->mmio, vcpu->vm->slot_generation,
				      fault, outcome);

	vcpu->own.mmio_cached += found;
	return found;
}

void gn_eng_fault(struct gnomon_vcpu *vcpu, const struct gnomon_fault *fault,
		  struct gnomon_outcome *outcome)
{
	*outcome = (struct gnomon_outcome){ .action = GNOMON_RESUME };
	if (!vcpu->mmio.used || !known_device(vcpu, fault, outcome)) {
		serve(vcpu, fault, outcome);
		if (outcome->action == GNOMON_DO_MMIO && !fault->nested) {
			gn_eng_mmio_keep(&vcpu->mmio,
					 vcpu->vm->slot_generation, fault,
					 outcome);
		}
	}
	count(vcpu, outcome);
}

static bool fault_shared(struct gnomon_vcpu *vcpu,
			 const struct gnomon_fault *fault,
			 struct gnomon_outcome *outcome)
{
	if (gn_eng_on_nested(vcpu)) {
		return nested_fault_shared(vcpu, fault, outcome);
	}
	return !fault->nested && gn_eng_on_shadow(vcpu) &&
	       gn_sh_fault_shared(&vcpu->sh, fault, outcome);
}

bool gn_eng_fault_shared(struct gnomon_vcpu *vcpu,
			 const struct gnomon_fault *fault,
			 struct gnomon_outcome *outcome)
{
	*outcome = (struct gnomon_outcome){ .action = GNOMON_RESUME };
	if (vcpu->mmio.used && known_device(vcpu, fault, outcome)) {
		count(vcpu, outcome);
		return true;
	}
	if (!vcpu->loaded || !gn_sh_root_settled(&vcpu->sh) ||
	    !fault_shared(vcpu, fault, outcome)) {
		vcpu->own.lock_again++;
		return false;
	}
	count(vcpu, outcome);
	return true;
}

/* The largest naturally aligned piece of a store. */
static unsigned piece(uint64_t gpa, size_t bytes)
{
	unsigned n = 8;

	while (n > bytes || (gpa & (n - 1))) {
		n /= 2;
	}
	return n;
}

static enum gnomon_status store(struct gn_mem *mem, uint64_t gpa,
				const unsigned char *data, size_t bytes)
{
	while (bytes > 0) {
		unsigned n = piece(gpa, bytes);
		uint64_t value = 0;

		memcpy(&value, data, n);
		if (gn_mem_store(mem, gpa, n, value) != GNOMON_OK) {
			return GNOMON_ABSENT;
		}
		gpa += n;
		data += n;
		bytes -= n;
	}
	return GNOMON_OK;
}

/* What kernels do: one entry of 8 bytes, in memory that we reach. */
static bool store_entry(const struct gn_mem *mem, gnomon_gpa_t gpa,
			const void *data, size_t bytes)
{
	uint64_t value;

	if (bytes != sizeof(value) || (gpa.v & (sizeof(value) - 1))) {
		return false;
	}
	__builtin_memcpy(&value, data, sizeof(value));
	return gn_mem_store8(mem, gpa.v, value);
}

/* Any other store; out of the way of that one. */
static __attribute__((noinline)) enum gnomon_status
write_any(struct gnomon_vm *vm, gnomon_gpa_t gpa, const void *data,
	  size_t bytes)
{
	uint64_t offset = gpa.v & (GNOMON_PAGE_BYTES - 1);
	const struct gnomon_slot *slot;
	enum gnomon_status status;

	if (bytes == 0 || bytes > GNOMON_PAGE_BYTES - offset) {
		return GNOMON_INVAL;
	}
	slot = gn_slots_find(&vm->slots, gn_gpa_gfn(gpa));
	if (!slot || (slot->flags & (GNOMON_SLOT_READONLY | GNOMON_SLOT_ROM))) {
		return GNOMON_ABSENT;
	}
	if (gn_eng_direct(vm) && gn_eng_is_traced(vm, gn_gpa_gfn(gpa))) {
		return gn_dp_write(&vm->dp, gpa, data, bytes);
	}
	status = store(&vm->mem, gpa.v, data, bytes);
	/* Also after a refusal halfway: what was stored is stored. */
	if (gn_eng_has_shadow(vm)) {
		gn_sh_written(&vm->sh, gpa, (uint32_t)bytes);
	}
	return status;
}

/* Of the memory that a vcpu, or a device (null), stores to. */
static gnomon_gpa_t memory_gpa(const struct gnomon_vm *vm,
			       const struct gnomon_vcpu *vcpu, gnomon_gpa_t gpa)
{
	gnomon_gfn_t gfn = gn_gpa_gfn(gpa);

	if (!vcpu) {
		gfn = gn_eng_vm_memory(vm, gfn);
	} else if (gfn.v < GNOMON_SMM_GFN) {
		gfn.v = gn_eng_memory(vcpu, gfn.v);
	} else {
		gfn.v |= GN_SLOTS_NOWHERE; /* no address of a guest */
	}
	return gn_gpa(gn_gfn_gpa(gfn).v | (gpa.v & (GNOMON_PAGE_BYTES - 1)));
}

static inline enum gnomon_status write_memory(struct gnomon_vm *vm,
					      gnomon_gpa_t gpa,
					      const void *data, size_t bytes)
{
	if (gn_eng_has_shadow(vm) && store_entry(&vm->mem, gpa, data, bytes)) {
		gn_sh_written_entry(&vm->sh, gpa);
		return GNOMON_OK;
	}
	return write_any(vm, gpa, data, bytes);
}

/* Where guest frames may not be those of memory. */
static __attribute__((noinline)) enum gnomon_status
write_shown(struct gnomon_vm *vm, const struct gnomon_vcpu *vcpu,
	    gnomon_gpa_t gpa, const void *data, size_t bytes)
{
	return write_memory(vm, memory_gpa(vm, vcpu, gpa), data, bytes);
}

enum gnomon_status gn_eng_write(struct gnomon_vm *vm, struct gnomon_vcpu *vcpu,
				gnomon_gpa_t gpa, const void *data,
				size_t bytes)
{
	vm->slot_generation++;
	return __builtin_expect(vm->slots.pieces != 0, 0)
		       ? write_shown(vm, vcpu, gpa, data, bytes)
		       : write_memory(vm, gpa, data, bytes);
}

enum gnomon_status gn_eng_cmpxchg(struct gnomon_vm *vm,
				  const struct gnomon_vcpu *vcpu,
				  gnomon_gpa_t gpa, unsigned bytes,
				  uint64_t *old, uint64_t value)
{
	const struct gnomon_slot *slot;
	enum gnomon_status status;
	uint64_t found = *old;

	if ((bytes != 4 && bytes != 8) || (gpa.v & (bytes - 1))) {
		return GNOMON_INVAL;
	}
	gpa = memory_gpa(vm, vcpu, gpa);
	slot = gn_slots_find(&vm->slots, gn_gpa_gfn(gpa));
	if (!slot || (slot->flags & (GNOMON_SLOT_READONLY | GNOMON_SLOT_ROM))) {
		return GNOMON_ABSENT;
	}
	if (gn_eng_direct(vm) && gn_eng_is_traced(vm, gn_gpa_gfn(gpa))) {
		return GNOMON_UNSUPPORTED;
	}
	status = gn_mem_cmpxchg(&vm->mem, gpa.v, bytes, &found, value);
	if (status == GNOMON_OK && found == *old && gn_eng_has_shadow(vm)) {
		gn_sh_written(&vm->sh, gpa, bytes);
	}
	*old = found;
	return status;
}

void gn_eng_invlpg(struct gnomon_vcpu *vcpu, gnomon_gva_t gva)
{
	gn_eng_mmio_flush(&vcpu->mmio);
	vcpu->vm->stats.invlpg++;
	gn_eng_root_loaded(vcpu);
	if (vcpu->loaded && gn_eng_on_shadow(vcpu)) {
		gn_sh_invlpg(&vcpu->sh, gva);
	} else if (vcpu->loaded && gn_eng_direct(vcpu->vm)) {
		gn_eng_direct_invlpg(vcpu, gva);
	}
}

static bool canonical(const struct gnomon_vcpu *vcpu, gnomon_gva_t gva)
{
	unsigned shift = 64u - vcpu->sh.ctx.format->gva_bits;

	return (uint64_t)((int64_t)(gva.v << shift) >> shift) == gva.v;
}

static void flush_vcpu(struct gnomon_vcpu *vcpu, bool globals)
{
	struct gnomon_flush flush = { .vcpus = GN_BIT(vcpu->id) };

	vcpu->vm->stats.tlb_flush++;
	vcpu->vm->host->flush(vcpu->vm->ctx, &flush);
	if (gn_eng_on_shadow(vcpu)) {
		gn_sh_flushed(&vcpu->vm->sh, vcpu->id, globals);
	}
}

enum gnomon_status gn_eng_invpcid(struct gnomon_vcpu *vcpu, uint64_t type,
				  uint64_t pcid, gnomon_gva_t gva)
{
	bool enabled = vcpu->regs.cr4 & CR4_PCIDE;
	bool current = pcid == (enabled ? vcpu->regs.cr3 & 0xfff : 0);
	bool context = type <= GNOMON_INVPCID_CONTEXT;

	if (!vcpu->loaded) {
		return GNOMON_INVAL;
	}
	if (type > GNOMON_INVPCID_ALL_BUT_GLOBAL ||
	    (context && (pcid > 0xfff || (pcid && !enabled))) ||
	    (type == GNOMON_INVPCID_ADDRESS && !canonical(vcpu, gva))) {
		return GNOMON_GP;
	}
	gn_eng_mmio_flush(&vcpu->mmio);
	vcpu->vm->stats.invlpg++;
	/*
	 * Roots of other PCIDs are brought up to date when they are loaded,
	 * and no TLB holds anything of theirs.
	 */
	if (context && !current) {
		return GNOMON_OK;
	}
	if (type == GNOMON_INVPCID_ADDRESS) {
		if (gn_eng_on_shadow(vcpu)) {
			gn_sh_invlpg(&vcpu->sh, gva);
		} else if (gn_eng_direct(vcpu->vm)) {
			gn_eng_direct_invlpg(vcpu, gva);
		}
		return GNOMON_OK;
	}
	if (gn_eng_on_shadow(vcpu)) {
		gn_sh_unsync_sync(&vcpu->vm->sh);
	}
	flush_vcpu(vcpu, true);
	return GNOMON_OK;
}
