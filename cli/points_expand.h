/* SPDX-License-Identifier: BSD-2-Clause */
/* What points.c and points_expand.c share. */
#ifndef CLI_POINTS_EXPAND_H
#define CLI_POINTS_EXPAND_H

#include "cli/points.h"

/*
 * Prints `FILE:LINE: key: why`, sets *status to CMD_USAGE and returns false.
 */
bool points_complain(const struct points *p, int line, const char *key,
		     const char *why, int *status);

/* Ends the program when there is no memory. */
void *points_must(void *memory);

/* Adds every point of one input under one preset, by its number in the
 * scenario; prints what is wrong. */
bool points_add_preset(struct points *p, const struct point_input *input,
		       size_t number, int *status);

#endif
