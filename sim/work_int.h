/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What workloads share. Only sim/work*.c include this.
 */
#ifndef SIM_WORK_INT_H
#define SIM_WORK_INT_H

#include "sim/work.h"
#include "sim/program.h"

#define WORK_HEAP UINT64_C(0x100000000)
#define WORK_PAGE UINT64_C(4096)
/* Where sim_program_true has its stack. */
#define WORK_STACK UINT64_C(0x7fffffffdfd8)

extern const struct sim_work sim_work_forkwait, sim_work_subshell,
	sim_work_fork, sim_work_exec, sim_work_sh, sim_work_pagefault,
	sim_work_protfault, sim_work_ctxsw, sim_work_getpid, sim_work_ptemod,
	sim_work_pgfault, sim_work_snapshot, sim_work_prefork, sim_work_build,
	sim_work_churn, sim_work_gups, sim_work_zipf, sim_work_chase,
	sim_work_stream, sim_work_mix;

/* splitmix64 */
static inline uint64_t work_random(struct sim_work_run *r)
{
	uint64_t z = (r->random += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static inline uint64_t work_below(struct sim_work_run *r, uint64_t bound)
{
	return bound ? work_random(r) % bound : 0;
}

/* One access by p with instructions of its own before it. */
static inline void work_touch(struct sim_work_run *r, struct sim_proc *p,
			      uint64_t gva, unsigned flags)
{
	sim_kern_compute(r->k, 4);
	sim_kern_touch(r->k, p, gva, SIM_F_USER | flags);
}

static inline bool work_failed(const struct sim_work_run *r)
{
	return sim_kern_error(r->k) != NULL;
}

/* A running process, /bin/true's image, with pages of heap at WORK_HEAP. */
struct sim_proc *work_proc(struct sim_work_run *r,
			   struct sim_kern_file **files, uint64_t heap_pages);
/* Write to each page once. */
void work_fill(struct sim_work_run *r, struct sim_proc *p, uint64_t gva,
	       uint64_t pages);
/*
 * The measured part of a workload: once() `count` times (or until something
 * fails) between the markers that start and end it. None without a process.
 */
struct work_body {
	struct sim_proc *p;
	struct sim_kern_file *files[SIM_PROGRAM_FILES_MAX]; /* of p's image */
	uint64_t turn;		/* from 0 */
	void *own;		/* of the workload */
};
void work_repeat(struct sim_work_run *r, struct work_body *body,
		 uint64_t count,
		 void (*once)(struct sim_work_run *r, struct work_body *body));
/* What a forked child does before anything else: its stack and some data. */
void work_child_start(struct sim_work_run *r, struct sim_proc *p);
/* End the child, go on with the parent. */
void work_reap(struct sim_work_run *r, struct sim_proc *child,
	       struct sim_proc *parent);
/* p forks a child that exits at once. */
void work_fork_once(struct sim_work_run *r, struct sim_proc *p);
/* p forks (or vforks) a child that executes sim_program_true and exits. */
void work_exec_once(struct sim_work_run *r, struct sim_proc *p,
		    struct sim_kern_file *const *files, bool vfork);

#endif
