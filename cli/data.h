/* SPDX-License-Identifier: BSD-2-Clause */
/* Files that come with the program: recordings and plot scripts. */
#ifndef CLI_DATA_H
#define CLI_DATA_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Finds `folder/name` in $GNOMON_DATADIR, in the bench/ folder of a source
 * tree that this program was built in or just below, or among the installed
 * data. False, with the installed path in `path`, if it is nowhere.
 */
bool data_find(const char *folder, const char *name, char *path,
	       size_t bytes);

/* The recording that commands use when none is named. */
bool data_default_recording(char *path, size_t bytes);

#endif
