/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The differential machine: a guest with two vcpus and tables that anything
 * may happen to, run on the engine through its public header, and judged
 * access by access. What the engine's tables allow must be what some TLB could
 * hold for the guest's own tables: a translation that was true at some moment
 * since the flush that would have dropped it is legal, anything else is a bug.
 * What the engine injects must be exactly what the tables say now.
 *
 *	ops.c		an operation from (seed, number), and in words (op.h)
 *	world.c		host, slots, tables; one world per seed
 *	history.c	which values an entry has had, and since when
 *	judge.c		legal or not; every leaf of the engine's tables
 *	access.c	one access, until it is done or faults for good
 *	answer.c	what the engine says about its faults, obeyed
 *	cross.c		a store across two pages
 *	exec.c		what the guest and its devices do besides
 *	regs.c		control registers: roots, PCIDs, formats
 *	raw.c		memory that changes behind the engine
 *	switch.c	another mode while the guest runs
 *	flush.c		INVLPG and INVPCID
 *	agile.c		agile paging: its processor, its tables
 *	slots.c		slots that go and come, aliases and SMM among them
 *	host.c		those of the host
 *	log.c		the dirty log
 *	minimise.c	the shortest list of operations that still fails (run.h)
 *	cases.c		lists that failed once
 *	machine.c	the program
 */
#ifndef GN_TESTS_DIFF_WORLD_H
#define GN_TESTS_DIFF_WORLD_H

#include "tests/diff/history.h"
#include "tests/diff/op.h"
#include "tests/support/fakehost.h"
#include "tests/support/hwagile.h"
#include "tests/support/hwcpu.h"
#include "tests/support/refmmu.h"

#define DIFF_VCPUS 2u
/* Where memory shows again: frames 0..255, and 1024..3071. */
#define DIFF_ALIAS_LOW 12288u
#define DIFF_ALIAS_LARGE 14336u
/* Other memory inside SMM than outside. */
#define DIFF_SMM_FIRST 512u
#define DIFF_SMM_FRAMES 64u
#define DIFF_TABLES 32u		/* frames that hold tables on purpose */
#define DIFF_ROOTS 5u
#define DIFF_DATA 32u
#define DIFF_MASKS 32u		/* of the bits of enum gnomon_opt */
#define DIFF_RAW 256u

/* The dirty log, and what of it has to be seen yet. By frames of the log. */
struct world_log {
	struct gnomon_dirty_log of;	/* bitmap: null = none runs */
	struct gnomon_dirty_ring ring;
	uint64_t *known;	/* bits as of the last look at the ring */
	uint64_t *owed;		/* BY_CPU: written, to be told at a clear */
	uint64_t *copy;
	bool cpu_stores;	/* the CPU does, under nested tables */
};

struct diff_counts {
	uint64_t accesses, ops, faults, injected, emulated, mmio, stale;
	uint64_t searches, overflows, scanned, nomem, hidden;
	uint64_t tracked, crossed, raw, formats, switched;
	uint64_t owed, ringed, lost, slots, smm, below;
};

void diff_counts_add(struct diff_counts *sum, const struct diff_counts *n);

struct world {
	struct diff_params p;
	struct fakehost *fh;
	struct gnomon_vm *vm;
	void *vm_memory, *vcpu_memory[DIFF_VCPUS];
	struct gnomon_vcpu *vcpu[DIFF_VCPUS];
	struct hwcpu cpu[DIFF_VCPUS];
	struct hwagile agile[DIFF_VCPUS];	/* serves for mode AGILE */
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
	uint8_t watch[FH_SMALL_FRAMES];	/* enum gnomon_watch */
	uint64_t watch_first, watch_frames; /* changing now */
	/* Written untold, and what of the log waits for that. */
	uint64_t raw_gpa, raw_since;
	unsigned raw_bytes, raw_count;
	struct log_entry *raw[DIFF_RAW];
	struct world_log dirty;
	bool slot_leaving;		/* between two calls that delete... */
	uint32_t leaving;		/* ...this one */
	uint32_t slot_budget;

	struct diff_counts n;
	bool failed;
	char why[240];
};

/* Null when the engine refuses a legal world. */
struct world *world_create(const struct diff_params *p);
/* Takes the counts along; true when the whole life was free of errors. */
bool world_destroy(struct world *w, struct diff_counts *sum, char *why,
		   size_t why_bytes);
void world_fail(struct world *w, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The slots that there are at first. */
void world_slots(struct world *w);
/* OP_SLOT: one goes, or comes back; the next call for one that is going. */
void world_slot(struct world *w, const struct op *op);
void world_slot_step(struct world *w);
/* Is the slot of the guest's frame going? Then both answers are right. */
bool world_leaving(const struct world *w, uint64_t gfn);
/* Does a vcpu in SMM see other memory there? */
bool world_in_smm(const struct world *w, uint64_t gfn);
/* From now on gpas are as the vcpu sees them. */
void world_view(struct world *w, unsigned vcpu);
uint64_t world_mix(uint64_t x);

/* Does the vcpu run on nested tables? As of the root that it has loaded. */
bool world_nested(const struct world *w, unsigned vcpu);
/* Does it begin in shadow tables, and follow switches? */
bool world_agile(const struct world *w, unsigned vcpu);
/* What set_regs() answered, and what is to be loaded before the guest runs. */
void world_load(struct world *w, unsigned vcpu, struct gnomon_root root);
void world_enter(struct world *w, unsigned vcpu);
/* OP_TABLE: the CPU is to walk a table itself, or no longer. */
void world_table(struct world *w, const struct op *op);
/*
 * Must stores of the vcpu to the frame leave the guest? A walk that writes
 * loosens the trace of a table, for those on nested tables.
 */
bool world_traced(const struct world *w, unsigned vcpu, uint64_t gfn);
/* A gva that the tables may map, and one in the direct map. */
uint64_t world_gva(const struct world *w, unsigned vcpu, uint64_t bits);
uint64_t world_direct_gva(const struct world *w, unsigned vcpu,
			  unsigned table, uint64_t offset);
unsigned world_entry_bytes(unsigned levels);
unsigned world_index(unsigned levels, unsigned level, uint64_t bits);
/* An entry for a table of that level and format, sane or anything. */
uint64_t world_entry(const struct world *w, unsigned levels, unsigned level,
		     uint64_t bits, bool sane);
/* The number of the table in the frame, or DIFF_TABLES. */
unsigned world_table_in(const struct world *w, uint64_t gfn);

/* May a TLB of the guest's own processor let access reach gfn? */
bool judge_legal(struct world *w, unsigned vcpu, uint64_t gva,
		 uint32_t access, uint64_t gfn);
/* May a processor's caches still let the access end in that page fault? */
bool judge_fault(struct world *w, unsigned vcpu, uint64_t gva,
		 uint32_t access, uint32_t code);
/* May a TLB still lead the access to a device there? */
bool judge_device(struct world *w, unsigned vcpu, uint64_t gva,
		  uint32_t access, uint64_t gfn);
/* With DIFF_EXPLAIN in the environment: the path that the tables give now. */
void judge_explain(const struct world *w, unsigned vcpu, uint64_t gva,
		   uint32_t access);
void judge_scan(struct world *w, unsigned vcpu);
/* Does the step's missing A or D count? Read-only frames cannot take it. */
bool judge_ad_missing(const struct world *w, const struct ref_result *r);

/* True when it ended in the guest's own page fault. */
bool world_access(struct world *w, unsigned vcpu, uint64_t gva,
		  uint32_t access, unsigned bytes, uint64_t bits);
void world_cross(struct world *w, unsigned vcpu, uint64_t gva,
		 uint32_t access, unsigned bytes, uint64_t bits);
/* An instruction in the page of code that stores to the other. */
void world_code(struct world *w, unsigned vcpu, uint64_t code, uint64_t gva,
		uint32_t access, uint64_t bits);
void world_switch(struct world *w, const struct op *op);
void world_raw(struct world *w, const struct op *op);
/* The VMM tells of what was written untold: as bits say, one way or another. */
void raw_notify(struct world *w, uint64_t bits);
/* Is the change untold? Then *e stays true until it is told. */
bool raw_logged(struct world *w, struct log_entry *e);
/* OP_CR3, OP_REGS, OP_BAD_REGS, OP_PAGING, OP_PCIDE, OP_SMM. */
void world_regs(struct world *w, const struct op *op);
/* Flush everything: CR4.PGE off and on. */
void world_full(struct world *w, unsigned vcpu);
void world_invlpg(struct world *w, const struct op *op);
void world_exec(struct world *w, const struct op *op);
/* The operation alone: no audit, no log, no pending step of another. */
void world_step(struct world *w, const struct op *op);
/* Audit and scan everything now. */
void world_check(struct world *w);
/* Set registers as the guest would; retries when the host is out of pages. */
bool world_set_regs(struct world *w, unsigned vcpu,
		    const struct gnomon_regs *regs, uint32_t flags);

#endif
