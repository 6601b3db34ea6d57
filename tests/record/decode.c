/* SPDX-License-Identifier: BSD-2-Clause */
/* Machine code as an assembler writes it, and what the recorder sees. */
#include "record/decode.h"

#include <criterion/criterion.h>
#include <string.h>

#define DECODE(...) record_decode((const uint8_t[]){ __VA_ARGS__ }, \
	sizeof((const uint8_t[]){ __VA_ARGS__ }), 0x1000)

Test(decode, control_registers)
{
	struct record_insn i = DECODE(0x0f, 0x22, 0xd8);	/* rax to cr3 */

	cr_assert(i.kind == INSN_MOV_CR && i.cr == 3 && i.reg == 0);
	i = DECODE(0x0f, 0x22, 0xdf);				/* rdi to cr3 */
	cr_assert(i.kind == INSN_MOV_CR && i.cr == 3 && i.reg == 7);
	i = DECODE(0x41, 0x0f, 0x22, 0xe4);			/* r12 to cr4 */
	cr_assert(i.kind == INSN_MOV_CR && i.cr == 4 && i.reg == 12);
	i = DECODE(0x44, 0x0f, 0x22, 0xc0);			/* rax to cr8 */
	cr_assert(i.kind == INSN_MOV_CR && i.cr == 8 && i.reg == 0);
	cr_assert(DECODE(0x0f, 0x20, 0xd8).kind == INSN_OTHER);
	cr_assert(DECODE(0x0f, 0x06).kind == INSN_CLTS);
	cr_assert(DECODE(0x0f, 0x01, 0xf0).kind == INSN_LMSW);
	cr_assert(DECODE(0x0f, 0x30).kind == INSN_WRMSR);
	cr_assert(DECODE(0x0f, 0xa2).kind == INSN_CPUID);
}

static void invlpg(struct record_insn i, int base, int index, int scale,
		   int32_t disp)
{
	cr_assert(i.kind == INSN_INVLPG);
	cr_assert(i.base == base, "base %d, not %d", i.base, base);
	cr_assert(i.index == index, "index %d, not %d", i.index, index);
	cr_assert(index == RECORD_NO_REG || i.scale == scale);
	cr_assert(i.disp == disp, "disp %d, not %d", i.disp, disp);
}

Test(decode, addresses)
{
	invlpg(DECODE(0x0f, 0x01, 0x38), 0, RECORD_NO_REG, 0, 0);
	invlpg(DECODE(0x41, 0x0f, 0x01, 0x3f), 15, RECORD_NO_REG, 0, 0);
	invlpg(DECODE(0x0f, 0x01, 0x7b, 0xf0), 3, RECORD_NO_REG, 0, -16);
	invlpg(DECODE(0x0f, 0x01, 0xbb, 0x00, 0x10, 0, 0), 3, RECORD_NO_REG,
	       0, 0x1000);
	/* (%rsp), 8(%r12), (%rbx,%rcx,4), 1(%r13,%r14,8) */
	invlpg(DECODE(0x0f, 0x01, 0x3c, 0x24), 4, RECORD_NO_REG, 0, 0);
	invlpg(DECODE(0x41, 0x0f, 0x01, 0x7c, 0x24, 8), 12, RECORD_NO_REG, 0,
	       8);
	invlpg(DECODE(0x0f, 0x01, 0x3c, 0x8b), 3, 1, 4, 0);
	invlpg(DECODE(0x43, 0x0f, 0x01, 0x7c, 0xf5, 1), 13, 14, 8, 1);
	/* Without a base, and relative to RIP. */
	invlpg(DECODE(0x0f, 0x01, 0x3c, 0x25, 0, 0, 0, 0x80), RECORD_NO_REG,
	       RECORD_NO_REG, 0, INT32_MIN);
	invlpg(DECODE(0x0f, 0x01, 0x3d, 4, 0, 0, 0), RECORD_RIP,
	       RECORD_NO_REG, 0, 4);
	cr_assert(DECODE(0x0f, 0x01, 0x3d, 4, 0, 0, 0).rip == 0x1007);
}

Test(decode, other_system_instructions)
{
	struct record_insn i = DECODE(0x66, 0x0f, 0x38, 0x82, 0x04, 0x24);

	cr_assert(i.kind == INSN_INVPCID && i.reg == 0 && i.base == 4);
	i = DECODE(0x0f, 0x01, 0x18);
	cr_assert(i.kind == INSN_LIDT && i.base == 0);
	cr_assert(DECODE(0x0f, 0x01, 0x10).kind == INSN_OTHER);	/* LGDT */
	cr_assert(DECODE(0x0f, 0x01, 0xf8).kind == INSN_OTHER);	/* SWAPGS */
	cr_assert(DECODE(0x0f, 0x01, 0xd9).kind == INSN_OTHER);	/* VMMCALL */
	cr_assert(DECODE(0x0f, 0x01, 0xcb).kind == INSN_OTHER);	/* STAC */
	cr_assert(DECODE(0x48, 0x89, 0xc3).kind == INSN_OTHER);
}

Test(decode, code_that_ends_early_is_harmless)
{
	static const uint8_t code[] = {
		0x66, 0x43, 0x0f, 0x38, 0x82, 0xbc, 0xf5, 1, 2, 3, 4,
	};

	for (size_t n = 0; n <= sizeof(code); n++) {
		uint8_t exact[sizeof(code)];

		memcpy(exact, code, n);
		record_decode(exact, n, 0);
	}
}
