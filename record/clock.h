/* SPDX-License-Identifier: BSD-2-Clause */
/* The recorders' clock. */
#ifndef RECORD_CLOCK_H
#define RECORD_CLOCK_H

#include <time.h>

/* Seconds since some moment before the program began. */
static inline double record_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

#endif
