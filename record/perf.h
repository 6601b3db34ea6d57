/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a command at full speed under perf's tracepoints, as root, and makes a
 * recording of what they tell.
 */
#ifndef RECORD_PERF_H
#define RECORD_PERF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/import.h"

struct record_perf {
	const char *out;
	char *const *command;	/* ends with NULL; [0] is a path */
	const char *perf;	/* found already */
	const char *source;	/* for the header */
	unsigned int timeout_seconds;	/* 0: none */
	/* Called a few times a second, with bytes written; may be null. */
	void (*progress)(uint64_t bytes, double seconds);
};

struct record_perf_result {
	int status;		/* as wait() gives it */
	bool in_time;
	int signal;		/* that ended the recording early, or 0 */
	double seconds;		/* perf ran */
	uint64_t lost;		/* events that the kernel dropped */
	struct sim_import_result import;
};

/* False, with one line in `why`, if there is no recording. */
bool record_perf_run(const struct record_perf *p,
		     struct record_perf_result *result, char *why,
		     size_t why_bytes);

#endif
