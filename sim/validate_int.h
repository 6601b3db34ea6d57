/* SPDX-License-Identifier: BSD-2-Clause */
/* Between sim/validate*.c only. */
#ifndef SIM_VALIDATE_INT_H
#define SIM_VALIDATE_INT_H

#include "sim/run.h"
#include "sim/validate.h"

/* Judge and hand on a check; id..allowed, relative and note are filled. */
void validate_tell(struct sim_validation *v, struct sim_check *check);

/*
 * Runs a workload in a mode between its start and end. sets may be NULL. False
 * when it failed (v->error is set) or was stopped.
 */
bool validate_run(struct sim_validation *v, const char *input,
		  enum sim_mode mode, const char *preset,
		  const char *const *sets, size_t set_count,
		  uint32_t engine_off, struct sim_result *result);

/* Count of elements. */
#define VALIDATE_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Each fills its rows; false when a run failed. */
bool validate_walks(struct sim_validation *v);		/* V1, V10, V11 */
bool validate_table2(struct sim_validation *v);		/* V1 */
bool validate_agile(struct sim_validation *v);		/* V2, V3 */
bool validate_switches(struct sim_validation *v);	/* V4 */
bool validate_faults(struct sim_validation *v);		/* V5 */

#endif
