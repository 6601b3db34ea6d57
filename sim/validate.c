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

static const struct row {
	const char *id;
	bool (*run)(struct sim_validation *v);
	bool runs;		/* it takes simulation runs */
} rows[] = {
	{ "V1", validate_table2, false },
	{ "V1", validate_references, true },
	{ "V2", validate_table6, false },
	{ "V3", validate_figure, false },
	{ "V4", validate_switches, false },
	{ "V5", validate_faults, true },
	{ "V6", validate_nano, true },
	{ "V7", validate_lmbench, true },
	{ "V8", validate_kpti, true },
	{ "V9", validate_xen, true },
	{ "V10", validate_cached, true },
	{ "V11", validate_nested_caches, true },
	{ "V12", validate_many, true },
};

bool sim_validate(struct sim_validation *v)
{
	bool good = true;

	v->passed = v->missed = 0;
	v->error[0] = 0;
	for (size_t i = 0; good && i < VALIDATE_COUNT(rows); i++) {
		if ((!v->only || !strcmp(v->only, rows[i].id)) &&
		    !(v->exact_only && rows[i].runs)) {
			good = rows[i].run(v);
		}
	}
	return good;
}
