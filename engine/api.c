/* SPDX-License-Identifier: BSD-2-Clause */
/* The public calls on a vm: each holds its lock from end to end. */
#include "engine/calls.h"

static void hold(const struct gnomon_vm *vm)
{
	if (vm->host->lock) {
		vm->host->lock(vm->ctx);
	}
}

static void let_go(const struct gnomon_vm *vm)
{
	if (vm->host->unlock) {
		vm->host->unlock(vm->ctx);
	}
}

enum gnomon_status gnomon_slot_set(struct gnomon_vm *vm,
				   const struct gnomon_slot *slot)
{
	hold(vm);
	enum gnomon_status result = gn_eng_slot_set(vm, slot);

	let_go(vm);
	return result;
}

enum gnomon_status gnomon_slot_delete(struct gnomon_vm *vm, uint32_t id,
				      uint32_t *budget)
{
	hold(vm);
	enum gnomon_status result = gn_eng_slot_delete(vm, id, budget);

	let_go(vm);
	return result;
}

enum gnomon_status gnomon_vcpu_create(struct gnomon_vm *vm, uint32_t id,
				      void *memory, struct gnomon_vcpu **vcpu)
{
	hold(vm);
	enum gnomon_status result = gn_eng_vcpu_create(vm, id, memory, vcpu);

	let_go(vm);
	return result;
}

void gnomon_vcpu_destroy(struct gnomon_vcpu *vcpu)
{
	const struct gnomon_vm *vm = vcpu->vm;

	hold(vm);
	gn_eng_vcpu_destroy(vcpu);
	let_go(vm);
}

enum gnomon_status gnomon_vcpu_set_regs(struct gnomon_vcpu *vcpu,
					const struct gnomon_regs *regs,
					uint32_t flags,
					struct gnomon_root *root)
{
	hold(vcpu->vm);
	enum gnomon_status result =
		gn_eng_vcpu_set_regs(vcpu, regs, flags, root);

	let_go(vcpu->vm);
	return result;
}

struct gnomon_root gnomon_vcpu_root(const struct gnomon_vcpu *vcpu)
{
	hold(vcpu->vm);
	struct gnomon_root result = gn_eng_vcpu_root(vcpu);

	let_go(vcpu->vm);
	return result;
}

enum gnomon_status gnomon_mode_switch(struct gnomon_vm *vm,
				      const gnomon_gpa_t *cr3,
				      enum gnomon_mode mode, uint32_t *budget)
{
	hold(vm);
	enum gnomon_status result = gn_eng_mode_switch(vm, cr3, mode, budget);

	let_go(vm);
	return result;
}

enum gnomon_mode gnomon_mode_get(const struct gnomon_vm *vm,
				 const gnomon_gpa_t *cr3)
{
	hold(vm);
	enum gnomon_mode result = gn_eng_mode_get(vm, cr3);

	let_go(vm);
	return result;
}

void gnomon_fault(struct gnomon_vcpu *vcpu, const struct gnomon_fault *fault,
		  struct gnomon_outcome *outcome)
{
	hold(vcpu->vm);
	gn_eng_fault(vcpu, fault, outcome);
	let_go(vcpu->vm);
}

enum gnomon_status gnomon_write(struct gnomon_vm *vm,
				struct gnomon_vcpu *vcpu, gnomon_gpa_t gpa,
				const void *data, size_t bytes)
{
	hold(vm);
	enum gnomon_status result = gn_eng_write(vm, vcpu, gpa, data, bytes);

	let_go(vm);
	return result;
}

void gnomon_invlpg(struct gnomon_vcpu *vcpu, gnomon_gva_t gva)
{
	hold(vcpu->vm);
	gn_eng_invlpg(vcpu, gva);
	let_go(vcpu->vm);
}

enum gnomon_status gnomon_invpcid(struct gnomon_vcpu *vcpu, uint64_t type,
				  uint64_t pcid, gnomon_gva_t gva)
{
	hold(vcpu->vm);
	enum gnomon_status result = gn_eng_invpcid(vcpu, type, pcid, gva);

	let_go(vcpu->vm);
	return result;
}

enum gnomon_status gnomon_host_change_begin(struct gnomon_vm *vm,
					    gnomon_gfn_t first,
					    uint64_t frames, uint32_t *budget)
{
	hold(vm);
	enum gnomon_status result =
		gn_eng_host_change_begin(vm, first, frames, budget);

	let_go(vm);
	return result;
}

enum gnomon_status gnomon_host_change_end(struct gnomon_vm *vm,
					  gnomon_gfn_t first, uint64_t frames)
{
	hold(vm);
	enum gnomon_status result = gn_eng_host_change_end(vm, first, frames);

	let_go(vm);
	return result;
}

enum gnomon_status gnomon_young(struct gnomon_vm *vm,
				struct gnomon_range *range, bool clear,
				uint64_t *young, uint32_t *budget)
{
	hold(vm);
	enum gnomon_status result =
		gn_eng_young(vm, range, clear, young, budget);

	let_go(vm);
	return result;
}

enum gnomon_status gnomon_dirty_start(struct gnomon_vm *vm,
				      const struct gnomon_dirty_log *log,
				      uint32_t *budget)
{
	hold(vm);
	enum gnomon_status result = gn_eng_dirty_start(vm, log, budget);

	let_go(vm);
	return result;
}

enum gnomon_status gnomon_dirty_clear(struct gnomon_vm *vm, uint32_t id,
				      struct gnomon_range *range,
				      uint64_t *copy, uint32_t *budget)
{
	hold(vm);
	enum gnomon_status result =
		gn_eng_dirty_clear(vm, id, range, copy, budget);

	let_go(vm);
	return result;
}

enum gnomon_status gnomon_dirty_stop(struct gnomon_vm *vm, uint32_t id)
{
	hold(vm);
	enum gnomon_status result = gn_eng_dirty_stop(vm, id);

	let_go(vm);
	return result;
}

enum gnomon_status gnomon_watch(struct gnomon_vm *vm,
				struct gnomon_range *range, uint32_t watch,
				uint32_t *budget)
{
	hold(vm);
	enum gnomon_status result = gn_eng_watch(vm, range, watch, budget);

	let_go(vm);
	return result;
}

enum gnomon_status gnomon_collapse(struct gnomon_vm *vm,
				   struct gnomon_range *range,
				   uint32_t *budget)
{
	hold(vm);
	enum gnomon_status result = gn_eng_collapse(vm, range, budget);

	let_go(vm);
	return result;
}

enum gnomon_status gnomon_zap_all(struct gnomon_vm *vm, uint32_t *budget)
{
	hold(vm);
	enum gnomon_status result = gn_eng_zap_all(vm, budget);

	let_go(vm);
	return result;
}

enum gnomon_status gnomon_shrink(struct gnomon_vm *vm, uint32_t *pages,
				 uint32_t *budget)
{
	hold(vm);
	enum gnomon_status result = gn_eng_shrink(vm, pages, budget);

	let_go(vm);
	return result;
}

enum gnomon_status gnomon_translate(struct gnomon_vcpu *vcpu,
				    gnomon_gva_t gva, uint32_t access,
				    uint32_t flags,
				    struct gnomon_translation *out)
{
	hold(vcpu->vm);
	enum gnomon_status result =
		gn_eng_translate(vcpu, gva, access, flags, out);

	let_go(vcpu->vm);
	return result;
}

enum gnomon_status gnomon_audit(struct gnomon_vm *vm,
				enum gnomon_audit_level level,
				struct gnomon_audit *report)
{
	hold(vm);
	enum gnomon_status result = gn_eng_audit(vm, level, report);

	let_go(vm);
	return result;
}

void gnomon_vm_stats(const struct gnomon_vm *vm, struct gnomon_stats *stats,
		     size_t stats_bytes)
{
	hold(vm);
	gn_eng_vm_stats(vm, stats, stats_bytes);
	let_go(vm);
}

bool gnomon_is_traced(const struct gnomon_vm *vm, gnomon_gfn_t gfn)
{
	hold(vm);
	bool result = gn_eng_is_traced(vm, gfn);

	let_go(vm);
	return result;
}

enum gnomon_status gnomon_table_switch(struct gnomon_vm *vm,
				       gnomon_gfn_t table, bool nested,
				       uint32_t *budget)
{
	hold(vm);
	enum gnomon_status result =
		gn_eng_table_switch(vm, table, nested, budget);

	let_go(vm);
	return result;
}

bool gnomon_table_is_nested(const struct gnomon_vm *vm, gnomon_gfn_t table)
{
	hold(vm);
	bool result = gn_eng_table_is_nested(vm, table);

	let_go(vm);
	return result;
}
