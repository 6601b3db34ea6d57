/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Presets: the geometry and the prices of a machine, from an INI file.
 *
 * Every line is `key = value | label | source`. The label says how far to
 * trust the value (FULL, QUOTE, ABS, 2ND, DIG, DER, MEASURED, or assumed);
 * the source says where it is from and is required for every label but
 * `assumed`. A key that a file lacks has the built-in value, labelled
 * assumed. docs/presets.md describes the format and every key.
 */
#ifndef SIM_PRESET_H
#define SIM_PRESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/near.h"
#include "sim/run.h"

/* Where a TLB or cache puts a new entry. */
enum sim_policy { SIM_POLICY_LRU, SIM_POLICY_NRU, SIM_POLICY_RANDOM };

enum {
	SIM_PARAM_MAX = 128,
	SIM_LABEL_MAX = 12,
	SIM_SOURCE_MAX = 200,
};

/* One parameter as it stands in a loaded preset. */
struct sim_param {
	const char *section;
	const char *key;
	const char *unit;	/* "cycles", "entries", "ways", ... */
	const char *help;	/* one line */
	uint64_t value;
	uint64_t min, max;
	char label[SIM_LABEL_MAX];
	char source[SIM_SOURCE_MAX];
};

struct sim_preset {
	char name[SIM_NAME_MAX];
	char about[256];
	char path[512];		/* where it was read */
	bool geometry_only;	/* prices without a source: not for papers */
	size_t count;
	struct sim_param params[SIM_PARAM_MAX];
};

/*
 * Loads a preset by name (looked up beside the build and in the installed
 * data) or by path (anything with a `/` or ending in `.ini`). False: error
 * names file, line and key.
 */
bool sim_preset_load(const char *name, struct sim_preset *preset,
		     struct sim_error *error);
/*
 * Overrides one parameter by "section.key=value"; its label becomes `set`.
 * After the last one sim_preset_check() says whether they fit together: every
 * array must be a power of two of sets. A loaded preset has been checked.
 */
bool sim_preset_set(struct sim_preset *preset, const char *assignment,
		    struct sim_error *error);
bool sim_preset_check(const struct sim_preset *preset,
		      struct sim_error *error);
/* NULL when there is no such parameter. */
const struct sim_param *sim_preset_find(const struct sim_preset *preset,
					const char *section, const char *key);
/* Offers the name of each parameter, as section.key. */
void sim_preset_near(const struct sim_preset *preset, struct sim_near *near);
/* The same for the words that say how far a value can be trusted; true when
 * the word is one of them. */
bool sim_preset_label(const char *label, struct sim_near *near);
/* The same by "section.key". */
const struct sim_param *sim_preset_find_name(const struct sim_preset *preset,
					     const char *name);
/*
 * Calls found() for each preset that can be loaded by name, in alphabetical
 * order, until it returns false.
 */
void sim_preset_list(bool (*found)(void *ctx, const char *name,
				   const char *path), void *ctx);

#endif
