/* SPDX-License-Identifier: BSD-2-Clause */
/* Agile paging: which guest tables the CPU walks itself (shadow/agile.h). */
#include "engine/calls.h"

#include "shadow/agile.h"

enum gnomon_status gn_eng_table_switch(struct gnomon_vm *vm,
				       gnomon_gfn_t table, bool nested,
				       uint32_t *budget)
{
	uint32_t none;

	if (!vm->sh.config.agile) {
		return GNOMON_UNSUPPORTED;
	}
	table = gn_eng_vm_memory(vm, table);
	if (!gn_slots_find(&vm->slots, table)) {
		return GNOMON_INVAL;
	}
	return gn_sh_agile_mark(&vm->sh, table.v, nested,
				gn_eng_budget(budget, &none));
}

bool gn_eng_table_is_nested(const struct gnomon_vm *vm, gnomon_gfn_t table)
{
	return gn_sh_agile_marked(&vm->sh, gn_eng_vm_memory(vm, table).v);
}
