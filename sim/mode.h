/* SPDX-License-Identifier: BSD-2-Clause */
/* What a mode is made of: one row each. */
#ifndef SIM_MODE_H
#define SIM_MODE_H

#include <gnomon/gnomon.h>
#include <gnomon/policy.h>

#include "sim/run.h"

enum sim_mode_flags {
	/* At most one of the three: */
	SIM_MF_SHADOW = 1u << 0,	/* on shadow tables throughout */
	SIM_MF_NESTED = 1u << 1,	/* on nested ones throughout */
	SIM_MF_MIXED = 1u << 2,		/* on either, as a policy says */
	SIM_MF_UNSYNC = 1u << 3,	/* leaf tables left open */
	/* Not one of the three: on the guest's own tables. */
	SIM_MF_DIRECT = 1u << 4,
	SIM_MF_PATCHED = 1u << 5, /* SHADOW: stores to tables call */
	SIM_MF_CHANCE = 1u << 6, /* MIXED: as chance says, for tests */
	/* MIXED: the CPU has a switching bit, tables are chosen for. */
	SIM_MF_AGILE = 1u << 7,
	/* A nested violation fills SIM_AROUND entries, see engine.nested_around
	 * in param.c: ours, not of modes as others have them. */
	SIM_MF_AROUND = 1u << 8,
};

enum { SIM_AROUND = 16 };

struct sim_mode_info {
	const char *name;
	uint32_t flags;		/* enum sim_mode_flags; 0: native */
	enum gnomon_mode start;	/* of the vm */
	uint32_t modes;		/* gnomon_config.modes; 0: start alone */
	enum gnomon_policy_kind policy; /* MIXED */
};

extern const struct sim_mode_info sim_modes[SIM_MODE_COUNT];

static inline bool sim_mode_is(enum sim_mode mode, uint32_t flags)
{
	return sim_modes[mode].flags & flags;
}

#endif
