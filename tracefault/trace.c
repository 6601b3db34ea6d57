/* SPDX-License-Identifier: BSD-2-Clause */
#include "tracefault/trace.h"

#include "base/assert.h"

#define RECORDS_MAX (1u << 24)

GN_STATIC_ASSERT(sizeof(struct gn_tf_record) <= 1u << GN_TF_RECORD_SHIFT,
		 "a trace record fits its slab object");

void gn_tf_init(struct gn_tf *tf, struct gn_frames *frames,
		struct gn_pool *pool)
{
	*tf = (struct gn_tf){ .frames = frames };
	gn_slab_init(&tf->records, pool, GN_TF_RECORD_SHIFT, RECORDS_MAX);
}

enum gnomon_status gn_tf_reserve(struct gn_tf *tf, uint32_t count)
{
	return gn_slab_reserve(&tf->records, count);
}

struct gn_tf_record *gn_tf_get(struct gn_tf *tf, uint64_t gfn)
{
	struct gn_frame *frame = gn_frames_find(tf->frames, gfn);

	GN_ASSERT(frame);
	if (!frame->trace) {
		frame->trace = gn_slab_take(&tf->records);
		GN_ASSERT(frame->trace);
		gn_tf_at(tf, frame->trace)->gfn = gfn;
	}
	return gn_tf_at(tf, frame->trace);
}

void gn_tf_put(struct gn_tf *tf, struct gn_tf_record *record)
{
	struct gn_frame *frame = gn_frames_find(tf->frames, record->gfn);

	if (record->pages || record->tables || record->open || record->watch ||
	    record->below || record->space) {
		return;
	}
	gn_slab_give(&tf->records, frame->trace);
	frame->trace = 0;
}

static void trace(struct gn_tf *tf, const struct gn_tf_record *record, bool on)
{
	/* A watched frame has its mark already, and keeps it. */
	if (!record->watch) {
		gn_frames_mark(tf->frames, record->gfn, on);
	}
	tf->traced += on ? 1 : UINT32_MAX;
}

bool gn_tf_add(struct gn_tf *tf, struct gn_tf_record *record)
{
	GN_ASSERT(record->open == 0);
	if (record->tables++ > 0) {
		return false;
	}
	record->writes = 0;
	trace(tf, record, true);
	return true;
}

void gn_tf_remove(struct gn_tf *tf, struct gn_tf_record *record)
{
	if (record->open) {
		record->open--;
		return;
	}
	GN_ASSERT(record->tables > 0);
	if (--record->tables == 0) {
		trace(tf, record, false);
	}
}

void gn_tf_open(struct gn_tf *tf, struct gn_tf_record *record)
{
	GN_ASSERT(record->tables > 0);
	record->open = record->tables;
	record->tables = 0;
	record->quiet = 0;
	trace(tf, record, false);
}

void gn_tf_close(struct gn_tf *tf, struct gn_tf_record *record)
{
	GN_ASSERT(record->open > 0);
	record->tables = record->open;
	record->open = 0;
	record->writes = 0;
	trace(tf, record, true);
}

#define SPACE_ERA 0x80u

static bool counts(const struct gn_tf *tf, uint8_t space)
{
	return space && (space & SPACE_ERA) == tf->space_era;
}

uint8_t gn_tf_space(const struct gn_tf *tf, uint64_t gfn)
{
	const struct gn_tf_record *record = gn_tf_find(tf, gfn);

	return record && counts(tf, record->space)
		       ? record->space & (uint8_t)~SPACE_ERA
		       : 0;
}

void gn_tf_set_space(struct gn_tf *tf, uint64_t gfn, uint8_t space)
{
	struct gn_tf_record *record = gn_tf_find(tf, gfn);

	if (!record && !space) {
		return;
	}
	record = gn_tf_get(tf, gfn);
	GN_ASSERT(!record->space || counts(tf, record->space));
	tf->spaces -= record->space != 0;
	tf->spaces += space != 0;
	record->space = space ? (uint8_t)(space | tf->space_era) : 0;
	gn_tf_put(tf, record);
}

void gn_tf_forget_spaces(struct gn_tf *tf)
{
	GN_ASSERT(tf->forgotten == 0);
	tf->space_era ^= SPACE_ERA;
	tf->forgotten = tf->spaces;
	tf->spaces = 0;
}

void gn_tf_sweep_space(struct gn_tf *tf, uint64_t gfn)
{
	struct gn_tf_record *record = gn_tf_find(tf, gfn);

	if (record && record->space && !counts(tf, record->space)) {
		tf->forgotten--;
		record->space = 0;
		gn_tf_put(tf, record);
	}
}

void gn_tf_watch(struct gn_tf *tf, uint64_t gfn, uint8_t watch)
{
	struct gn_tf_record *record = gn_tf_find(tf, gfn);

	if (!record && !watch) {
		return;
	}
	record = gn_tf_get(tf, gfn);
	if (!record->tables && !record->watch != !watch) {
		gn_frames_mark(tf->frames, gfn, watch != 0);
	}
	record->watch = watch;
	gn_tf_put(tf, record);
}

void gn_tf_mark_below(struct gn_tf *tf, uint64_t gfn, bool on)
{
	struct gn_tf_record *record = gn_tf_get(tf, gfn);

	record->below = on;
	gn_tf_put(tf, record);
}
