/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The filter of the recorder of processes: the pages of the last accesses, in
 * sets of four as in a second-level TLB. QEMU's user mode puts stack and data
 * where a direct-mapped table would have them push each other out. All but
 * the last of a set are warm: whoever sees that a page is one of them may leave
 * out to ask, which would change their order alone.
 */
#ifndef RECORD_WAYS_H
#define RECORD_WAYS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
	RECORD_WAYS = 4,
	RECORD_WARM = 3,
};

struct record_ways {
	uint32_t sets;		/* a power of two; 0: not made */
	uint64_t (*set)[RECORD_WAYS];	/* page + 1, the last one first */
};

/* For so many pages, at least one set; false when memory is short. */
static inline bool record_ways_init(struct record_ways *w, uint32_t pages)
{
	uint32_t sets = pages / RECORD_WAYS ? pages / RECORD_WAYS : 1;

	w->set = calloc(sets, sizeof(*w->set));
	w->sets = w->set ? sets : 0;
	return w->set != NULL;
}

static inline void record_ways_clear(struct record_ways *w)
{
	memset(w->set, 0, w->sets * sizeof(*w->set));
}

/* Is the page among the last ones? It is from now on; the one that is warm no
 * more, if any, is in *cold as in the set. */
_Static_assert(RECORD_WAYS == 4 && RECORD_WARM == 3, "as below");

static inline bool record_ways_see(struct record_ways *w, uint64_t page,
				   uint64_t *cold)
{
	/* Moved one by one: what moves several at once would wait for what
	 * was just stored. */
	volatile uint64_t *set = w->set[page & (w->sets - 1)];
	unsigned at = 0;

	*cold = 0;
	while (at < RECORD_WAYS && set[at] != page + 1) {
		at++;
	}
	if (at == 0) {
		return true;
	}
	bool found = at < RECORD_WAYS;

	if (at >= RECORD_WARM) {
		*cold = set[2];
		set[3] = *cold;
	}
	if (at >= 2) {
		set[2] = set[1];
	}
	set[1] = set[0];
	set[0] = page + 1;
	return found;
}

#endif
