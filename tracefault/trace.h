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
	/* The trace does not hold for other tables: see gn_tf_guarded(). */
	uint8_t loose;
	/* The VMM chose a mode for the address space whose root is here. */
	uint8_t space;
};

/*
 * Tables besides those of the records' owner that map guest frames. A trace
 * that starts must hold for them as well.
 */
struct gn_tf_other {
	/* Take W from whatever maps the frame, TLBs included. No memory. */
	void (*protect)(void *tables, uint64_t gfn);
};

#define GN_TF_RECORD_SHIFT 5

struct gn_tf {
	struct gn_frames *frames;
	struct gn_slab records;
	uint32_t traced;	/* frames */
	const struct gn_tf_other *other; /* null: there are none */
	void *other_tables;
	uint32_t spaces;	/* records with a choice that counts */
	uint32_t forgotten;	/* and with one that does so no more */
	uint8_t space_era;	/* a bit that choices that count have */
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

/* Make a new trace of the frame hold for the other tables. */
static inline void gn_tf_protect_other(const struct gn_tf *tf, uint64_t gfn)
{
	if (tf->other) {
		tf->other->protect(tf->other_tables, gfn);
	}
}

/*
 * The VMM's choice for the address space whose root lies in the frame: 1 + its
 * enum gnomon_mode, or 0. To choose needs the room of one record.
 */
uint8_t gn_tf_space(const struct gn_tf *tf, uint64_t gfn);
void gn_tf_set_space(struct gn_tf *tf, uint64_t gfn, uint8_t space);
/*
 * Forget all choices at once. Their records stay, counted as forgotten, until
 * gn_tf_sweep_space() has looked at each; nothing may be chosen before that.
 */
void gn_tf_forget_spaces(struct gn_tf *tf);
void gn_tf_sweep_space(struct gn_tf *tf, uint64_t gfn);

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

/* Must tables other than the owner's keep W from the frame? */
static inline bool gn_tf_guarded(const struct gn_tf_record *record)
{
	return record->tables > 0 && !record->loose;
}

static inline bool gn_tf_traced(const struct gn_tf *tf, uint64_t gfn)
{
	const struct gn_tf_record *record = gn_tf_find(tf, gfn);

	return record && record->tables > 0;
}

#endif
