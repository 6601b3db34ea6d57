/* SPDX-License-Identifier: BSD-2-Clause */
/* Records of the ring become events of a recording. */
#ifndef RECORD_USER_TAKE_H
#define RECORD_USER_TAKE_H

#include "record/ring.h"
#include "sim/rec.h"

enum {
	TAKE_BUCKETS = 1024,
	TAKE_CPUS = 64,
};

/* A thread that lives, or a fork of which one end has told. */
struct take_task {
	struct take_task *next;
	uint32_t tid, pid;
	bool live;
	uint8_t waits;		/* TAKE_*: for this end of its fork */
};

enum {
	TAKE_NONE,
	TAKE_CHILD,
	TAKE_PARENT,
};

struct take {
	struct sim_rec_writer *out;
	enum sim_rec_status status;
	unsigned int vcpus;
	uint64_t instr;
	uint64_t dropped;
	uint64_t processes, escaped, lost;
	uint32_t last[TAKE_CPUS];	/* tid that ran */
	/* Of the last record, if it was an access; else pid is 0. */
	uint32_t same_pid, same_tid;
	struct take_task *tasks[TAKE_BUCKETS];
};

/*
 * Takes what is in the ring, at most `most` records; returns how many. With
 * `impatient` it passes over a place that nobody fills.
 */
uint64_t take_ring(struct take *t, struct ring *r, uint64_t most,
		   bool impatient);
/* The command itself has ended, by a signal perhaps: what of it still lives
 * does not any more. */
void take_end(struct take *t, uint32_t pid, uint64_t value);
void take_marker(struct take *t, uint64_t number);
/* A `key=number` that is known only now. */
void take_note(struct take *t, const char *key, uint64_t value);
void take_free(struct take *t);

#endif
