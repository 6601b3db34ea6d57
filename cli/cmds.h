/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands there are, in the order in which --help lists them. */
#ifndef CLI_CMDS_H
#define CLI_CMDS_H

#include "cli/cmd.h"

/* Ends with NULL. To add a command: declare it in cmds.c and list it. */
extern const struct cmd *const cmds[];

/* The command of that name or NULL. */
const struct cmd *cmd_find(const char *name);

#endif
