/* SPDX-License-Identifier: BSD-2-Clause */
/* The few instructions that the recorder has to see. */
#ifndef RECORD_DECODE_H
#define RECORD_DECODE_H

#include <stddef.h>
#include <stdint.h>

enum record_insn_kind {
	INSN_OTHER,
	INSN_MOV_CR,		/* reg = general register, cr */
	INSN_CLTS,
	INSN_LMSW,		/* value unknown here */
	INSN_WRMSR,
	INSN_INVLPG,		/* address */
	INSN_INVPCID,		/* reg = type, address of the descriptor */
	INSN_LIDT,		/* address of the descriptor */
	INSN_CPUID,
};

struct record_insn {
	enum record_insn_kind kind;
	uint8_t reg;
	uint8_t cr;
	/* Memory operand: base + index * scale + disp; 0xff: none. */
	uint8_t base;
	uint8_t index;
	uint8_t scale;
	int32_t disp;
	/* Instructions of its block from this one on; for the caller. */
	uint16_t back;
	uint64_t rip;		/* of the next instruction, for rip-relative */
};

enum {
	RECORD_NO_REG = 0xff,
	RECORD_RIP = 0xfe,	/* as `base` */
};

/* Decodes 64-bit code at `ip`. */
struct record_insn record_decode(const uint8_t *code, size_t bytes,
				 uint64_t ip);

#endif
