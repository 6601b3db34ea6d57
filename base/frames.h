/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the engine knows about each guest frame: two numbers per frame, in a
 * radix tree of bookkeeping pages keyed by gfn. A leaf page holds 512 frames,
 * just the reach of a 2M mapping, so the tree also answers whether any frame
 * of an aligned block is marked: each pointer carries, in its low bits, how
 * many of the 512 things below it hold a mark.
 */
#ifndef BASE_FRAMES_H
#define BASE_FRAMES_H

#include "base/pool.h"

struct gn_frame {
	uint32_t rmap;		/* sptes that map the frame; 0 = none */
	uint32_t trace;		/* number of its trace record; 0 = none */
};

#define GN_FRAMES_LEVELS 5	/* of the tree: 45 bits of gfn */

struct gn_frames {
	struct gn_pool *pool;
	uintptr_t root;		/* pointer | marked children */
	uint64_t reach;		/* frames that the tree has room for */
	unsigned height;	/* levels of nodes above the leaf pages */
	uint32_t pages;
};

void gn_frames_init(struct gn_frames *frames, struct gn_pool *pool);
/* Make room for gfn (below 2^45). GNOMON_OK or GNOMON_NOMEM. */
enum gnomon_status gn_frames_ensure(struct gn_frames *frames, uint64_t gfn)
	GNOMON_MUST_USE;

/* The low bits of a link to a page count the marks below it. */
#define GN_FRAMES_COUNT ((uintptr_t)(GNOMON_PAGE_BYTES - 1))

/* Which child of a node at height (1 = parent of leaf pages) leads to gfn. */
static inline unsigned gn_frames_index(uint64_t gfn, unsigned height)
{
	return (unsigned)(gfn >> (9 * height)) & 511;
}

static inline bool gn_frames_reach(const struct gn_frames *frames,
				   uint64_t gfn)
{
	return gfn < frames->reach;
}

/* Null when there never was room for gfn. */
static inline struct gn_frame *gn_frames_find(const struct gn_frames *frames,
					      uint64_t gfn)
{
	if (!gn_frames_reach(frames, gfn)) {
		return NULL;
	}
	uintptr_t link = frames->root & ~GN_FRAMES_COUNT;

	for (unsigned shift = 9 * frames->height; shift; shift -= 9) {
		const uintptr_t *node = (const void *)link;

		link = node[gfn >> shift & 511] & ~GN_FRAMES_COUNT;
		if (!link) {
			return NULL;
		}
	}
	return (struct gn_frame *)link + (gfn & 511);
}

/* Add or take the mark of a frame that has room; it must change. */
void gn_frames_mark(struct gn_frames *frames, uint64_t gfn, bool on);
/* Is a frame marked in the aligned block of 512 (order 9) or 512^2 (18)? */
bool gn_frames_marked(const struct gn_frames *frames, uint64_t gfn,
		      unsigned order);
/*
 * The first frame at or after *gfn that something is known of; *gfn becomes
 * its number. Null at the end. For audits: it looks at every frame.
 */
struct gn_frame *gn_frames_next(const struct gn_frames *frames, uint64_t *gfn);
/* Give up to *budget pages back; true when none is left. */
bool gn_frames_drop(struct gn_frames *frames, uint32_t *budget);

#endif
