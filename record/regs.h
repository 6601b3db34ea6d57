/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers of a running vcpu, read through QEMU's gdb stub. */
#ifndef RECORD_REGS_H
#define RECORD_REGS_H

#include <stdbool.h>
#include <stdint.h>

/* Numbers of the gdb stub for x86-64. */
enum {
	REG_RSP = 7,
	REG_EFLAGS = 17,
	REG_CS = 18,
	REG_CR0 = 27,
	REG_CR2 = 28,
	REG_CR3 = 29,
	REG_CR4 = 30,
	REG_EFER = 32,
};

/* Finds QEMU's functions; false if this QEMU lacks them. */
bool regs_init(void);

uint64_t regs_read(unsigned int vcpu, int number);

/* A general register by its number in machine code (0 RAX, 1 RCX, ...). */
uint64_t regs_general(unsigned int vcpu, unsigned int number);

#endif
