/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the guest's plugin share. */
#ifndef RECORD_PLUGIN_H
#define RECORD_PLUGIN_H

#include "record/filter.h"
#include "record/memory.h"
#include "record/qemu.h"
#include "record/symbols.h"
#include "record/tables.h"
#include "sim/oracle.h"

#define RECORD_EFLAGS_AC (1ull << 18)

struct record_plugin {
	bool on;
	bool ended;
	unsigned int vcpus;
	unsigned int last;	/* whose access or instruction was seen last */
	struct record_ram ram;
	uint64_t cr3[RECORD_VCPUS_MAX];	/* loaded last; 0: not seen */
	uint64_t idt;
	/* What decides translations, read once between writes to it. */
	struct sim_oracle registers[RECORD_VCPUS_MAX];
	bool registers_known[RECORD_VCPUS_MAX];
	struct record rec;
	struct record_filter filter[RECORD_VCPUS_MAX];
	uint64_t stale;		/* left out: see access.h */
	struct record_symbols symbols;
	bool fetches;		/* record them */
	uint64_t fetched[RECORD_VCPUS_MAX];	/* page of the last, + 1 */
};

extern struct record_plugin record_plugin;

/* plugin.c: writes an event; an error ends the recording. */
void record_plugin_put(struct sim_event ev);

/* plugin_access.c: who makes this callback, ... */
unsigned int record_plugin_vcpu(unsigned int said);
/* ... and when: `back` instructions before the end of its block. */
void record_plugin_moment(unsigned int vcpu, uint64_t back);
/* The vcpu's registers that decide translations; good for a moment. */
const struct sim_oracle *record_plugin_registers(unsigned int vcpu);
/* Looks at each access of an instruction, `back` before its block's end. */
void record_plugin_watch_accesses(struct qemu_plugin_insn *insn, size_t back);
/* At one that no instruction is known to make. */
void record_plugin_look(unsigned int said, qemu_plugin_meminfo_t info,
			uint64_t gva, size_t back);
/* Looks at the pages of a block of `count` instructions. */
void record_plugin_watch_fetches(struct qemu_plugin_tb *tb, size_t count);
/* For the first instruction of the page-fault handler, with the instructions
 * to the end of its block. */
void record_plugin_at_fault(unsigned int said, void *back);

/* plugin_fold.c: looks at the accesses of a whole block, with fewer calls;
 * false if it is not of a kind that allows it. */
bool record_plugin_fold(struct qemu_plugin_tb *tb, size_t count);

#endif
