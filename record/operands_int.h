/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside record/operands*.c. */
#ifndef RECORD_OPERANDS_INT_H
#define RECORD_OPERANDS_INT_H

#include "record/operands.h"

/* What an opcode does with its two operands, E (register or memory, by its
 * ModRM byte) and G (a register). */
enum {
	KNOWN = 1,
	MODRM = 2 | KNOWN,
	READ_E = 4 | MODRM,	/* reads E */
	WRITE_E = 8 | MODRM,	/* writes E */
	WRITE_G = 16 | MODRM,
	BYTE = 32 | MODRM,	/* E and G are bytes */
	VECTOR = 64 | MODRM,	/* G, and E if a register, are none of ours */
	CHANGE_E = READ_E | WRITE_E,
	LOAD = READ_E | WRITE_G,
};

struct code {
	const uint8_t *at, *end;
	uint64_t next_ip;
	uint8_t rex;
	uint8_t repeat;		/* 0, 0xf2 or 0xf3 */
	bool is_word;		/* the prefix 0x66 */
	bool is_vex, is_long;	/* 256 bits */
	uint8_t mod, reg, rm;
};

static inline uint16_t operand_bit(unsigned reg)
{
	return (uint16_t)(1u << reg);
}

/* operands_vector.c */
/* What an opcode behind 0x0f does, where that does not depend on its ModRM. */
uint8_t operand_plain_two(uint8_t op);
/* The prefixes behind 0xc5 or 0xc4 (VEX): false if they are not known. */
bool operand_take_vex(struct code *c, uint8_t op);
/* What a vector instruction does, behind its ModRM; false if not known. */
bool operand_take_vector(struct code *c, struct operands *o, uint8_t op,
			 unsigned what);

#endif
