/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Popek and Goldberg's efficiency: what a guest does by itself needs no VMM.
 * Their equivalence and resource control are tested elsewhere, see
 * docs/design.md.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>

#include "sim/run.h"

enum { SHORT = 20000, LONG = 80000 };

static struct sim_result run_zipf(enum sim_mode mode, unsigned requests)
{
	struct sim_job job = sim_job_default();
	struct sim_result result;
	struct sim_error error;
	char input[64];

	snprintf(input, sizeof(input), "zipf,pages=1024,requests=%u", requests);
	job.input = input;
	job.mode = mode;
	cr_assert(sim_run(&job, &result, &error), "%s: %s",
		  sim_mode_name(mode), error.text);
	return result;
}

/*
 * A guest that has set up its tables and then reads and writes its memory
 * leaves for the VMM no oftener than once in a thousand accesses, where the
 * mode does not change by chance.
 */
Test(promises, efficiency_accesses_of_a_settled_guest_need_no_vmm)
{
	for (int mode = 0; mode < SIM_MODE_COUNT; mode++) {
		struct sim_result few, many;

		if (mode == SIM_MODE_SWITCHING) {
			continue;
		}
		few = run_zipf((enum sim_mode)mode, SHORT);
		many = run_zipf((enum sim_mode)mode, LONG);
		cr_assert_eq(many.accesses - few.accesses, LONG - SHORT);
		cr_assert_geq(many.exits, few.exits);
		cr_assert_leq((many.exits - few.exits) * 1000, LONG - SHORT,
			      "%s: %" PRIu64 " exits more",
			      sim_mode_name((enum sim_mode)mode),
			      many.exits - few.exits);
	}
}

/* Fixed modes: not one exit more. */
Test(promises, efficiency_a_mode_that_stays_costs_no_exit_more)
{
	static const enum sim_mode modes[] = {
		SIM_MODE_NATIVE, SIM_MODE_SHADOW, SIM_MODE_SHADOW_UNSYNC,
		SIM_MODE_NESTED, SIM_MODE_NESTED_AROUND, SIM_MODE_PARAVIRT,
		SIM_MODE_PATCHED,
	};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct sim_result few = run_zipf(modes[i], SHORT);

		cr_assert_eq(run_zipf(modes[i], LONG).exits, few.exits, "%s",
			     sim_mode_name(modes[i]));
		cr_assert(modes[i] == SIM_MODE_NATIVE || few.exits > 0);
	}
}
