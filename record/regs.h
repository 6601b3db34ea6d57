/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers of a running vcpu: by the plugin interface where it has them (9.0
 * and later), else by the reader behind its gdb stub, where that is exported.
 */
#ifndef RECORD_REGS_H
#define RECORD_REGS_H

#include <stdbool.h>
#include <stdint.h>

#include "record/qemu.h"

/* Numbers of the gdb stub for x86-64. */
enum {
	RECORD_RSP = 7,
	RECORD_EFLAGS = 17,
	RECORD_CS = 18,
	RECORD_CR0 = 27,
	RECORD_CR2 = 28,
	RECORD_CR3 = 29,
	RECORD_CR4 = 30,
	RECORD_EFER = 32,
};

/* Finds QEMU's functions; false if this QEMU lacks them. */
bool regs_init(qemu_plugin_id_t id);

/*
 * Which of `count` vcpus makes the callback that says `said`. Where vcpus take
 * turns on one thread, QEMU 10.0 and later let them share code that names the
 * vcpu it was translated for; so we look at the one that QEMU runs. To be
 * called on that thread alone. Where it cannot be seen, `said` is believed.
 */
unsigned int regs_vcpu(unsigned int said, unsigned int count);
bool regs_sees_vcpu(void);

/* Of the vcpu that runs the callback, which must be said to read registers. */
uint64_t regs_read(unsigned int vcpu, int number);

/* Of any vcpu; 0 where only the plugin interface can be asked. */
bool regs_of_others(void);
uint64_t regs_read_other(unsigned int vcpu, int number);

/* A general register by its number in machine code (0 RAX, 1 RCX, ...). */
uint64_t regs_general(unsigned int vcpu, unsigned int number);

#endif
