/* SPDX-License-Identifier: BSD-2-Clause */
/* The page of `gnomon report`. */
#ifndef CLI_PAGE_H
#define CLI_PAGE_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/sweep_folder.h"

/*
 * Writes the page. `figures` holds the paths of SVG files, one a line; empty
 * when none could be drawn. False after printing why.
 */
bool page_write(FILE *f, const struct sweep_folder *folder,
		const char *figures);

#endif
