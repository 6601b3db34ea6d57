/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the processes under `gnomon record user` tell, and how: a ring of
 * records in a file that all of them and the recorder map. A process takes
 * the next places by adding to `head`, fills them, and marks each as full; the
 * recorder empties them in that order. So the order of the ring is the order of
 * events across processes, and a process that is killed leaves at most a gap.
 */
#ifndef RECORD_RING_H
#define RECORD_RING_H

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
	RING_RECORDS = 1 << 16,	/* a power of two; 4 MiB */
	RING_TEXT = 48,		/* bytes of text in one record */
	/* Types besides enum sim_event_type. */
	RING_MORE_TEXT = 0xff,	/* continues the record before it */
	RING_REAPED = 0xfe,	/* value: a child that has ended */
	RING_ESCAPED = 0xfd,	/* text: a program that runs unseen from now */
};

#define RING_MAGIC UINT64_C(0x31676e6972676e67)

struct ring_record {
	_Atomic uint64_t full;	/* its number in the stream, + 1 */
	uint8_t type;
	uint8_t sub;
	uint16_t flags;		/* SIM_F_*; FORK: RING_FROM_CHILD too */
	uint16_t size;		/* of an access; else bytes of text */
	uint16_t cpu;
	uint32_t pid, tid;
	uint32_t instr;		/* executed by the process since its last */
	uint32_t dropped;	/* accesses that the filter held back since */
	uint64_t gva, value, gpa;
	uint64_t to;		/* MREMAP */
};

/* Both ends of a fork tell of it; the second is dropped. */
#define RING_FROM_CHILD 0x8000u
/* EXIT: of all threads of the process. */
#define RING_ALL_THREADS 1u

struct ring {
	uint64_t magic;
	_Atomic uint64_t head;	/* next place to take */
	char pad1[48];
	_Atomic uint64_t tail;	/* next one to empty */
	_Atomic uint32_t stop;	/* nobody empties it any more */
	_Atomic uint32_t running; /* the process that ran last */
	int32_t owner;		/* the recorder's pid */
	char pad2[4];
	_Atomic uint64_t epoch;	/* changes whenever `running` does */
	char pad3[32];
	struct ring_record record[RING_RECORDS];
};

_Static_assert(sizeof(struct ring_record) == 64, "one cache line");

/* A place that the recorder has emptied; false when it has gone. */
static inline bool ring_wait(struct ring *r, uint64_t number)
{
	unsigned tries = 0;

	while (number - atomic_load_explicit(&r->tail, memory_order_acquire) >=
	       RING_RECORDS) {
		/* The recorder may have been killed. */
		if (++tries % 4096 == 0 && r->owner && kill(r->owner, 0) &&
		    errno == ESRCH) {
			atomic_store(&r->stop, 1);
		}
		if (atomic_load_explicit(&r->stop, memory_order_relaxed)) {
			return false;
		}
		sched_yield();
	}
	return true;
}

static inline struct ring_record *ring_at(struct ring *r, uint64_t number)
{
	return &r->record[number & (RING_RECORDS - 1)];
}

/* The recorder had the lines of the places last: asks for one in time. */
static inline void ring_expect(struct ring *r, uint64_t number)
{
	__builtin_prefetch(ring_at(r, number), 1);
}

static inline void ring_mark_full(struct ring *r, uint64_t number)
{
	atomic_store_explicit(&ring_at(r, number)->full, number + 1,
			      memory_order_release);
}

static inline void ring_fill(struct ring *r, uint64_t number,
			     const struct ring_record *from)
{
	struct ring_record *to = ring_at(r, number);

	memcpy((char *)to + sizeof(to->full),
	       (const char *)from + sizeof(from->full),
	       sizeof(*to) - sizeof(to->full));
	ring_mark_full(r, number);
}

/* A place for one record, to be filled and marked; false: nobody would empty
 * it. */
static inline bool ring_take(struct ring *r, uint64_t *number)
{
	if (atomic_load_explicit(&r->stop, memory_order_relaxed)) {
		return false;
	}
	*number = atomic_fetch_add_explicit(&r->head, 1, memory_order_relaxed);
	ring_expect(r, *number + 4);
	return ring_wait(r, *number);
}

/* Appends a record; text may be null. Any thread of any process. */
static inline void ring_put(struct ring *r, struct ring_record *record,
			    const char *text)
{
	size_t bytes = text ? strlen(text) : 0, more, at;
	uint64_t first;

	if (atomic_load_explicit(&r->stop, memory_order_relaxed)) {
		return;
	}
	bytes = bytes > 4095 ? 4095 : bytes;
	more = (bytes + RING_TEXT - 1) / RING_TEXT;
	if (text) {
		record->size = (uint16_t)bytes;
	}
	first = atomic_fetch_add_explicit(&r->head, 1 + more,
					  memory_order_relaxed);
	if (!ring_wait(r, first)) {
		return;
	}
	ring_fill(r, first, record);
	for (size_t i = 0; i < more; i++) {
		struct ring_record part = { .type = RING_MORE_TEXT };

		at = i * RING_TEXT;
		memcpy((char *)&part + 16, text + at, bytes - at < RING_TEXT ?
		       bytes - at : RING_TEXT);
		if (!ring_wait(r, first + 1 + i)) {
			return;
		}
		ring_fill(r, first + 1 + i, &part);
	}
}

#endif
