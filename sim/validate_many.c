/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * V12: 32 processes fork on as many vcpus (PVM paper, table 3). KVM changes
 * shadow tables under one lock and tells every vcpu to flush; PVM has split
 * the lock, of which the model has the shared fill of leaf entries alone.
 */
#include <gnomon/gnomon.h>
#include <stdio.h>

#include "sim/validate_int.h"

#define AS_KVM (GNOMON_OPT_UPDATE | GNOMON_OPT_UNSYNC_KEEP)

static const struct validate_op one_op = { "fork", "count", 5, 1 };
static const struct validate_op many_op = { "fork,procs=32", "count", 5, 32 };

static const struct subject {
	const char *name;
	struct validate_side one, many;
	double us_one, us_many;
} subjects[] = {
	{ "EPT",
	  { .mode = SIM_MODE_NESTED, .options = ",kpti=1,pcid=1" },
	  { .mode = SIM_MODE_NESTED, .options = ",kpti=1,pcid=1,vcpus=32" },
	  82.13, 513.5 },
	{ "shadow",
	  { .mode = SIM_MODE_SHADOW_UNSYNC, .engine_off = AS_KVM,
	    .options = ",kpti=1,pcid=1" },
	  { .mode = SIM_MODE_SHADOW_UNSYNC, .engine_off = AS_KVM,
	    .options = ",kpti=1,pcid=1,vcpus=32",
	    .set = { "lock.kind=1", "flush.everyone=1" }, .set_count = 2 },
	  504.67, 32000 },
	{ "PVM",
	  { .mode = SIM_MODE_SHADOW_UNSYNC, .engine_off = AS_KVM,
	    .options = "", .preset = "pvm-switcher" },
	  { .mode = SIM_MODE_SHADOW_UNSYNC, .engine_off = AS_KVM,
	    .options = ",vcpus=32", .preset = "pvm-switcher",
	    .set = { "lock.kind=2" }, .set_count = 1 },
	  436.67, 5380 },
};

static void order(struct sim_validation *v, double ept, double shadow)
{
	struct sim_check c = {
		.id = "V12", .unit = "ratio",
		.source = "PVM, table 3 [FULL], ratio [DER]",
		.kind = SIM_CHECK_DIRECTION, .target = 63.41 / 6.25,
		.ours = shadow / ept, .pass = shadow > 2 * ept,
		.what = "slowdown by 32 processes, shadow over EPT",
		.note = "passes if it is more than twice as much",
	};

	validate_tell(v, &c);
}

bool validate_many(struct sim_validation *v)
{
	double slower[VALIDATE_COUNT(subjects)];

	for (size_t i = 0; i < VALIDATE_COUNT(subjects); i++) {
		const struct subject *s = &subjects[i];
		struct validate_cost one, many;
		struct sim_check c = {
			.id = "V12", .unit = "ratio",
			.source = "PVM, table 3 [FULL], ratio [DER]",
			.kind = SIM_CHECK_PREDICTION,
			.target = s->us_many / s->us_one, .allowed = 0.25,
			.relative = true,
		};

		if (!validate_cost(v, &s->one, &one_op, &one) ||
		    !validate_cost(v, &s->many, &many_op, &many)) {
			return false;
		}
		c.ours = slower[i] = many.cycles / one.cycles;
		snprintf(c.what, sizeof(c.what),
			 "fork, 32 processes over one, %s", s->name);
		snprintf(c.note, sizeof(c.note), "%s",
			 i == 0 ? "locks of the guest's kernel, caches and "
				  "hyperthreads are not modelled" :
			 i == 1 ? "what a contended spinlock costs beyond "
				  "waiting in line is not modelled" :
				  "its locks per page are not modelled");
		validate_tell(v, &c);
	}
	order(v, slower[0], slower[1]);
	return true;
}
