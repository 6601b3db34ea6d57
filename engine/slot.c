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

/* Frames that still have translations from a slot that is on its way out. */
static bool meets_gone(const struct gnomon_vm *vm,
		       const struct gnomon_slot *slot)
{
	for (uint32_t i = 0; i < GNOMON_SLOTS_MAX; i++) {
		const struct gn_eng_gone *g = &vm->gone[i];
		const struct gnomon_slot *s = &g->slot;

		if (g->busy && (i == slot->id ||
				(slot->first.v < s->first.v + s->frames &&
				 s->first.v < slot->first.v + slot->frames))) {
			return true;
		}
	}
	return false;
}

static bool is_alias(const struct gnomon_slot *slot)
{
	return slot->flags & GNOMON_SLOT_ALIAS;
}

/* What this build, this host and this mode can do. */
static enum gnomon_status check(const struct gnomon_vm *vm,
				const struct gnomon_slot *slot)
{
	if (slot->frames > gfn_limit(vm)) {
		return GNOMON_INVAL;
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

/* Let the walker see what the slot has, or what it shows. */
static void add_window(struct gnomon_vm *vm, const struct gnomon_slot *slot)
{
	gnomon_gfn_t memory = is_alias(slot) ? slot->target : slot->first;
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

	gn_mem_add(&vm->mem, &window);
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
		add_window(vm, slot);
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
	gnomon_gfn_t memory = is_alias(&old) ? old.target : old.first;

	vm->slot_generation++;
	gn_mem_remove(&vm->mem, old.first.v << GNOMON_PAGE_SHIFT);
	*g = (struct gn_eng_gone){
		.busy = true,
		.slot = old,
		.next = memory.v,
		.end = memory.v + old.frames,
	};
	vm->sh.dropping++;
	for (unsigned v = 0; v < gn_eng_views(vm); v++) {
		vm->np[v].dropping++;
		g->range[v] = (struct gn_np_range){ old.first, old.frames };
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
	for (unsigned v = 0; gn_eng_has_nested(vm) && v < gn_eng_views(vm) &&
			     status == GNOMON_OK; v++) {
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
