/* SPDX-License-Identifier: BSD-2-Clause */
/* What memory has held, and what each vcpu has flushed since. */
#ifndef GN_TESTS_DIFF_HISTORY_H
#define GN_TESTS_DIFF_HISTORY_H

#include "gnomon/gnomon.h"

#define DIFF_CR3S 32u
#define DIFF_INV 64u
#define DIFF_LOG 65536u

struct world;

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

struct frame_meta *history_touch(struct world *w, uint64_t gfn);
/* Take over what memory holds now. */
void history_note(struct world *w, uint64_t gpa, uint64_t bytes);
unsigned history_read_now(void *world, uint64_t gpa, unsigned bytes,
			  uint64_t *values);
unsigned history_read_past(void *world, uint64_t gpa, unsigned bytes,
			   uint64_t *values);
bool history_alive(const struct world *w, uint64_t gpa, unsigned bytes,
		   uint64_t value, uint64_t since);
/* The values before, newest first, in words. */
void history_explain(const struct world *w, uint64_t gpa);
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

#endif
