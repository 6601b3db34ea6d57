/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A processor with agile paging: it walks shadow tables down to an entry with
 * the switching bit and the guest's own tables below, through nested tables
 * of AMD's format. Written from the public header alone. Its TLBs are dropped
 * by flushes and loads; a hint says per access whether they may serve.
 */
#ifndef GN_TESTS_SUPPORT_HWAGILE_H
#define GN_TESTS_SUPPORT_HWAGILE_H

#include "tests/support/hwcpu.h"

struct hwagile {
	struct fakehost *fh;
	unsigned id;
	unsigned host_maxphyaddr, guest_maxphyaddr;
	struct gnomon_root root;
	struct hwcpu nested;	/* the second dimension */
	struct hw_tlb tlb[HW_TLB];
	uint64_t tlb_hits;
	uint64_t below;		/* accesses that went by the guest's tables */
};

struct hwagile_result {
	struct hw_result hw;	/* not ok and not nested: #PF */
	bool below;		/* #PF: the guest's own, no exit */
	uint32_t code;		/* of that */
	unsigned refs;		/* entries read */
	/* The guest's entries that A or D may have been set in, as memory. */
	unsigned marks;
	uint64_t mark[GNOMON_MAX_LEVELS];
};

void hwagile_init(struct hwagile *cpu, struct fakehost *fh, unsigned id,
		  unsigned host_maxphyaddr, unsigned guest_maxphyaddr);
void hwagile_load(struct hwagile *cpu, struct gnomon_root root);
void hwagile_flush(struct hwagile *cpu, const struct gnomon_flush *flush);
void hwagile_access(struct hwagile *cpu, const struct gnomon_regs *regs,
		    uint64_t gva, uint32_t access, unsigned hint,
		    struct hwagile_result *out);

#endif
