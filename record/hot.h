/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pages that one vcpu was just at: what stands in front of the filter of
 * the recorder of processes, so that a look at an access that tells nothing
 * new is a few instructions. By the page's number and the kind of access; a
 * place holds the address of its page. One that holds 0 is empty: nothing can
 * be at the first page, for its places never hold that.
 */
#ifndef RECORD_HOT_H
#define RECORD_HOT_H

#include <stdint.h>
#include <string.h>

#include "record/operands.h"

enum {
	HOT_PAGES = 16384,
	/* Sets of OPERANDS_READ and OPERANDS_WRITE; the empty one stands for
	 * the fetch of a block. */
	HOT_KINDS = 4,
};

#define HOT_NOWHERE UINT64_C(0x8080808080808080)

struct hot {
	uint64_t stack;		/* hot for reads and for writes */
	uint64_t page[HOT_PAGES][HOT_KINDS];
};

static inline void hot_start(struct hot *h)
{
	for (unsigned i = 0; i < HOT_KINDS; i++) {
		h->page[0][i] = HOT_NOWHERE;
	}
	h->stack = HOT_NOWHERE;
}

static inline uint64_t *hot_at(struct hot *h, unsigned kinds, uint64_t gva)
{
	return &h->page[gva >> 12 & (HOT_PAGES - 1)][kinds];
}

/* Are all bytes from gva on, up to `limit` in the page, in such a page? */
static inline bool hot_has(struct hot *h, unsigned kinds, uint64_t gva,
			   uint64_t limit)
{
	return gva - *hot_at(h, kinds, gva) <= limit;
}

static inline void hot_set(struct hot *h, unsigned kinds, uint64_t gva)
{
	*hot_at(h, kinds, gva) = gva & ~UINT64_C(4095);
}

/* The page of the stack: if reads and writes are hot there. */
static inline void hot_set_stack(struct hot *h, uint64_t gva)
{
	const unsigned both = OPERANDS_READ | OPERANDS_WRITE;

	if (hot_has(h, both, gva, 4095) ||
	    (hot_has(h, OPERANDS_READ, gva, 4095) &&
	     hot_has(h, OPERANDS_WRITE, gva, 4095))) {
		h->stack = gva & ~UINT64_C(4095);
	}
}

/* Of a block: its first page << 1, and 1 if it reaches into the next one. Its
 * place is that of a page; what is there is hot_block(). */
static inline uint64_t hot_block(uint64_t pages)
{
	return pages >> 1 << 12 | (pages & 1);
}

static inline uint64_t hot_block_place(uint64_t pages)
{
	return ((pages >> 1) ^ (pages & 1) * (HOT_PAGES / 2)) &
	       (HOT_PAGES - 1);
}

static inline void hot_cool_block(struct hot *h, uint64_t pages)
{
	h->page[hot_block_place(pages)][0] = HOT_NOWHERE;
}

/* Nothing of that kind, alone or with others, is hot in that page; kind 0:
 * no block is. */
static inline void hot_cool(struct hot *h, unsigned kind, uint64_t page)
{
	if (kind == 0) {
		hot_cool_block(h, page << 1);
		hot_cool_block(h, page << 1 | 1);
		hot_cool_block(h, (page - 1) << 1 | 1);
		return;
	}
	if (h->stack == page << 12) {
		h->stack = HOT_NOWHERE;
	}
	*hot_at(h, kind, page << 12) = HOT_NOWHERE;
	*hot_at(h, OPERANDS_READ | OPERANDS_WRITE, page << 12) = HOT_NOWHERE;
}

#endif
