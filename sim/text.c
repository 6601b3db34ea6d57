/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/text.h"

#include <dirent.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef PKGDATADIR
#define PKGDATADIR "/usr/local/share/gnomon"
#endif

enum { CLIMB_MAX = 7 };	/* folders above the program that are tried */

bool sim_copy(char *dst, size_t dst_bytes, const char *src)
{
	size_t length = strlen(src);

	if (length >= dst_bytes) {
		dst[0] = '\0';
		return false;
	}
	memcpy(dst, src, length + 1);
	return true;
}

bool sim_is_file(const char *path)
{
	struct stat st;

	return !stat(path, &st) && !S_ISDIR(st.st_mode);
}

void sim_fail(struct sim_error *error, enum sim_error_kind kind,
	      const char *format, ...)
{
	va_list args;

	if (!error || error->kind != SIM_ERR_NONE) {
		return;
	}
	error->kind = kind;
	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
}

static bool try_folder(const char *root, const char *middle,
		       const char *folder, char *path, size_t path_bytes)
{
	int length = snprintf(path, path_bytes, "%s/%s%s%s", root, middle,
			      *middle ? "/" : "", folder);

	return length > 0 && (size_t)length < path_bytes &&
	       access(path, R_OK | X_OK) == 0;
}

static bool beside_program(const char *folder, char *path, size_t path_bytes)
{
	char exe[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (length <= 0) {
		return false;
	}
	exe[length] = '\0';
	for (int i = 0; i < CLIMB_MAX; i++) {
		char *slash = strrchr(exe, '/');

		if (!slash || slash == exe) {
			return false;
		}
		*slash = '\0';
		if (try_folder(exe, "sim", folder, path, path_bytes) ||
		    try_folder(exe, "bench", folder, path, path_bytes) ||
		    try_folder(exe, "examples", folder, path, path_bytes) ||
		    try_folder(exe, "share/gnomon", folder, path,
			       path_bytes)) {
			return true;
		}
	}
	return false;
}

static bool find_folder(const char *folder, char *path, size_t path_bytes)
{
	const char *data = getenv("GNOMON_DATADIR");
	const char *source = getenv("top_srcdir"); /* set by `make check` */

	return (data && *data &&
		try_folder(data, "", folder, path, path_bytes)) ||
	       (source && *source &&
		(try_folder(source, "sim", folder, path, path_bytes) ||
		 try_folder(source, "bench", folder, path, path_bytes) ||
		 try_folder(source, "examples", folder, path, path_bytes))) ||
	       beside_program(folder, path, path_bytes) ||
	       try_folder(PKGDATADIR, "", folder, path, path_bytes);
}

bool sim_data_path(const char *folder, const char *name, const char *suffix,
		   char *path, size_t path_bytes)
{
	char base[PATH_MAX];
	int length;

	if (!find_folder(folder, base, sizeof(base))) {
		return false;
	}
	length = snprintf(path, path_bytes, "%s/%s%s", base, name, suffix);
	return length > 0 && (size_t)length < path_bytes &&
	       access(path, R_OK) == 0;
}

void sim_data_list(const char *folder, const char *suffix,
		   bool (*found)(void *ctx, const char *name,
				 const char *path), void *ctx)
{
	char base[PATH_MAX], path[PATH_MAX], name[NAME_MAX + 1];
	struct dirent **entries;
	bool more = true;
	int count;

	if (!find_folder(folder, base, sizeof(base))) {
		return;
	}
	count = scandir(base, &entries, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		size_t length = strlen(entries[i]->d_name);
		size_t cut = strlen(suffix);

		if (more && length > cut && sim_copy(name, sizeof(name),
						     entries[i]->d_name) &&
		    !strcmp(name + length - cut, suffix)) {
			name[length - cut] = '\0';
			more = sim_data_path(folder, name, suffix, path,
					     sizeof(path)) &&
			       found(ctx, name, path);
		}
		free(entries[i]);
	}
	if (count >= 0) {
		free(entries);
	}
}
