/* SPDX-License-Identifier: BSD-2-Clause */
/* Parameters of a loaded preset by their names. */
#include <stdio.h>
#include <string.h>

#include "sim/preset.h"

const struct sim_param *sim_preset_find(const struct sim_preset *preset,
					const char *section, const char *key)
{
	for (size_t i = 0; i < preset->count; i++) {
		const struct sim_param *p = &preset->params[i];

		if (!strcmp(p->section, section) && !strcmp(p->key, key)) {
			return p;
		}
	}
	return NULL;
}

const struct sim_param *sim_preset_find_name(const struct sim_preset *preset,
					     const char *name)
{
	for (size_t i = 0; i < preset->count; i++) {
		const struct sim_param *p = &preset->params[i];
		size_t n = strlen(p->section);

		if (!strncmp(name, p->section, n) && name[n] == '.' &&
		    !strcmp(name + n + 1, p->key)) {
			return p;
		}
	}
	return NULL;
}

void sim_preset_near(const struct sim_preset *preset, struct sim_near *near)
{
	for (size_t i = 0; i < preset->count; i++) {
		const struct sim_param *p = &preset->params[i];
		char name[SIM_NEAR_WORD];

		snprintf(name, sizeof(name), "%s.%s", p->section, p->key);
		sim_near_try(near, name);
	}
}
