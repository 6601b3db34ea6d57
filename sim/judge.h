/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Judges an MMU-level recording by itself, with the oracle over a replica of
 * its tables: each access translates and is permitted under the tables of
 * its moment, each page fault is one that they demand, each table store
 * lands where its gva leads, and the tables at the end are those that the
 * events lead to.
 */
#ifndef SIM_JUDGE_H
#define SIM_JUDGE_H

#include "sim/rec.h"

enum {
	SIM_VERDICT_SHOWN = 10,
};

struct sim_verdict {
	uint64_t accesses;	/* checked */
	/* Accesses that walked a table after its TABLE_END, as a kernel does
	 * that frees the tables it still runs on.  No violation. */
	uint64_t through_ended;
	uint64_t stores;
	uint64_t faults;
	uint64_t final_tables;
	uint64_t final_entries;
	/* Final entries that differ in accessed and dirty bits alone: the
	 * processor sets those unseen.  No violation. */
	uint64_t final_marks;
	/* Register writes whose value was not recorded. */
	uint64_t blind_writes;
	uint64_t violations;
	unsigned int shown;
	struct sim_violation {
		uint64_t event;		/* number */
		uint64_t instr;
		char text[160];
	} first[SIM_VERDICT_SHOWN];
};

/*
 * Judges the whole recording, its file digest included.  OK means that it
 * could be read to its end: `verdict->violations` says how it fared.
 * SIM_REC_USAGE: a process-level recording, which has nothing to judge.
 * `progress` may be NULL.
 */
enum sim_rec_status sim_judge(struct sim_rec_reader *r,
			      struct sim_verdict *verdict,
			      void (*progress)(void *arg, uint64_t events),
			      void *arg, struct sim_rec_error *err);

#endif
