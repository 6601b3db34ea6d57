/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a run does while its input goes by, in a bounded number of columns of
 * equal length: what timelines are drawn from, and what a sweep keeps of a
 * point.
 */
#ifndef CLI_SERIES_H
#define CLI_SERIES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/epochs.h"

enum { SERIES_COLUMNS = 150, SERIES_SPACES = 10 };

/* An address space: the table that CR3 names. */
struct series_space {
	uint64_t cr3;
	uint64_t first;		/* epoch */
	uint64_t cycles[SERIES_COLUMNS];
	uint64_t shadowed[SERIES_COLUMNS]; /* of them, on shadow tables */
};

struct series {
	uint64_t epochs;	/* of the input, of SIM_EPOCH_EVENTS each */
	size_t columns;		/* SERIES_COLUMNS at most */
	uint64_t cycles[SERIES_COLUMNS];
	uint64_t shadowed[SERIES_COLUMNS];
	uint64_t counts[SIM_EPOCH_COUNTS][SERIES_COLUMNS];
	/* Those that take most of the time, in the order of their coming. */
	struct series_space spaces[SERIES_SPACES];
	size_t space_count;
};

/*
 * Takes it from the epochs of a run; `spaces` also keeps the address spaces.
 * False: there was no memory for the epochs, or there are none.
 */
bool series_take(struct series *s, const struct sim_epochs *epochs,
		 bool spaces);

/* Epochs in a column; the last one may have fewer. */
uint64_t series_per_column(const struct series *s);
/* Epochs in column number c. */
uint64_t series_in_column(const struct series *s, size_t c);

/* The caller owns the object. */
json_t *series_json(const struct series *s);
/* False where it is not a whole one. */
bool series_parse(json_t *json, struct series *s);

/* The word that messages and files have for a count. */
const char *series_count_name(enum sim_epoch_count count);

#endif
