/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small guest kernel that does to its page tables what Linux 6.1 does:
 * demand zero, file fault-around, copy on write, fork that copies only what
 * it must, exec, exit, munmap and mprotect with batched flushes, lazy TLB and
 * PCIDs, KPTI, transparent huge pages.
 *
 * It is a source of MMU-level events (sim/rec.h), the same that a recording
 * of a real kernel holds, so that one replay serves both and a workload can be
 * saved as a recording. A guest cannot tell how it is virtualized; therefore
 * one stream is right for every mode.
 *
 * The events of a table begin when it becomes reachable from a loaded root;
 * its contents until then are a TABLE_IMAGE, as a recorder sees it.
 */
#ifndef SIM_KERN_H
#define SIM_KERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/rec.h"

struct sim_kern;
struct sim_proc;

struct sim_kern_config {
	uint64_t ram_bytes;	/* a multiple of 2 MiB, at least 64 MiB */
	bool pcid;		/* six dynamic ASIDs per vcpu, as Linux has */
	bool kpti;		/* two page-table roots per process */
	bool thp;		/* 2M pages for anonymous memory */
	bool fill;		/* frames are cleared and copied as a whole */
	unsigned vcpus;		/* 1..64 */
	unsigned fault_around;	/* pages mapped around a file fault: 16 */
	unsigned flush_ceiling;	/* more pages than this: flush all: 33 */
};

struct sim_kern_config sim_kern_config_default(void);

/*
 * Takes the events; ev and what it points to are gone after the call. False
 * stops the kernel: no events follow.
 */
struct sim_kern_sink {
	bool (*event)(void *ctx, const struct sim_event *ev);
	void *ctx;
};

/* Prices in instructions of the kernel's own work; see kern.c for origins. */
struct sim_kern_work {
	uint32_t entry, fault, zero_page, copy_page, map_page, fork, fork_pte,
		exec, exit, unmap_pte, syscall, switch_to;
};

/*
 * A kernel with its own page tables and no process. NULL when memory is short
 * or the configuration is out of range; then *why says so.
 */
struct sim_kern *sim_kern_create(const struct sim_kern_config *config,
				 const struct sim_kern_sink *sink,
				 const char **why);
void sim_kern_destroy(struct sim_kern *k);
/* Registers and machine as a recording's header states them. */
void sim_kern_info(const struct sim_kern *k, struct sim_rec_info *info);
/* Load the kernel's root; the first events. Call once, before any process. */
void sim_kern_boot(struct sim_kern *k);

/*
 * Null, or the first thing that went wrong (guest memory exhausted, a touch
 * outside every mapping). Operations do nothing from then on.
 */
const char *sim_kern_error(const struct sim_kern *k);

/* The vcpu (modulo their number) for the following operations; 0 at first. */
void sim_kern_on_vcpu(struct sim_kern *k, unsigned vcpu);
unsigned sim_kern_vcpus(const struct sim_kern *k);
/* User instructions that go by. */
void sim_kern_compute(struct sim_kern *k, uint64_t instructions);
void sim_kern_marker(struct sim_kern *k, uint64_t number);

/* A file in the page cache, wholly cached; lives as long as the kernel. */
struct sim_kern_file *sim_kern_file(struct sim_kern *k, uint64_t pages);
/* One that exists in memory only (memfd, shared memory): its pages come as
 * they are first touched. */
struct sim_kern_file *sim_kern_memory_file(struct sim_kern *k,
					   uint64_t pages);

enum sim_kern_map {
	SIM_KERN_SHARED = 1u << 0,
	SIM_KERN_STACK = 1u << 1,
	SIM_KERN_SPECIAL = 1u << 2, /* vdso: mapped a page at a time */
	SIM_KERN_NO_FORK = 1u << 3, /* a child does not get it */
	SIM_KERN_WIPE = 1u << 4, /* a child gets it empty */
	SIM_KERN_SMALL = 1u << 5, /* no 2M pages */
};

/* The first process, with an empty address space. */
struct sim_proc *sim_kern_spawn(struct sim_kern *k);
/* Each acts as a system call of p, which must be running (sim_kern_run).
 * A mapping takes the place of what was there. */
void sim_kern_mmap(struct sim_kern *k, struct sim_proc *p, uint64_t gva,
		   uint64_t bytes, unsigned prot, unsigned flags,
		   struct sim_kern_file *file, uint64_t file_page);
void sim_kern_munmap(struct sim_kern *k, struct sim_proc *p, uint64_t gva,
		     uint64_t bytes);
void sim_kern_mprotect(struct sim_kern *k, struct sim_proc *p, uint64_t gva,
		       uint64_t bytes, unsigned prot);
enum sim_kern_move {
	SIM_KERN_MOVE_KEEP = 4,	/* MREMAP_DONTUNMAP: the old mapping stays */
};
/*
 * mremap: what is mapped in [gva, gva + bytes) is at `to` from now on and has
 * to_bytes; to may be gva. Where no mapping is known, one of anonymous memory
 * comes.
 */
void sim_kern_mremap(struct sim_kern *k, struct sim_proc *p, uint64_t gva,
		     uint64_t bytes, uint64_t to, uint64_t to_bytes,
		     unsigned flags);
/* Advice of which more than the model wants to know, by Linux's number. */
enum sim_advice {
	SIM_ADVICE_POPULATE_WRITE = 23,
};
/* madvise; the advice by Linux's number. One that is not known, or changes no
 * table, is an empty system call. */
void sim_kern_madvise(struct sim_kern *k, struct sim_proc *p, uint64_t gva,
		      uint64_t bytes, unsigned advice);
/* Fault pages in as mlock and MAP_POPULATE do: for writing where the mapping
 * is private and allows it. */
void sim_kern_populate(struct sim_kern *k, struct sim_proc *p, uint64_t gva,
		       uint64_t bytes);
/*
 * Pages [first, first + pages) of a file go. With `copies` (ftruncate) so do
 * private copies of them, without (a hole) only those of the file itself.
 */
void sim_kern_file_drop(struct sim_kern *k, struct sim_proc *p,
			struct sim_kern_file *file, uint64_t first,
			uint64_t pages, bool copies);
struct sim_proc *sim_kern_fork(struct sim_kern *k, struct sim_proc *p);
/* The child borrows the address space until it execs or exits. */
struct sim_proc *sim_kern_vfork(struct sim_kern *k, struct sim_proc *p);
/* A thread: shares the address space for good. */
struct sim_proc *sim_kern_thread(struct sim_kern *k, struct sim_proc *p);

/* One mapping of a program; offsets in pages. */
struct sim_image_map {
	uint64_t gva;
	uint32_t pages;
	uint8_t prot;		/* SIM_PROT_* */
	uint8_t flags;		/* enum sim_kern_map */
	int8_t file;		/* index into the caller's files; -1: none */
	uint32_t file_page;
};

/*
 * Give p a new address space with the mappings of an image and a stack of
 * stack_pages below stack_top, of which the top one is filled.
 */
void sim_kern_exec(struct sim_kern *k, struct sim_proc *p,
		   const struct sim_image_map *maps, size_t count,
		   struct sim_kern_file *const *files, uint64_t stack_top,
		   uint64_t stack_pages);
/* End p and free it. The vcpu is left idle. */
void sim_kern_exit(struct sim_kern *k, struct sim_proc *p);
/* Let p run on the current vcpu. */
void sim_kern_run(struct sim_kern *k, struct sim_proc *p);

/* One access by p; flags are SIM_F_WRITE, _FETCH, _USER. */
void sim_kern_touch(struct sim_kern *k, struct sim_proc *p, uint64_t gva,
		    unsigned flags);

/* A system call that does nothing (getpid). */
void sim_kern_syscall(struct sim_kern *k, struct sim_proc *p);
/*
 * A touch that the mapping forbids, or that nothing maps: the page fault goes
 * to the guest's kernel and comes back (with a signal's frame on the user's
 * stack at stack_gva, when that is not 0). The tables stay as they are.
 */
void sim_kern_bad_touch(struct sim_kern *k, struct sim_proc *p, uint64_t gva,
			unsigned flags, uint64_t stack_gva);
/*
 * In one entry the kernel rewrites the present leaf entries of the pages from
 * gva on, in turn, count times in all, toggling a software bit and flushing
 * nothing. Passes over what no 4K page maps.
 */
void sim_kern_ptemod(struct sim_kern *k, struct sim_proc *p, uint64_t gva,
		     uint64_t pages, uint64_t count);
/* Tell all reachable tables as SIM_EV_FINAL_TABLE, to end a recording with. */
void sim_kern_final(struct sim_kern *k);

/* Counts since the start. */
struct sim_kern_counts {
	uint64_t table_stores, cr3_loads, invlpgs, faults, images;
	uint64_t forks, execs, exits, accesses;
};
struct sim_kern_counts sim_kern_counts(const struct sim_kern *k);

#endif
