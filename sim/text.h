/* SPDX-License-Identifier: BSD-2-Clause */
/* Small helpers for texts, errors and the places of installed data. */
#ifndef SIM_TEXT_H
#define SIM_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/run.h"

/* Copies with the final NUL; false (and an empty dst) when it does not fit. */
bool sim_copy(char *dst, size_t dst_bytes, const char *src);

/* Something is called so, and it is no folder. */
bool sim_is_file(const char *path);

/* Fills *error (may be NULL) unless it already holds an earlier one. */
void sim_fail(struct sim_error *error, enum sim_error_kind kind,
	      const char *format, ...) __attribute__((format(printf, 3, 4)));

/*
 * Finds folder/name+suffix: first in $GNOMON_DATADIR, then in `sim`, `bench`,
 * `examples` or `share/gnomon` beside the program or above it (a build tree, a
 * moved prefix), then in the installed data. False when there is none.
 */
bool sim_data_path(const char *folder, const char *name, const char *suffix,
		   char *path, size_t path_bytes);

/*
 * Every file of the first place that has the folder, by name without the
 * suffix, in alphabetical order, until found() returns false.
 */
void sim_data_list(const char *folder, const char *suffix,
		   bool (*found)(void *ctx, const char *name,
				 const char *path), void *ctx);

#endif
