/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the recorder of processes share; see user_plugin.c. */
#ifndef RECORD_USER_STATE_H
#define RECORD_USER_STATE_H

#include <pthread.h>

#include "record/fold.h"
#include "record/qemu.h"
#include "record/ring.h"
#include "record/user_exec.h"
#include "record/user_maps.h"
#include "record/ways.h"
#include "sim/rec_event.h"

enum {
	USER_VCPUS = 64,	/* filters; more threads share them */
	USER_HOT = 1024,
};

/* Kinds of access, a filter each. */
enum {
	USER_READS,
	USER_WRITES,
	USER_FETCHES,
	USER_KINDS,
};

struct user_state {
	struct ring *ring;
	char qemu[4096];	/* itself, for the next program */
	char option[4096];	/* -plugin's, likewise */
	pthread_mutex_t lock;
	/* Instructions << 32 and accesses that are not yet counted below. */
	uint64_t counts;
	uint64_t executed;	/* instructions, by block, all threads */
	uint64_t told;		/* of those */
	uint64_t accesses;	/* seen, by block too */
	uint64_t kept;		/* of those: passed the filter */
	uint64_t dropped_told;
	uint32_t pid;
	/* The process that ran last on the one CPU, or `pid`. */
	_Atomic uint32_t *running;
	uint32_t pages;		/* of each filter */
	bool switches;		/* one CPU: see when another process ran */
	bool folds;		/* one access may stand for others */
	unsigned vcpus;		/* seen; the filters of others are empty */
	bool begun;
	bool has_registers;
	bool locks;		/* mlockall: what comes is faulted in at once */
	uint64_t brk;
	uint64_t base;
	struct user_maps maps;
	struct {
		struct record_ways of[USER_KINDS];
	} filter[USER_VCPUS];
	char text[4096];	/* under the lock */
	struct user_found found;
	struct user_exec_plan plan;
};

struct user_thread {
	uint32_t tid;
	uint64_t args[6];	/* of the system call that it is in */
};

extern struct user_state self;
extern __thread struct user_thread me;

/* user_tell.c. The lock is taken around all that follows. */
void user_lock(void);
void user_unlock(void);
void user_put(struct ring_record r, const char *text);
void user_put_found(const struct user_found *f, unsigned flags);

/* user_access.c */
void user_count(void);
/* Nothing counts as recent any more: a TLB would be empty. */
void user_clear_filters(void);
void user_access_init(void);
void user_at_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);

/* user_memory.c; under the lock */
void user_after_memory(int64_t number, const uint64_t a[6], uint64_t result);

/* user_calls.c */
void user_at_call(qemu_plugin_id_t id, unsigned int vcpu, int64_t number,
		  uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
		  uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8);
void user_after_call(qemu_plugin_id_t id, unsigned int vcpu, int64_t number,
		     int64_t result);

#endif
