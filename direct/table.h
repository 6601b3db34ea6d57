/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames that become tables and back, and the splits. Sits on set.h.
 */
#ifndef DIRECT_TABLE_H
#define DIRECT_TABLE_H

#include "direct/direct.h"

static inline struct gn_dp_table *gn_dp_table_at(const struct gn_dp *dp,
						 uint32_t number)
{
	return gn_slab_at(&dp->tables, number);
}

/* Number of the table that gfn is, or 0. */
static inline uint32_t gn_dp_find(const struct gn_dp *dp, uint64_t gfn)
{
	const struct gn_frame *frame = gn_frames_find(&dp->frames, gfn);

	return frame ? frame->trace : 0;
}

/*
 * The table at gfn, made if it is none: *table is its number. GNOMON_OK;
 * GNOMON_EXISTS: it is one of another level; GNOMON_ABSENT: not RAM that can
 * be written in place, or not now; GNOMON_NOMEM. Memory is asked for first.
 */
enum gnomon_status gn_dp_promote(struct gn_dp *dp, uint64_t gfn,
				 unsigned level, uint32_t *table);
/* Turn a table that nothing refers to back into data. */
void gn_dp_demote(struct gn_dp *dp, uint32_t table);
/* A table gains or loses one that refers to it. */
void gn_dp_hold(struct gn_dp *dp, uint32_t table);
void gn_dp_let_go(struct gn_dp *dp, uint32_t table);

/* A split below entry index of table above; 0: no memory. Not linked yet. */
uint32_t gn_dp_split_new(struct gn_dp *dp, uint32_t above, unsigned index);
/* Its entries are empty; nothing links to it. */
void gn_dp_split_free(struct gn_dp *dp, uint32_t table);

/* Before a frame changes hands: no TLB may know it as it was. */
void gn_dp_settle(struct gn_dp *dp);

#endif
