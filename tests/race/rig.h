/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two vcpus on two threads for the race programs: a host whose lock has a part
 * for each vcpu, a guest with eight leaf tables, and a processor that walks
 * the engine's tables while others change them.
 *
 * The processor keeps a translation from rig_look() until rig_leave();
 * host->flush() waits for processors that are inside. A page that the engine
 * gives back is overwritten, so that a walk that is still in it goes wrong, and
 * ThreadSanitizer sees the two meet.
 */
#ifndef TESTS_RACE_RIG_H
#define TESTS_RACE_RIG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <gnomon/gnomon.h>

enum {
	RIG_P = 1, RIG_W = 2, RIG_U = 4, RIG_A = 32, RIG_D = 64,
	RIG_ALL = RIG_P | RIG_W | RIG_U,
};

#define RIG_FRAMES 4096u
#define RIG_TABLES 8u			/* leaf tables: 16M of gva from 0 on */
#define RIG_ROOT UINT64_C(0x10000)	/* gpa; then levels 3 and 2 */
#define RIG_LEAF UINT64_C(0x100000)	/* gpa of the first */
#define RIG_DATA UINT64_C(0x200)	/* gfn of the first data frame */
#define RIG_HFN UINT64_C(0x100000)	/* hfn = gfn + this, at first */

struct rig_cpu {
	struct gnomon_vcpu *vcpu;
	uint32_t id;
	atomic_uint section;	/* odd: in the guest */
	uint64_t cr3;
	struct gnomon_root root; /* that cr3 is of */
	bool smm;		/* from the next rig_reload() on */
	uint64_t random;
};

struct rig_leaf {
	uint64_t hfn;
	bool writable;
};

/* Set up before rig_start(); each may stay as it is. */
struct rig_setup {
	uint32_t options;	/* enum gnomon_opt */
	uint32_t table_pages_max;
	uint32_t chain_max;
	uint8_t nested_around;
	bool bare;		/* no hva: memory through load() and store() */
	bool nested;		/* on nested tables: addresses are gpas */
	bool agile;		/* mode AGILE; agile.c has its processor */
	bool smm;		/* a second address space */
	/* What backs gfn, if not RIG_HFN + gfn; any thread. */
	void (*frame)(uint64_t gfn, struct gnomon_frame *out);
};

extern struct gnomon_vm *rig_vm;
extern struct rig_cpu rig_cpu[2];

void rig_start(const struct rig_setup *setup);
/* Full audit, destroy all; the exit status. name goes into messages. */
int rig_end(const char *name);
/* Note a failure; the first one is printed. */
void rig_fail(const char *what, uint64_t a, uint64_t b);
bool rig_failed(void);
void rig_audit(void);
/* Run both with their vcpus, and third (may be null) until they are done. */
void rig_run(void (*both)(struct rig_cpu *cpu), void (*third)(void));
/* For third: the vcpus are still running. */
bool rig_running(void);

/* ---- the guest ----------------------------------------------------------- */

/* gva of page j of leaf table t, and gpa of its gpte. */
static inline uint64_t rig_gva(uint64_t t, uint64_t j)
{
	return t << 21 | j << 12;
}

static inline uint64_t rig_gpte(uint64_t t, uint64_t j)
{
	return RIG_LEAF + (t << 12) + 8 * j;
}

uint64_t rig_load8(uint64_t gpa);
void rig_store8(uint64_t gpa, uint64_t value);
bool rig_cmpxchg8(uint64_t gpa, uint64_t old, uint64_t value);
/* The same through gnomon_write(). */
void rig_write(uint64_t gpa, uint64_t value);

/* ---- the processor ------------------------------------------------------- */

uint64_t rig_random(struct rig_cpu *cpu);
/* Let others run now and then; for the places where it matters. */
void rig_dawdle(void);
void rig_enter(struct rig_cpu *cpu);
void rig_leave(struct rig_cpu *cpu);
/* Inside: what the tables say; false when the access would fault. */
bool rig_look(const struct rig_cpu *cpu, uint64_t gva, uint32_t access,
	      struct rig_leaf *leaf);
/* One entry of a table of the engine's, by the hpa of the table. */
uint64_t rig_entry(uint64_t table, uint64_t index);
/* Outside: a page fault. */
enum gnomon_action rig_fault(struct rig_cpu *cpu, uint64_t gva,
			     uint32_t access);
/*
 * Enter, and fault until the access goes through; inside then. False, and
 * outside: the engine answered something else than RESUME or RETRY, *action.
 */
bool rig_reach(struct rig_cpu *cpu, uint64_t gva, uint32_t access,
	       struct rig_leaf *leaf, enum gnomon_action *action);
/* Load CR3 again: a flush point. */
void rig_reload(struct rig_cpu *cpu);

/* ---- a kernel's own view of its tables ----------------------------------- */

#define RIG_WINDOW 7u	/* this table maps the others... */

/* ...from here on. */
void rig_open_window(void);
/* Where to store to entry j of table t. */
static inline uint64_t rig_in_window(uint64_t t, uint64_t j)
{
	return rig_gva(RIG_WINDOW, t) + 8 * j;
}

/*
 * The store itself: the processor got there, and is inside, or was answered
 * action, which had better be EMULATE.
 */
void rig_store_entry(struct rig_cpu *cpu, bool there, enum gnomon_action action,
		     uint64_t t, uint64_t j, uint64_t value);

#endif
