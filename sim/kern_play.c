/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/kern_play.h"

#include <stdlib.h>
#include <string.h>

#include "sim/kern_play_int.h"

/* Where Linux puts a stack without randomization, and its first size. */
#define STACK_TOP UINT64_C(0x7ffffffff000)
#define STACK_PAGES 33

/* ---- tasks -------------------------------------------------------------- */

static struct play_task **place_of(struct sim_play *play, uint32_t tid)
{
	struct play_task **at = &play->tasks[tid & (PLAY_BUCKETS - 1)];

	while (*at && (*at)->tid != tid) {
		at = &(*at)->next;
	}
	return at;
}

static void space_put(struct play_space *space)
{
	if (space && --space->users == 0) {
		free(space);
	}
}

static void task_free(struct play_task *t)
{
	space_put(t->space);
	free(t->image);
	free(t);
}

/* A task that the kernel knows as proc; space null: one of its own. */
static struct play_task *task_new(struct sim_play *play, uint32_t pid,
				  uint32_t tid, struct sim_proc *proc,
				  struct play_space *space)
{
	struct play_task *t = proc ? calloc(1, sizeof(*t)) : NULL;
	struct play_task **at = place_of(play, tid);

	if (t) {
		*t = (struct play_task){ .tid = tid, .pid = pid,
					 .proc = proc, .space = space };
		t->space = space ? space : calloc(1, sizeof(*t->space));
	}
	if (!t || !t->space) {
		free(t);
		kern_fail(play->k, "out of memory");
		return NULL;
	}
	t->space->users++;
	t->next = *at;
	*at = t;
	return t;
}

/* The acting task, which runs on the event's vcpu from here on. */
static struct play_task *acting(struct sim_play *play,
				const struct sim_event *ev)
{
	uint32_t tid = ev->tid ? ev->tid : ev->pid;
	uint32_t pid = ev->pid ? ev->pid : tid;
	struct play_task *t = *place_of(play, tid);
	struct play_task *leader = *place_of(play, pid);

	sim_kern_on_vcpu(play->k, ev->vcpu);
	if (!t && leader) {
		t = task_new(play, pid, tid,
			     sim_kern_thread(play->k, leader->proc),
			     leader->space);
	} else if (!t) {
		t = task_new(play, pid, tid, sim_kern_spawn(play->k), NULL);
		play->n.spawned++;
	}
	if (t) {
		sim_kern_run(play->k, t->proc);
	}
	return t;
}

static void task_exit(struct sim_play *play, uint32_t tid)
{
	struct play_task **at = place_of(play, tid), *t = *at;

	if (t) {
		*at = t->next;
		sim_kern_run(play->k, t->proc);
		sim_kern_exit(play->k, t->proc);
		task_free(t);
	}
}

static void task_fork(struct sim_play *play, struct play_task *t,
		      const struct sim_event *ev)
{
	bool thread = ev->type == SIM_EV_FORK && (ev->flags & SIM_F_THREAD);
	bool shares = thread || ev->type == SIM_EV_VFORK;
	uint32_t child = (uint32_t)ev->value;
	struct sim_proc *proc;
	struct play_task *c;

	if (child == t->tid) {
		play->n.ignored++;
		return;
	}
	task_exit(play, child);		/* the number is used again */
	sim_kern_run(play->k, t->proc);
	proc = thread ? sim_kern_thread(play->k, t->proc) :
	       shares ? sim_kern_vfork(play->k, t->proc) :
			sim_kern_fork(play->k, t->proc);
	c = task_new(play, thread ? t->pid : child, child, proc,
		     shares ? t->space : NULL);
	if (c) {
		c->space->brk = t->space->brk;
	}
}

/* ---- exec --------------------------------------------------------------- */

static void image_start(struct sim_play *play, struct play_task *t)
{
	t->image = calloc(1, sizeof(*t->image));
	if (!t->image) {
		kern_fail(play->k, "out of memory");
	}
}

static bool clashes(const struct play_image *i, uint64_t gva, uint64_t bytes)
{
	for (unsigned n = 0; n < i->count; n++) {
		const struct sim_image_map *m = &i->maps[n];

		if (gva < m->gva + m->pages * KERN_PAGE &&
		    gva + bytes > m->gva) {
			return true;
		}
	}
	return false;
}

/* Takes a mapping that exec makes by itself; false if it cannot be one. */
static bool image_take(struct sim_play *play, struct play_image *i,
		       const struct sim_event *ev)
{
	uint64_t gva, bytes;

	if (ev->type != SIM_EV_MMAP || !play_range(ev, &gva, &bytes) ||
	    bytes / KERN_PAGE > UINT32_MAX) {
		return false;
	}
	if (i->count == PLAY_IMAGE_MAPS || clashes(i, gva, bytes)) {
		return false;
	}
	if (ev->flags & SIM_F_STACK) {
		if (i->stack_top || bytes < 2 * KERN_PAGE) {
			return false;
		}
		i->stack_top = gva + bytes;
		i->stack_pages = bytes / KERN_PAGE;
		return true;
	}
	if (i->stack_top && gva < i->stack_top &&
	    gva + bytes > i->stack_top - i->stack_pages * KERN_PAGE) {
		return false;
	}
	struct sim_kern_file *file = play_map_file(play, ev, bytes);

	i->files[i->count] = file;
	i->maps[i->count] = (struct sim_image_map){
		.gva = gva, .pages = (uint32_t)(bytes / KERN_PAGE),
		.prot = ev->sub & 7u, .flags = (uint8_t)play_map_flags(ev),
		.file = file ? (int8_t)i->count : -1,
		.file_page = file && play_maps_file(ev) ?
			     (uint32_t)(ev->gpa / KERN_PAGE) : 0,
	};
	i->count++;
	return true;
}

static void image_finish(struct sim_play *play, struct play_task *t)
{
	struct play_image *i = t->image;
	struct play_space *space = calloc(1, sizeof(*space));

	if (!space) {
		kern_fail(play->k, "out of memory");
		return;
	}
	if (!i->stack_top) {
		if (clashes(i, STACK_TOP - STACK_PAGES * KERN_PAGE,
			    STACK_PAGES * KERN_PAGE)) {
			i->count = 0;	/* they come again as they are used */
		}
		i->stack_top = STACK_TOP;
		i->stack_pages = STACK_PAGES;
	}
	t->image = NULL;
	space->users = 1;
	space_put(t->space);
	t->space = space;
	sim_kern_exec(play->k, t->proc, i->maps, i->count, i->files,
		      i->stack_top, i->stack_pages);
	free(i);
}

/* ---- events ------------------------------------------------------------- */

static void act(struct sim_play *play, struct play_task *t,
		const struct sim_event *ev)
{
	switch (ev->type) {
	case SIM_EV_ACCESS:
	case SIM_EV_FAULT:
		play_touch(play, t, ev);
		break;
	case SIM_EV_FORK:
	case SIM_EV_VFORK:
		task_fork(play, t, ev);
		break;
	case SIM_EV_EXEC:
		image_start(play, t);
		break;
	case SIM_EV_EXIT:
		task_exit(play, t->tid);
		break;
	case SIM_EV_SWITCH:
		break;		/* it runs by now */
	default:
		play_memory(play, t, ev);
		break;
	}
}

void sim_play_event(struct sim_play *play, const struct sim_event *ev)
{
	struct play_task *t;

	if (sim_kern_error(play->k)) {
		return;
	}
	if (ev->instr > play->instr) {
		sim_kern_compute(play->k, ev->instr - play->instr);
		play->instr = ev->instr;
	}
	if (ev->type == SIM_EV_MARKER) {
		sim_kern_marker(play->k, ev->value);
		return;
	}
	if (ev->type == SIM_EV_SYMBOL || ev->type == SIM_EV_NOTE) {
		return;
	}
	t = acting(play, ev);
	if (!t || (t->image && image_take(play, t->image, ev))) {
		return;
	}
	if (t->image && ev->type != SIM_EV_SWITCH) {
		image_finish(play, t);
	}
	act(play, t, ev);
}

void sim_play_end(struct sim_play *play)
{
	for (unsigned i = 0; i < PLAY_BUCKETS; i++) {
		for (struct play_task *t = play->tasks[i]; t; t = t->next) {
			if (t->image && !sim_kern_error(play->k)) {
				sim_kern_run(play->k, t->proc);
				image_finish(play, t);
			}
		}
	}
}

/* ---- start and end ------------------------------------------------------ */

struct sim_play *sim_play_new(void)
{
	return calloc(1, sizeof(struct sim_play));
}

static void drop_tasks(struct sim_play *play)
{
	for (unsigned i = 0; i < PLAY_BUCKETS; i++) {
		while (play->tasks[i]) {
			struct play_task *t = play->tasks[i];

			play->tasks[i] = t->next;
			task_free(t);
		}
	}
}

void sim_play_start(struct sim_play *play, struct sim_kern *k)
{
	drop_tasks(play);
	play->k = k;
	play->instr = 0;
	play->n = (struct sim_play_counts){ 0 };
	for (unsigned i = 0; i < PLAY_BUCKETS; i++) {
		for (struct play_file *f = play->files[i]; f; f = f->next) {
			f->file = play_in_memory(f->path) ?
				  sim_kern_memory_file(k, f->pages) :
				  sim_kern_file(k, f->pages);
		}
	}
}

struct sim_play_counts sim_play_counts(const struct sim_play *play)
{
	return play->n;
}

void sim_play_free(struct sim_play *play)
{
	if (!play) {
		return;
	}
	drop_tasks(play);
	for (unsigned i = 0; i < PLAY_BUCKETS; i++) {
		while (play->files[i]) {
			struct play_file *f = play->files[i];

			play->files[i] = f->next;
			free(f->path);
			free(f);
		}
	}
	free(play->pages);
	free(play);
}
