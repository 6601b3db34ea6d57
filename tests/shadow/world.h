/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A vm in shadow mode on the fake host with two processors, and a guest that
 * builds 4-level tables in it. An access goes the whole way: the processor
 * walks the shadow, the engine answers its faults, the naive MMU judges.
 */
#ifndef GN_TESTS_SHADOW_WORLD_H
#define GN_TESTS_SHADOW_WORLD_H

#include "tests/support/fakehost.h"
#include "tests/support/hwcpu.h"
#include "tests/support/refmmu.h"

#define WORLD_CPUS 2u
#define WORLD_FRAMES 4096u	/* of slot 0 */

struct world {
	struct fakehost *fh;
	struct gnomon_vm *vm;
	struct gnomon_vcpu *vcpu[WORLD_CPUS];
	struct gnomon_regs regs[WORLD_CPUS];
	struct hwcpu cpu[WORLD_CPUS];
	struct ref_mmu ref;
	struct gnomon_outcome last;	/* of the last fault */
	unsigned faults;		/* of the last access */
	uint64_t next_frame;		/* for world_map() */
	const uint64_t *dirty;		/* a log of slot 0, when not null */
};

enum world_end {
	WORLD_OK,
	WORLD_INJECTED,
	WORLD_MMIO,
	WORLD_STOPPED,		/* out of memory, or host not ready */
	WORLD_WRONG,		/* engine and naive MMU disagree */
};

/* config null: 4-level capable, all options. Slot 0 and its 2M blocks. */
void world_open(struct world *w, const struct gnomon_config *config);
struct gnomon_config world_config(void);
/* Audits, closes and checks that every page came back. */
void world_close(struct world *w);

/* Give a CR3, and the other registers as they are, to the engine. */
void world_cr3(struct world *w, unsigned cpu, uint64_t cr3);
/* Give the registers to the engine and the root to the processor. */
enum gnomon_status world_load(struct world *w, unsigned cpu, uint32_t flags);

/* A guest store of 8 bytes: trapped when traced, plain otherwise. */
void world_store(struct world *w, uint64_t gpa, uint64_t value);
/*
 * Map gva to gpa with leaf bits at level below the root, making tables (all
 * rights) as needed from frames 64 and on.
 */
void world_map(struct world *w, uint64_t root, uint64_t gva, uint64_t leaf,
	       unsigned level);
/* gpa of the entry for gva at level, tables must exist. */
uint64_t world_entry(struct world *w, uint64_t root, uint64_t gva,
		     unsigned level);

/* value: stored by a write at 8 bytes. */
enum world_end world_access(struct world *w, unsigned cpu, uint64_t gva,
			    uint32_t access, uint64_t value);
/* Parts of it, for a world with other processors. An answer that injects
 * carries code; answered: true when the access is over with *end, false when
 * the vcpu resumes, perhaps with a new root, which is to be loaded. */
bool world_agrees(const struct ref_result *ref, enum world_end end,
		  uint32_t code);
bool world_answered(struct world *w, unsigned cpu, uint32_t access,
		    uint64_t value, enum world_end *end);
struct gnomon_root world_new_root(const struct world *w, unsigned cpu);
/* What the processor does with the address it was given. */
enum world_end world_complete(struct world *w, const struct ref_result *ref,
			      uint64_t hpa, uint32_t access, uint64_t value);
/* Fails the test, naming the rule, when the audit does. */
void world_audit(struct world *w, enum gnomon_audit_level level);
struct gnomon_stats world_stats(const struct world *w);

#endif
