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
	FOLD_NONE = -1,
};

struct fold_member {
	int16_t at;		/* seen from the leader's address */
	uint8_t size;
	uint8_t kinds;
};

enum fold_what {
	FOLD_NOTHING,		/* no access, or its leader stands for it */
	FOLD_UNKNOWN,		/* look at whatever it does */
	FOLD_LEAD,
	FOLD_FIRST_LEAD,	/* tells of the block too */
};

/*
 * Where QEMU keeps, between blocks, the registers that addresses are made of:
 * bytes from the start of the vcpu's object. 0: not known.
 */
struct fold_places {
	uint16_t reg[16];
	uint16_t fs, gs;	/* bases of the segments */
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
	bool early;		/* known when the block starts */
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
	unsigned early;		/* of these, known when the block starts */
	int first;		/* that may tell of the block, or FOLD_NONE */
	bool same_segments;	/* as at its start */
	const struct fold_places *places;	/* or null */
	struct fold_value reg[16];
	struct fold_group group[FOLD_GROUPS];
	uint8_t what[FOLD_INSNS];
	uint8_t number[FOLD_INSNS];	/* of the group led or joined */
	int16_t at[FOLD_INSNS];		/* its address, from the leader's */
	/* The same of what it pushes besides. */
	uint8_t pushed_number[FOLD_INSNS];
	int16_t pushed_at[FOLD_INSNS];
};

/* With places, groups that registers tell of as they are at the start of the
 * block need no leader: whoever looks then knows their addresses. */
void fold_start(struct fold *f, const struct fold_places *places);
/* The block's next instruction. */
void fold_add(struct fold *f, const uint8_t *code, size_t bytes, uint64_t ip);
/* After the last: which one tells of the block, if none is early. */
void fold_end(struct fold *f);

/* ---- what a callback looks at ------------------------------------------- */

/* A group, as long as nothing new is to be seen. */
struct fold_range {
	uint64_t low;		/* its first byte: added to what follows */
	uint16_t base, index;	/* places; 0: nothing */
	/* From which offset in its page on it reaches into the next one. */
	uint16_t limit;
	uint8_t kinds;
	uint8_t shift;		/* of the index */
};

/* What it stands for. */
struct fold_more {
	uint16_t members, first;	/* of fold_rest's */
	int16_t made;		/* where its leader is, which has been made,
				 * from its first byte on; or FOLD_NONE */
	uint16_t spare;
};

/*
 * What one callback stands for: the groups known at the start of a block, or
 * one that a leader leads. Lives on.
 */
struct fold_look {
	/* Of a block that it tells of: instructions << 32, and accesses that
	 * are known. */
	uint64_t counts;
	uint64_t *seen;		/* its user's: when the block was seen */
	void *quick;		/* its user's, too */
	uint32_t ranges;
	const struct fold_rest *rest;
	/* The stack's comes first, if `has_stack`. */
	struct fold_range range[];
};

/* The rest, for when something is new. */
struct fold_rest {
	struct fold_look *next;
	/* Of the block: its first page << 1, and 1 if it reaches into the
	 * next; then hot_block() and hot_block_place() of that. */
	uint64_t pages, page, place;
	uint32_t hash, members;
	bool has_stack;
	struct fold_member *member;
	struct fold_more more[];	/* of each range */
};

/* What `low` of an early group is added to, in the vcpu's object. */
static inline uint64_t fold_value_at(const struct fold_range *r,
				     const char *object)
{
	uint64_t value = 0;

	if (r->base) {
		value = *(const uint64_t *)(const void *)(object + r->base);
	}
	if (r->index) {
		value += *(const uint64_t *)(const void *)(object + r->index)
			 << r->shift;
	}
	return value;
}

/*
 * The same looks for all blocks that are alike, so that translating anew costs
 * no memory. One thread may add while others look; zero to start with.
 */
struct fold_looks {
	uint32_t count;
	struct fold_look *bucket[FOLD_BUCKETS];
};

/* Of an instruction that leads; NULL when memory is short. */
struct fold_look *fold_lead(struct fold_looks *all,
				  const struct fold *f, unsigned insn);
/* Of a block in which none tells of it. */
struct fold_look *fold_entry(struct fold_looks *all, const struct fold *f);
/* Of one group. */
struct fold_range fold_range_of(const struct fold *f,
				const struct fold_group *g);
/* All kinds of accesses of a group. */
unsigned fold_kinds(const struct fold *f, unsigned insn);

#endif
