/* SPDX-License-Identifier: BSD-2-Clause */
/* Slots come and go: base/slots.h knows them, the tables lose what they had. */
#include "engine/calls.h"

#include "base/bits.h"
#include "shadow/sync.h"

static uint64_t gfn_limit(const struct gnomon_vm *vm)
{
	uint64_t limit = GN_BIT(vm->config.caps.maxphyaddr - GNOMON_PAGE_SHIFT);
	uint64_t reach = gn_eng_has_nested(vm) ? gn_np_gfn_limit(&vm->np[0])
					       : limit;

	return reach < limit ? reach : limit;
}

static bool is_alias(const struct gnomon_slot *slot)
{
	return slot->flags & GNOMON_SLOT_ALIAS;
}

/* Of memory, the first that the slot has or shows; as it was given to us. */
static gnomon_gfn_t memory_of(const struct gnomon_slot *slot)
{
	if (is_alias(slot)) {
		return slot->target;
	}
	return gn_gfn(slot->first.v +
		      (slot->flags & GNOMON_SLOT_SMM ? GNOMON_SMM_GFN : 0));
}

/* Frames that still have translations from a slot that is on its way out. */
static bool meets_gone(const struct gnomon_vm *vm,
		       const struct gnomon_slot *slot)
{
	uint32_t spaces = GNOMON_SLOT_SMM | GNOMON_SLOT_NO_SMM;

	for (uint32_t i = 0; i < GNOMON_SLOTS_MAX; i++) {
		const struct gn_eng_gone *g = &vm->gone[i];
		const struct gnomon_slot *s = &g->slot;

		if (g->busy &&
		    (i == slot->id ||
		     (((slot->flags | s->flags) & spaces) != spaces &&
		      gn_slots_meet(slot->first.v, slot->frames, s->first.v,
				    s->frames)))) {
			return true;
		}
	}
	return false;
}


/* What this build, this host and this mode can do. */
static enum gnomon_status check(const struct gnomon_vm *vm,
				const struct gnomon_slot *slot)
{
	if (slot->frames > gfn_limit(vm)) {
		return GNOMON_INVAL;
	}
	if ((slot->flags & (GNOMON_SLOT_SMM | GNOMON_SLOT_NO_SMM)) &&
	    gn_eng_views(vm) == 1) {
		return GNOMON_UNSUPPORTED;
	}
	if (is_alias(slot)) {
		return gn_eng_direct(vm) ? GNOMON_UNSUPPORTED : GNOMON_OK;
	}
	if (!slot->hva && !(vm->host->load && vm->host->store &&
			    vm->host->cmpxchg)) {
		return GNOMON_INVAL;
	}
	/* Direct tables are written in place. */
	return slot->hva || !gn_eng_direct(vm) ? GNOMON_OK : GNOMON_INVAL;
}

/* Let walkers see what the slot has, or what it shows. */
static void add_windows(struct gnomon_vm *vm, const struct gnomon_slot *slot)
{
	gnomon_gfn_t memory = memory_of(slot);
	const struct gnomon_slot *of = gn_slots_find(&vm->slots, memory);
	uint64_t inside = (memory.v - of->first.v) << GNOMON_PAGE_SHIFT;
	struct gn_window window = {
		.gpa = slot->first.v << GNOMON_PAGE_SHIFT,
		.bytes = slot->frames << GNOMON_PAGE_SHIFT,
		.hva = of->hva ? (unsigned char *)of->hva + inside : NULL,
		.writable = !(of->flags & (GNOMON_SLOT_READONLY |
					   GNOMON_SLOT_ROM)),
		.shift = (memory.v - slot->first.v) << GNOMON_PAGE_SHIFT,
	};

	if (gn_slots_in_view(slot->flags, GN_SLOTS_SMM)) {
		gn_mem_add(&vm->mem_smm, &window);
	}
	/* Memory is known there by its own number, whoever sees it. */
	if (!is_alias(slot)) {
		window.gpa += window.shift;
		window.shift = 0;
		gn_mem_add(&vm->mem, &window);
	} else if (gn_slots_in_view(slot->flags, 0)) {
		gn_mem_add(&vm->mem, &window);
	}
}

static void remove_windows(struct gnomon_vm *vm, const struct gnomon_slot *old)
{
	uint64_t guest = old->first.v << GNOMON_PAGE_SHIFT;

	if (gn_slots_in_view(old->flags, GN_SLOTS_SMM)) {
		gn_mem_remove(&vm->mem_smm, guest);
	}
	if (!is_alias(old)) {
		gn_mem_remove(&vm->mem, memory_of(old).v << GNOMON_PAGE_SHIFT);
	} else if (gn_slots_in_view(old->flags, 0)) {
		gn_mem_remove(&vm->mem, guest);
	}
}

enum gnomon_status gn_eng_slot_set(struct gnomon_vm *vm,
				   const struct gnomon_slot *slot)
{
	enum gnomon_status status = check(vm, slot);

	if (status != GNOMON_OK) {
		return status;
	}
	if (meets_gone(vm, slot)) {
		return GNOMON_EXISTS;
	}
	vm->slot_generation++;
	status = gn_slots_add(&vm->slots, slot, gfn_limit(vm));
	if (status == GNOMON_OK) {
		add_windows(vm, slot);
	}
	return status;
}

static bool begin_delete(struct gnomon_vm *vm, uint32_t id)
{
	struct gn_eng_gone *g = &vm->gone[id];
	struct gnomon_slot old;

	if (g->busy) {
		return true;
	}
	if (!gn_slots_remove(&vm->slots, id, &old)) {
		return false;
	}
	/* The slots know it by the number of its memory. */
	if (!is_alias(&old)) {
		old.first.v &= GNOMON_SMM_GFN - 1;
	}
	gnomon_gfn_t memory = memory_of(&old);

	vm->slot_generation++;
	remove_windows(vm, &old);
	*g = (struct gn_eng_gone){
		.busy = true,
		.slot = old,
		.next = memory.v,
		.end = memory.v + old.frames,
	};
	vm->sh.dropping++;
	for (unsigned v = 0; v < gn_eng_views(vm); v++) {
		vm->np[v].dropping++;
		g->range[v].first = old.first;
		g->range[v].frames =
			gn_slots_in_view(old.flags, v) ? old.frames : 0;
	}
	return true;
}

static void end_delete(struct gnomon_vm *vm, struct gn_eng_gone *g)
{
	g->busy = false;
	gn_slots_forget(&vm->slots, g->slot.id);
	vm->slot_generation++;
	vm->sh.dropping--;
	for (unsigned v = 0; v < gn_eng_views(vm); v++) {
		vm->np[v].dropping--;
	}
}

static bool holds_table(const struct gnomon_vm *vm, uint32_t id)
{
	for (uint32_t i = 0; i < vm->slots.count; i++) {
		const struct gnomon_slot *s = &vm->slots.slot[i];

		if (s->id == id && gn_dp_holds_table(&vm->dp, s->first.v,
						     s->frames)) {
			return true;
		}
	}
	return false;
}

/*
 * The shadow drops all that maps the memory, whatever way it was reached by;
 * nested tables lose the guest frames of the slot.
 */
static enum gnomon_status drop(struct gnomon_vm *vm, struct gn_eng_gone *g,
			       uint32_t *budget)
{
	enum gnomon_status status;

	if (gn_eng_direct(vm)) {
		return gn_dp_drop_range(&vm->dp, &g->next, g->end, false,
					budget);
	}
	status = gn_sh_drop_range(&vm->sh, &g->next, g->end,
				  is_alias(&g->slot), budget);
	for (unsigned v = 0;
	     status == GNOMON_OK && v < gn_eng_nested_views(vm); v++) {
		status = gn_np_unmap(&vm->np[v], &g->range[v], budget);
	}
	return status;
}

enum gnomon_status gn_eng_slot_delete(struct gnomon_vm *vm, uint32_t id,
				      uint32_t *budget)
{
	enum gnomon_status status;
	uint32_t none;

	if (gn_slots_is_target(&vm->slots, id) ||
	    (gn_eng_direct(vm) && holds_table(vm, id))) {
		return GNOMON_EXISTS;
	}
	if (id >= GNOMON_SLOTS_MAX || !begin_delete(vm, id)) {
		return GNOMON_INVAL;
	}
	struct gn_eng_gone *g = &vm->gone[id];

	budget = gn_eng_budget(budget, &none);
	status = drop(vm, g, budget);
	if (status == GNOMON_OK) {
		end_delete(vm, g);
	}
	return status;
}
