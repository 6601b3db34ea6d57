/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What instructions do to memory and registers, and which accesses of a block
 * stand for which. The bytes are an assembler's. tests/record/fold.sh compares
 * the same with what real programs do.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/fold.h"
#include "record/hot.h"
#include "record/ways.h"

#define IP UINT64_C(0x401000)

/* Hex digits to bytes. */
static size_t bytes_of(const char *text, uint8_t *to)
{
	size_t n = 0;
	unsigned value;

	while (sscanf(text, " %2x", &value) == 1) {
		to[n++] = (uint8_t)value;
		text += strspn(text, " ") + 2;
	}
	return n;
}

/* "kinds size base index*scale disp segment clobbers to from add" */
static const struct {
	const char *code, *expected;
} known[] = {
	{ "8b 43 10", "1 4 3 -*1 16 0 1 - - 0" },	/* mov eax,[rbx+16] */
	{ "48 89 4c d5 f8", "2 8 5 2*8 -8 0 0 - - 0" },
	{ "44 88 24 25 00 10 00 00", "2 1 - -*1 4096 0 0 - - 0" },
	{ "48 8b 05 f9 0f 00 00", "1 8 - -*1 4202496 0 1 - - 0" }, /* rip */
	{ "64 48 8b 04 25 28 00 00 00", "1 8 - -*1 40 100 1 - - 0" },
	{ "48 83 c0 10", "0 0 - -*1 0 0 0 0 0 16" },	/* add rax,16 */
	{ "48 81 ec 00 01 00 00", "0 0 - -*1 0 0 0 4 4 -256" },
	{ "83 c0 10", "0 0 - -*1 0 0 1 - - 0" },	/* add eax,16 */
	{ "48 ff c9", "0 0 - -*1 0 0 0 1 1 -1" },
	{ "49 89 e5", "0 0 - -*1 0 0 0 13 4 0" },	/* mov r13,rsp */
	{ "48 8d 7c 24 08", "0 0 - -*1 0 0 0 7 4 8" },
	{ "48 8d 3c 83", "0 0 - -*4 0 0 80 - - 0" },	/* an index */
	{ "88 e0", "0 0 - -*1 0 0 1 - - 0" },		/* mov al,ah */
	{ "b4 01", "0 0 - -*1 0 0 11 - - 0" },		/* ah is rax's */
	{ "40 b4 01", "0 0 - -*1 0 0 10 - - 0" },	/* spl is not */
	{ "41 57", "2 8 4 -*1 -8 0 0 4 4 -8" },		/* push r15 */
	{ "5d", "1 8 4 -*1 0 0 20 4 4 8" },		/* pop rbp */
	{ "c9", "1 8 5 -*1 0 0 20 4 5 8" },		/* leave */
	{ "e8 00 00 00 00", "2 8 4 -*1 -8 0 0 4 4 -8" },
	{ "f3 c3", "1 8 4 -*1 0 0 0 4 4 8" },
	{ "ff 50 10", "1 8 0 -*1 16 0 0 4 4 -8" },	/* call [rax+16] */
	{ "ff 74 24 08", "1 8 4 -*1 8 0 0 4 4 -8" },	/* push [rsp+8] */
	{ "ff e0", "0 0 - -*1 0 0 0 - - 0" },
	{ "ff 25 00 00 00 00", "1 8 - -*1 4198406 0 0 - - 0" },
	{ "48 83 38 00", "1 8 0 -*1 0 0 0 - - 0" },	/* cmp */
	{ "48 83 00 01", "3 8 0 -*1 0 0 0 - - 0" },	/* add */
	{ "66 c7 01 34 12", "2 2 1 -*1 0 0 0 - - 0" },
	{ "0f b6 46 01", "1 1 6 -*1 1 0 1 - - 0" },	/* movzx */
	{ "48 0f bf 07", "1 2 7 -*1 0 0 1 - - 0" },
	{ "48 63 06", "1 4 6 -*1 0 0 1 - - 0" },
	{ "0f 95 c0", "0 0 - -*1 0 0 1 - - 0" },	/* setne al */
	{ "f7 f9", "0 0 - -*1 0 0 5 - - 0" },		/* idiv ecx */
	{ "0f 44 07", "1 4 7 -*1 0 0 1 - - 0" },	/* cmov */
	{ "0f 11 07", "2 16 7 -*1 0 0 0 - - 0" },	/* movups */
	{ "f2 0f 10 07", "1 8 7 -*1 0 0 0 - - 0" },	/* movsd */
	{ "f3 0f 58 07", "1 4 7 -*1 0 0 0 - - 0" },	/* addss */
	{ "f3 0f 7e 07", "1 8 7 -*1 0 0 0 - - 0" },	/* movq */
	{ "66 48 0f 7e c0", "0 8 - -*1 0 0 1 - - 0" },
	{ "66 0f 6f 46 10", "1 16 6 -*1 16 0 0 - - 0" },
	{ "66 0f ef c0", "0 16 - -*1 0 0 0 - - 0" },	/* pxor */
	{ "66 44 0f d7 c0", "0 16 - -*1 0 0 100 - - 0" }, /* pmovmskb r8d */
	{ "f2 48 0f 2a 06", "1 8 6 -*1 0 0 0 - - 0" },	/* cvtsi2sd */
	{ "f2 0f 2c c0", "0 8 - -*1 0 0 1 - - 0" },	/* cvttsd2si */
	{ "c5 fe 6f 07", "1 32 7 -*1 0 0 0 - - 0" },	/* vmovdqu ymm */
	{ "c5 f9 7f 46 10", "2 16 6 -*1 16 0 0 - - 0" },
	{ "c5 fd 74 0f", "1 32 7 -*1 0 0 0 - - 0" },	/* vpcmpeqb */
	{ "c4 c1 7e 6f 00", "1 32 8 -*1 0 0 0 - - 0" },
	{ "c5 fd d7 c1", "0 32 - -*1 0 0 1 - - 0" },	/* vpmovmskb */
	{ "f3 0f 1e fa", "0 0 - -*1 0 0 0 - - 0" },	/* endbr64 */
	{ "0f 1f 44 00 00", "0 4 0 0*1 0 0 0 - - 0" },	/* nop: no access */
};

static const char *name_of(unsigned reg, char text[4])
{
	snprintf(text, 4, "%u", reg);
	return reg == OPERANDS_NONE ? "-" : text;
}

Test(operands, known_ones)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		char base[4], index[4], to[4], from[4], text[96];
		uint8_t code[16];
		size_t bytes = bytes_of(known[i].code, code);
		struct operands o = operands_of(code, bytes, IP);

		cr_assert(o.exact, "%s", known[i].code);
		snprintf(text, sizeof(text), "%u %u %s %s*%u %ld %u %x %s %s "
			 "%ld", o.kinds, o.size, name_of(o.base, base),
			 name_of(o.index, index), o.scale, (long)o.disp,
			 o.segment, o.clobbers, name_of(o.to, to),
			 name_of(o.from, from), (long)o.add);
		if (o.kinds || o.clobbers || o.size == 0) {
			cr_expect_str_eq(text, known[i].expected, "%s: %s",
					 known[i].code, text);
		}
	}
}

Test(operands, others_may_do_anything)
{
	static const char *const codes[] = {
		"f3 48 a5",		/* rep movsq */
		"f0 48 0f b1 0f",	/* lock cmpxchg */
		"48 87 07",		/* xchg: the processor locks it */
		"48 0f a3 07",		/* bt: the register is an address */
		"67 8b 07", "66 55", "0f a2", "0f 05",
		"c4 e2 78 f2 c1",	/* andn */
		"c5 f8 92 c0", "62 f1 fe 48 6f 07",
		"0f c7 07", "5c", "66 63 07", "48", "8b", "8b 04",
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		uint8_t code[16];
		size_t bytes = bytes_of(codes[i], code);

		cr_expect(!operands_of(code, bytes, IP).exact, "%s", codes[i]);
	}
}

/* Any bytes: nothing is read beyond them (AddressSanitizer looks). */
Test(operands, any_bytes)
{
	srand(7);
	for (int i = 0; i < 300000; i++) {
		size_t bytes = 1 + (size_t)rand() % 15;
		uint8_t *code = malloc(bytes);

		cr_assert(code);
		for (size_t b = 0; b < bytes; b++) {
			code[b] = (uint8_t)rand();
		}
		struct operands o = operands_of(code, bytes, IP);

		cr_assert(!o.exact || o.size <= 32);
		free(code);
	}
}

/* ---- folding ------------------------------------------------------------ */

static struct fold f;

/* A block of instructions, divided by ';'. What becomes of each: N nothing,
 * U unknown, L leader, F first leader. */
static void expect_with(const struct fold_places *places, const char *block,
			const char *want)
{
	char text[256], got[32], *save = NULL;
	uint64_t ip = IP;
	size_t n = 0;

	snprintf(text, sizeof(text), "%s", block);
	fold_start(&f, places);
	for (char *c = strtok_r(text, ";", &save); c;
	     c = strtok_r(NULL, ";", &save)) {
		uint8_t code[16];
		size_t bytes = bytes_of(c, code);

		fold_add(&f, code, bytes, ip);
		ip += bytes;
	}
	fold_end(&f);
	for (; n < f.count; n++) {
		got[n] = "NULF"[f.what[n]];
	}
	got[n] = '\0';
	cr_expect_str_eq(got, want, "%s: %s", block, got);
}

static void expect(const char *block, const char *want)
{
	expect_with(NULL, block, want);
}

Test(fold, same_register_is_one_group)
{
	/* mov rax,[rbx]; mov rcx,[rbx+8]; mov [rbx+16],rcx */
	expect("48 8b 03; 48 8b 4b 08; 48 89 4b 10", "FNN");
	cr_assert_eq(f.group[0].count, 3);
	cr_assert_eq(f.group[0].low, 0);
	cr_assert_eq(f.group[0].high, 24);
	cr_assert_eq(f.group[0].kinds, 3);
	/* mov rbx,[rbx]; mov rcx,[rbx]: another value */
	expect("48 8b 1b; 48 8b 0b", "FL");
	/* add rbx,8 between: known */
	expect("48 8b 03; 48 83 c3 08; 48 8b 0b", "FNN");
	cr_assert_eq(f.at[2], 8);
	/* add ebx,8 between: not */
	expect("48 8b 03; 83 c3 08; 48 8b 0b", "FNL");
	/* mov rdx,rbx; mov rcx,[rdx-16] */
	expect("48 8b 03; 48 89 da; 48 8b 4a f0", "FNN");
	cr_assert_eq(f.group[0].low, -16);
	/* too far */
	expect("48 8b 03; 48 8b 8b 00 08 00 00", "FL");
}

Test(fold, the_stack_is_one_group)
{
	/* push rbp; mov rbp,rsp; push rbx; sub rsp,24; mov [rbp-32],rdi;
	 * call */
	expect("55; 48 89 e5; 53; 48 83 ec 18; 48 89 7d e0; e8 00 00 00 00",
	       "FNNNNN");
	cr_assert_eq(f.group[0].low, -40);
	cr_assert_eq(f.accesses, 4);
	/* leave; ret */
	expect("c9; c3", "FN");
}

Test(fold, what_cannot_lead)
{
	/* movups: QEMU makes two of it. Then mov rax,[rdi] leads. */
	expect("0f 10 07; 48 8b 07; 0f 10 4f 10", "LFN");
	cr_assert_eq(f.group[0].count, 1);
	cr_assert_eq(f.group[0].high, 8);
	cr_assert_eq(f.group[1].high, 32);
	/* add [rdi],1: called back twice; tells of no block. */
	expect("48 83 07 01; 48 8b 06", "LF");
	/* rep movsb, cpuid: all registers are new, rip-relative stays. */
	expect("48 8b 05 00 00 00 00; 48 8b 03; f3 a4; 48 8b 03; "
	       "48 8b 05 f0 ff ff ff", "FLULN");
	/* fs:[0] may be elsewhere after an instruction nobody knows. */
	expect("64 48 8b 04 25 00 00 00 00; 0f a2; "
	       "64 48 8b 04 25 00 00 00 00", "FUL");
}

/* ---- when registers are known at the start ------------------------------ */

static const struct fold_places places = {
	.reg = { 80, 88, 96, 104, 112, 120, 128, 136, 144, 152, 160, 168, 176,
		 184, 192, 200 },
	.fs = 800, .gs = 808,
};

static void expect_early(const char *block, const char *want)
{
	expect_with(&places, block, want);
}

Test(fold, what_is_known_at_the_start_needs_no_leader)
{
	/* mov rax,[rbx]; mov rcx,[rbx+8] */
	expect_early("48 8b 03; 48 8b 4b 08", "NN");
	cr_assert_eq(f.early, 1);
	/* mov rbx,[rbx]; mov rcx,[rbx]: the second is not known */
	expect_early("48 8b 1b; 48 8b 0b", "NL");
	/* nor is any here, so that it tells of the block:
	 * imul ebx,ebx; mov rcx,[rbx]; mov rdx,[rsi] would be early */
	expect_early("0f af db; 48 8b 0b", "NF");
	expect_early("0f af db; 48 8b 0b; 48 8b 16", "NLN");
	/* movups xmm0,[rdi]; mov rax,[rdi]: large ones, too */
	expect_early("0f 10 07; 48 8b 07; 0f 10 4f 10", "NNN");
	cr_assert_eq(f.group[0].high, 32);
	/* add [rdi],1; then an instruction nobody knows */
	expect_early("48 83 07 01; 0f a2; 48 8b 07", "NUL");
}

Test(fold, call_of_memory_needs_no_leader_if_both_are_known)
{
	/* call [rax+16] */
	expect_early("ff 50 10", "N");
	cr_assert_eq(f.early, 2);
	cr_assert_eq(f.accesses, 2);
	expect("ff 50 10", "U");
	/* mov rax,[rbx]; call [rax+16] */
	expect_early("48 8b 03; ff 50 10", "NU");
	cr_assert_eq(f.accesses, 1);
}

Test(fold, where_an_address_comes_from)
{
	static struct fold_looks all;
	uint64_t object[128] = { 0 };
	struct fold_look *l;

	object[13] = 0x1000;	/* rbx */
	object[10] = 0x30;	/* rax */
	object[14] = 0x7000;	/* rsp */
	object[100] = 0x90000;	/* fs */
	/* mov rcx,[rbx+rax*4+8]; push rcx; mov rcx,fs:[0x28]; mov rcx,
	 * [rip+0]; mov rcx,fs:[rbx-8] */
	expect_early("48 8b 4c 83 08; 51; 64 48 8b 0c 25 28 00 00 00; "
		     "48 8b 0d 00 00 00 00; 64 48 8b 4b f8", "NNNNN");
	l = fold_entry(&all, &f);
	cr_assert_eq(l->ranges, 5);
	cr_assert(l->rest->has_stack);
	static const uint64_t want[] = { 0x6ff8, 0x10c8, 0x90028,
					 IP + 22, 0x90ff8 };

	for (unsigned i = 0; i < 5; i++) {
		uint64_t at = fold_value_at(&l->range[i],
					    (const char *)object);

		cr_expect_eq(at + l->range[i].low, want[i], "%u: %lx", i,
			     (unsigned long)(at + l->range[i].low));
		cr_expect_eq(l->rest->more[i].made, FOLD_NONE);
	}
	/* fs:[rbx+rax] needs three. */
	expect_early("64 48 8b 0c 03", "F");
	/* fs may be another one after an instruction nobody knows. */
	expect_early("0f a2; 64 48 8b 0c 25 28 00 00 00", "UF");
}

Test(fold, looks_are_shared)
{
	static struct fold_looks all;
	const struct fold_look *one, *two;

	expect("48 8b 03; 48 8b 4b 08", "FN");
	one = fold_lead(&all, &f, 0);
	cr_assert_eq(one->range[0].low, 0);
	cr_assert_eq(one->range[0].limit, 4096 - 16);
	cr_assert_eq(one->rest->pages, IP >> 12 << 1);
	cr_assert_eq(one->counts, UINT64_C(2) << 32 | 2);
	cr_assert_eq(one->rest->more[0].made, 0);
	cr_assert_eq(fold_lead(&all, &f, 0), one);
	/* mov rax,[rbx]; mov rcx,[rbx-16] */
	expect("48 8b 03; 48 8b 4b f0", "FN");
	two = fold_lead(&all, &f, 0);
	cr_assert_neq(two, one);
	cr_assert_eq(two->rest->more[0].made, 16);
	cr_assert_eq(two->rest->member[0].at, 16);
	cr_assert_eq(two->rest->member[1].at, 0);
	cr_assert_eq((int64_t)two->range[0].low, -16);
	cr_assert_eq(all.count, 2);
	expect_early("48 8b 03; 48 8b 4b 08", "NN");
	one = fold_entry(&all, &f);
	cr_assert_eq(fold_entry(&all, &f), one);
	cr_assert_eq(all.count, 3);
}

/* ---- what is hot -------------------------------------------------------- */

Test(hot, pages_of_kinds)
{
	static struct hot h;

	hot_start(&h);
	cr_expect(!hot_has(&h, OPERANDS_READ, 0, 4095));
	cr_expect(!hot_has(&h, OPERANDS_READ, 0x5123, 4095));
	hot_set(&h, OPERANDS_READ, 0x5123);
	cr_expect(hot_has(&h, OPERANDS_READ, 0x5000, 4095));
	cr_expect(hot_has(&h, OPERANDS_READ, 0x5ff8, 0xff8));
	cr_expect(!hot_has(&h, OPERANDS_READ, 0x5ff9, 0xff8));
	cr_expect(!hot_has(&h, OPERANDS_WRITE, 0x5000, 4095));
	cr_expect(!hot_has(&h, OPERANDS_READ, 0x5000 + 4096 * HOT_PAGES,
			   4095));
	hot_set_stack(&h, 0x5123);
	cr_expect_eq(h.stack, HOT_NOWHERE);
	hot_set(&h, OPERANDS_WRITE, 0x5123);
	hot_set_stack(&h, 0x5123);
	cr_expect_eq(h.stack, 0x5000);
	hot_cool(&h, OPERANDS_WRITE, 5);
	cr_expect_eq(h.stack, HOT_NOWHERE);
	cr_expect(!hot_has(&h, OPERANDS_WRITE, 0x5000, 4095));
	cr_expect(hot_has(&h, OPERANDS_READ, 0x5000, 4095));
}

Test(hot, pages_of_blocks)
{
	static struct hot h;
	const uint64_t pages[] = { 5 << 1, 5 << 1 | 1, 4 << 1 | 1 };

	hot_start(&h);
	for (unsigned i = 0; i < 3; i++) {
		h.page[hot_block_place(pages[i])][0] = hot_block(pages[i]);
	}
	hot_cool(&h, 0, 5);
	for (unsigned i = 0; i < 3; i++) {
		cr_expect_neq(h.page[hot_block_place(pages[i])][0],
			      hot_block(pages[i]));
	}
}

/* ---- the filter behind it ----------------------------------------------- */

Test(ways, the_oldest_goes_and_is_cold_before)
{
	/* page, found, the page that is not warm any more */
	static const uint64_t steps[][3] = {
		{ 1, 0, 0 }, { 2, 0, 0 }, { 3, 0, 0 }, { 4, 0, 1 },
		{ 4, 1, 0 }, { 1, 1, 2 }, { 2, 1, 3 }, { 5, 0, 4 },
		{ 3, 0, 1 }, { 4, 0, 2 }, { 5, 1, 0 }, { 1, 0, 3 },
	};
	struct record_ways w;
	uint64_t cold;

	cr_assert(record_ways_init(&w, 1));
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		bool found = record_ways_see(&w, steps[i][0], &cold);

		cr_expect_eq(found, steps[i][1] != 0, "step %zu", i);
		cr_expect_eq(cold, steps[i][2] ? steps[i][2] + 1 : 0,
			     "step %zu: %lu", i, (unsigned long)cold);
	}
	free(w.set);
}

Test(fold, more_than_there_is_room_for)
{
	fold_start(&f, NULL);
	for (unsigned i = 0; i < FOLD_INSNS; i++) {
		/* mov rax,[rax]: each has a base of its own */
		fold_add(&f, (const uint8_t *)"\x48\x8b\x00", 3, IP);
	}
	cr_assert_eq(f.groups, FOLD_GROUPS);
	cr_assert_eq(f.what[FOLD_INSNS - 1], FOLD_UNKNOWN);
	fold_start(&f, NULL);
	for (unsigned i = 0; i < FOLD_INSNS; i++) {
		/* mov [rbx+i],al */
		const uint8_t code[] = { 0x88, 0x83, (uint8_t)i,
					 (uint8_t)(i >> 8), 0, 0 };

		fold_add(&f, code, sizeof(code), IP);
	}
	cr_assert_eq(f.group[0].count, FOLD_MEMBERS);
	cr_assert_eq(f.groups, FOLD_INSNS / FOLD_MEMBERS);
}
