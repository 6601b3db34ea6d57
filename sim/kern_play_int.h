/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside sim/kern_play*.c. */
#ifndef SIM_KERN_PLAY_INT_H
#define SIM_KERN_PLAY_INT_H

#include "sim/kern_int.h"
#include "sim/kern_play.h"

enum {
	PLAY_BUCKETS = 1024,	/* a power of two */
	PLAY_IMAGE_MAPS = 64,	/* mappings that exec makes by itself */
};

/* A file that the recording maps. */
struct play_file {
	struct play_file *next;
	char *path;
	uint64_t pages;		/* up to the end of the farthest mapping */
	struct sim_kern_file *file;
};

/* What tasks that share an address space share beside it. */
struct play_space {
	unsigned users;
	uint64_t brk;		/* end of the heap; 0: not known yet */
};

/* An exec that waits for the mappings that belong to it. */
struct play_image {
	struct sim_image_map maps[PLAY_IMAGE_MAPS];
	struct sim_kern_file *files[PLAY_IMAGE_MAPS];
	unsigned count;
	uint64_t stack_top, stack_pages; /* 0: not told yet */
};

struct play_task {
	struct play_task *next;
	uint32_t tid, pid;
	struct sim_proc *proc;
	struct play_space *space;
	struct play_image *image; /* null: no exec is waiting */
};

struct sim_play {
	struct sim_kern *k;
	struct sim_play_counts n;
	uint64_t instr;		/* of the last event */
	struct play_file *files[PLAY_BUCKETS];
	struct play_task *tasks[PLAY_BUCKETS];
	/* plan: written pages of each process, an open hash table */
	uint64_t *pages;
	size_t page_count, page_room;
	/* plan: of shared memory without a name, or faulted in unasked */
	uint64_t more_pages;
	unsigned vcpus;
};

/* kern_play_plan.c */
struct play_file *play_file_find(const struct sim_play *play,
				 const struct sim_event *ev);
/* The pages of an event's range; false when it is impossible. */
bool play_range(const struct sim_event *ev, uint64_t *gva, uint64_t *bytes);
/* Does the event map a file (or a page of the kernel's own, "[vdso]")? */
bool play_maps_file(const struct sim_event *ev);

/* Does a file of that path live in memory only? */
bool play_in_memory(const char *path);

/* kern_play_memory.c */
unsigned play_map_flags(const struct sim_event *ev);
struct sim_kern_file *play_map_file(struct sim_play *play,
				    const struct sim_event *ev,
				    uint64_t bytes);
/* A call about the address space of the task that acts. */
void play_memory(struct sim_play *play, struct play_task *t,
		 const struct sim_event *ev);

/* kern_play_touch.c */
void play_touch(struct sim_play *play, struct play_task *t,
		const struct sim_event *ev);

#endif
