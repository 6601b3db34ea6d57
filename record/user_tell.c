/* SPDX-License-Identifier: BSD-2-Clause */
/* The recorder of processes: records into the ring. */
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "record/regs.h"
#include "record/user_state.h"

/* ---- telling ------------------------------------------------------------ */

static uint32_t since(uint64_t now, uint64_t *last)
{
	uint64_t n = now > *last ? now - *last : 0;

	*last = now;
	return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

/* Under the lock. */
void user_put(struct ring_record r, const char *text)
{
	user_count();
	r.pid = self.pid;
	r.tid = me.tid;
	r.instr = since(self.executed, &self.told);
	r.dropped = since(self.accesses - self.kept, &self.dropped_told);
	r.cpu = self.switches ? 0 : (uint16_t)sched_getcpu();
	ring_put(self.ring, &r, text);
}

/* Most records by far: written where the recorder reads them. */
void user_put_access(uint64_t gva, unsigned size, unsigned flags)
{
	struct ring_record *to;
	uint64_t number;

	user_count();
	if (!ring_take(self.ring, &number)) {
		return;
	}
	to = ring_at(self.ring, number);
	to->type = SIM_EV_ACCESS;
	to->sub = 0;
	to->flags = (uint16_t)flags;
	to->size = (uint16_t)size;
	to->cpu = self.switches ? 0 : (uint16_t)sched_getcpu();
	to->pid = self.pid;
	to->tid = me.tid;
	to->instr = since(self.executed, &self.told);
	to->dropped = since(self.accesses - self.kept, &self.dropped_told);
	to->gva = gva;
	to->value = to->gpa = to->to = 0;
	ring_mark_full(self.ring, number);
}

void user_put_found(const struct user_found *f, unsigned flags)
{
	user_put((struct ring_record){
		.type = SIM_EV_MMAP, .gva = f->gva, .value = f->bytes,
		.gpa = f->path[0] ? f->offset : 0, .sub = (uint8_t)f->prot,
		.flags = (uint16_t)(flags | (f->path[0] ? 0u : SIM_F_ANON) |
				    (f->shared ? SIM_F_SHARED : 0u)),
	}, f->path[0] ? f->path : NULL);
}

static void put_program(const struct user_found *f)
{
	user_put_found(f, 0);
}

/* The program, its loader and its stack are there; under the lock. */
static void begin(void)
{
	const char *path = qemu_plugin_path_to_binary();

	self.begun = true;
	user_put((struct ring_record){ .type = SIM_EV_EXEC },
		 path ? path : "?");
	user_maps_program(&self.maps, put_program);
	if (self.has_registers &&
	    user_maps_find(&self.maps, regs_read(0, RECORD_RSP), &self.found)) {
		user_put_found(&self.found, SIM_F_STACK);
	}
}

/* A thread's first word: its birth. */
static void hello(void)
{
	me.tid = (uint32_t)syscall(SYS_gettid);
	if (me.tid != self.pid) {
		struct ring_record r = {
			.type = SIM_EV_FORK, .value = me.tid,
			.flags = SIM_F_THREAD | RING_FROM_CHILD,
		};
		uint32_t tid = me.tid;

		me.tid = self.pid;
		user_put(r, NULL);
		me.tid = tid;
	}
}

void user_lock(void)
{
	if (self.threaded) {
		pthread_mutex_lock(&self.lock);
	}
	if (!me.tid) {
		hello();
	}
	if (!self.begun) {
		begin();
	}
}

void user_unlock(void)
{
	if (self.threaded) {
		pthread_mutex_unlock(&self.lock);
	}
}
