/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the guest is virtualized, changed while it runs. A switch notes what is
 * chosen and drops shadow pages that are of no more use; a vcpu changes over
 * when it tells its registers (vcpu.c). A choice for one address space lives
 * in the trace record of its root's frame (tracefault/trace.h).
 */
#include "engine/calls.h"

#include "base/bits.h"
#include "shadow/agile.h"
#include "shadow/page.h"
#include "shadow/reclaim.h"
#include "shadow/root.h"

bool gn_eng_mode_known(uint32_t mode)
{
	return mode == GNOMON_MODE_SHADOW || mode == GNOMON_MODE_NESTED ||
	       mode == GNOMON_MODE_AGILE || mode == GNOMON_MODE_DIRECT;
}

static enum gnomon_mode mode_of(const struct gnomon_vm *vm, uint64_t gfn)
{
	uint8_t space = gn_tf_space(&vm->sh.tf, gfn);

	return space ? (enum gnomon_mode)(space - 1) : vm->config.mode;
}

static uint64_t root_gfn(uint64_t cr3)
{
	return (cr3 & gn_mask(51, GNOMON_PAGE_SHIFT)) >> GNOMON_PAGE_SHIFT;
}

static uint64_t root_memory(const struct gnomon_vm *vm,
			    const gnomon_gpa_t *cr3)
{
	return gn_eng_vm_memory(vm, gn_gfn(root_gfn(cr3->v))).v;
}

enum gnomon_mode gn_eng_mode_get(const struct gnomon_vm *vm,
				 const gnomon_gpa_t *cr3)
{
	return cr3 ? mode_of(vm, root_memory(vm, cr3)) : vm->config.mode;
}

enum gnomon_mode gn_eng_mode_of(const struct gnomon_vcpu *vcpu,
				const struct gn_gpt_ctx *ctx, uint64_t cr3)
{
	const struct gnomon_vm *vm = vcpu->vm;
	enum gnomon_mode mode =
		vm->sh.tf.spaces == 0 || ctx->format->id == GN_GPT_OFF
			? vm->config.mode
			: mode_of(vm, gn_eng_memory(vcpu, root_gfn(cr3)));

	return mode == GNOMON_MODE_AGILE &&
			       gn_sh_agile_root(&vm->sh, ctx,
						gn_eng_memory(vcpu,
							      root_gfn(cr3)))
		       ? GNOMON_MODE_NESTED
		       : mode;
}

/*
 * The records of choices that no longer count, frame by frame of the slots; a
 * slot that goes takes its own along.
 */
static bool sweep(struct gnomon_vm *vm, uint32_t *budget)
{
	struct gn_eng_sweep *s = &vm->sweep;

	for (; vm->sh.tf.forgotten && s->slot < vm->slots.count; s->slot++) {
		const struct gnomon_slot *slot = &vm->slots.slot[s->slot];
		uint64_t end = slot->first.v + slot->frames;

		if (s->next < slot->first.v || s->next >= end) {
			s->next = slot->first.v;
		}
		while (s->next < end && vm->sh.tf.forgotten) {
			if (*budget == 0) {
				return false;
			}
			--*budget;
			bool known = gn_frames_find(&vm->sh.frames, s->next);

			gn_tf_sweep_space(&vm->sh.tf, s->next);
			s->next = known ? s->next + 1
					: gn_align_down(s->next, 512) + 512;
		}
	}
	*s = (struct gn_eng_sweep){ 0 };
	return vm->sh.tf.forgotten == 0;
}

static void tell(const struct gnomon_vm *vm, enum gnomon_mode from,
		 enum gnomon_mode to)
{
	if (vm->host->event) {
		vm->host->event(vm->ctx, GNOMON_EVENT_SWITCH, from, to);
	}
}

static void choose_vm(struct gnomon_vm *vm, enum gnomon_mode mode)
{
	tell(vm, vm->config.mode, mode);
	vm->config.mode = mode;
	vm->stats.mode_switches++;
	gn_tf_forget_spaces(&vm->sh.tf);
	vm->sh.elsewhere = mode == GNOMON_MODE_NESTED;
	if (vm->sh.elsewhere) {
		gn_sh_zap_all(&vm->sh);
	}
}

static enum gnomon_status choose_space(struct gnomon_vm *vm, uint64_t gfn,
				       enum gnomon_mode mode)
{
	if (!gn_slots_find(&vm->slots, gn_gfn(gfn))) {
		return GNOMON_ABSENT;
	}
	if (gn_frames_ensure(&vm->sh.frames, gfn) != GNOMON_OK ||
	    gn_tf_reserve(&vm->sh.tf, 1) != GNOMON_OK) {
		return GNOMON_NOMEM;
	}
	tell(vm, mode_of(vm, gfn), mode);
	vm->stats.mode_switches++;
	gn_tf_set_space(&vm->sh.tf, gfn,
			mode == vm->config.mode ? 0 : (uint8_t)(mode + 1));
	if (mode == GNOMON_MODE_NESTED) {
		gn_sh_root_forsake(&vm->sh, gfn);
	}
	return GNOMON_OK;
}

/* Give back what the choices so far have made useless. */
static enum gnomon_status tidy(struct gnomon_vm *vm, uint32_t *budget)
{
	enum gnomon_status status = gn_sh_reap_all(&vm->sh, budget);

	gn_sh_flush_stale(&vm->sh);
	return sweep(vm, budget) ? status : GNOMON_MORE;
}

enum gnomon_status gn_eng_mode_switch(struct gnomon_vm *vm,
				      const gnomon_gpa_t *cr3,
				      enum gnomon_mode mode, uint32_t *budget)
{
	uint64_t gfn = cr3 ? root_memory(vm, cr3) : 0;
	enum gnomon_status status = GNOMON_OK;
	uint32_t none;

	if (!gn_eng_mode_known(mode)) {
		return GNOMON_INVAL;
	}
	if (!gn_eng_has(vm, mode)) {
		return GNOMON_UNSUPPORTED;
	}
	budget = gn_eng_budget(budget, &none);
	/* Choices of the era before must be gone before there is a new one. */
	if (!sweep(vm, budget)) {
		return GNOMON_MORE;
	}
	if (cr3 && mode_of(vm, gfn) != mode) {
		status = choose_space(vm, gfn, mode);
	} else if (!cr3 && (vm->config.mode != mode || vm->sh.tf.spaces)) {
		choose_vm(vm, mode);
	}
	return status == GNOMON_OK ? tidy(vm, budget) : status;
}
