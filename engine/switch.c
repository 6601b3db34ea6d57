/* SPDX-License-Identifier: BSD-2-Clause */
/* How the guest is virtualized, changed while it runs. */
#include "engine/calls.h"

#include "base/bits.h"

bool gn_eng_mode_known(uint32_t mode)
{
	return mode == GNOMON_MODE_SHADOW || mode == GNOMON_MODE_NESTED ||
	       mode == GNOMON_MODE_DIRECT;
}

enum gnomon_mode gn_eng_mode_get(const struct gnomon_vm *vm,
				 const gnomon_gpa_t *cr3)
{
	(void)cr3;
	return vm->config.mode;
}

enum gnomon_status gn_eng_mode_switch(struct gnomon_vm *vm,
				      const gnomon_gpa_t *cr3,
				      enum gnomon_mode mode, uint32_t *budget)
{
	(void)budget;
	if (!gn_eng_mode_known(mode)) {
		return GNOMON_INVAL;
	}
	return gn_eng_mode_get(vm, cr3) == mode ? GNOMON_OK
						: GNOMON_UNSUPPORTED;
}
