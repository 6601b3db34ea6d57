/* SPDX-License-Identifier: BSD-2-Clause */
/* What a world is made of and what happens in it, as data. */
#ifndef GN_TESTS_DIFF_OP_H
#define GN_TESTS_DIFF_OP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Everything that shapes a world; a case prints it. */
struct diff_params {
	uint64_t seed;
	uint8_t mode;		/* enum gnomon_mode */
	uint8_t modes;		/* those it may switch to; 0 = never */
	bool walks_write;	/* nested: a read of a gpte counts as a write */
	uint8_t levels;		/* 2..5 */
	uint8_t nested_format;	/* enum gnomon_nested_format */
	uint8_t maxphyaddr;
	bool windows;		/* slots have hva's, but for one */
	bool big;		/* a slot of 1G backed by 1G */
	bool alias;		/* tables name memory by aliases too */
	bool smm;		/* vcpus have a second address space */
	uint32_t options;	/* enum gnomon_opt */
	uint32_t features;	/* enum gnomon_feature */
	uint32_t table_pages_max;
	uint32_t live_max;	/* pages the host has at first; 0 = any */
	uint8_t nested_around;	/* of gnomon_config */
	uint32_t audit_every;	/* operations; 0 = never */
	uint32_t scan_every;
	uint32_t skip;		/* bit n: leave out operations of kind n */
	uint32_t slots_out;	/* bit n: there is no slot n */
};

enum op_kind {
	OP_ACCESS,	/* one access at a random gva */
	OP_STORE,	/* a guest store to a table through the direct map */
	OP_DMA,		/* a device writes to a table */
	OP_INVLPG,
	OP_CR3,
	OP_FULL,	/* flush everything: CR4.PGE off and on */
	OP_REGS,	/* WP, SMEP, SMAP, AC, NXE, PKRU */
	OP_SLOT,	/* delete a slot that comes and goes, or set it */
	OP_TRANSLATE,
	OP_BAD_REGS,	/* values that must give #GP */
	OP_REPAIR,	/* make an entry useful again */
	OP_PAGING,	/* CR0.PG off; the next time on, in any format */
	OP_MEMORY,	/* the host runs short of pages, or recovers */
	OP_CHANGE,	/* the host moves or protects frames; or has done so */
	OP_ZAP,		/* everything, or as much as shrink() takes */
	OP_LOG,		/* a dirty log: start, clear, stop */
	OP_RANGE,	/* young, collapse */
	OP_CROSS,	/* a store across two pages, or from code in one */
	OP_RAW,		/* a device writes untold; or is told of */
	OP_WATCH,	/* the VMM watches frames, or no longer */
	OP_PCIDE,	/* CR4.PCIDE off or on */
	OP_MODE,	/* another mode, for all or one address space */
	OP_AHEAD,	/* prefault, split */
	OP_SMM,		/* into SMM or out of it */
	OP_TABLE,	/* AGILE: the CPU walks a table itself, or no longer */
	OP_KINDS,
};

struct op {
	uint8_t kind;
	uint8_t vcpu;
	uint64_t a, b;
};

struct diff_params diff_params(uint64_t seed);
struct op diff_op(const struct diff_params *p, uint64_t number);
void diff_print_op(FILE *f, const struct op *op);
void diff_print_params(FILE *f, const struct diff_params *p);

#endif
