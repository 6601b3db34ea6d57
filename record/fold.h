/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which accesses of a block of code need no look of their own. Accesses whose
 * addresses differ by a constant that the code itself tells (the same base
 * and index registers, unchanged between them but by constants) are a group:
 * the first of them, the leader, stands for all. QEMU's plugins pay for a look
 * at an access with a call, so that their number is what recording costs.
 */
#ifndef RECORD_FOLD_H
#define RECORD_FOLD_H

#include "record/operands.h"

enum {
	FOLD_MEMBERS = 16,	/* of a group */
	FOLD_SPAN = 1024,	/* bytes from its first to its last */
	FOLD_GROUPS = 64,	/* of a block */
	FOLD_INSNS = 512,	/* of a block: what QEMU translates at most */
	FOLD_BUCKETS = 1 << 17,
	FOLD_LEADS = 1 << 20,
	FOLD_KINDS = 4,		/* sets of OPERANDS_READ and OPERANDS_WRITE */
};

struct fold_member {
	int16_t at;		/* seen from the leader's address */
	uint8_t size;
	uint8_t kinds;
};

/* All that a leader stands for; lives on. */
struct fold_lead {
	struct fold_lead *next;
	uint32_t hash;
	uint64_t glance;	/* see below */
	struct fold_block {
		/* Its first page << 1, and 1 if it reaches into the next. */
		uint64_t pages;
		/* Instructions << 32, and accesses that are known. */
		uint64_t counts;
	} block;		/* of one that tells of its block, or 0 */
	uint32_t count;
	struct fold_member member[FOLD_MEMBERS];
};

/*
 * What a callback needs of a group as long as nothing new is to be seen, in
 * one word: where its first byte is, seen from the leader's address; beyond
 * which offset of that byte in its page the group reaches into the next one;
 * and the lead's number.
 */
static inline uint64_t fold_glance(int64_t low, int64_t high, uint32_t number)
{
	return (uint16_t)low | (uint64_t)(4096 - (high - low)) << 16 |
	       (uint64_t)number << 32;
}

static inline uint64_t fold_low(uint64_t glance)
{
	return (uint64_t)(int64_t)(int16_t)glance;
}

static inline uint64_t fold_limit(uint64_t glance)
{
	return (uint16_t)(glance >> 16);
}

static inline uint32_t fold_number(uint64_t glance)
{
	return (uint32_t)(glance >> 32);
}

enum fold_what {
	FOLD_NOTHING,		/* no access, or its leader stands for it */
	FOLD_UNKNOWN,		/* look at whatever it does */
	FOLD_LEAD,
	FOLD_FIRST_LEAD,	/* tells of the block too */
};

/* A register is a value that is not known, numbered, + a constant. */
struct fold_value {
	uint32_t number;	/* 0: nothing, so that the constant is all */
	int64_t add;
};

struct fold_group {
	uint32_t base, index;
	uint8_t scale, segment;
	bool open;		/* may take more members */
	int64_t disp;		/* of the leader */
	int64_t low, high;
	unsigned kinds, count;
	struct fold_member member[FOLD_MEMBERS];
};

/* One block, taken in instruction by instruction. */
struct fold {
	uint64_t pages;
	uint32_t count, accesses;
	uint32_t numbers;	/* given out */
	unsigned groups;
	bool has_first;
	struct fold_value reg[16];
	struct fold_group group[FOLD_GROUPS];
	uint8_t what[FOLD_INSNS];
	uint8_t number[FOLD_INSNS];	/* of the group led or joined */
	int16_t at[FOLD_INSNS];		/* its address, from the leader's */
};

void fold_start(struct fold *f);
/* The block's next instruction. */
void fold_add(struct fold *f, const uint8_t *code, size_t bytes, uint64_t ip);

/*
 * The same leads for all blocks that are alike, so that translating anew costs
 * no memory. One thread may add while others look; zero to start with.
 */
struct fold_leads {
	uint32_t count;
	struct fold_lead *lead[FOLD_LEADS];	/* by number */
	struct fold_block block[FOLD_LEADS];	/* of the same, densely */
	struct fold_lead *bucket[FOLD_BUCKETS];
};

/* Of an instruction that leads; NULL when memory is short. */
const struct fold_lead *fold_lead(struct fold_leads *all,
				  const struct fold *f, unsigned insn);
struct fold_block fold_block(const struct fold *f);
/* All kinds of accesses of a group. */
unsigned fold_kinds(const struct fold *f, unsigned insn);

#endif
