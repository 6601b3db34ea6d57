/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The differential machine: a guest with two vcpus and tables that anything
 * may happen to, run on the engine through its public header, and judged
 * access by access. What the engine's tables allow must be what some TLB could
 * hold for the guest's own tables: a translation that was true at some moment
 * since the flush that would have dropped it is legal, anything else is a bug.
 * What the engine injects must be exactly what the tables say now.
 *
 *	ops.c		an operation from (seed, number), and in words
 *	world.c		host, slots, tables; one world per seed
 *	history.c	which values an entry has had, and since when
 *	judge.c		legal or not; every leaf of the engine's tables
 *	access.c	one access, until it is done or faults for good
 *	exec.c		all other operations of the guest
 *	flush.c		INVLPG and INVPCID
 *	host.c		those of the host
 *	minimise.c	the shortest list of operations that still fails (run.h)
 *	cases.c		lists that failed once
 *	machine.c	the program
 */
#ifndef GN_TESTS_DIFF_WORLD_H
#define GN_TESTS_DIFF_WORLD_H

#include <stdio.h>

#include "tests/support/fakehost.h"
#include "tests/support/hwcpu.h"
#include "tests/support/refmmu.h"

#define DIFF_VCPUS 2u
#define DIFF_TABLES 32u		/* frames that hold tables on purpose */
#define DIFF_ROOTS 5u
#define DIFF_DATA 32u
#define DIFF_CR3S 32u
#define DIFF_INV 64u
#define DIFF_LOG 65536u

/* Everything that shapes a world; a case prints it. */
struct diff_params {
	uint64_t seed;
	uint8_t mode;		/* enum gnomon_mode */
	uint8_t levels;		/* 2..5 */
	uint8_t maxphyaddr;
	bool windows;		/* slots have hva's, but for one */
	bool big;		/* a slot of 1G backed by 1G */
	uint32_t options;	/* enum gnomon_opt */
	uint32_t features;	/* enum gnomon_feature */
	uint32_t table_pages_max;
	uint32_t live_max;	/* pages the host has at first; 0 = any */
	uint32_t audit_every;	/* operations; 0 = never */
	uint32_t scan_every;
	uint32_t skip;		/* bit n: leave out operations of kind n */
};

enum op_kind {
	OP_ACCESS,	/* one access at a random gva */
	OP_STORE,	/* a guest store to a table through the direct map */
	OP_DMA,		/* a device writes to a table */
	OP_INVLPG,
	OP_CR3,
	OP_FULL,	/* flush everything: CR4.PGE off and on */
	OP_REGS,	/* WP, SMEP, SMAP, AC, NXE, PKRU */
	OP_SLOT,	/* delete the slot that comes and goes, or set it */
	OP_TRANSLATE,
	OP_BAD_REGS,	/* values that must give #GP */
	OP_REPAIR,	/* make an entry useful again */
	OP_PAGING,	/* CR0.PG off, and on again the next time */
	OP_MEMORY,	/* the host runs short of pages, or recovers */
	OP_CHANGE,	/* the host moves or protects frames; or has done so */
	OP_ZAP,		/* everything, or as much as shrink() takes */
	OP_LOG,		/* a dirty log: start, clear, stop */
	OP_RANGE,	/* young, collapse */
	OP_KINDS,
};

struct op {
	uint8_t kind;
	uint8_t vcpu;
	uint64_t a, b;
};

struct frame_meta {
	uint64_t head[512];	/* newest log position + 1, by word */
	unsigned char known[4096];
	uint64_t gfn;
};

struct log_entry {
	uint64_t word;		/* gpa >> 3 */
	uint64_t value;
	uint64_t until;		/* seq when it was overwritten */
	uint64_t prev;
};

#define DIFF_PCIDS 4u

/* A CR3 that was loaded since the last full flush. */
struct seen_root {
	struct gnomon_regs regs;
	uint64_t until;		/* when another was loaded */
};

struct vcpu_times {
	uint64_t full;		/* last flush of all */
	uint64_t pcid[DIFF_PCIDS]; /* of what is not global, by PCID */
	struct {
		uint64_t page, when;
		unsigned pcid;
		bool global;	/* global translations were dropped too */
	} inv[3][DIFF_INV];	/* by size of page: 4K, 2M or 4M, 1G */
	struct seen_root seen[DIFF_CR3S];
	unsigned seen_count;
};

struct diff_counts {
	uint64_t accesses, ops, faults, injected, emulated, mmio, stale;
	uint64_t searches, overflows, scanned, nomem, hidden;
};

struct world {
	struct diff_params p;
	struct fakehost *fh;
	struct gnomon_vm *vm;
	void *vm_memory, *vcpu_memory[DIFF_VCPUS];
	struct gnomon_vcpu *vcpu[DIFF_VCPUS];
	struct hwcpu cpu[DIFF_VCPUS];
	struct gnomon_regs regs[DIFF_VCPUS];
	struct vcpu_times times[DIFF_VCPUS];
	struct ref_mmu now, past;
	unsigned past_vcpu;	/* whose history past.read() offers */
	bool overflow;

	uint64_t seq;
	struct frame_meta **meta;	/* [FH_FRAMES] */
	struct frame_meta **metas;	/* those that exist */
	uint32_t meta_count, meta_room;
	struct log_entry *log;		/* ring of DIFF_LOG */
	uint64_t log_next;

	uint64_t table[DIFF_TABLES];	/* gfns */
	uint8_t role[DIFF_TABLES];	/* level it is meant for */
	uint64_t direct[GNOMON_MAX_LEVELS + 1]; /* direct map, by level */
	uint64_t data[DIFF_DATA];
	uint64_t change_first, change_frames; /* by the host, under way */
	struct gnomon_dirty_log log_of;	/* bitmap: null = none */
	bool slot_set, slot_leaving;	/* the one that comes and goes */
	uint32_t slot_budget;

	struct diff_counts n;
	bool failed;
	char why[240];
};

struct diff_params diff_params(uint64_t seed);
/* Null when the engine refuses a legal world. */
struct world *world_create(const struct diff_params *p);
/* Takes the counts along; true when the whole life was free of errors. */
bool world_destroy(struct world *w, struct diff_counts *sum, char *why,
		   size_t why_bytes);
void world_fail(struct world *w, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void world_slot_set(struct world *w, uint64_t bits);
uint64_t world_mix(uint64_t x);

struct op diff_op(const struct diff_params *p, uint64_t number);
void diff_print_op(FILE *f, const struct op *op);
void diff_print_params(FILE *f, const struct diff_params *p);

/* A gva that the tables may map, and one in the direct map. */
uint64_t world_gva(const struct world *w, uint64_t bits);
uint64_t world_direct_gva(const struct world *w, unsigned table,
			  uint64_t offset);
unsigned world_entry_bytes(const struct world *w);
unsigned world_index(const struct world *w, unsigned level, uint64_t bits);
/* An entry for a table of that level, sane or anything. */
uint64_t world_entry(const struct world *w, unsigned level, uint64_t bits,
		     bool sane);
/* The number of the table in the frame, or DIFF_TABLES. */
unsigned world_table_in(const struct world *w, uint64_t gfn);

struct frame_meta *history_touch(struct world *w, uint64_t gfn);
/* Take over what memory holds now. */
void history_note(struct world *w, uint64_t gpa, uint64_t bytes);
unsigned history_read_now(void *world, uint64_t gpa, unsigned bytes,
			  uint64_t *values);
unsigned history_read_past(void *world, uint64_t gpa, unsigned bytes,
			   uint64_t *values);
bool history_alive(const struct world *w, uint64_t gpa, unsigned bytes,
		   uint64_t value, uint64_t since);
/* Does memory differ anywhere from what is known? */
void history_check(struct world *w);
void times_full(struct world *w, unsigned vcpu);
void times_cr3(struct world *w, unsigned vcpu, bool flushes);
/* All that is not global, of one PCID or of all (DIFF_PCIDS). */
void times_context(struct world *w, unsigned vcpu, unsigned pcid);
/* One page of the current PCID, and with globals of all. */
void times_invlpg(struct world *w, unsigned vcpu, uint64_t gva,
		  bool globals);
unsigned times_pcid(const struct gnomon_regs *regs);

/* May a TLB of the guest's own processor let access reach gfn? */
bool judge_legal(struct world *w, unsigned vcpu, uint64_t gva,
		 uint32_t access, uint64_t gfn);
/* With DIFF_EXPLAIN in the environment: the path that the tables give now. */
void judge_explain(const struct world *w, unsigned vcpu, uint64_t gva,
		   uint32_t access);
void judge_scan(struct world *w, unsigned vcpu);
/* Does the step's missing A or D count? Read-only frames cannot take it. */
bool judge_ad_missing(const struct world *w, const struct ref_result *r);

void world_access(struct world *w, unsigned vcpu, uint64_t gva,
		  uint32_t access, unsigned bytes, uint64_t bits);
void world_invlpg(struct world *w, const struct op *op);
void world_exec(struct world *w, const struct op *op);
/* The operation alone: no audit, no log, no pending step of another. */
void world_step(struct world *w, const struct op *op);
/* Audit and scan everything now. */
void world_check(struct world *w);
/* What the host does, see OP_CHANGE and on. */
void host_exec(struct world *w, const struct op *op);
/* Is the frame one that the host is changing now? */
bool host_changing(const struct world *w, uint64_t gfn);
/* A write happened: did the log know of it? */
void host_written(struct world *w, uint64_t gfn);
/* Set registers as the guest would; retries when the host is out of pages. */
bool world_set_regs(struct world *w, unsigned vcpu,
		    const struct gnomon_regs *regs, uint32_t flags);

#endif
