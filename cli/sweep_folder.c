/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/sweep_folder.h"

#include <limits.h>
#include <stdlib.h>

#include "cli/cmd.h"
#include "cli/sweep.h"

bool sweep_folder_load(struct sweep_folder *f, const char *dir, bool results,
		       int *status)
{
	char path[PATH_MAX];
	json_error_t error;

	*f = (struct sweep_folder){ .dir = dir };
	*status = CMD_FAILED;
	snprintf(path, sizeof(path), "%s/sweep.json", dir);
	f->manifest = json_load_file(path, 0, &error);
	/* The folder that the scenario's recordings are relative to. */
	const char *folder =
		json_string_value(json_object_get(f->manifest, "folder"));
	if (!folder) {
		cmd_error(path, "%s", f->manifest ? "is not of a sweep" :
						    error.text);
		return false;
	}
	snprintf(path, sizeof(path), "%s/scenario.ini", dir);
	if (!points_load(&f->points, path, folder, status)) {
		return false;
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
