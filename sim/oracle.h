/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The oracle: what x86 paging hardware does with one access, written from
 * the rules of the architecture alone and as plainly as they are stated.
 * It shares no code with the engine it judges.
 *
 * Left out: shadow stacks, PKS, and the TLB (each access walks memory).
 */
#ifndef SIM_ORACLE_H
#define SIM_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

enum {
	SIM_PF_P = 1 << 0,
	SIM_PF_W = 1 << 1,
	SIM_PF_U = 1 << 2,
	SIM_PF_RSVD = 1 << 3,
	SIM_PF_ID = 1 << 4,
	SIM_PF_PK = 1 << 5,
};

struct sim_oracle {
	/* Reads `bytes` (4 or 8) of guest memory; false: nothing is known
	 * about that address. */
	bool (*read)(void *arg, uint64_t gpa, unsigned int bytes,
		     uint64_t *value);
	void *arg;
	uint64_t cr0;
	uint64_t cr3;
	uint64_t cr4;
	uint64_t efer;
	uint64_t pdpte[4];	/* PAE: as loaded by the last CR3 load */
	uint32_t pkru;
	uint32_t maxphyaddr;	/* bits, 32..52 */
	bool ac;		/* EFLAGS.AC */
	bool no_pages_1g;	/* the CPU lacks 1 GiB pages */
};

struct sim_access {
	uint64_t gva;
	bool write;
	bool fetch;		/* never together with write */
	bool user;		/* CPL 3 */
	bool implicit;		/* by the processor: supervisor, AC ignored */
};

enum sim_oracle_answer {
	SIM_ORACLE_OK,
	SIM_ORACLE_FAULT,		/* #PF with `error` */
	SIM_ORACLE_NON_CANONICAL,	/* #GP or #SS, no #PF */
	SIM_ORACLE_UNKNOWN,		/* `read` did not know `unknown_gpa` */
};

struct sim_oracle_result {
	enum sim_oracle_answer answer;
	uint32_t error;		/* of the #PF */
	uint64_t gpa;		/* with OK; also with a fault that has P set
				 * and RSVD clear */
	uint64_t page_bytes;	/* likewise */
	bool page_user;		/* rights of the whole walk, likewise */
	bool page_write;
	bool page_exec;
	bool global;
	uint64_t unknown_gpa;
	/*
	 * Entries read, top first.  `after` is the entry with the accessed
	 * and dirty bits that hardware sets; a faulting access sets none.
	 */
	unsigned int entry_bytes;
	unsigned int entry_count;
	struct {
		uint64_t gpa;
		uint64_t before;
		uint64_t after;
	} entry[5];
};

void sim_oracle(const struct sim_oracle *o, const struct sim_access *a,
		struct sim_oracle_result *r);

#endif
