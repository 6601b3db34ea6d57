/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/mode.h"

#include <string.h>

#define BOTH (1u << GNOMON_MODE_SHADOW | 1u << GNOMON_MODE_NESTED)

const struct sim_mode_info sim_modes[SIM_MODE_COUNT] = {
	[SIM_MODE_NATIVE] = { .name = "native" },
	[SIM_MODE_SHADOW] = {
		.name = "shadow", .flags = SIM_MF_SHADOW,
		.start = GNOMON_MODE_SHADOW,
	},
	[SIM_MODE_NESTED] = {
		.name = "nested", .flags = SIM_MF_NESTED,
		.start = GNOMON_MODE_NESTED,
	},
	[SIM_MODE_SHADOW_UNSYNC] = {
		.name = "shadow+unsync", .flags = SIM_MF_SHADOW | SIM_MF_UNSYNC,
		.start = GNOMON_MODE_SHADOW,
	},
	[SIM_MODE_PARAVIRT] = {
		.name = "paravirt", .flags = SIM_MF_DIRECT,
		.start = GNOMON_MODE_DIRECT,
	},
	[SIM_MODE_PATCHED] = {
		.name = "patched", .flags = SIM_MF_SHADOW | SIM_MF_PATCHED,
		.start = GNOMON_MODE_SHADOW,
	},
	[SIM_MODE_SHSP] = {
		.name = "shsp", .flags = SIM_MF_MIXED | SIM_MF_UNSYNC,
		.start = GNOMON_MODE_NESTED, .modes = BOTH,
		.policy = GNOMON_POLICY_SHSP,
	},
	[SIM_MODE_ADAPTIVE] = {
		.name = "adaptive",
		.flags = SIM_MF_MIXED | SIM_MF_UNSYNC | SIM_MF_AROUND,
		.start = GNOMON_MODE_NESTED, .modes = BOTH,
		.policy = GNOMON_POLICY_ADAPTIVE,
	},
	[SIM_MODE_SWITCHING] = {
		.name = "switching",
		.flags = SIM_MF_MIXED | SIM_MF_CHANCE | SIM_MF_UNSYNC |
			 SIM_MF_AROUND,
		.start = GNOMON_MODE_SHADOW,
		.modes = BOTH,
	},
	[SIM_MODE_AGILE] = {
		.name = "agile", .flags = SIM_MF_MIXED | SIM_MF_AGILE,
		.start = GNOMON_MODE_AGILE, .policy = GNOMON_POLICY_AGILE,
	},
	[SIM_MODE_ADAPTIVE_HW] = {
		.name = "adaptive-hw",
		.flags = SIM_MF_MIXED | SIM_MF_AGILE | SIM_MF_AROUND,
		.start = GNOMON_MODE_NESTED, .modes = 1u << GNOMON_MODE_AGILE,
		.policy = GNOMON_POLICY_ADAPTIVE_HW,
	},
	[SIM_MODE_NESTED_AROUND] = {
		.name = "nested+around",
		.flags = SIM_MF_NESTED | SIM_MF_AROUND,
		.start = GNOMON_MODE_NESTED,
	},
};

const char *sim_mode_name(enum sim_mode mode)
{
	return (unsigned)mode < SIM_MODE_COUNT ? sim_modes[mode].name : NULL;
}

bool sim_mode_parse(const char *name, enum sim_mode *mode)
{
	for (int i = 0; i < SIM_MODE_COUNT; i++) {
		if (!strcmp(name, sim_modes[i].name)) {
			*mode = (enum sim_mode)i;
			return true;
		}
	}
	return false;
}
