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

/* Parameters of a walk that is cut short nowhere. */
#define VALIDATE_NO_CACHES "pwc.l4_entries=0", "pwc.l3_entries=0", \
	"pwc.l2_entries=0", "pwc.nested_l4_entries=0", \
	"pwc.nested_l3_entries=0", "pwc.nested_l2_entries=0", \
	"pwc.nested_tlb_entries=0"

/* Count of elements. */
#define VALIDATE_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- validate_fit.c: cost of one operation, and prices fitted to it ---- */

enum { VALIDATE_SETS = 12 };

/* A machine to run on: preset, mode, engine and what was fitted so far. */
struct validate_side {
	enum sim_mode mode;
	const char *preset;	/* NULL: the default one */
	const char *options;	/* of the workloads: ",kpti=1", or "" */
	uint32_t engine_off;
	char set[VALIDATE_SETS][48];
	size_t set_count;
};

/* An operation that a workload repeats. */
struct validate_op {
	const char *work;	/* the workload, with parameters but `count` */
	const char *count;	/* which parameter repeats it */
	unsigned times;
	unsigned parts;		/* operations per repetition */
};

/* Over one operation, from runs of once and twice the length. */
struct validate_cost {
	double cycles;
	double exits, cr3_exits;
};

bool validate_cost(struct sim_validation *v, const struct validate_side *side,
		   const struct validate_op *op, struct validate_cost *cost);
/* Adds (or replaces) "key=value". */
void validate_set(struct validate_side *side, const char *key, double value);
/*
 * Sets the price `key` of `side` so that the operation costs `target` cycles
 * more there than on `base` (NULL: in all), as nearly as whole cycles that are
 * not negative allow. *ours is what it costs then, *value the price.
 */
bool validate_fit(struct sim_validation *v, struct validate_side *side,
		  const struct validate_side *base,
		  const struct validate_op *op, const char *key, double target,
		  double *ours, double *value);

/* ---- the rows; each false when a run failed --------------------------- */

bool validate_table2(struct sim_validation *v);		/* V1 */
bool validate_references(struct sim_validation *v);	/* V1 */
bool validate_table6(struct sim_validation *v);	/* V2 */
bool validate_figure(struct sim_validation *v);		/* V3 */
bool validate_switches(struct sim_validation *v);	/* V4 */
bool validate_faults(struct sim_validation *v);		/* V5 */
bool validate_nano(struct sim_validation *v);		/* V6 */
bool validate_lmbench(struct sim_validation *v);	/* V7 */
bool validate_kpti(struct sim_validation *v);		/* V8 */
bool validate_xen(struct sim_validation *v);		/* V9 */
bool validate_cached(struct sim_validation *v);		/* V10 */
bool validate_nested_caches(struct sim_validation *v);	/* V11 */
bool validate_many(struct sim_validation *v);		/* V12 */

#endif
