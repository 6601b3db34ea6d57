/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small guest for tests that tell a story: two vcpus, memory of each kind,
 * a builder for its tables, and accesses that run to their end as a VMM would
 * run them. It judges nothing but the host's rules; the test does the rest.
 */
#ifndef GN_TESTS_SUPPORT_GUEST_H
#define GN_TESTS_SUPPORT_GUEST_H

#include "tests/support/fakehost.h"
#include "tests/support/hwcpu.h"
#include "tests/support/refmmu.h"

/* Slots: id, first frame, frames. */
#define GUEST_LOW 0	/* 0..1023: small host frames, with a window */
#define GUEST_LARGE 1	/* 1024..3071: host blocks of 2M, with a window */
#define GUEST_CALLS 2	/* 4096..4159: without a window */
#define GUEST_ROM 3	/* 6144..6151 */
#define GUEST_READONLY 4 /* 6160..6167 */

#define GUEST_RWU (X86_PTE_P | X86_PTE_W | X86_PTE_U)
#define GUEST_RW (X86_PTE_P | X86_PTE_W)
#define GUEST_RU (X86_PTE_P | X86_PTE_U)

struct guest_options {
	enum gnomon_mode mode;
	uint32_t modes;		/* gnomon_config.modes */
	bool smm;		/* gnomon_config.smm */
	/* The processor counts every read of a gpte as a write (AMD). */
	bool walks_write;
	unsigned levels;	/* 2..5; 0 = 4 */
	uint32_t options;	/* enum gnomon_opt */
	uint32_t features;	/* beside NX, SMEP, SMAP, 1G, LA57 as needed */
	uint32_t table_pages_max;
	uint8_t nested_around;
	uint32_t live_max;
	uint64_t fail_at;	/* from the first call into the engine on */
};

struct guest {
	struct guest_options o;
	struct fakehost *fh;
	struct gnomon_vm *vm;
	struct gnomon_vcpu *vcpu[2];
	void *memory[3];
	struct hwcpu cpu[2];
	struct gnomon_regs regs[2];
	struct ref_mmu ref;
	uint64_t next_table;	/* frame that guest_table() gives next */
	uint64_t root;		/* the first address space's, made at create */
	uint64_t rip;
	unsigned audits;	/* after each call when not 0: the level */
};

enum guest_end {
	GUEST_DONE,	/* reached memory at gpa */
	GUEST_PF,	/* got a page fault with code */
	GUEST_MMIO,	/* device access at gpa */
	GUEST_NO_MEMORY, /* the host had no page, twice */
	GUEST_STUCK,
};

struct guest_access {
	enum guest_end end;
	uint64_t gpa;
	uint32_t code;
	unsigned faults;		/* taken on the way */
	unsigned kinds[GNOMON_KINDS];	/* of these faults */
};

/* The default options with everything on. */
struct guest_options guest_defaults(void);
/* vm, slots and vcpus; guest memory is empty but for a root table. */
struct guest *guest_create(struct guest_options o);
/* Destroys everything; number of errors seen by the host. */
unsigned guest_destroy(struct guest *g);

/* A frame for a table, cleared, out of GUEST_LOW. */
uint64_t guest_table(struct guest *g);
/* gpa of the entry for gva at level below root; makes missing tables. */
uint64_t guest_entry(struct guest *g, uint64_t root, uint64_t gva,
		     unsigned level);
/* Write an entry into memory as before boot: the engine is not told. */
void guest_poke(struct guest *g, uint64_t gpa, uint64_t value);
uint64_t guest_peek(struct guest *g, uint64_t gpa);
/* Map a page (leaf at level) by poking. */
void guest_map(struct guest *g, uint64_t root, uint64_t gva, uint64_t gpa,
	       uint64_t flags, unsigned level);
/* Write an entry as a device does. */
void guest_dma(struct guest *g, uint64_t gpa, uint64_t value);

/* Load CR3 on a vcpu with the root's frame; NOMEM is tried again once. */
enum gnomon_status guest_load(struct guest *g, unsigned vcpu, uint64_t root);
enum gnomon_status guest_regs(struct guest *g, unsigned vcpu,
			      const struct gnomon_regs *regs, uint32_t flags);
void guest_invlpg(struct guest *g, unsigned vcpu, uint64_t gva);
/*
 * Switch the address space of root, or all (root 0), in steps of budget (0:
 * no limit), and have every vcpu go over.
 */
enum gnomon_status guest_switch(struct guest *g, uint64_t root,
				enum gnomon_mode mode, uint32_t budget);
/* Is the frame one that the vcpu may not write? Some may be loose. */
bool guest_must_trap(const struct guest *g, unsigned vcpu, uint64_t gfn);
bool guest_is_nested(const struct guest *g, unsigned vcpu);
/* Run one access to its end; a store puts value (8 bytes). */
struct guest_access guest_access(struct guest *g, unsigned vcpu, uint64_t gva,
				 uint32_t access, uint64_t value);
/* Audit at the highest level; false and an error noted when broken. */
bool guest_audit(struct guest *g);

#endif
