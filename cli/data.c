/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/data.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_there(const char *path)
{
	return !access(path, R_OK);
}

/* The folder of this program, without its last slash; "" if unknown. */
static void own_folder(char *dir, size_t bytes)
{
	ssize_t n = readlink("/proc/self/exe", dir, bytes - 1);

	dir[n > 0 ? n : 0] = '\0';
	char *slash = strrchr(dir, '/');
	if (slash) {
		*slash = '\0';
	}
}

bool data_find(const char *folder, const char *name, char *path, size_t bytes)
{
	static const char *const below[] = { "/bench", "/../bench" };
	const char *env = getenv("GNOMON_DATADIR");
	char dir[PATH_MAX];

	if (env && *env) {
		snprintf(path, bytes, "%s/%s/%s", env, folder, name);
		if (is_there(path)) {
			return true;
		}
	}
	own_folder(dir, sizeof(dir));
	for (size_t i = 0; i < sizeof(below) / sizeof(*below); i++) {
		snprintf(path, bytes, "%s%s/%s/%s", dir, below[i], folder,
			 name);
		if (is_there(path)) {
			return true;
		}
	}
	snprintf(path, bytes, "%s/%s/%s", PKGDATADIR, folder, name);
	return is_there(path);
}

bool data_default_recording(char *path, size_t bytes)
{
	return data_find("recordings", "fork-exec-50.gnr", path, bytes);
}
