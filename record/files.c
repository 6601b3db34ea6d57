/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/files.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/initramfs.h"

enum {
	PATH_BYTES = 4096,
};

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	       access(path, X_OK) == 0;
}

char *record_find_program(const char *name)
{
	const char *at = getenv("PATH");
	char path[PATH_BYTES];

	if (strchr(name, '/')) {
		if (!is_program(name)) {
			return NULL;
		}
		return name[0] == '/' ? strdup(name) : realpath(name, NULL);
	}
	while (at && *at) {
		size_t n = strcspn(at, ":");

		snprintf(path, sizeof(path), "%.*s/%s", (int)n, at, name);
		if (n && is_program(path)) {
			return strdup(path);
		}
		at += n + (at[n] == ':');
	}
	return NULL;
}

static bool add_one(struct record_files *f, const char *path, size_t bytes)
{
	char **list;

	for (size_t i = 0; i < f->count; i++) {
		if (strncmp(f->path[i], path, bytes) == 0 &&
		    f->path[i][bytes] == '\0') {
			return true;
		}
	}
	list = realloc(f->path, (f->count + 1) * sizeof(*list));
	if (!list) {
		return false;
	}
	f->path = list;
	list[f->count] = strndup(path, bytes);
	return list[f->count++] != NULL;
}

/* A line of ldd: `name => /path (0x...)` or `/path (0x...)`. */
static bool add_library(struct record_files *f, const char *line)
{
	const char *path = strchr(line, '/');
	size_t bytes = path ? strcspn(path, " \n") : 0;

	return bytes == 0 || add_one(f, path, bytes);
}

bool record_files_add(struct record_files *f, const char *path)
{
	char command[PATH_BYTES + 32], line[PATH_BYTES];
	bool good = access(path, R_OK) == 0 && !strchr(path, '\'') &&
		    add_one(f, path, strlen(path));
	FILE *ldd;

	if (!good || !is_program(path)) {
		return good;
	}
	snprintf(command, sizeof(command), "ldd '%s' 2>/dev/null", path);
	ldd = popen(command, "r");
	while (ldd && good && fgets(line, sizeof(line), ldd)) {
		good = add_library(f, line);
	}
	if (ldd) {
		/* It fails for static programs, which need nothing. */
		pclose(ldd);
	}
	return good;
}

void record_files_free(struct record_files *f)
{
	for (size_t i = 0; i < f->count; i++) {
		free(f->path[i]);
	}
	free(f->path);
	f->path = NULL;
	f->count = 0;
}

/* Folders may come twice: the kernel leaves those alone that are there. */
static bool put_folders(FILE *archive, const char *path)
{
	char folder[PATH_BYTES];

	for (size_t n = 1; path[n] && n < sizeof(folder); n++) {
		if (path[n] == '/') {
			snprintf(folder, sizeof(folder), "%.*s", (int)n - 1,
				 path + 1);
			if (!initramfs_folder(archive, folder)) {
				return false;
			}
		}
	}
	return true;
}

bool record_files_put(const struct record_files *f, FILE *archive,
		      const char **which)
{
	for (size_t i = 0; i < f->count; i++) {
		const char *path = f->path[i];

		*which = path;
		if (!put_folders(archive, path) ||
		    !initramfs_copy(archive, path + 1,
				    is_program(path) ? 0755 : 0644, path)) {
			return false;
		}
	}
	return true;
}
