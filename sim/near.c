/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/near.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { PREFIX_MIN = 2, EDITS_MAX = 3 };

struct sim_near sim_near_to(const char *word)
{
	unsigned int most = (unsigned int)((strlen(word) + 1) / 3);

	most = most > EDITS_MAX ? EDITS_MAX : most;
	return (struct sim_near){ .word = word, .least = most + 1 };
}

static bool is_same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static unsigned int least_of(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/* Edits between two words, a row of the usual table at a time. */
static unsigned int edits(const char *a, const char *b)
{
	unsigned int rows[3][SIM_NEAR_WORD];
	size_t n = strlen(b);

	for (size_t j = 0; j <= n; j++) {
		rows[0][j] = (unsigned int)j;
	}
	for (size_t i = 1; a[i - 1]; i++) {
		unsigned int *row = rows[i % 3], *up = rows[(i - 1) % 3];
		const unsigned int *before = rows[(i + 1) % 3];
		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= n; j++) {
			row[j] = up[j - 1] + !is_same(a[i - 1], b[j - 1]);
			row[j] = least_of(row[j], up[j] + 1);
			row[j] = least_of(row[j], row[j - 1] + 1);
			if (i > 1 && j > 1 && is_same(a[i - 1], b[j - 2]) &&
			    is_same(a[i - 2], b[j - 1])) {
				row[j] = least_of(row[j], before[j - 2] + 1);
			}
		}
	}
	return rows[strlen(a) % 3][n];
}

void sim_near_try(struct sim_near *near, const char *name)
{
	size_t n = strlen(near->word);

	if (n >= SIM_NEAR_WORD || strlen(name) >= SIM_NEAR_WORD || !n) {
		return;
	}
	unsigned int d = edits(near->word, name);
	bool begins = n >= PREFIX_MIN && !strncmp(name, near->word, n);

	/* The rest of a name that was begun is worth a single edit. */
	d = begins ? least_of(d, 1) : d;
	if (d < near->least || (begins && !near->best[0])) {
		near->least = d;
		strcpy(near->best, name);
	}
}

const char *sim_near_hint(struct sim_near *near)
{
	near->hint[0] = '\0';
	if (near->best[0]) {
		snprintf(near->hint, sizeof(near->hint),
			 " (did you mean '%s'?)", near->best);
	}
	return near->hint;
}
