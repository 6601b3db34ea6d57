/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest for micro-benchmarks of the engine, through its public header: one
 * address space of N leaf tables, each of 512 pages, whose tables can also be
 * reached by a writable mapping of the guest kernel's own, as a direct map.
 */
#ifndef BENCH_MICRO_WORLD_H
#define BENCH_MICRO_WORLD_H

#include <gnomon/gnomon.h>

#define WORLD_USER UINT64_C(0x100000000)	/* gva of the first page */
#define WORLD_DIRECT UINT64_C(0xffff888000000000)

enum { WORLD_ROOTS = 8 };

/* The arena that page_alloc() takes from: 0 unless a thread says otherwise. */
extern _Thread_local unsigned world_arena;

struct world {
	struct gnomon_host host;
	struct gnomon_vm *vm;
	struct gnomon_vcpu *vcpu;
	struct gnomon_regs regs;
	unsigned char *ram;	/* reserved, touched as needed */
	uint64_t ram_bytes;
	uint64_t tables_gpa;	/* guest tables lie from here on */
	uint64_t next_table;
	uint64_t roots[WORLD_ROOTS]; /* address spaces with the same tables */
	uint64_t leaf_gpa;	/* first leaf table */
	uint64_t leaves;
	enum gnomon_mode mode;
	uint8_t around;		/* gnomon_config.nested_around */
	unsigned char *pages;	/* the engine's, an arena after the other */
	uint64_t arena_pages;
	struct {
		uint64_t next;	/* page never given yet */
		void *free;
	} arena[2];
	uint64_t pages_held[2];	/* table and bookkeeping pages */
	void *vm_memory, *vcpu_memory;
	/* A second vcpu, once there is one: world_second(). */
	struct gnomon_vcpu *second;
	void *second_memory;
};

/* Ends the program with a message when memory is short. */
void world_make(struct world *w, uint64_t leaves, uint32_t options);
/* The same with the locks and the clock of guard; ctx is w. */
void world_make_guarded(struct world *w, uint64_t leaves, uint32_t options,
			const struct gnomon_host *guard);
/* On nested tables, all of 4K. */
void world_make_nested(struct world *w, uint64_t leaves, unsigned around,
		       const struct gnomon_host *guard);
/* Make vcpu 1 and load address space 0 into it. */
void world_second(struct world *w);
void world_drop(struct world *w);

/* gva of page j of leaf table i, and of entry j of that table. */
static inline uint64_t world_gva(uint64_t i, uint64_t j)
{
	return WORLD_USER + (i * 512 + j) * 4096;
}

static inline uint64_t world_gpte(const struct world *w, uint64_t i,
				  uint64_t j)
{
	return w->leaf_gpa + i * 4096 + j * 8;
}

static inline uint64_t *world_entry(const struct world *w, uint64_t i,
				    uint64_t j)
{
	return (uint64_t *)(void *)(w->ram + world_gpte(w, i, j));
}

/* A fault that must be answered like that; else the program ends. */
void world_fault(struct world *w, uint64_t gva, uint32_t access,
		 enum gnomon_action expected);
/* The same by one of several threads. */
void world_fault_on(struct gnomon_vcpu *vcpu, uint64_t gva, uint32_t access,
		    enum gnomon_action expected);
/* A nested violation, a store's, that has to be filled. */
void world_violation_on(struct gnomon_vcpu *vcpu, uint64_t gpa);
/* CR3 load of address space r. */
void world_load(struct world *w, unsigned r);

#endif
