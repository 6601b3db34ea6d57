/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers of a running vcpu, read through QEMU's gdb stub. */
#ifndef RECORD_REGS_H
#define RECORD_REGS_H

#include <stdbool.h>
#include <stdint.h>

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
bool regs_init(void);

uint64_t regs_read(unsigned int vcpu, int number);

/* A general register by its number in machine code (0 RAX, 1 RCX, ...). */
uint64_t regs_general(unsigned int vcpu, unsigned int number);

#endif
