/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a command under QEMU's user mode with the recorder of processes, and
 * writes what it and all that it starts ask of their kernel. Needs no
 * privileges.
 */
#ifndef RECORD_USER_H
#define RECORD_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct record_user {
	const char *out;
	char *const *command;	/* ends with NULL; [0] is a path */
	const char *qemu;	/* found already */
	const char *plugin;
	const char *source;	/* for the header */
	const char *tool;
	unsigned int vcpus;	/* CPUs that it may run on at a time */
	unsigned int filter_pages;
	unsigned int timeout_seconds;	/* 0: none */
	/* Called a few times a second, with bytes written; may be null. */
	void (*progress)(uint64_t bytes, double seconds);
};

struct record_user_result {
	int status;		/* as wait() gives it */
	bool in_time;
	int signal;		/* that ended the recording early, or 0 */
	double seconds;
	uint64_t processes;	/* and threads, that were seen */
	uint64_t escaped;	/* programs that ran unseen */
	/* Records that a killed process left open, or that say what no kernel
	 * would do. */
	uint64_t lost;
};

/* False, with one line in `why`, if there is no recording. */
bool record_user_run(const struct record_user *u,
		     struct record_user_result *result, char *why,
		     size_t why_bytes);

#endif
