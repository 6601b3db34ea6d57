/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an instruction of 64-bit user code does to memory and to the general
 * registers, for the instructions that compilers use most. All others are
 * "not exact": they may do anything.
 */
#ifndef RECORD_OPERANDS_H
#define RECORD_OPERANDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	OPERANDS_READ = 1,
	OPERANDS_WRITE = 2,
	OPERANDS_NONE = 0xff,	/* instead of a register */
	OPERANDS_RSP = 4,
};

struct operands {
	bool exact;		/* what follows is all that it does */
	/* Its one access: base + index * scale + disp from `segment`; a
	 * rip-relative one has neither base nor index. */
	uint8_t kinds;		/* OPERANDS_READ | OPERANDS_WRITE; 0: none */
	uint8_t size;
	uint8_t base, index, scale;
	uint8_t segment;	/* 0, or the prefix: 0x64 fs, 0x65 gs */
	int64_t disp;
	bool pushes;		/* then it pushes 8 bytes */
	/* Then: these registers get a value that is not known here... */
	uint16_t clobbers;
	/* ...and `to` (or none) gets `from` (or 0, if none) as it was
	 * before, + add. */
	uint8_t to, from;
	int64_t add;
};

/* `code` is one whole instruction at address `ip`. */
struct operands operands_of(const uint8_t *code, size_t bytes, uint64_t ip);

#endif
