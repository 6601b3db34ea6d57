/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One world in a process of its own, so that a crash or a hang is a verdict
 * like any other.
 */
#ifndef GN_TESTS_DIFF_RUN_H
#define GN_TESTS_DIFF_RUN_H

#include <signal.h>

#include "tests/diff/world.h"

struct diff_verdict {
	struct diff_counts sum;
	uint64_t reached;	/* operations begun */
	bool done, ok;
	char why[240];
};

/* Memory that a child can write its verdict to. */
struct diff_verdict *diff_shared(void);
/* Run count operations; ops null: those of the seed. */
void diff_run(const struct diff_params *p, const struct op *ops,
	      uint64_t count, struct diff_verdict *v);
/* The same in a child, for so much processor time (0: a minute in all). */
pid_t diff_start(const struct diff_params *p, const struct op *ops,
		 uint64_t count, unsigned cpu_ms, struct diff_verdict *v);
/* After waitpid() said how the child ended. */
void diff_ended(struct diff_verdict *v, int status);
/* Print the shortest failing list that can be found within seconds. */
void diff_minimise(const struct diff_params *p, uint64_t count,
		   unsigned seconds, bool hangs);

#endif
