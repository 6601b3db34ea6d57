/* SPDX-License-Identifier: BSD-2-Clause */
/* A folder that `gnomon sweep` has filled. */
#ifndef CLI_SWEEP_FOLDER_H
#define CLI_SWEEP_FOLDER_H

#include <jansson.h>

#include "cli/points.h"

struct sweep_folder {
	const char *dir;
	json_t *manifest;	/* DIR/sweep.json */
	struct points points;
	struct sim_result *results; /* NULL unless asked for */
};

/*
 * Reads the scenario and, with `results`, every point. False after printing
 * why; *status is the exit status. sweep_folder_free() is due either way.
 */
bool sweep_folder_load(struct sweep_folder *f, const char *dir, bool results,
		       int *status);
void sweep_folder_free(struct sweep_folder *f);

/*
 * "VERSION CODE" that computed what is in DIR, into origin; false where no
 * sweep has been gathered there.
 */
bool sweep_folder_origin(const char *dir, char origin[POINTS_ORIGIN_BYTES]);

#endif
