/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which frames have been written, in bitmaps that the VMM owns. A logged frame
 * whose bit is clear must not be writable in any table; whoever makes it
 * writable, or writes it for the guest, sets the bit; whoever changes it from
 * clear to set puts the frame into the log's ring.
 */
#ifndef BASE_DIRTY_H
#define BASE_DIRTY_H

#include "base/addr.h"

#define GN_DIRTY_LOGS GNOMON_DIRTY_LOGS_MAX

struct gn_dirty_log {
	uint64_t first;
	uint64_t frames;	/* 0: free */
	uint64_t *bits;
	uint64_t next;		/* first frame that is not protected yet */
	struct gnomon_dirty_ring *ring;	/* null: none */
	uint32_t ring_size;	/* as it was at first */
};

struct gn_dirty {
	uint32_t count;		/* logs in use */
	struct gn_dirty_log log[GN_DIRTY_LOGS];
};

/* Is a frame of the block in a log? */
bool gn_dirty_logged(const struct gn_dirty *dirty, uint64_t first,
		     uint64_t frames);
/* Is gfn in a log with its bit clear? */
bool gn_dirty_clean_slow(const struct gn_dirty *dirty, uint64_t gfn);
/* Set the bit of gfn in every log that has it. */
void gn_dirty_mark_slow(const struct gn_dirty *dirty, uint64_t gfn);

static inline bool gn_dirty_clean(const struct gn_dirty *dirty, uint64_t gfn)
{
	return dirty->count && gn_dirty_clean_slow(dirty, gfn);
}

static inline void gn_dirty_mark(const struct gn_dirty *dirty, uint64_t gfn)
{
	if (dirty->count) {
		gn_dirty_mark_slow(dirty, gfn);
	}
}

#endif
