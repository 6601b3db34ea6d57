/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/user_take.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	FREE_EVERY = 256,	/* records */
};

static void put(struct take *t, const struct sim_event *ev)
{
	if (t->status == SIM_REC_OK) {
		t->status = sim_rec_put(t->out, ev);
		/* A program may ask for impossible things. */
		if (t->status == SIM_REC_USAGE) {
			t->status = SIM_REC_OK;
			t->lost++;
		}
	}
}

static void emit(struct take *t, struct sim_event ev)
{
	ev.instr = t->instr;
	put(t, &ev);
}

void take_marker(struct take *t, uint64_t number)
{
	emit(t, (struct sim_event){ .type = SIM_EV_MARKER, .value = number });
}

void take_note(struct take *t, const char *key, uint64_t value)
{
	char text[96];

	snprintf(text, sizeof(text), "%s=%" PRIu64, key, value);
	emit(t, (struct sim_event){ .type = SIM_EV_NOTE, .text = text,
				    .text_bytes = (uint32_t)strlen(text) });
}

/* ---- tasks -------------------------------------------------------------- */

static struct take_task **place_of(struct take *t, uint32_t tid)
{
	struct take_task **at = &t->tasks[tid % TAKE_BUCKETS];

	while (*at && (*at)->tid != tid) {
		at = &(*at)->next;
	}
	return at;
}

static struct take_task *get(struct take *t, uint32_t pid, uint32_t tid)
{
	struct take_task **at = place_of(t, tid);

	if (!*at) {
		*at = calloc(1, sizeof(**at));
		if (!*at) {
			t->status = SIM_REC_NOMEM;
			return NULL;
		}
		(*at)->tid = tid;
	}
	if (!(*at)->live && pid) {
		(*at)->pid = pid;
		(*at)->live = true;
		t->processes++;
	}
	return *at;
}

static void put_exit(struct take *t, struct take_task *k, uint64_t value,
		     uint16_t cpu)
{
	if (k->live) {
		emit(t, (struct sim_event){
			.type = SIM_EV_EXIT, .pid = k->pid, .tid = k->tid,
			.vcpu = cpu, .value = value });
		k->live = false;
	}
}

/* All threads of a process but one. */
static void put_exits(struct take *t, uint32_t pid, uint32_t but,
		      uint64_t value, uint16_t cpu)
{
	for (unsigned i = 0; i < TAKE_BUCKETS; i++) {
		for (struct take_task *k = t->tasks[i]; k; k = k->next) {
			if (k->pid == pid && k->tid != but) {
				put_exit(t, k, value, cpu);
			}
		}
	}
}

void take_end(struct take *t, uint32_t pid, uint64_t value)
{
	put_exits(t, pid, 0, value, 0);
}

/* ---- records ------------------------------------------------------------ */

/* The first of the two ends that tells of a fork is right in time. */
static void take_fork(struct take *t, const struct ring_record *r,
		      struct sim_event ev)
{
	bool from_child = r->flags & RING_FROM_CHILD;
	uint8_t me = from_child ? TAKE_CHILD : TAKE_PARENT;
	uint32_t tid = (uint32_t)r->value;
	struct take_task *k = get(t, 0, tid);

	if (!k) {
		return;
	}
	if (k->waits == me) {
		k->waits = TAKE_NONE;
		return;
	}
	k->waits = from_child ? TAKE_PARENT : TAKE_CHILD;
	if (k->live) {
		return;		/* its own events were first of all */
	}
	ev.flags &= (uint16_t)~RING_FROM_CHILD;
	emit(t, ev);
	get(t, ev.flags & SIM_F_THREAD ? r->pid : tid, tid);
}

static void take_one(struct take *t, const struct ring_record *r,
		     const char *text, size_t bytes)
{
	uint16_t cpu = (uint16_t)(r->cpu % t->vcpus);
	struct sim_event ev = {
		.type = r->type, .sub = r->sub, .flags = r->flags,
		.pid = r->pid, .tid = r->tid, .vcpu = cpu, .gva = r->gva,
		.value = r->value, .gpa = r->gpa, .to = r->to,
		.text = bytes ? text : NULL, .text_bytes = (uint32_t)bytes,
	};

	t->instr += r->instr;
	t->dropped += r->dropped;
	if (!get(t, r->pid, r->tid)) {
		return;
	}
	if (t->last[cpu % TAKE_CPUS] != r->tid) {
		t->last[cpu % TAKE_CPUS] = r->tid;
		emit(t, (struct sim_event){
			.type = SIM_EV_SWITCH, .pid = r->pid, .tid = r->tid,
			.vcpu = cpu });
	}
	t->same_pid = r->type == SIM_EV_ACCESS ? r->pid : 0;
	t->same_tid = r->tid;
	switch (r->type) {
	case SIM_EV_SWITCH:
		break;		/* told by others, or only about time */
	case SIM_EV_ACCESS:
		ev.size = r->size;
		emit(t, ev);
		break;
	case SIM_EV_FORK:
	case SIM_EV_VFORK:
		take_fork(t, r, ev);
		break;
	case SIM_EV_EXEC:
		put_exits(t, r->pid, r->tid, 0, cpu);
		emit(t, ev);
		break;
	case RING_ESCAPED:
		t->escaped++;
		put_exits(t, r->pid, 0, 0, cpu);
		break;
	case RING_REAPED:
		put_exits(t, (uint32_t)r->value, 0, 0, cpu);
		break;
	case SIM_EV_EXIT:
		if (r->sub == RING_ALL_THREADS) {
			put_exits(t, r->pid, 0, r->value, cpu);
		} else {
			put_exit(t, get(t, 0, r->tid), r->value, cpu);
		}
		break;
	default:
		emit(t, ev);
		break;
	}
}

static bool is_full(struct ring *r, uint64_t number)
{
	struct ring_record *at = &r->record[number & (RING_RECORDS - 1)];

	return atomic_load_explicit(&at->full, memory_order_acquire) ==
	       number + 1;
}

/* The text behind record `number`; false when its end is not there yet. */
static bool gather(struct ring *r, uint64_t number, char *text, size_t bytes)
{
	for (size_t i = 0; i * RING_TEXT < bytes; i++) {
		uint64_t at = number + 1 + i;
		size_t left = bytes - i * RING_TEXT;

		if (!is_full(r, at)) {
			return false;
		}
		memcpy(text + i * RING_TEXT,
		       (char *)&r->record[at & (RING_RECORDS - 1)] + 16,
		       left < RING_TEXT ? left : RING_TEXT);
	}
	return true;
}

/* Nearly all records are accesses of the task that ran before: nothing but
 * an event. */
static bool take_access(struct take *t, const struct ring_record *r)
{
	uint16_t cpu = (uint16_t)(r->cpu % t->vcpus);

	if (r->type != SIM_EV_ACCESS || t->last[cpu % TAKE_CPUS] != r->tid ||
	    t->same_pid != r->pid || t->same_tid != r->tid) {
		return false;
	}
	t->instr += r->instr;
	t->dropped += r->dropped;
	put(t, &(struct sim_event){
		.type = SIM_EV_ACCESS, .flags = r->flags, .pid = r->pid,
		.tid = r->tid, .vcpu = cpu, .gva = r->gva, .size = r->size,
		.instr = t->instr });
	return true;
}

uint64_t take_ring(struct take *t, struct ring *r, uint64_t most,
		   bool impatient)
{
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	uint64_t taken = 0;
	char text[4096];

	while (taken < most) {
		if (!is_full(r, tail)) {
			if (!impatient || tail >= atomic_load(&r->head)) {
				break;
			}
			t->lost++;
			tail++;
			taken++;
			impatient = false;	/* one at a time */
			continue;
		}
		if (take_access(t, ring_at(r, tail))) {
			tail++;
			taken++;
			/* The writers look at it. */
			if (tail % FREE_EVERY == 0) {
				atomic_store_explicit(&r->tail, tail,
						      memory_order_release);
			}
			continue;
		}
		struct ring_record one;
		size_t bytes;

		memcpy((char *)&one + 8,
		       (char *)&r->record[tail & (RING_RECORDS - 1)] + 8,
		       sizeof(one) - 8);
		bytes = one.type == SIM_EV_ACCESS ||
			one.type == RING_MORE_TEXT ? 0 : one.size;
		bytes = bytes < sizeof(text) ? bytes : sizeof(text) - 1;
		if (!gather(r, tail, text, bytes)) {
			if (!impatient) {
				break;
			}
			bytes = 0;
		}
		if (one.type != RING_MORE_TEXT) {
			take_one(t, &one, text, bytes);
		}
		tail += 1 + (bytes + RING_TEXT - 1) / RING_TEXT;
		taken++;
		atomic_store_explicit(&r->tail, tail, memory_order_release);
	}
	atomic_store_explicit(&r->tail, tail, memory_order_release);
	return taken;
}

void take_free(struct take *t)
{
	for (unsigned i = 0; i < TAKE_BUCKETS; i++) {
		while (t->tasks[i]) {
			struct take_task *k = t->tasks[i];

			t->tasks[i] = k->next;
			free(k);
		}
	}
}
