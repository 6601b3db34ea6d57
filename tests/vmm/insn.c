/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/insn.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "tests/support/seed.h"

struct known {
	const char *text;	/* what an assembler makes the bytes of */
	unsigned char code[16];
	struct insn want;	/* members that are 0 are not looked at */
	uint8_t base, index;	/* + 1 */
};

static const struct known known[] = {
	{ "clts", { 0x0f, 0x06 }, { .op = INSN_CLTS, .bytes = 2 }, 0, 0 },
	{ "lmsw %ax", { 0x0f, 0x01, 0xf0 },
	  { .op = INSN_LMSW, .bytes = 3 }, 1, 0 },
	{ "mov %rax,%cr3", { 0x0f, 0x22, 0xd8 },
	  { .op = INSN_MOV_CR, .bytes = 3, .ext = 3 }, 0, 0 },
	{ "mov %r9,%cr4", { 0x41, 0x0f, 0x22, 0xe1 },
	  { .op = INSN_MOV_CR, .bytes = 4, .ext = 4, .reg = 9 }, 0, 0 },
	{ "mov %r15,%cr8", { 0x45, 0x0f, 0x22, 0xc7 },
	  { .op = INSN_MOV_CR, .bytes = 4, .ext = 8, .reg = 15 }, 0, 0 },
	{ "invlpg (%rdi)", { 0x0f, 0x01, 0x3f },
	  { .op = INSN_INVLPG, .bytes = 3 }, 8, 0 },
	{ "invlpg %gs:0x12345678", { 0x65, 0x0f, 0x01, 0x3c, 0x25, 0x78, 0x56,
	  0x34, 0x12 }, { .op = INSN_INVLPG, .bytes = 9, .segment = 6,
	  .disp = 0x12345678 }, 17, 17 },
	{ "vmmcall", { 0x0f, 0x01, 0xd9 },
	  { .op = INSN_SHORT, .bytes = 3 }, 0, 0 },
	{ "cpuid", { 0x0f, 0xa2 }, { .op = INSN_SHORT, .bytes = 2 }, 0, 0 },
	{ "mov %rax,(%rdi)", { 0x48, 0x89, 0x07 },
	  { .op = INSN_MOV_REG, .bytes = 3, .size = 8 }, 8, 0 },
	{ "mov %si,-8(%rbp)", { 0x66, 0x89, 0x75, 0xf8 },
	  { .op = INSN_MOV_REG, .bytes = 4, .size = 2, .reg = 6, .disp = -8 },
	  6, 0 },
	{ "mov %r10b,(%r12,%r13,8)", { 0x47, 0x88, 0x14, 0xec },
	  { .op = INSN_MOV_REG, .bytes = 4, .size = 1, .reg = 10, .scale = 3 },
	  13, 14 },
	{ "movl $5,0x10(%rip)", { 0xc7, 0x05, 0x10, 0, 0, 0, 5, 0, 0, 0 },
	  { .op = INSN_MOV_IMM, .bytes = 10, .size = 4, .disp = 16, .imm = 5,
	    .rip_relative = true }, 17, 17 },
	{ "movq $-1,(%rax)", { 0x48, 0xc7, 0x00, 0xff, 0xff, 0xff, 0xff },
	  { .op = INSN_MOV_IMM, .bytes = 7, .size = 8, .imm = UINT64_MAX },
	  1, 0 },
	{ "movw $0x1234,(%rax)", { 0x66, 0xc7, 0x00, 0x34, 0x12 },
	  { .op = INSN_MOV_IMM, .bytes = 5, .size = 2, .imm = 0x1234 }, 1, 0 },
	{ "movnti %rax,(%rcx)", { 0x48, 0x0f, 0xc3, 0x01 },
	  { .op = INSN_MOV_REG, .bytes = 4, .size = 8 }, 2, 0 },
	{ "xchg %rbx,(%rdi)", { 0x48, 0x87, 0x1f },
	  { .op = INSN_XCHG, .bytes = 3, .size = 8, .reg = 3 }, 8, 0 },
	{ "lock cmpxchg %rdx,(%rcx)", { 0xf0, 0x48, 0x0f, 0xb1, 0x11 },
	  { .op = INSN_CMPXCHG, .bytes = 5, .size = 8, .reg = 2, .lock = true },
	  2, 0 },
	{ "lock btrq $1,(%rdi)", { 0xf0, 0x48, 0x0f, 0xba, 0x37, 0x01 },
	  { .op = INSN_BIT_IMM, .bytes = 6, .size = 8, .ext = 6, .imm = 1 },
	  8, 0 },
	{ "lock andb $0xfd,(%rbx)", { 0xf0, 0x80, 0x23, 0xfd },
	  { .op = INSN_ALU_IMM, .bytes = 4, .size = 1, .ext = 4 }, 4, 0 },
	{ "addl $0x7f,4(%rsp)", { 0x83, 0x44, 0x24, 0x04, 0x7f },
	  { .op = INSN_ALU_IMM, .bytes = 5, .size = 4, .disp = 4,
	    .imm = 0x7f }, 5, 17 },
	{ "rep stosq", { 0xf3, 0x48, 0xab },
	  { .op = INSN_STOS, .bytes = 3, .size = 8, .rep = true }, 0, 0 },
	{ "rep movsb", { 0xf3, 0xa4 },
	  { .op = INSN_MOVS, .bytes = 2, .size = 1, .rep = true }, 0, 0 },
};

static void same(const struct known *k, const struct insn *i)
{
	const struct insn *w = &k->want;

	cr_assert_eq(i->op, w->op, "%s", k->text);
	cr_assert_eq(i->bytes, w->bytes, "%s", k->text);
	cr_assert(!w->size || i->size == w->size, "%s", k->text);
	cr_assert(!w->reg || i->reg == w->reg, "%s", k->text);
	cr_assert(!w->ext || i->ext == w->ext, "%s", k->text);
	cr_assert(!w->imm || i->imm == w->imm, "%s", k->text);
	cr_assert(!w->scale || i->scale == w->scale, "%s", k->text);
	cr_assert_eq(i->disp, w->disp, "%s", k->text);
	cr_assert_eq(i->lock || !w->lock, true, "%s", k->text);
	cr_assert_eq(i->rep, w->rep, "%s", k->text);
	cr_assert_eq(i->segment, w->segment, "%s", k->text);
	cr_assert_eq(i->rip_relative, w->rip_relative, "%s", k->text);
	cr_assert(!k->base || i->base == k->base - 1, "%s", k->text);
	cr_assert(!k->index || i->index == k->index - 1, "%s", k->text);
}

Test(insn, known_encodings_decode)
{
	for (size_t n = 0; n < sizeof(known) / sizeof(known[0]); n++) {
		const struct known *k = &known[n];
		struct insn i;

		cr_assert(insn_decode(k->code, k->want.bytes, true, &i));
		same(k, &i);
		cr_assert(!insn_decode(k->code, k->want.bytes - 1u, true, &i),
			  "%s cut short", k->text);
	}
}

Test(insn, no_store_is_taken_for_one)
{
	static const unsigned char loads[][4] = {
		{ 0x48, 0x8b, 0x07 },	/* mov (%rdi),%rax */
		{ 0x48, 0x89, 0xc7 },	/* mov %rax,%rdi */
		{ 0x48, 0x01, 0xd8 },	/* add %rbx,%rax */
		{ 0x80, 0x3f, 0x01 },	/* cmpb $1,(%rdi) */
		{ 0x48, 0x39, 0x07 },	/* cmp %rax,(%rdi) */
		{ 0x0f, 0xba, 0x27, 0x01 }, /* btl $1,(%rdi) */
		{ 0x48, 0x0f, 0xc7, 0x0f }, /* cmpxchg16b (%rdi): stepped */
		{ 0x0f, 0x11, 0x07 },	/* movups %xmm0,(%rdi): stepped */
	};

	for (size_t n = 0; n < sizeof(loads) / sizeof(loads[0]); n++) {
		struct insn i;

		insn_decode(loads[n], 4, true, &i);
		cr_assert(i.op < INSN_MOV_REG, "number %zu", n);
	}
}

/* Exact buffers: a sanitizer sees any byte read beyond the end. */
Test(insn, any_bytes_are_survived)
{
	uint64_t seed = test_seed();
	struct test_rng rng = test_rng_init(seed);

	for (uint64_t n = 0; n < test_rounds(200000); n++) {
		unsigned count = 1 + (unsigned)test_rng_below(&rng, 15);
		unsigned char *code = malloc(count);
		bool long_mode = test_rng_below(&rng, 4);
		struct insn i, again;

		for (unsigned k = 0; k < count; k++) {
			code[k] = (unsigned char)test_rng_next(&rng);
		}
		bool whole = insn_decode(code, count, long_mode, &i);

		if (i.bytes > count || i.base > 16 || i.index > 16 ||
		    (whole && !insn_decode(code, i.bytes, long_mode,
					   &again))) {
			test_print_repeat("tests/vmm/insn.t",
					  "any_bytes_are_survived", seed);
			cr_assert_fail("round %lu", (unsigned long)n);
		}
		free(code);
	}
}
