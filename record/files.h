/* SPDX-License-Identifier: BSD-2-Clause */
/* The files that a program needs to run by itself: it and its libraries. */
#ifndef RECORD_FILES_H
#define RECORD_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct record_files {
	char **path;		/* absolute */
	size_t count;
};

/* Adds `path` and, if it is a program, the libraries that ldd(1) names.
 * False when out of memory or if it cannot be read. */
bool record_files_add(struct record_files *f, const char *path);
void record_files_free(struct record_files *f);

/* Puts all of them, and the folders above them, into an archive; false with
 * the file in `which` if one cannot be copied. */
bool record_files_put(const struct record_files *f, FILE *archive,
		      const char **which);

/* Finds a program along PATH, or as it is if it has a slash; the caller
 * frees the result. NULL if there is none. */
char *record_find_program(const char *name);

#endif
