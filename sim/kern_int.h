/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside the guest kernel model: frames, tables, address spaces, vcpus. Only
 * sim/kern*.c include this.
 */
#ifndef SIM_KERN_INT_H
#define SIM_KERN_INT_H

#include "sim/kern.h"
#include "sim/x86.h"

#define KERN_PAGE UINT64_C(4096)
#define KERN_LARGE (UINT64_C(2) << 20)
#define KERN_DIRECT UINT64_C(0xffff888000000000)
#define KERN_TEXT UINT64_C(0xffffffff81000000)
#define KERN_ENTRY UINT64_C(0xfffffe0000000000)
#define KERN_USER_END UINT64_C(0x800000000000)
#define KERN_ADDR UINT64_C(0x000ffffffffff000)

enum {
	PTE_NONE = 1 << 8,	/* without PTE_P: a page that PROT_NONE hides */
	PTE_SPECIAL = 1 << 9,	/* software bit: the zero page */
	PTE_SOFT2 = 1 << 10,	/* software bit: ptemod toggles it */
	PTE_SOFT = 1 << 11,	/* software bit: soft dirty */
};
/* What Linux puts into an entry that links a user's table. */
#define PTE_TABLE (PTE_P | PTE_W | PTE_U | PTE_A | PTE_D)

enum kern_use {
	USE_FREE = 0,
	USE_KERNEL,
	USE_TABLE,
	USE_ANON,
	USE_HUGE,	/* first frame of an anonymous 2M page */
	USE_FILE,
	USE_HOLE,	/* of a file: nothing has been there yet */
	USE_ZERO,
};

struct kern_frame {
	struct kern_table *table; /* USE_TABLE */
	uint32_t maps;		/* USE_ANON, USE_HUGE: entries that map it */
	uint8_t use;
	bool forked;		/* shared by a fork, and not written since */
};

struct kern_table {
	uint64_t e[512];
	uint64_t gpa;
	uint8_t level;
	bool known;		/* reachable from a root that was loaded */
};

struct sim_kern_file {
	struct sim_kern_file *next;
	uint64_t pages;
	uint64_t gpa;		/* contiguous in guest memory */
	bool in_memory;		/* there is no disk whose pages it mirrors */
};

struct kern_vma {
	struct kern_vma *next;	/* ascending */
	uint64_t start, end;
	struct sim_kern_file *file;
	uint64_t file_page;	/* of start */
	unsigned prot, flags;
	bool anon;		/* has had private pages: fork must copy */
};

/* What a change of the tables must flush when it is done; zero: nothing. */
struct kern_gather {
	uint64_t first, last;	/* bytes */
	bool pages;		/* entries of 4K pages are among it */
	bool whole;		/* the address space ends: flush it wholly */
};

struct kern_mm {
	struct kern_table *pgd;
	struct kern_table *user_pgd; /* KPTI, else null */
	struct kern_vma *vmas;
	struct kern_mm *next;	/* of all */
	uint64_t id;
	uint64_t tlb_gen;	/* raised when other vcpus must flush */
	unsigned users;
};

struct sim_proc {
	struct kern_mm *mm;
	struct sim_proc *next;	/* of all */
	uint32_t pid;
	uint64_t stack_gpa;	/* kernel stack */
};

#define KERN_ASIDS 6

struct kern_cpu {
	struct kern_mm *mm;	/* loaded; null: the kernel's own */
	struct sim_proc *proc;	/* running; null: idle */
	bool lazy;		/* idle on a loaded mm */
	bool user;		/* on the user's root (KPTI) */
	unsigned asid, next_asid;
	struct {
		uint64_t id, gen;
		bool user_stale; /* flush at the next user root load */
	} slot[KERN_ASIDS];
};

struct sim_kern {
	struct sim_kern_config cfg;
	struct sim_kern_sink sink;
	struct sim_kern_work work;
	struct sim_kern_counts n;
	const char *error;
	bool stopped;		/* by the sink */
	struct kern_frame *frames; /* one per guest frame, made on touch */
	uint64_t frame_count;
	uint64_t fresh;		/* frames from here on were never used */
	uint64_t fresh_huge;	/* 2M blocks, taken from the top downwards */
	uint64_t *spare;	/* freed frames, last in first out */
	size_t spare_count, spare_room;
	uint64_t *spare_huge;
	size_t spare_huge_count, spare_huge_room;
	struct kern_table *pgd;	/* the kernel's own */
	struct kern_mm *mms;
	struct sim_proc *procs;
	struct sim_kern_file *files;
	uint64_t zero_gpa, data_gpa;
	uint64_t instr;
	uint64_t mm_ids;
	uint32_t pids;
	unsigned cpu;
	unsigned depth;		/* of kern_enter() */
	struct kern_cpu cpus[64];
};

/* kern.c: events and the kernel's own accesses */
struct sim_kern_work kern_default_work(void);
void kern_fail(struct sim_kern *k, const char *why);
void kern_emit(struct sim_kern *k, struct sim_event *ev);
/* The kernel reads or writes a frame through its direct map. */
void kern_frame_access(struct sim_kern *k, uint64_t gpa, unsigned flags);
void kern_frame_fill(struct sim_kern *k, uint64_t gpa);
void kern_enter(struct sim_kern *k);
void kern_leave(struct sim_kern *k);
void kern_spend(struct sim_kern *k, uint64_t instructions);
/* Does a leaf entry allow the access (SIM_F_*)? */
bool kern_allowed(uint64_t e, unsigned flags);

/* kern_frames.c: 0 means that memory is exhausted (k->error is set) */
uint64_t kern_frame_get(struct sim_kern *k, enum kern_use use);
void kern_frame_put(struct sim_kern *k, uint64_t gpa);
uint64_t kern_huge_get(struct sim_kern *k);
/* From now on the 2M page is 512 single ones. */
void kern_huge_break(struct sim_kern *k, uint64_t gpa);
struct kern_frame *kern_frame(struct sim_kern *k, uint64_t gpa);
/* The frame after i that may be in use: below the first mark, or in a 2M block
 * at the top, whose frames can be anything once it is broken. */
uint64_t kern_next_used(const struct sim_kern *k, uint64_t i);
/* One mapping less; frees the page with the last. */
void kern_page_unmap(struct sim_kern *k, uint64_t gpa);

/* kern_table.c */
struct kern_table *kern_table_new(struct sim_kern *k, unsigned level);
void kern_table_free(struct sim_kern *k, struct kern_table *t);
void kern_table_publish(struct sim_kern *k, struct kern_table *t);
void kern_set(struct sim_kern *k, struct kern_table *t, unsigned index,
	      uint64_t value, unsigned bytes);
static inline unsigned kern_index(uint64_t gva, unsigned level)
{
	return (unsigned)(gva >> (12 + 9 * (level - 1))) & 511;
}
/* The table of the level on the way to gva, or null; never allocates. */
struct kern_table *kern_find(struct sim_kern *k, struct kern_mm *mm,
			     uint64_t gva, unsigned level);
/* Set an entry of an upper table; in both roots if there are two (KPTI). */
void kern_link(struct sim_kern *k, struct kern_mm *mm, struct kern_table *t,
	       unsigned index, uint64_t value);
/* The same, linking what is missing; null when memory is exhausted. */
struct kern_table *kern_make(struct sim_kern *k, struct kern_mm *mm,
			     uint64_t gva, unsigned level);
/* The leaf entry that maps gva, or 0. */
uint64_t kern_lookup(struct sim_kern *k, struct kern_mm *mm, uint64_t gva);
/* Where what may be mapped goes on: behind the missing table, or the 2M piece,
 * that gva is in. */
uint64_t kern_next(struct sim_kern *k, struct kern_mm *mm, uint64_t gva);
/* Free the tables of [start, end) of which all that they can map lies in
 * [floor, ceiling). */
void kern_free_tables(struct sim_kern *k, struct kern_mm *mm, uint64_t start,
		      uint64_t end, uint64_t floor, uint64_t ceiling,
		      struct kern_gather *g);

/* kern_mm.c */
struct kern_mm *kern_mm_new(struct sim_kern *k);
void kern_mm_put(struct sim_kern *k, struct kern_mm *mm);
struct kern_vma *kern_vma_find(struct kern_mm *mm, uint64_t gva);
struct kern_vma *kern_vma_insert(struct sim_kern *k, struct kern_mm *mm,
				 const struct kern_vma *vma);
/* Make gva a boundary between mappings. */
void kern_vma_split(struct sim_kern *k, struct kern_mm *mm, uint64_t gva);
/* Is there a page behind the entry, accessible or not? */
static inline bool kern_has_page(uint64_t e)
{
	return e & (PTE_P | PTE_NONE);
}
/* Clear the entries of [start, end) and give up their pages; with only_file
 * those alone that map a file's own pages. The caller flushes. */
void kern_zap_range(struct sim_kern *k, struct kern_mm *mm, uint64_t start,
		    uint64_t end, bool only_file, struct kern_gather *g);
/* Remove all mappings of [start, end), if any, as munmap does; it flushes. */
void kern_unmap(struct sim_kern *k, struct kern_mm *mm, uint64_t start,
		uint64_t end);
/* Change rights in the tables and flush what changed. */
void kern_protect_range(struct sim_kern *k, struct kern_mm *mm,
			const struct kern_vma *vma);

/* kern_tlb.c */
void kern_load_root(struct sim_kern *k, bool noflush);
/* KPTI: back to the root that the user runs on. */
void kern_load_user_root(struct sim_kern *k);
void kern_switch_mm(struct sim_kern *k, struct kern_mm *mm);
/* No vcpu may stay lazily on mm, which ends. */
void kern_leave_mm(struct sim_kern *k, struct kern_mm *mm);
void kern_flush_page(struct sim_kern *k, struct kern_mm *mm, uint64_t gva);
/* [first, last) in bytes; page by page or wholly, as the ceiling says. */
void kern_flush_range(struct sim_kern *k, struct kern_mm *mm, uint64_t first,
		      uint64_t last);
void kern_flush_mm(struct sim_kern *k, struct kern_mm *mm);

void kern_gather_add(struct kern_gather *g, uint64_t gva, uint64_t bytes);
/* Flush what has been gathered, and start anew. */
void kern_gather_flush(struct sim_kern *k, struct kern_mm *mm,
		       struct kern_gather *g);

/* kern_fault.c */
void kern_fault(struct sim_kern *k, struct kern_mm *mm, uint64_t gva,
		unsigned flags);
void kern_split_huge(struct sim_kern *k, struct kern_mm *mm,
		     struct kern_table *pmd, uint64_t gva);
uint64_t kern_leaf(uint64_t gpa, unsigned prot, bool writable);

#endif
