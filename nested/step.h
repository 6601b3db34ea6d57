/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Budgets, as the public header defines them.
 */
#ifndef NESTED_STEP_H
#define NESTED_STEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Use one step; false when none is left. */
static inline bool gn_np_step(uint32_t *budget)
{
	if (!budget) {
		return true;
	}
	if (*budget == 0) {
		return false;
	}
	(*budget)--;
	return true;
}

#endif
