/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the recorder of processes share; see user_plugin.c. */
#ifndef RECORD_USER_STATE_H
#define RECORD_USER_STATE_H

#include <pthread.h>

#include "record/fold.h"
#include "record/hot.h"
#include "record/qemu.h"
#include "record/ring.h"
#include "record/user_exec.h"
#include "record/user_maps.h"
#include "record/user_values.h"
#include "record/ways.h"
#include "sim/rec_event.h"

enum {
	USER_VCPUS = 64,	/* filters; more threads share them */
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
	/* Changes when another process runs and when all is forgotten. */
	_Atomic uint64_t *epoch;
	_Atomic uint64_t own_epoch;
	uint32_t pages;		/* of each filter */
	bool switches;		/* one CPU: see when another process ran */
	bool folds;		/* one access may stand for others */
	bool translated;	/* anything */
	bool threaded;		/* there has been a second thread */
	unsigned vcpus;		/* seen; the filters of others are empty */
	bool begun;
	bool has_registers;
	bool locks;		/* mlockall: what comes is faulted in at once */
	uint64_t brk;
	uint64_t base;
	struct user_maps maps;
	struct user_values values;
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
void user_put_access(uint64_t gva, unsigned size, unsigned flags);
void user_put_found(const struct user_found *f, unsigned flags);

/* What a vcpu was at of late. */
struct user_recent {
	struct hot hot;
	struct record_ways filter[USER_KINDS];
};

extern struct user_recent user_recent[USER_VCPUS];

/* user_filter.c: the slow way, taken when something may be new. */
void user_count(void);
/* All of one look that is new, with its block if it tells of one; `made` is
 * the address of the leader, if it has one. */
void user_see_look(unsigned vcpu, struct fold_look *l, uint64_t made);
/* The epoch in which code of these pages (as in struct fold_rest) was fetched
 * of late; else 0. For as long as there is one thread. NULL: no memory. */
uint64_t *user_code_seen(uint64_t pages);
/* An access that has been made. */
void user_see_access(unsigned vcpu, unsigned kinds, uint64_t gva,
		     unsigned size);
/* Nothing counts as recent any more: a TLB would be empty. */
void user_clear_filters(void);
/* False: it cannot be known in advance which accesses will succeed. */
bool user_filter_init(void);

/* user_access.c */
void user_access_init(qemu_plugin_id_t id);

/* user_memory.c; under the lock */
void user_after_memory(int64_t number, const uint64_t a[6], uint64_t result);

/* user_calls.c */
void user_at_call(qemu_plugin_id_t id, unsigned int vcpu, int64_t number,
		  uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
		  uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8);
void user_after_call(qemu_plugin_id_t id, unsigned int vcpu, int64_t number,
		     int64_t result);

#endif
