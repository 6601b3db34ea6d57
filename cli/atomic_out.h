/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Output files that are there as a whole or not at all. The text goes into
 * a file beside the final one; the commit syncs and renames it. A program
 * that fails, or is ended by SIGINT, SIGTERM or SIGHUP, leaves nothing.
 */
#ifndef CLI_ATOMIC_OUT_H
#define CLI_ATOMIC_OUT_H

#include <stdbool.h>
#include <stdio.h>

struct atomic_out {
	FILE *f;
	char *path;
	char *part;	/* the name until the commit */
};

/*
 * Starts `path`. On failure prints why and returns false. A path that is
 * there and is no regular file is refused.
 */
bool atomic_open(struct atomic_out *o, const char *path);
/* As above, without a stream: another program writes o->part. */
bool atomic_name(struct atomic_out *o, const char *path);

/*
 * For a recording, which sim/rec.h writes by itself: its unfinished file goes
 * the same way, until atomic_abort(). Without memory it does not.
 */
void atomic_recording(struct atomic_out *o, const char *path);

/* Gives the file its name. On failure prints why and removes it. */
bool atomic_commit(struct atomic_out *o);
/* Removes the unfinished file. Fine after a failed open or a commit. */
void atomic_abort(struct atomic_out *o);

/* Makes one folder unless it is there; prints why it could not. */
bool atomic_folder(const char *path);

/* Removes every unfinished file; safe in a signal handler. */
void atomic_abort_all(void);

#endif
