/* SPDX-License-Identifier: BSD-2-Clause */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sim/validate_int.h"

enum { STEP = 1000 };		/* cycles: to see what a price does */

static bool run_once(struct sim_validation *v,
		     const struct validate_side *side,
		     const struct validate_op *op, unsigned times,
		     struct sim_result *result)
{
	const char *sets[VALIDATE_SETS];
	char input[128];

	for (size_t i = 0; i < side->set_count; i++) {
		sets[i] = side->set[i];
	}
	snprintf(input, sizeof(input), "%s,%s=%u%s", op->work, op->count,
		 times, side->options);
	return validate_run(v, input, side->mode, side->preset, sets,
			    side->set_count, side->engine_off, result);
}

bool validate_cost(struct sim_validation *v, const struct validate_side *side,
		   const struct validate_op *op, struct validate_cost *cost)
{
	double parts = (double)op->times * (op->parts ? op->parts : 1);
	struct sim_result one, two;

	if (!run_once(v, side, op, op->times, &one) ||
	    !run_once(v, side, op, 2 * op->times, &two)) {
		return false;
	}
	cost->cycles = (double)(two.cycles - one.cycles) / parts;
	cost->exits = (double)(two.exits - one.exits) / parts;
	cost->cr3_exits = (double)(two.cr3_exits - one.cr3_exits) / parts;
	return true;
}

void validate_set(struct validate_side *side, const char *key, double value)
{
	size_t length = strlen(key), i = 0;

	while (i < side->set_count && (strncmp(side->set[i], key, length) ||
				       side->set[i][length] != '=')) {
		i++;
	}
	if (i < VALIDATE_SETS) {
		snprintf(side->set[i], sizeof(side->set[i]), "%s=%.0f", key,
			 value);
		side->set_count += i == side->set_count;
	}
}

/* What the operation costs on side at a price, over what it costs on base. */
static bool cost_at(struct sim_validation *v, struct validate_side *side,
		    const struct validate_op *op, const char *key,
		    double price, double base, double *cycles)
{
	struct validate_cost cost;

	validate_set(side, key, price);
	if (!validate_cost(v, side, op, &cost)) {
		return false;
	}
	*cycles = cost.cycles - base;
	return true;
}

bool validate_fit(struct sim_validation *v, struct validate_side *side,
		  const struct validate_side *base,
		  const struct validate_op *op, const char *key, double target,
		  double *ours, double *value)
{
	struct validate_cost other = { 0 };
	double free, step;

	if (base && !validate_cost(v, base, op, &other)) {
		return false;
	}
	/* Every price is paid a number of times: two points are the line. */
	if (!cost_at(v, side, op, key, 0, other.cycles, &free) ||
	    !cost_at(v, side, op, key, STEP, other.cycles, &step)) {
		return false;
	}
	*value = step > free ? (target - free) * STEP / (step - free) : 0;
	*value = *value > 0 ? round(*value) : 0;
	return cost_at(v, side, op, key, *value, other.cycles, ours);
}
