/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/cmds.h"

#include <stddef.h>
#include <string.h>

extern const struct cmd cmd_compare;
extern const struct cmd cmd_costs;
extern const struct cmd cmd_import;
extern const struct cmd cmd_info;
extern const struct cmd cmd_plot;
extern const struct cmd cmd_record;
extern const struct cmd cmd_report;
extern const struct cmd cmd_run;
extern const struct cmd cmd_sweep;
extern const struct cmd cmd_validate;
extern const struct cmd cmd_vmm;
extern const struct cmd cmd_walk;
extern const struct cmd cmd_workloads;

const struct cmd *const cmds[] = {
	&cmd_compare,
	&cmd_run,
	&cmd_sweep,
	&cmd_plot,
	&cmd_report,
	&cmd_import,
	&cmd_info,
	&cmd_walk,
	&cmd_record,
	&cmd_vmm,
	&cmd_workloads,
	&cmd_costs,
	&cmd_validate,
	NULL,
};

const struct cmd *cmd_find(const char *name)
{
	for (size_t i = 0; cmds[i]; i++) {
		if (!strcmp(cmds[i]->name, name)) {
			return cmds[i];
		}
	}
	return NULL;
}
