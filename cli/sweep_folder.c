/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/sweep_folder.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/code.h"
#include "cli/point_file.h"
#include "cli/sweep.h"

static const char *text_of(const json_t *manifest, const char *key)
{
	const char *text = json_string_value(json_object_get(manifest, key));

	return text ? text : "";
}

static void put_origin(const json_t *manifest,
		       char origin[POINTS_ORIGIN_BYTES])
{
	const char *code = text_of(manifest, "code");

	snprintf(origin, POINTS_ORIGIN_BYTES, "%s%s%s",
		 text_of(manifest, "version"), *code ? " " : "", code);
}

bool sweep_folder_origin(const char *dir, char origin[POINTS_ORIGIN_BYTES])
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/sweep.json", dir);
	json_t *manifest = json_load_file(path, 0, NULL);
	put_origin(manifest, origin);
	bool found = *text_of(manifest, "folder");
	json_decref(manifest);
	return found;
}

/* Other code may know other parameters, and so other keys. */
static void adopt(struct sweep_folder *f)
{
	json_t *ids = json_object_get(f->manifest, "ids");

	for (size_t i = 0; i < f->points.count &&
	     json_array_size(ids) == f->points.count; i++) {
		const char *id = json_string_value(json_array_get(ids, i));
		point_adopt(f->dir, &f->points.list[i], id ? id : "");
	}
}

/* Points, but nothing that says of what: it was interrupted. */
static bool is_begun(const char *dir)
{
	char points[PATH_MAX], manifest[PATH_MAX];

	snprintf(points, sizeof(points), "%s/points", dir);
	snprintf(manifest, sizeof(manifest), "%s/sweep.json", dir);
	return !access(points, F_OK) && access(manifest, F_OK);
}

bool sweep_folder_load(struct sweep_folder *f, const char *dir, bool results,
		       int *status)
{
	char path[PATH_MAX], origin[POINTS_ORIGIN_BYTES];
	json_error_t error;

	*f = (struct sweep_folder){ .dir = dir };
	*status = CMD_FAILED;
	snprintf(path, sizeof(path), "%s/sweep.json", dir);
	f->manifest = json_load_file(path, 0, &error);
	/* The folder that the scenario's recordings are relative to. */
	const char *folder =
		json_string_value(json_object_get(f->manifest, "folder"));
	if (!folder) {
		if (is_begun(dir)) {
			cmd_error(dir, "the sweep in it is not complete; run "
				  "it again, it goes on where it was");
		} else if (access(path, F_OK)) {
			cmd_error(dir, "is no folder of a sweep (no "
				  "sweep.json); 'gnomon sweep FILE -o DIR' "
				  "makes one");
		} else {
			cmd_error(path, "%s", f->manifest ?
				  "is not of a sweep" : error.text);
		}
		return false;
	}
	snprintf(path, sizeof(path), "%s/scenario.ini", dir);
	put_origin(f->manifest, origin);
	if (!points_load(&f->points, path, folder, origin, status)) {
		return false;
	}
	if (strcmp(origin, code_origin())) {
		adopt(f);
	}
	*status = CMD_FAILED;
	f->results = results ? sweep_results(&f->points, dir) : NULL;
	return !results || f->results;
}

void sweep_folder_free(struct sweep_folder *f)
{
	free(f->results);
	points_free(&f->points);
	json_decref(f->manifest);
}
