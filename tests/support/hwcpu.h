/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A processor that runs the guest on the engine's tables: it walks them as
 * hardware does (rights, reserved bits, A and D), and it remembers. Its TLB
 * and its cache of leaf tables are dropped by host->flush(), by a root load
 * that says so and, for one page, by a fault there; never by anything else.
 * An access says through its hint bits whether it may use them, so that a
 * run is repeatable and stale entries do get used.
 */
#ifndef GN_TESTS_SUPPORT_HWCPU_H
#define GN_TESTS_SUPPORT_HWCPU_H

#include "tests/support/fakehost.h"
#include "tests/support/refmmu.h"

#define HW_TLB 64u
#define HW_PSC 16u

struct hw_tlb {
	bool valid;
	bool write, user, nx, global;
	bool dirty;		/* nested: D is set in the leaf */
	bool below;		/* agile: by way of the guest's own tables */
	uint8_t key, shift;	/* shift: of the leaf it came from */
	uint64_t page;		/* gva >> 12 */
	uint64_t hfn;
};

struct hw_psc {
	bool valid, write, user, nx;
	uint64_t prefix;	/* gva >> 21 */
	uint64_t table;		/* hpa of the leaf table */
};

enum hw_hint {
	HW_USE_TLB = 1u << 0,
	HW_USE_PSC = 1u << 1,
};

struct hwcpu {
	struct fakehost *fh;
	unsigned id;
	unsigned host_maxphyaddr;
	unsigned nested_levels;	/* 4, or 5 for more than 48 bits of gpa */
	bool ept;		/* the nested table has Intel's format */
	struct gnomon_root root;	/* as loaded */
	bool loaded;
	struct hw_tlb tlb[HW_TLB];
	bool wide;		/* some may come from large leaves */
	struct hw_psc psc[HW_PSC];
	uint64_t walks, tlb_hits;
};

struct hw_result {
	bool ok;
	bool nested;		/* not ok: a nested violation, else #PF */
	bool table_walk;
	bool stale;		/* served by the TLB or the table cache */
	uint32_t access;	/* nested: what the violation was */
	uint64_t gpa;		/* nested: where */
	uint64_t hpa;		/* ok */
};

void hw_init(struct hwcpu *cpu, struct fakehost *fh, unsigned id,
	     unsigned host_maxphyaddr);
void hw_flush(struct hwcpu *cpu, const struct gnomon_flush *flush);
/* A load of the root, as gnomon_vcpu_set_regs() answers it. */
void hw_load_root(struct hwcpu *cpu, struct gnomon_root root);
/* Before each entry into the guest: loads the root if it is another one. */
void hw_enter(struct hwcpu *cpu, struct gnomon_root root);
/* The processor took a fault at gva. */
void hw_drop_page(struct hwcpu *cpu, uint64_t gva);

/* Under a shadow root; regs are the guest's. */
void hw_access(struct hwcpu *cpu, const struct gnomon_regs *regs,
	       uint64_t gva, uint32_t access, unsigned hint,
	       struct hw_result *out);
/* One gpa through the nested table, which has the format of cpu->ept. */
void hw_nested(struct hwcpu *cpu, uint64_t gpa, uint32_t access,
	       unsigned hint, struct hw_result *out);

/* Entries of a shadow or nested table as a reader sees them. */
struct hw_leaf {
	uint64_t gva, entry;
	uint8_t shift;
	bool write, user, nx;
};
/* Would the processor let this access through the leaf? */
bool hw_allows(const struct gnomon_regs *regs, uint32_t access,
	       const struct hw_leaf *leaf);
/*
 * Call visit() for each present leaf below the root (nested: of ncr3) until
 * it returns false.
 */
void hw_scan(struct hwcpu *cpu, bool nested, unsigned levels,
	     bool (*visit)(void *arg, const struct hw_leaf *leaf), void *arg);
/* Levels of a shadow root under these guest registers. */
unsigned hw_shadow_levels(const struct gnomon_regs *regs);

#endif
