/* SPDX-License-Identifier: BSD-2-Clause */
/* What each event of perf means to a kernel. */
#include <stdlib.h>
#include <string.h>

#include "sim/import_perf.h"
#include "sim/rec_format.h"

enum {
	LINUX_MAP_SHARED = 1,
	LINUX_MAP_SHARED_VALIDATE = 3,
	LINUX_MAP_ANON = 0x20,
	LINUX_MAP_GROWSDOWN = 0x100,
	LINUX_MAP_LOCKED = 0x2000,
	LINUX_MAP_POPULATE = 0x8000,
	LINUX_MAP_NONBLOCK = 0x10000,
	LINUX_MLOCK_ONFAULT = 1,
	LINUX_CLONE_VM = 0x100,
};

#define LINUX_ERRORS UINT64_C(0xfffffffffffff000)

static struct perf_task *find(struct perf *p, uint32_t tid)
{
	struct perf_task *t = p->tasks[tid % PERF_BUCKETS];

	while (t && t->tid != tid) {
		t = t->next;
	}
	return t;
}

static struct perf_task *get(struct perf *p, uint32_t pid, uint32_t tid)
{
	struct perf_task *t = find(p, tid);

	if (!t) {
		t = calloc(1, sizeof(*t));
		if (!t) {
			return NULL;
		}
		t->tid = tid;
		t->pid = pid ? pid : tid;
		t->next = p->tasks[tid % PERF_BUCKETS];
		p->tasks[tid % PERF_BUCKETS] = t;
	}
	if (pid) {
		t->pid = pid;
	}
	return t;
}

static void drop(struct perf *p, uint32_t tid)
{
	struct perf_task **at = &p->tasks[tid % PERF_BUCKETS];

	while (*at && (*at)->tid != tid) {
		at = &(*at)->next;
	}
	if (*at) {
		struct perf_task *t = *at;

		*at = t->next;
		free(t);
	}
}

/* One event that the line stands for, by the task. */
static enum sim_rec_status emit(struct perf *p, const struct perf_line *l,
				const struct perf_task *t,
				struct sim_event ev)
{
	if (!p->timed) {
		p->timed = true;
		p->first_ns = l->ns;
	}
	ev.instr = l->ns > p->first_ns ? l->ns - p->first_ns : 0;
	ev.vcpu = (uint16_t)l->cpu;
	ev.pid = t->pid;
	ev.tid = t->tid;
	return text_emit(&p->t, ev);
}

/* ---- tasks -------------------------------------------------------------- */

static enum sim_rec_status take_fork(struct perf *p,
				     const struct perf_line *l)
{
	struct perf_pair who;
	struct perf_task *parent;
	bool thread, shares;

	if (!perf_parse_pair(l->rest, &who)) {
		p->t.result->skipped++;
		return SIM_REC_OK;
	}
	parent = get(p, (uint32_t)who.ppid, (uint32_t)who.ptid);
	drop(p, (uint32_t)who.tid);	/* the number is used again */
	if (!parent || !get(p, (uint32_t)who.pid, (uint32_t)who.tid)) {
		return SIM_REC_NOMEM;
	}
	thread = who.pid == who.ppid;
	shares = !thread && parent->shares;
	parent->shares = false;
	return emit(p, l, parent, (struct sim_event){
		.type = shares ? SIM_EV_VFORK : SIM_EV_FORK,
		.value = who.tid, .flags = thread ? SIM_F_THREAD : 0 });
}

static enum sim_rec_status take_exit(struct perf *p,
				     const struct perf_line *l)
{
	struct perf_pair who;
	struct perf_task *t;
	enum sim_rec_status status;

	if (!perf_parse_pair(l->rest, &who)) {
		p->t.result->skipped++;
		return SIM_REC_OK;
	}
	t = find(p, (uint32_t)who.tid);
	if (!t) {
		return SIM_REC_OK;
	}
	status = emit(p, l, t, (struct sim_event){ .type = SIM_EV_EXIT });
	drop(p, t->tid);
	return status;
}

/* " exec: NAME:pid/tid"; without "exec" only the name changed. */
static enum sim_rec_status take_comm(struct perf *p,
				     const struct perf_line *l,
				     struct perf_task *t)
{
	char name[64];

	if (strncmp(l->rest, " exec: ", 7) != 0) {
		return SIM_REC_OK;
	}
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(l->rest + 7, ":"),
		 l->rest + 7);
	t->in_exec = true;
	t->in_map = false;
	return emit(p, l, t, (struct sim_event){ .type = SIM_EV_EXEC,
						 .text = name });
}

static enum sim_rec_status take_switch(struct perf *p,
				       const struct perf_line *l)
{
	uint64_t next;
	struct perf_task *t;

	if (!text_number(l->rest, "next_pid", &next) || next > UINT32_MAX) {
		p->t.result->skipped++;
		return SIM_REC_OK;
	}
	t = find(p, (uint32_t)next);
	return t ? emit(p, l, t, (struct sim_event){
				.type = SIM_EV_SWITCH }) : SIM_REC_OK;
}

/* ---- mappings ----------------------------------------------------------- */

static enum sim_rec_status emit_map(struct perf *p, const struct perf_line *l,
				    const struct perf_task *t,
				    const struct perf_map *m)
{
	struct sim_event ev = {
		.type = SIM_EV_MMAP, .gva = m->gva, .value = m->bytes,
		.gpa = m->offset, .sub = (uint8_t)m->prot,
		.flags = (uint16_t)((m->shared ? SIM_F_SHARED : 0u) |
				    (m->grows ? SIM_F_STACK : 0u)),
	};

	if (strcmp(m->path, "[stack]") == 0) {
		ev.flags |= SIM_F_STACK | SIM_F_ANON;
		ev.gpa = 0;
	} else if (!m->path[0] || strcmp(m->path, "//anon") == 0) {
		ev.flags |= SIM_F_ANON;
		ev.gpa = 0;
	} else {
		ev.text = m->path;
	}
	return emit(p, l, t, ev);
}

/* The kernel tells of mappings as they are after merging with neighbours, so
 * outside exec only their name is used. */
static enum sim_rec_status take_mmap2(struct perf *p,
				      const struct perf_line *l,
				      struct perf_task *t)
{
	struct perf_map m;

	if (!perf_parse_map(l->rest, &m)) {
		p->t.result->skipped++;
		return SIM_REC_OK;
	}
	if (t->in_exec) {
		return emit_map(p, l, t, &m);
	}
	if (t->in_shmat) {
		t->in_shmat = false;
		return emit_map(p, l, t, &m);
	}
	if (t->in_map) {
		snprintf(t->path, sizeof(t->path), "%s", m.path);
	}
	return SIM_REC_OK;
}

static void enter_mmap(struct perf_task *t, const char *rest)
{
	t->in_map = text_number(rest, "len", &t->len) &&
		    text_number(rest, "prot", &t->prot) &&
		    text_number(rest, "flags", &t->flags);
	t->path[0] = '\0';
	t->offset = 0;
	t->fd = UINT64_MAX;
	text_number(rest, "off", &t->offset);
	text_number(rest, "fd", &t->fd);
}

static enum sim_rec_status exit_mmap(struct perf *p,
				     const struct perf_line *l,
				     struct perf_task *t)
{
	const char *at = l->rest;
	bool anon = t->flags & LINUX_MAP_ANON;
	struct perf_map m = { .bytes = t->len, .offset = t->offset,
			      .prot = (unsigned)t->prot & 7, .path = "" };
	enum sim_rec_status status;

	if (!t->in_map || !text_take(&at, 16, &m.gva)) {
		p->t.result->skipped++;
		return SIM_REC_OK;
	}
	t->in_map = false;
	if (m.gva >= LINUX_ERRORS) {
		return SIM_REC_OK;	/* it failed */
	}
	if (!anon && !t->path[0]) {
		snprintf(t->path, sizeof(t->path), "/fd/%u/%llu", t->pid,
			 (unsigned long long)(t->fd & UINT32_MAX));
	}
	m.path = anon ? "" : t->path;
	m.shared = (t->flags & LINUX_MAP_SHARED_VALIDATE) == LINUX_MAP_SHARED ||
		   (t->flags & LINUX_MAP_SHARED_VALIDATE) ==
			   LINUX_MAP_SHARED_VALIDATE;
	m.grows = t->flags & LINUX_MAP_GROWSDOWN;
	status = emit_map(p, l, t, &m);
	if (status == SIM_REC_OK && ((t->flags & LINUX_MAP_LOCKED) ||
	    ((t->flags & LINUX_MAP_POPULATE) &&
	     !(t->flags & LINUX_MAP_NONBLOCK)))) {
		status = emit(p, l, t, (struct sim_event){
			.type = SIM_EV_POPULATE, .gva = m.gva,
			.value = m.bytes });
	}
	return status;
}

static void enter_mremap(struct perf_task *t, const char *rest)
{
	t->in_map = text_number(rest, "addr", &t->addr) &&
		    text_number(rest, "old_len", &t->offset) &&
		    text_number(rest, "new_len", &t->len);
	t->flags = 0;
	text_number(rest, "flags", &t->flags);
}

static enum sim_rec_status exit_mremap(struct perf *p,
				       const struct perf_line *l,
				       struct perf_task *t)
{
	const char *at = l->rest;
	uint64_t to;

	if (!t->in_map || !text_take(&at, 16, &to) || to >= LINUX_ERRORS) {
		return SIM_REC_OK;
	}
	t->in_map = false;
	return emit(p, l, t, (struct sim_event){
		.type = SIM_EV_MREMAP, .gva = t->addr, .value = t->offset,
		.to = to, .gpa = t->len, .sub = (uint8_t)t->flags });
}

static enum sim_rec_status take_range(struct perf *p,
				      const struct perf_line *l,
				      struct perf_task *t, uint8_t type)
{
	struct sim_event ev = { .type = type };
	uint64_t prot = 0, advice = 0, flags = 0;

	if ((!text_number(l->rest, "addr", &ev.gva) &&
	     !text_number(l->rest, "start", &ev.gva)) ||
	    (!text_number(l->rest, "len", &ev.value) &&
	     !text_number(l->rest, "len_in", &ev.value)) ||
	    (type == SIM_EV_MPROTECT &&
	     !text_number(l->rest, "prot", &prot)) ||
	    (type == SIM_EV_MADVISE &&
	     !text_number(l->rest, "behavior", &advice))) {
		p->t.result->skipped++;
		return SIM_REC_OK;
	}
	if (type == SIM_EV_POPULATE && text_number(l->rest, "flags", &flags) &&
	    (flags & LINUX_MLOCK_ONFAULT)) {
		return SIM_REC_OK;	/* mlock2: nothing is faulted in */
	}
	ev.sub = (uint8_t)(prot & 7) | (uint8_t)advice;
	return emit(p, l, t, ev);
}

static enum sim_rec_status take_brk(struct perf *p, const struct perf_line *l,
				    struct perf_task *t)
{
	struct sim_event ev = { .type = SIM_EV_BRK };
	const char *at = l->rest;

	return text_take(&at, 16, &ev.gva) ? emit(p, l, t, ev) : SIM_REC_OK;
}

static enum sim_rec_status take_fault(struct perf *p,
				      const struct perf_line *l,
				      struct perf_task *t)
{
	struct sim_event ev = { .type = SIM_EV_FAULT };

	if (!text_number(l->rest, "address", &ev.gva) ||
	    !text_number(l->rest, "error_code", &ev.value)) {
		p->t.result->skipped++;
		return SIM_REC_OK;
	}
	ev.flags = ev.value & 4 ? SIM_F_USER : 0;
	/* The kernel's own addresses are no program's. */
	return ev.gva >> 63 ? SIM_REC_OK : emit(p, l, t, ev);
}

/* ---- by name ------------------------------------------------------------ */

static bool is(const struct perf_line *l, const char *name)
{
	return l->event_bytes == strlen(name) &&
	       memcmp(l->event, name, l->event_bytes) == 0;
}

/* What other system calls tell about the fork that follows. */
static void take_clone(struct perf_task *t, const struct perf_line *l)
{
	uint64_t flags = 0;

	/* clone3 has its flags in memory: within libc, a new process by it
	 * is posix_spawn(), which shares the address space until exec. */
	t->shares = !is(l, "syscalls:sys_enter_clone") ||
		    (text_number(l->rest, "clone_flags", &flags) &&
		     (flags & LINUX_CLONE_VM));
}

static enum sim_rec_status take_call(struct perf *p,
				     const struct perf_line *l,
				     struct perf_task *t)
{
	if (is(l, "syscalls:sys_enter_mmap")) {
		enter_mmap(t, l->rest);
	} else if (is(l, "syscalls:sys_exit_mmap")) {
		return exit_mmap(p, l, t);
	} else if (is(l, "syscalls:sys_enter_mremap")) {
		enter_mremap(t, l->rest);
	} else if (is(l, "syscalls:sys_exit_mremap")) {
		return exit_mremap(p, l, t);
	} else if (is(l, "syscalls:sys_enter_munmap")) {
		return take_range(p, l, t, SIM_EV_MUNMAP);
	} else if (is(l, "syscalls:sys_enter_mprotect") ||
		   is(l, "syscalls:sys_enter_pkey_mprotect")) {
		return take_range(p, l, t, SIM_EV_MPROTECT);
	} else if (is(l, "syscalls:sys_enter_madvise")) {
		return take_range(p, l, t, SIM_EV_MADVISE);
	} else if (is(l, "syscalls:sys_enter_mlock") ||
		   is(l, "syscalls:sys_enter_mlock2")) {
		return take_range(p, l, t, SIM_EV_POPULATE);
	} else if (is(l, "syscalls:sys_enter_shmat")) {
		t->in_shmat = true;
	} else if (is(l, "syscalls:sys_exit_brk")) {
		return take_brk(p, l, t);
	} else if (is(l, "syscalls:sys_enter_clone") ||
		   is(l, "syscalls:sys_enter_clone3") ||
		   is(l, "syscalls:sys_enter_vfork")) {
		take_clone(t, l);
	} else if (!is(l, "syscalls:sys_enter_brk")) {
		p->t.result->skipped++;
	}
	return SIM_REC_OK;
}

/* "lost 12": perf could not keep up. */
static enum sim_rec_status take_lost(struct perf *p, const struct perf_line *l)
{
	const char *at = strstr(l->rest, "lost ");
	uint64_t n;

	if (!at || !(at += 5, text_take(&at, 10, &n))) {
		p->t.result->skipped++;
	} else {
		p->t.result->lost += n < UINT32_MAX ? n : UINT32_MAX;
	}
	return SIM_REC_OK;
}

enum sim_rec_status perf_take(struct perf *p, const struct perf_line *l)
{
	struct perf_task *t;

	if (is(l, "PERF_RECORD_LOST") || is(l, "PERF_RECORD_LOST_SAMPLES")) {
		return take_lost(p, l);
	}
	if (is(l, "PERF_RECORD_FORK")) {
		return take_fork(p, l);
	}
	if (is(l, "PERF_RECORD_EXIT")) {
		return take_exit(p, l);
	}
	if (is(l, "sched:sched_switch")) {
		return take_switch(p, l);
	}
	if (l->tid == 0) {
		p->t.result->skipped++;
		return SIM_REC_OK;	/* nobody runs */
	}
	t = get(p, l->pid, l->tid);
	if (!t) {
		return SIM_REC_NOMEM;
	}
	if (is(l, "PERF_RECORD_COMM")) {
		return take_comm(p, l, t);
	}
	if (is(l, "PERF_RECORD_MMAP2")) {
		return take_mmap2(p, l, t);
	}
	if (is(l, "exceptions:page_fault_user") ||
	    is(l, "exceptions:page_fault_kernel")) {
		t->in_exec = t->in_exec && !is(l, "exceptions:page_fault_user");
		return take_fault(p, l, t);
	}
	t->in_exec = false;
	if (l->event_bytes > 9 && memcmp(l->event, "syscalls:", 9) == 0) {
		return take_call(p, l, t);
	}
	p->t.result->skipped++;
	return SIM_REC_OK;
}
