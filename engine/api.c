/* SPDX-License-Identifier: BSD-2-Clause */
/* The public calls on a vm: each holds it from end to end. */
#include "engine/calls.h"
#include "engine/lock.h"

/* For calls of a vcpu that read: either side does. True: the shared one. */
static bool hold_some(const struct gnomon_vcpu *vcpu)
{
	bool shared = gn_eng_has_shared(vcpu->vm);

	if (shared) {
		gn_eng_hold_shared(vcpu);
	} else {
		gn_eng_hold(vcpu->vm);
	}
	return shared;
}

static void let_go_some(const struct gnomon_vcpu *vcpu, bool shared)
{
	if (shared) {
		gn_eng_let_go_shared(vcpu);
	} else {
		gn_eng_let_go(vcpu->vm);
	}
}

enum gnomon_status gnomon_slot_set(struct gnomon_vm *vm,
				   const struct gnomon_slot *slot)
{
	gn_eng_hold(vm);
	enum gnomon_status result = gn_eng_slot_set(vm, slot);

	gn_eng_let_go(vm);
	return result;
}

enum gnomon_status gnomon_slot_delete(struct gnomon_vm *vm, uint32_t id,
				      uint32_t *budget)
{
	gn_eng_hold(vm);
	enum gnomon_status result = gn_eng_slot_delete(vm, id, budget);

	gn_eng_let_go(vm);
	return result;
}

enum gnomon_status gnomon_vcpu_create(struct gnomon_vm *vm, uint32_t id,
				      void *memory, struct gnomon_vcpu **vcpu)
{
	gn_eng_hold(vm);
	enum gnomon_status result = gn_eng_vcpu_create(vm, id, memory, vcpu);

	gn_eng_let_go(vm);
	return result;
}

void gnomon_vcpu_destroy(struct gnomon_vcpu *vcpu)
{
	const struct gnomon_vm *vm = vcpu->vm;

	gn_eng_hold(vm);
	gn_eng_vcpu_destroy(vcpu);
	gn_eng_let_go(vm);
}

/*
 * The calls that a guest makes most: what a lock needs is kept out of them,
 * so that a vm without one passes straight on.
 */
#define GUARDED static __attribute__((noinline))

GUARDED enum gnomon_status set_regs_guarded(struct gnomon_vcpu *vcpu,
					    const struct gnomon_regs *regs,
					    uint32_t flags,
					    struct gnomon_root *root)
{
	gn_eng_hold(vcpu->vm);
	enum gnomon_status result =
		gn_eng_vcpu_set_regs(vcpu, regs, flags, root);

	gn_eng_let_go(vcpu->vm);
	return result;
}

enum gnomon_status gnomon_vcpu_set_regs(struct gnomon_vcpu *vcpu,
					const struct gnomon_regs *regs,
					uint32_t flags,
					struct gnomon_root *root)
{
	return gn_eng_is_free(vcpu->vm)
		       ? gn_eng_vcpu_set_regs(vcpu, regs, flags, root)
		       : set_regs_guarded(vcpu, regs, flags, root);
}

struct gnomon_root gnomon_vcpu_root(const struct gnomon_vcpu *vcpu)
{
	bool shared = hold_some(vcpu);
	struct gnomon_root result = gn_eng_vcpu_root(vcpu);

	let_go_some(vcpu, shared);
	return result;
}

enum gnomon_status gnomon_mode_switch(struct gnomon_vm *vm,
				      const gnomon_gpa_t *cr3,
				      enum gnomon_mode mode, uint32_t *budget)
{
	gn_eng_hold(vm);
	enum gnomon_status result = gn_eng_mode_switch(vm, cr3, mode, budget);

	gn_eng_let_go(vm);
	return result;
}

enum gnomon_mode gnomon_mode_get(const struct gnomon_vm *vm,
				 const gnomon_gpa_t *cr3)
{
	gn_eng_hold(vm);
	enum gnomon_mode result = gn_eng_mode_get(vm, cr3);

	gn_eng_let_go(vm);
	return result;
}

GUARDED void fault_guarded(struct gnomon_vcpu *vcpu,
			   const struct gnomon_fault *fault,
			   struct gnomon_outcome *outcome)
{
	const struct gnomon_vm *vm = vcpu->vm;

	if (gn_eng_has_shared(vm)) {
		gn_eng_hold_shared(vcpu);
		bool done = gn_eng_fault_shared(vcpu, fault, outcome);

		gn_eng_let_go_shared(vcpu);
		if (done) {
			return;
		}
	}
	gn_eng_hold(vm);
	gn_eng_fault(vcpu, fault, outcome);
	gn_eng_let_go(vm);
}

void gnomon_fault(struct gnomon_vcpu *vcpu, const struct gnomon_fault *fault,
		  struct gnomon_outcome *outcome)
{
	if (gn_eng_is_free(vcpu->vm)) {
		gn_eng_fault(vcpu, fault, outcome);
	} else {
		fault_guarded(vcpu, fault, outcome);
	}
}

GUARDED enum gnomon_status write_guarded(struct gnomon_vm *vm,
					 struct gnomon_vcpu *vcpu,
					 gnomon_gpa_t gpa, const void *data,
					 size_t bytes)
{
	gn_eng_hold(vm);
	enum gnomon_status result = gn_eng_write(vm, vcpu, gpa, data, bytes);

	gn_eng_let_go(vm);
	return result;
}

enum gnomon_status gnomon_write(struct gnomon_vm *vm,
				struct gnomon_vcpu *vcpu, gnomon_gpa_t gpa,
				const void *data, size_t bytes)
{
	return gn_eng_is_free(vm) ? gn_eng_write(vm, vcpu, gpa, data, bytes)
				  : write_guarded(vm, vcpu, gpa, data, bytes);
}

enum gnomon_status gnomon_cmpxchg(struct gnomon_vm *vm,
				  struct gnomon_vcpu *vcpu, gnomon_gpa_t gpa,
				  unsigned bytes, uint64_t *old,
				  uint64_t value)
{
	gn_eng_hold(vm);
	enum gnomon_status result =
		gn_eng_cmpxchg(vm, vcpu, gpa, bytes, old, value);

	gn_eng_let_go(vm);
	return result;
}

GUARDED void invlpg_guarded(struct gnomon_vcpu *vcpu, gnomon_gva_t gva)
{
	gn_eng_hold(vcpu->vm);
	gn_eng_invlpg(vcpu, gva);
	gn_eng_let_go(vcpu->vm);
}

void gnomon_invlpg(struct gnomon_vcpu *vcpu, gnomon_gva_t gva)
{
	if (gn_eng_is_free(vcpu->vm)) {
		gn_eng_invlpg(vcpu, gva);
	} else {
		invlpg_guarded(vcpu, gva);
	}
}

enum gnomon_status gnomon_invpcid(struct gnomon_vcpu *vcpu, uint64_t type,
				  uint64_t pcid, gnomon_gva_t gva)
{
	gn_eng_hold(vcpu->vm);
	enum gnomon_status result = gn_eng_invpcid(vcpu, type, pcid, gva);

	gn_eng_let_go(vcpu->vm);
	return result;
}

enum gnomon_status gnomon_direct(struct gnomon_vcpu *vcpu,
				 const struct gnomon_direct *request,
				 uint32_t count, uint32_t *done,
				 uint32_t *budget)
{
	gn_eng_hold(vcpu->vm);
	enum gnomon_status result =
		gn_eng_direct_call(vcpu, request, count, done, budget);

	gn_eng_let_go(vcpu->vm);
	return result;
}

enum gnomon_status gnomon_direct_read(struct gnomon_vm *vm, gnomon_gpa_t gpa,
				      uint64_t *gpte)
{
	gn_eng_hold(vm);
	enum gnomon_status result = gn_eng_direct_read(vm, gpa, gpte);

	gn_eng_let_go(vm);
	return result;
}

enum gnomon_status gnomon_host_change_begin(struct gnomon_vm *vm,
					    gnomon_gfn_t first,
					    uint64_t frames, uint32_t *budget)
{
	gn_eng_hold(vm);
	enum gnomon_status result =
		gn_eng_host_change_begin(vm, first, frames, budget);

	gn_eng_let_go(vm);
	return result;
}

enum gnomon_status gnomon_host_change_end(struct gnomon_vm *vm,
					  gnomon_gfn_t first, uint64_t frames)
{
	gn_eng_hold(vm);
	enum gnomon_status result = gn_eng_host_change_end(vm, first, frames);

	gn_eng_let_go(vm);
	return result;
}

enum gnomon_status gnomon_young(struct gnomon_vm *vm,
				struct gnomon_range *range, bool clear,
				uint64_t *young, uint32_t *budget)
{
	gn_eng_hold(vm);
	enum gnomon_status result =
		gn_eng_young(vm, range, clear, young, budget);

	gn_eng_let_go(vm);
	return result;
}

enum gnomon_status gnomon_dirty_start(struct gnomon_vm *vm,
				      const struct gnomon_dirty_log *log,
				      uint32_t *budget)
{
	gn_eng_hold(vm);
	enum gnomon_status result = gn_eng_dirty_start(vm, log, budget);

	gn_eng_let_go(vm);
	return result;
}

enum gnomon_status gnomon_dirty_clear(struct gnomon_vm *vm, uint32_t id,
				      struct gnomon_range *range,
				      uint64_t *copy, uint32_t *budget)
{
	gn_eng_hold(vm);
	enum gnomon_status result =
		gn_eng_dirty_clear(vm, id, range, copy, budget);

	gn_eng_let_go(vm);
	return result;
}

enum gnomon_status gnomon_dirty_stop(struct gnomon_vm *vm, uint32_t id)
{
	gn_eng_hold(vm);
	enum gnomon_status result = gn_eng_dirty_stop(vm, id);

	gn_eng_let_go(vm);
	return result;
}

enum gnomon_status gnomon_watch(struct gnomon_vm *vm,
				struct gnomon_range *range, uint32_t watch,
				uint32_t *budget)
{
	gn_eng_hold(vm);
	enum gnomon_status result = gn_eng_watch(vm, range, watch, budget);

	gn_eng_let_go(vm);
	return result;
}

enum gnomon_status gnomon_prefault(struct gnomon_vcpu *vcpu,
				   struct gnomon_span *span, uint32_t *budget)
{
	gn_eng_hold(vcpu->vm);
	enum gnomon_status result = gn_eng_prefault(vcpu, span, budget);

	gn_eng_let_go(vcpu->vm);
	return result;
}

enum gnomon_status gnomon_split(struct gnomon_vm *vm,
				struct gnomon_range *range, uint32_t *budget)
{
	gn_eng_hold(vm);
	enum gnomon_status result = gn_eng_split(vm, range, budget);

	gn_eng_let_go(vm);
	return result;
}

enum gnomon_status gnomon_look(const struct gnomon_vcpu *vcpu,
			       enum gnomon_tables tables,
			       struct gnomon_look *look, uint32_t *budget)
{
	gn_eng_hold(vcpu->vm);
	enum gnomon_status result = gn_eng_look(vcpu, tables, look, budget);

	gn_eng_let_go(vcpu->vm);
	return result;
}

enum gnomon_status gnomon_collapse(struct gnomon_vm *vm,
				   struct gnomon_range *range,
				   uint32_t *budget)
{
	gn_eng_hold(vm);
	enum gnomon_status result = gn_eng_collapse(vm, range, budget);

	gn_eng_let_go(vm);
	return result;
}

enum gnomon_status gnomon_zap_all(struct gnomon_vm *vm, uint32_t *budget)
{
	gn_eng_hold(vm);
	enum gnomon_status result = gn_eng_zap_all(vm, budget);

	gn_eng_let_go(vm);
	return result;
}

enum gnomon_status gnomon_shrink(struct gnomon_vm *vm, uint32_t *pages,
				 uint32_t *budget)
{
	gn_eng_hold(vm);
	enum gnomon_status result = gn_eng_shrink(vm, pages, budget);

	gn_eng_let_go(vm);
	return result;
}

enum gnomon_status gnomon_translate(struct gnomon_vcpu *vcpu,
				    gnomon_gva_t gva, uint32_t access,
				    uint32_t flags,
				    struct gnomon_translation *out)
{
	bool shared = hold_some(vcpu);
	enum gnomon_status result =
		gn_eng_translate(vcpu, gva, access, flags, out);

	let_go_some(vcpu, shared);
	return result;
}

enum gnomon_status gnomon_audit(struct gnomon_vm *vm,
				enum gnomon_audit_level level,
				struct gnomon_audit *report)
{
	gn_eng_hold(vm);
	enum gnomon_status result = gn_eng_audit(vm, level, report);

	gn_eng_let_go(vm);
	return result;
}

void gnomon_vm_stats(const struct gnomon_vm *vm, struct gnomon_stats *stats,
		     size_t stats_bytes)
{
	gn_eng_hold(vm);
	gn_eng_vm_stats(vm, stats, stats_bytes);
	gn_eng_let_go(vm);
}

bool gnomon_is_traced(const struct gnomon_vm *vm, gnomon_gfn_t gfn)
{
	gn_eng_hold(vm);
	bool result = gn_eng_is_traced(vm, gfn);

	gn_eng_let_go(vm);
	return result;
}

enum gnomon_status gnomon_table_switch(struct gnomon_vm *vm,
				       gnomon_gfn_t table, bool nested,
				       uint32_t *budget)
{
	gn_eng_hold(vm);
	enum gnomon_status result =
		gn_eng_table_switch(vm, table, nested, budget);

	gn_eng_let_go(vm);
	return result;
}

bool gnomon_table_is_nested(const struct gnomon_vm *vm, gnomon_gfn_t table)
{
	gn_eng_hold(vm);
	bool result = gn_eng_table_is_nested(vm, table);

	gn_eng_let_go(vm);
	return result;
}
