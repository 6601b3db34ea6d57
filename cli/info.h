/* SPDX-License-Identifier: BSD-2-Clause */
/* What `gnomon info` prints. */
#ifndef CLI_INFO_H
#define CLI_INFO_H

#include "sim/functions.h"
#include "sim/judge.h"
#include "sim/tally.h"

struct info {
	const char *path;
	const struct sim_rec_info *head;
	struct sim_rec_summary summary;
	struct sim_tally tally;
	bool whole;		/* read to its end without an error */
	bool judged;
	struct sim_verdict verdict;
};

void info_print_text(const struct info *i);
void info_print_json(const struct info *i);
void info_print_functions(const struct sim_functions *f);
void info_print_event(uint64_t number, const struct sim_event *ev);

#endif
