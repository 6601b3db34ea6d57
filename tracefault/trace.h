/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which guest frames are traced. A frame gets a record when the first shadow
 * page is kept for it; it is traced, that is, no spte may map it writable,
 * while at least one of these pages mirrors a primary table that lies in it
 * and is in step with it. Sits on base/frames.h; knows nothing of sptes: the
 * owner of the pages keeps their list in the record and does the protecting.
 *
 *	state      tables  open  meaning
 *	untraced     0      0    writes go through
 *	traced      > 0     0    writes fault and are decided on (decide.h)
 *	unsync       0     > 0   a leaf table left open: writes go through, and
 *	                         the owner compares at the next flush point
 *
 *	gn_tf_add() and gn_tf_remove() count tables of a frame that is not
 *	unsync; gn_tf_open() and gn_tf_close() change between the last two.
 */
#ifndef TRACEFAULT_TRACE_H
#define TRACEFAULT_TRACE_H

#include "base/frames.h"
#include "base/slab.h"

struct gn_tf_record {
	uint64_t gfn;
	uint32_t pages;		/* head of the owner's list of shadow pages */
	uint32_t tables;	/* of them, those that need the trace */
	uint32_t open;		/* of them, those that are unsync */
	uint16_t pinned;	/* of them, loaded roots: never given up */
	uint16_t writes;	/* traced stores since the last use */
	uint8_t quiet;		/* flush points without a change, unsync */
	uint8_t upper;		/* a table above the leaf level was here */
	uint8_t watch;		/* enum gnomon_watch of the VMM's own */
	uint8_t below;		/* agile: not to be shadowed (shadow/agile.h) */
};

#define GN_TF_RECORD_SHIFT 5

struct gn_tf {
	struct gn_frames *frames;
	struct gn_slab records;
	uint32_t traced;	/* frames */
};

void gn_tf_init(struct gn_tf *tf, struct gn_frames *frames,
		struct gn_pool *pool);
/* Room for count new records. GNOMON_OK or GNOMON_NOMEM. */
enum gnomon_status gn_tf_reserve(struct gn_tf *tf, uint32_t count)
	GNOMON_MUST_USE;

static inline struct gn_tf_record *gn_tf_at(const struct gn_tf *tf,
					    uint32_t number)
{
	return gn_slab_at_shift(&tf->records, number, GN_TF_RECORD_SHIFT);
}

/* Null when the frame has none. */
static inline struct gn_tf_record *gn_tf_find(const struct gn_tf *tf,
					      uint64_t gfn)
{
	const struct gn_frame *frame = gn_frames_find(tf->frames, gfn);

	return frame && frame->trace ? gn_tf_at(tf, frame->trace) : NULL;
}

/* The frame's record, made if need be from what was reserved. */
struct gn_tf_record *gn_tf_get(struct gn_tf *tf, uint64_t gfn);
/* Give the record back once nothing in it is in use. */
void gn_tf_put(struct gn_tf *tf, struct gn_tf_record *record);

/* One more table needs the trace. True: the frame was untraced before. */
bool gn_tf_add(struct gn_tf *tf, struct gn_tf_record *record);
/* One table less; of an unsync frame, one that is open less. */
void gn_tf_remove(struct gn_tf *tf, struct gn_tf_record *record);
void gn_tf_open(struct gn_tf *tf, struct gn_tf_record *record);
void gn_tf_close(struct gn_tf *tf, struct gn_tf_record *record);

/*
 * The VMM wants to see accesses to the frame (enum gnomon_watch, 0 = none any
 * more); room must have been reserved.
 */
void gn_tf_watch(struct gn_tf *tf, uint64_t gfn, uint8_t watch);

/* The same for a table that is not to be shadowed (shadow/agile.h). */
void gn_tf_mark_below(struct gn_tf *tf, uint64_t gfn, bool on);

static inline uint8_t gn_tf_watched(const struct gn_tf *tf, uint64_t gfn)
{
	const struct gn_tf_record *record = gn_tf_find(tf, gfn);

	return record ? record->watch : 0;
}

static inline bool gn_tf_traced(const struct gn_tf *tf, uint64_t gfn)
{
	const struct gn_tf_record *record = gn_tf_find(tf, gfn);

	return record && record->tables > 0;
}

#endif
