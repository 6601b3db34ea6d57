/* SPDX-License-Identifier: BSD-2-Clause */
/* What was published against what we have, as a figure. */
#ifndef CLI_VALIDATE_PLOT_H
#define CLI_VALIDATE_PLOT_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/validate.h"

/*
 * Draws DIR/validation.{dat,svg,pdf,png}, for LaTeX too if asked for, and
 * prints the paths. False after printing why.
 */
bool validate_plot(const char *dir, const struct sim_check *checks,
		   size_t count, bool latex);

#endif
