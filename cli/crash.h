/* SPDX-License-Identifier: BSD-2-Clause */
/* What the program says about its own errors. */
#ifndef CLI_CRASH_H
#define CLI_CRASH_H

#include <stdint.h>

/* From here on a fatal signal prints a backtrace before the program ends. */
void crash_install(void);

/* The seed to name in a report; 1 until set. */
void crash_seed(uint64_t seed);

/*
 * Prints `gnomon: what: why`, a backtrace of the caller, the version, the
 * seed and the command that repeats it, and comes back. From any thread.
 */
void crash_report(const char *what, const char *why);

#endif
