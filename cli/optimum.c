/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/optimum.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/runs.h"
#include "sim/epochs.h"
#include "sim/mode.h"

static const enum sim_mode taken[] = {
	SIM_MODE_SHADOW, SIM_MODE_SHADOW_UNSYNC, SIM_MODE_NESTED,
	/* Taken where it was asked for, like other modes of ours. */
	SIM_MODE_NESTED_AROUND,
};

enum {
	TAKEN = sizeof(taken) / sizeof(*taken),
	ALWAYS = TAKEN - 1,	/* these are run for it alone */
};

bool optimum_takes(enum sim_mode mode)
{
	for (size_t i = 0; i < TAKEN; i++) {
		if (taken[i] == mode) {
			return true;
		}
	}
	return false;
}

void run_opts_for_optimum(struct run_opts *o)
{
	for (size_t i = 0; i < ALWAYS; i++) {
		bool named = false;

		for (size_t m = 0; m < o->mode_count; m++) {
			named |= o->modes[m] == taken[i];
		}
		if (!named && o->mode_count < RUNS_LIST_MAX) {
			o->modes[o->mode_count++] = taken[i];
		}
	}
	o->optimal = true;
}

static bool one_preset(const struct sim_job *jobs,
		       const struct sim_result *results, size_t modes,
		       struct sim_result *best)
{
	const struct sim_epochs *runs[TAKEN];
	bool shadow[TAKEN];
	size_t count = 0;
	double native = NAN;

	for (size_t i = 0; i < modes; i++) {
		if (optimum_takes(jobs[i].mode) && count < TAKEN) {
			runs[count] = jobs[i].epochs;
			shadow[count++] = sim_mode_is(jobs[i].mode,
						      SIM_MF_SHADOW);
			*best = results[i];
			native = (double)best->cycles / (1 + best->overhead);
		}
	}
	if (!sim_optimal(runs, shadow, count, best)) {
		cmd_error_text("no optimum: the runs do not match");
		return false;
	}
	best->overhead = (double)best->cycles / native - 1;
	return true;
}

struct sim_result *optimum_add(const struct sim_job *jobs,
			       const struct sim_result *results,
			       size_t presets, size_t modes)
{
	struct sim_result *all = calloc(presets * (modes + 1), sizeof(*all));

	if (!all) {
		cmd_error_text("out of memory");
		return NULL;
	}
	for (size_t p = 0; p < presets; p++) {
		struct sim_result *row = all + p * (modes + 1);

		memcpy(row, results + p * modes, modes * sizeof(*row));
		if (!one_preset(jobs + p * modes, results + p * modes, modes,
				row + modes)) {
			free(all);
			return NULL;
		}
	}
	return all;
}
