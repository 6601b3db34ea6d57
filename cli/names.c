/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/names.h"

#include <stdio.h>

#include "sim/near.h"
#include "sim/run.h"

const char *names_none(const char *what, const char *word,
		       const char *const *names, size_t count,
		       char text[NAMES_TEXT])
{
	struct sim_near near = sim_near_to(word);
	size_t n;

	for (size_t i = 0; i < count; i++) {
		sim_near_try(&near, names[i]);
	}
	n = (size_t)snprintf(text, NAMES_TEXT, "%s '%.100s'%s; there are: ",
			     what, word, sim_near_hint(&near));
	for (size_t i = 0; i < count && n < NAMES_TEXT; i++) {
		n += (size_t)snprintf(text + n, NAMES_TEXT - n, "%s%s",
				      i ? ", " : "", names[i]);
	}
	return text;
}

const char *names_no_mode(const char *word, char text[NAMES_TEXT])
{
	const char *names[SIM_MODE_COUNT];

	for (int m = 0; m < SIM_MODE_COUNT; m++) {
		names[m] = sim_mode_name((enum sim_mode)m);
	}
	return names_none("no mode", word, names, SIM_MODE_COUNT, text);
}
