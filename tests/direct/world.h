/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A vm in mode DIRECT and a processor that walks the guest's own tables, which
 * hold hpas. What the guest believes to have written is kept in a second copy
 * of memory; the naive MMU walks that. The processor remembers translations
 * and ways to tables until it is flushed; what is remembered must never reach
 * what the guest may not have, nor a page that is no table any more.
 */
#ifndef GN_TESTS_DIRECT_WORLD_H
#define GN_TESTS_DIRECT_WORLD_H

#include "tests/support/fakehost.h"
#include "tests/support/refmmu.h"
#include "tests/support/seed.h"

#define WORLD_FRAMES 4096u
#define WORLD_TLB 256u
#define WORLD_WAYS 16u
#define WORLD_LOG_FIRST 1024u	/* frames of the dirty log, when it is on */
#define WORLD_LOG_FRAMES 1024u

struct tlb_entry {
	bool valid, write;
	uint64_t page, hfn;
};

/* A way down to a table of level 1, as processors remember it. */
struct way_entry {
	bool valid, write, user, nx;
	uint64_t block, table;
};

struct world {
	struct fakehost *fh;
	struct gnomon_vm *vm;
	struct gnomon_vcpu *vcpu;
	struct gnomon_regs regs;
	struct gnomon_root root;
	struct ref_mmu ref;
	unsigned char *belief;	/* what the guest wrote, 16M */
	struct tlb_entry tlb[WORLD_TLB];
	struct way_entry way[WORLD_WAYS];
	struct test_rng rng;
	uint64_t seed, step;
	uint64_t gva[4];	/* for the test */
	uint64_t bits[WORLD_LOG_FRAMES / 64];
	bool logging;
	struct gnomon_outcome last;
	unsigned kinds[GNOMON_KINDS];
};

enum world_end { WORLD_OK, WORLD_INJECTED, WORLD_MMIO, WORLD_STOPPED };

void world_open(struct world *w, uint64_t seed, uint32_t options);
void world_close(struct world *w);
/*
 * Tables of four levels from root on, one frame after the other, with eight
 * pages over frames data and on. Not loaded.
 */
void world_tables(struct world *w, uint64_t root, uint64_t data);
/* MOV to CR3, which must be taken. */
void world_load(struct world *w, uint64_t cr3);
/* Fails the test with the seed. */
void world_check(struct world *w, bool good, const char *what);
void world_audit(struct world *w);

uint64_t world_believed(const struct world *w, uint64_t gpa);
/* A plain store of 8 bytes, or by the VMM when the frame is a table. */
void world_store(struct world *w, uint64_t gpa, uint64_t value);
/* One request; a SET is believed when it is accepted. */
enum gnomon_status world_ask(struct world *w, uint32_t op, uint64_t gpa,
			     uint64_t value);
/* Take over what a request that is done has changed. */
void world_done(struct world *w, const struct gnomon_direct *r);
/* An access to its end; stale: translations kept may serve it. */
enum world_end world_access(struct world *w, uint64_t gva, uint32_t access,
			    uint64_t value, bool stale);

#endif
