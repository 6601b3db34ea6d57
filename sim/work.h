/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Built-in workloads: programs for the guest kernel model. Each lives in a
 * file of its own, work_NAME.c, as a constant table entry and a function.
 */
#ifndef SIM_WORK_H
#define SIM_WORK_H

#include "sim/kern.h"
#include "sim/near.h"

enum { SIM_WORK_PARAMS = 8 };

struct sim_work_param {
	const char *name;
	const char *help;	/* one line, with the unit */
	uint64_t fallback, min, max;
};

/* What a workload runs with. */
struct sim_work_run {
	struct sim_kern *k;
	uint64_t value[SIM_WORK_PARAMS]; /* by position in params[] */
	uint64_t random;	/* state; seeded */
};

struct sim_work {
	const char *name;
	const char *help;
	struct sim_work_param params[SIM_WORK_PARAMS]; /* name null: end */
	void (*run)(struct sim_work_run *run);
};

extern const struct sim_work *const sim_works[];
extern const size_t sim_work_count;

const struct sim_work *sim_work_find(const char *name);
/* What a parameter of a workload, or of its kernel, means; NULL: none. */
const char *sim_work_help(const struct sim_work *work, const char *key);
/* Offers the name of each workload. */
void sim_work_near(struct sim_near *near);

/* A workload with its parameters and its kernel's configuration. */
struct sim_work_spec {
	const struct sim_work *work;
	uint64_t value[SIM_WORK_PARAMS];
	struct sim_kern_config kern;
};

/*
 * Parse "NAME" or "NAME,key=value,...". Keys are the workload's parameters
 * and the kernel's: ram (MiB), vcpus, pcid, kpti, thp, fill, fault-around.
 * False: *why holds one line that names the key and what is allowed.
 */
bool sim_work_parse(const char *text, struct sim_work_spec *spec,
		    char why[256]);

/* Parse the kernel's keys alone, "key=value,...", into config. */
bool sim_work_parse_kern(const char *keys, struct sim_kern_config *config,
			 char why[256]);

/*
 * Run it into sink; the first events are the kernel's start, the last its
 * final tables. False when the model fails; *why then says how.
 */
bool sim_work_run(const struct sim_work_spec *spec, uint64_t seed,
		  const struct sim_kern_sink *sink, char why[256]);

/* The same into a new recording at path; false: *err says why. */
bool sim_work_save(const struct sim_work_spec *spec, uint64_t seed,
		   const char *path, struct sim_rec_error *err);

#endif
