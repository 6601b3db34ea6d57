/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The public calls without their locks: gn_eng_x() is gnomon_x() for a caller
 * that holds the vm. See gnomon.h for what each does.
 */
#ifndef ENGINE_CALLS_H
#define ENGINE_CALLS_H

#include "engine/vm.h"
#include "shadow/root.h"

/* What is done to a range of frames, in every hierarchy that the vm has. */
enum gn_eng_range_op {
	GN_ENG_UNMAP,
	GN_ENG_PROTECT,
	GN_ENG_COLLAPSE,
	GN_ENG_SPLIT,		/* nested tables only */
	GN_ENG_HARVEST,		/* the same */
};
/*
 * On nested tables alone, wherever they show frames first .. end-1 of memory.
 * MORE says nothing of how far it came: for budgets that suffice.
 */
enum gnomon_status gn_eng_nested(struct gnomon_vm *vm, enum gn_eng_range_op op,
				 uint64_t first, uint64_t end,
				 uint32_t *budget);
void gn_eng_nested_settle(struct gnomon_vm *vm);
enum gnomon_status gn_eng_range(struct gnomon_vm *vm, enum gn_eng_range_op op,
				uint64_t *next, uint64_t end,
				uint32_t *budget);
enum gnomon_status gn_eng_range_young(struct gnomon_vm *vm, uint64_t *next,
				      uint64_t end, bool clear,
				      uint64_t *young, uint32_t *budget);
void gn_eng_root_loaded_slow(struct gnomon_vcpu *vcpu);
/* The CPU has loaded what the vcpu was last given. */
static inline void gn_eng_root_loaded(struct gnomon_vcpu *vcpu)
{
	/* On shadow tables alone there is only the root before. */
	if (!gn_sh_root_settled(&vcpu->sh) ||
	    gn_eng_has_nested(vcpu->vm)) {
		gn_eng_root_loaded_slow(vcpu);
	}
}
/* The mode of the address space that these registers are of. */
enum gnomon_mode gn_eng_mode_of(const struct gnomon_vcpu *vcpu,
				const struct gn_gpt_ctx *ctx, uint64_t cr3);

enum gnomon_status gn_eng_slot_set(struct gnomon_vm *vm,
				   const struct gnomon_slot *slot);
enum gnomon_status gn_eng_slot_delete(struct gnomon_vm *vm, uint32_t id,
				      uint32_t *budget);
enum gnomon_status gn_eng_vcpu_create(struct gnomon_vm *vm, uint32_t id,
				      void *memory, struct gnomon_vcpu **vcpu);
void gn_eng_vcpu_destroy(struct gnomon_vcpu *vcpu);
enum gnomon_status gn_eng_vcpu_set_regs(struct gnomon_vcpu *vcpu,
					const struct gnomon_regs *regs,
					uint32_t flags,
					struct gnomon_root *root);
struct gnomon_root gn_eng_vcpu_root(const struct gnomon_vcpu *vcpu);
bool gn_eng_mode_known(uint32_t mode);
enum gnomon_mode gn_eng_mode_get(const struct gnomon_vm *vm,
				 const gnomon_gpa_t *cr3);
enum gnomon_status gn_eng_mode_switch(struct gnomon_vm *vm,
				      const gnomon_gpa_t *cr3,
				      enum gnomon_mode mode, uint32_t *budget);
/* gn_eng_fault() without its counters. */
void gn_eng_serve(struct gnomon_vcpu *vcpu, const struct gnomon_fault *fault,
		  struct gnomon_outcome *outcome);
void gn_eng_fault(struct gnomon_vcpu *vcpu, const struct gnomon_fault *fault,
		  struct gnomon_outcome *outcome);
/*
 * The same for a caller on the shared side. False: it takes gn_eng_fault(),
 * and *outcome says nothing.
 */
bool gn_eng_fault_shared(struct gnomon_vcpu *vcpu,
			 const struct gnomon_fault *fault,
			 struct gnomon_outcome *outcome);
enum gnomon_status gn_eng_write(struct gnomon_vm *vm,
				struct gnomon_vcpu *vcpu, gnomon_gpa_t gpa,
				const void *data, size_t bytes);
enum gnomon_status gn_eng_cmpxchg(struct gnomon_vm *vm,
				  const struct gnomon_vcpu *vcpu,
				  gnomon_gpa_t gpa, unsigned bytes,
				  uint64_t *old, uint64_t value);
void gn_eng_invlpg(struct gnomon_vcpu *vcpu, gnomon_gva_t gva);
enum gnomon_status gn_eng_invpcid(struct gnomon_vcpu *vcpu, uint64_t type,
				  uint64_t pcid, gnomon_gva_t gva);
enum gnomon_status gn_eng_host_change_begin(struct gnomon_vm *vm,
					    gnomon_gfn_t first,
					    uint64_t frames, uint32_t *budget);
enum gnomon_status gn_eng_host_change_end(struct gnomon_vm *vm,
					  gnomon_gfn_t first, uint64_t frames);
enum gnomon_status gn_eng_young(struct gnomon_vm *vm,
				struct gnomon_range *range, bool clear,
				uint64_t *young, uint32_t *budget);
enum gnomon_status gn_eng_dirty_start(struct gnomon_vm *vm,
				      const struct gnomon_dirty_log *log,
				      uint32_t *budget);
enum gnomon_status gn_eng_dirty_clear(struct gnomon_vm *vm, uint32_t id,
				      struct gnomon_range *range,
				      uint64_t *copy, uint32_t *budget);
enum gnomon_status gn_eng_dirty_stop(struct gnomon_vm *vm, uint32_t id);
enum gnomon_status gn_eng_watch(struct gnomon_vm *vm,
				struct gnomon_range *range, uint32_t watch,
				uint32_t *budget);
enum gnomon_status gn_eng_prefault(struct gnomon_vcpu *vcpu,
				   struct gnomon_span *span, uint32_t *budget);
enum gnomon_status gn_eng_split(struct gnomon_vm *vm,
				struct gnomon_range *range, uint32_t *budget);
enum gnomon_status gn_eng_look(const struct gnomon_vcpu *vcpu,
			       enum gnomon_tables tables,
			       struct gnomon_look *look, uint32_t *budget);
enum gnomon_status gn_eng_collapse(struct gnomon_vm *vm,
				   struct gnomon_range *range,
				   uint32_t *budget);
enum gnomon_status gn_eng_zap_all(struct gnomon_vm *vm, uint32_t *budget);
enum gnomon_status gn_eng_shrink(struct gnomon_vm *vm, uint32_t *pages,
				 uint32_t *budget);
enum gnomon_status gn_eng_translate(struct gnomon_vcpu *vcpu,
				    gnomon_gva_t gva, uint32_t access,
				    uint32_t flags,
				    struct gnomon_translation *out);
enum gnomon_status gn_eng_audit(struct gnomon_vm *vm,
				enum gnomon_audit_level level,
				struct gnomon_audit *report);
void gn_eng_vm_stats(const struct gnomon_vm *vm, struct gnomon_stats *stats,
		     size_t stats_bytes);
/* Add one vcpu's counters to *sum; of the longest times, the longer one. */
void gn_eng_stats_add(struct gnomon_stats *sum,
		      const struct gnomon_stats *own);
bool gn_eng_is_traced(const struct gnomon_vm *vm, gnomon_gfn_t gfn);
enum gnomon_status gn_eng_table_switch(struct gnomon_vm *vm,
				       gnomon_gfn_t table, bool nested,
				       uint32_t *budget);
bool gn_eng_table_is_nested(const struct gnomon_vm *vm, gnomon_gfn_t table);

/* ---- mode DIRECT ------------------------------------------------------- */

void gn_eng_direct_init(struct gnomon_vm *vm);
enum gnomon_status gn_eng_direct_load(struct gnomon_vcpu *vcpu,
				      const struct gn_gpt_ctx *ctx);
enum gnomon_status gn_eng_direct_call(struct gnomon_vcpu *vcpu,
				      const struct gnomon_direct *request,
				      uint32_t count, uint32_t *done,
				      uint32_t *budget);
enum gnomon_status gn_eng_direct_read(struct gnomon_vm *vm, gnomon_gpa_t gpa,
				      uint64_t *gpte);
void gn_eng_direct_invlpg(struct gnomon_vcpu *vcpu, gnomon_gva_t gva);
enum gnomon_status gn_eng_direct_shrink(struct gnomon_vm *vm, uint32_t *pages,
					uint32_t *budget);
void gn_eng_direct_stats(const struct gnomon_vm *vm, struct gnomon_stats *s);

#endif
