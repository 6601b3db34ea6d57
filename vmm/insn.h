/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A decoder for the instructions that a VMM of this kind meets: those that
 * exit, and the stores that kernels use on page tables. Everything else is
 * told apart from them and left to step.c.
 */
#ifndef VMM_INSN_H
#define VMM_INSN_H

#include <stdbool.h>
#include <stdint.h>

enum insn_op {
	INSN_OTHER = 0,
	/* Exits. */
	INSN_CLTS,
	INSN_LMSW,
	INSN_MOV_CR,		/* reg = general register, ext = CR number */
	INSN_INVLPG,
	INSN_SHORT,		/* CPUID RDMSR WRMSR VMMCALL: only a length */
	/* Stores to memory; .size bytes. */
	INSN_MOV_REG,		/* from reg */
	INSN_MOV_IMM,
	INSN_XCHG,
	INSN_CMPXCHG,
	INSN_XADD,
	INSN_ALU_REG,		/* ext = 0..6: add or adc sbb and sub xor */
	INSN_ALU_IMM,
	INSN_BIT_IMM,		/* ext = 5 bts, 6 btr, 7 btc */
	INSN_BIT_REG,
	INSN_STOS,
	INSN_MOVS,
};

struct insn {
	enum insn_op op;
	uint8_t bytes;		/* length, all prefixes included */
	uint8_t size;		/* of the operand: 1, 2, 4 or 8 */
	uint8_t reg;		/* ModRM.reg with REX.R, or the rm of MOV_CR */
	uint8_t ext;
	uint8_t rex;		/* 0 when there is none */
	bool lock, rep;
	bool memory;		/* the ModRM operand is memory */
	bool rip_relative;
	uint8_t segment;	/* 0 none; 1 es cs ss ds fs 6 gs */
	uint8_t base, index, scale; /* 16 = none */
	uint8_t address_bytes;	/* 4 or 8 (16-bit code is OTHER) */
	int32_t disp;
	uint64_t imm;
};

/* long_mode: 64-bit code; else 32-bit. False: longer than count bytes. */
bool insn_decode(const unsigned char *code, unsigned count, bool long_mode,
		 struct insn *out);

#endif
