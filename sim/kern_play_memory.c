/* SPDX-License-Identifier: BSD-2-Clause */
/* What a recorded program asked of its address space, on the model's. */
#include <string.h>

#include "sim/kern_play_int.h"

unsigned play_map_flags(const struct sim_event *ev)
{
	bool special = ev->text_bytes && ev->text[0] == '[';

	return (ev->flags & SIM_F_SHARED ? SIM_KERN_SHARED : 0u) |
	       (ev->flags & SIM_F_STACK ? SIM_KERN_STACK : 0u) |
	       (special && play_maps_file(ev) ? SIM_KERN_SPECIAL : 0u);
}

struct sim_kern_file *play_map_file(struct sim_play *play,
				    const struct sim_event *ev, uint64_t bytes)
{
	struct play_file *f = play_maps_file(ev) ? play_file_find(play, ev) :
						   NULL;

	if (f) {
		return f->file;
	}
	/* Shared memory without a name: its pages outlive a fork. */
	return ev->flags & SIM_F_SHARED ?
	       sim_kern_memory_file(play->k, bytes / KERN_PAGE) : NULL;
}

static void map(struct sim_play *play, struct play_task *t,
		const struct sim_event *ev)
{
	uint64_t gva, bytes;

	if (!play_range(ev, &gva, &bytes)) {
		play->n.ignored++;
		return;
	}
	struct sim_kern_file *file = play_map_file(play, ev, bytes);

	sim_kern_mmap(play->k, t->proc, gva, bytes, ev->sub & 7u,
		      play_map_flags(ev), file,
		      file && play_maps_file(ev) ? ev->gpa / KERN_PAGE : 0);
}

/* A call that takes a range of pages, and perhaps a number. */
static void on_range(struct sim_play *play, struct play_task *t,
		     const struct sim_event *ev)
{
	uint64_t gva, bytes;

	if (!play_range(ev, &gva, &bytes)) {
		play->n.ignored++;
	} else if (ev->type == SIM_EV_MUNMAP) {
		sim_kern_munmap(play->k, t->proc, gva, bytes);
	} else if (ev->type == SIM_EV_MADVISE) {
		sim_kern_madvise(play->k, t->proc, gva, bytes, ev->sub);
	} else if (ev->type == SIM_EV_POPULATE) {
		sim_kern_populate(play->k, t->proc, gva, bytes);
	} else {
		sim_kern_mprotect(play->k, t->proc, gva, bytes, ev->sub & 7u);
	}
}

static void set_brk(struct sim_play *play, struct play_task *t,
		    const struct sim_event *ev)
{
	uint64_t old = t->space->brk;
	uint64_t end = (ev->gva + KERN_PAGE - 1) & ~(KERN_PAGE - 1);
	struct sim_event part = {
		.type = end > old ? SIM_EV_MMAP : SIM_EV_MUNMAP,
		.gva = end > old ? old : end,
		.value = end > old ? end - old : old - end,
		.sub = SIM_PROT_R | SIM_PROT_W, .flags = SIM_F_ANON,
	};

	if (ev->gva == 0 || ev->gva > KERN_USER_END) {
		play->n.ignored++;
		return;
	}
	t->space->brk = end;
	if (old == 0 || end == old) {
		sim_kern_syscall(play->k, t->proc);
	} else if (end > old) {
		map(play, t, &part);
	} else {
		on_range(play, t, &part);
	}
}

static void move(struct sim_play *play, struct play_task *t,
		 const struct sim_event *ev)
{
	struct sim_event there = { .gva = ev->to, .value = ev->gpa };
	uint64_t gva, bytes, to, to_bytes;

	if (!play_range(ev, &gva, &bytes) ||
	    !play_range(&there, &to, &to_bytes) ||
	    (gva != to && gva < to + to_bytes && to < gva + bytes)) {
		play->n.ignored++;
		return;
	}
	sim_kern_mremap(play->k, t->proc, gva, bytes, to, to_bytes, ev->sub);
}

/* Whole pages go; what is left of the outer ones is cleared by the kernel. */
static void truncate_file(struct sim_play *play, struct play_task *t,
			  const struct sim_event *ev)
{
	struct play_file *f = play_file_find(play, ev);
	uint64_t first = ev->gpa / KERN_PAGE + (ev->gpa % KERN_PAGE != 0);
	uint64_t end = ev->value > UINT64_MAX - ev->gpa ? UINT64_MAX :
		       ev->gpa + ev->value;

	if (f && f->file && first < end / KERN_PAGE) {
		sim_kern_file_drop(play->k, t->proc, f->file, first,
				   end / KERN_PAGE - first,
				   ev->sub != SIM_TRUNCATE_HOLE);
	} else {
		sim_kern_syscall(play->k, t->proc);
	}
}

void play_memory(struct sim_play *play, struct play_task *t,
		 const struct sim_event *ev)
{
	switch (ev->type) {
	case SIM_EV_MMAP:
		map(play, t, ev);
		break;
	case SIM_EV_MUNMAP:
	case SIM_EV_MPROTECT:
	case SIM_EV_MADVISE:
	case SIM_EV_POPULATE:
		on_range(play, t, ev);
		break;
	case SIM_EV_BRK:
		set_brk(play, t, ev);
		break;
	case SIM_EV_MREMAP:
		move(play, t, ev);
		break;
	case SIM_EV_TRUNCATE:
		truncate_file(play, t, ev);
		break;
	default:
		break;
	}
}
