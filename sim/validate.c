/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/validate.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sim/validate_int.h"

const char *sim_check_kind_name(enum sim_check_kind kind)
{
	switch (kind) {
	case SIM_CHECK_EXACT:
		return "exact";
	case SIM_CHECK_PREDICTION:
		return "prediction";
	case SIM_CHECK_CALIBRATION:
		return "calibration";
	case SIM_CHECK_DIRECTION:
		return "direction";
	}
	return "?";
}

void validate_tell(struct sim_validation *v, struct sim_check *check)
{
	double off = fabs(check->ours - check->target);

	if (v->only && strcmp(v->only, check->id)) {
		return;
	}
	if (check->relative) {
		off /= fabs(check->target);
	}
	if (check->kind == SIM_CHECK_DIRECTION) {
		/* pass was set by whoever knows the order. */
	} else {
		/* Half of the last printed digit may be lost in rounding. */
		check->pass = off <= check->allowed + 1e-9;
	}
	if (check->pass) {
		v->passed++;
	} else {
		v->missed++;
	}
	if (v->found) {
		v->found(v->ctx, check);
	}
}

bool validate_run(struct sim_validation *v, const char *input,
		  enum sim_mode mode, const char *preset,
		  const char *const *sets, size_t set_count,
		  uint32_t engine_off, struct sim_result *result)
{
	struct sim_job job = sim_job_default();
	struct sim_error error;

	job.input = input;
	job.mode = mode;
	job.preset = preset;
	job.sets = sets;
	job.set_count = set_count;
	job.engine_off = engine_off;
	if (sim_run(&job, result, &error)) {
		return true;
	}
	snprintf(v->error, sizeof(v->error), "%.60s: %.150s", input,
		 error.text);
	return false;
}

bool sim_validate(struct sim_validation *v)
{
	v->passed = v->missed = 0;
	v->error[0] = 0;
	if (!validate_table2(v) || !validate_agile(v) ||
	    !validate_switches(v)) {
		return false;
	}
	if (v->exact_only) {
		return true;
	}
	return validate_walks(v) && validate_faults(v);
}
