/* SPDX-License-Identifier: BSD-2-Clause */
/* One result file per point: DIR/points/ID.json. */
#ifndef CLI_POINT_FILE_H
#define CLI_POINT_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "cli/points.h"
#include "cli/series.h"

/* The path of a point's file. */
void point_path(const char *dir, const struct point *pt, char path[PATH_MAX]);

/* What a point gives; the series counts where pt->timeline. */
struct point_outcome {
	struct sim_result result;
	struct series series;
};

/* The whole text of the file; the caller frees it. */
char *point_text(const struct point *pt, const struct point_outcome *out);

/* Writes the file atomically; prints why it could not. */
bool point_store(const char *dir, const struct point *pt,
		 const struct point_outcome *out);

/*
 * Reads the result of a point. False where there is no file, or not a whole
 * one of this very point; such a file is as good as none.
 */
bool point_fetch(const char *dir, const struct point *pt,
		 struct sim_result *r);

/* Reads the series of a point; false where the file has none. */
bool point_series(const char *dir, const struct point *pt, struct series *s);

/*
 * Takes over a result that other code has left under `id`: the point becomes
 * known by it. False where there is none.
 */
bool point_adopt(const char *dir, struct point *pt, const char *id);

#endif
