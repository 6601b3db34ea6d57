/* SPDX-License-Identifier: BSD-2-Clause */
/* Index, end mark, seeking and whole-file facts of a reader. */
#include <stdlib.h>
#include <xxhash.h>

#include "sim/rec_reader.h"

static bool good_entry(const struct sim_rec_reader *r, uint64_t end,
		       const struct sim_rec_index *i,
		       const struct sim_rec_index *before)
{
	if (i->offset >= end || i->first_instr > i->last_instr) {
		return false;
	}
	if (!before) {
		return i->offset == r->data_start && i->first_event == 0;
	}
	return i->offset > before->offset &&
	       i->first_event > before->first_event &&
	       i->first_instr >= before->last_instr;
}

/* Takes the checked bytes of an index over into the reader. */
static enum sim_rec_status keep_index(struct sim_rec_reader *r,
				      const uint8_t *data, uint64_t offset,
				      size_t count)
{
	struct sim_rec_index *index = calloc(count + 1, sizeof(*index));

	if (!index) {
		return sim_rec_fail_nomem(r);
	}
	for (size_t i = 0; i < count; i++) {
		const uint8_t *p = data + REC_INDEX_BYTES +
				   i * REC_INDEX_ENTRY_BYTES;

		index[i] = (struct sim_rec_index){
			.offset = sim_get64(p),
			.first_event = sim_get64(p + 8),
			.first_instr = sim_get64(p + 16),
			.last_instr = sim_get64(p + 24),
		};
		if (!good_entry(r, offset, &index[i],
				i ? &index[i - 1] : NULL)) {
			free(index);
			return sim_rec_fail_damaged(r, offset,
						    "the index is out of "
						    "order");
		}
	}
	free(r->index);
	r->index = index;
	r->index_count = count;
	return SIM_REC_OK;
}

static enum sim_rec_status check_tail(struct sim_rec_reader *r,
				      const uint8_t *data, uint64_t offset,
				      size_t bytes, bool keep)
{
	size_t count = (size_t)sim_get64(data + 8);
	struct sim_rec_end end;
	enum sim_rec_status status;

	if (sim_get32(data) != REC_INDEX_MAGIC ||
	    sim_get64(data + bytes) != XXH3_64bits(data, bytes)) {
		return sim_rec_fail_damaged(r, offset,
					    "the checksum of the index "
					    "differs");
	}
	if (!sim_rec_unpack_end(&end, data + bytes + REC_HASH_BYTES) ||
	    end.index_offset != offset || end.frame_count != count ||
	    (!keep && end.event_count != r->next_event)) {
		return sim_rec_fail_damaged(r, offset + bytes + REC_HASH_BYTES,
					    "the end mark is wrong");
	}
	if (!keep) {
		return SIM_REC_OK;
	}
	status = keep_index(r, data, offset, count);
	if (status == SIM_REC_OK) {
		r->end = end;
	}
	return status;
}

enum sim_rec_status sim_rec_load_tail(struct sim_rec_reader *r,
				      uint64_t offset, bool keep)
{
	uint64_t left = r->file_bytes - offset;
	uint8_t head[REC_INDEX_BYTES];
	enum sim_rec_status status;
	uint64_t count;
	size_t bytes;
	uint8_t *data;

	if (left < sizeof(head)) {
		return sim_rec_fail_cut(r, r->file_bytes);
	}
	status = sim_rec_read_at(r, head, sizeof(head), offset);
	if (status != SIM_REC_OK) {
		return status;
	}
	count = sim_get64(head + 8);
	if (count > REC_FRAMES_MAX) {
		return sim_rec_fail_damaged(r, offset, "the index is broken");
	}
	bytes = REC_INDEX_BYTES + (size_t)count * REC_INDEX_ENTRY_BYTES;
	if (left < bytes + REC_HASH_BYTES + REC_END_BYTES) {
		return sim_rec_fail_cut(r, r->file_bytes);
	}
	if (left > bytes + REC_HASH_BYTES + REC_END_BYTES) {
		return sim_rec_fail_damaged(r, offset, "bytes follow the end "
					    "mark, or the index is broken");
	}
	data = malloc((size_t)left);
	if (!data) {
		return sim_rec_fail_nomem(r);
	}
	status = sim_rec_read_at(r, data, (size_t)left, offset);
	if (status == SIM_REC_OK) {
		status = check_tail(r, data, offset, bytes, keep);
	}
	free(data);
	return status;
}

enum sim_rec_status sim_rec_find_tail(struct sim_rec_reader *r)
{
	uint8_t mark[REC_END_BYTES];
	struct sim_rec_end end;
	enum sim_rec_status status;

	if (r->file_bytes < r->data_start + REC_END_BYTES) {
		return SIM_REC_OK;
	}
	status = sim_rec_read_at(r, mark, sizeof(mark),
				 r->file_bytes - sizeof(mark));
	if (status != SIM_REC_OK) {
		return status;
	}
	if (!sim_rec_unpack_end(&end, mark) ||
	    end.index_offset < r->data_start ||
	    end.index_offset >= r->file_bytes) {
		return SIM_REC_OK;
	}
	status = sim_rec_load_tail(r, end.index_offset, true);
	r->complete = status == SIM_REC_OK;
	return status == SIM_REC_NOMEM || status == SIM_REC_IO ? status :
								 SIM_REC_OK;
}

static bool scan_room(struct sim_rec_reader *r)
{
	size_t room = 2 * r->index_room + 64;
	struct sim_rec_index *index;

	if (r->index_count < r->index_room) {
		return true;
	}
	index = realloc(r->index, room * sizeof(*index));
	if (index) {
		r->index = index;
		r->index_room = room;
	}
	return index != NULL;
}

/* Gathers what an index would say from the frames that are there. */
static enum sim_rec_status scan(struct sim_rec_reader *r)
{
	uint64_t at = r->data_start;

	r->scanned = true;
	r->index_count = 0;
	r->end = (struct sim_rec_end){ 0 };
	while (r->file_bytes - at >= REC_FRAME_BYTES &&
	       r->index_count < REC_FRAMES_MAX) {
		uint8_t head[REC_FRAME_BYTES];
		struct sim_rec_frame f;
		enum sim_rec_status status;
		uint64_t bytes;

		status = sim_rec_read_at(r, head, sizeof(head), at);
		if (status != SIM_REC_OK) {
			return status;
		}
		if (!sim_rec_unpack_frame(&f, head)) {
			break;
		}
		bytes = sizeof(head) + f.stored_bytes +
			(uint64_t)REC_HASH_BYTES;
		if (bytes > r->file_bytes - at ||
		    f.first_event != r->end.event_count) {
			break;
		}
		if (!scan_room(r)) {
			return sim_rec_fail_nomem(r);
		}
		r->index[r->index_count++] = (struct sim_rec_index){
			.offset = at,
			.first_event = f.first_event,
			.first_instr = f.first_instr,
			.last_instr = f.last_instr,
		};
		r->end.event_count += f.events;
		r->end.raw_bytes += f.raw_bytes;
		at += bytes;
	}
	r->end.frame_count = r->index_count;
	r->end.index_offset = at;
	return SIM_REC_OK;
}

static enum sim_rec_status need_index(struct sim_rec_reader *r)
{
	return r->complete || r->scanned ? SIM_REC_OK : scan(r);
}

/* Puts the reader before frame `i` of the index; `i` may be the count. */
static void place(struct sim_rec_reader *r, size_t i)
{
	bool inside = i < r->index_count;

	r->dec.events_left = 0;
	r->status = SIM_REC_OK;
	r->offset = inside ? r->index[i].offset : r->end.index_offset;
	r->next_event = inside ? r->index[i].first_event : r->end.event_count;
	r->last_instr = i > 0 && i <= r->index_count ?
			r->index[i - 1].last_instr : 0;
}

enum sim_rec_status sim_rec_rewind(struct sim_rec_reader *r)
{
	r->dec.events_left = 0;
	r->status = SIM_REC_OK;
	r->offset = r->data_start;
	r->next_event = 0;
	r->last_instr = 0;
	return SIM_REC_OK;
}

static enum sim_rec_status skip(struct sim_rec_reader *r, uint64_t number)
{
	struct sim_event ev;

	while (r->next_event < number) {
		enum sim_rec_status status = sim_rec_next(r, &ev);

		if (status != SIM_REC_OK) {
			return status;
		}
	}
	return SIM_REC_OK;
}

enum sim_rec_status sim_rec_seek_event(struct sim_rec_reader *r,
				       uint64_t number)
{
	enum sim_rec_status status = need_index(r);
	size_t low = 0, high = r->index_count;

	if (status != SIM_REC_OK) {
		return status;
	}
	if (number >= r->end.event_count) {
		place(r, r->index_count);
		return SIM_REC_END;
	}
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (r->index[middle].first_event <= number) {
			low = middle;
		} else {
			high = middle;
		}
	}
	place(r, low);
	return skip(r, number);
}

enum sim_rec_status sim_rec_seek_instr(struct sim_rec_reader *r,
				       uint64_t instr)
{
	enum sim_rec_status status = need_index(r);
	size_t low = 0, high = r->index_count;
	struct sim_event ev;

	if (status != SIM_REC_OK) {
		return status;
	}
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (r->index[middle].last_instr < instr) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	place(r, low);
	if (low == r->index_count) {
		return SIM_REC_END;
	}
	do {
		status = sim_rec_next(r, &ev);
		if (status != SIM_REC_OK) {
			return status;
		}
	} while (ev.instr < instr);
	low = (size_t)(r->next_event - 1);
	return sim_rec_seek_event(r, low);
}

enum sim_rec_status sim_rec_summary(struct sim_rec_reader *r,
				    struct sim_rec_summary *out)
{
	enum sim_rec_status status = need_index(r);

	memset(out, 0, sizeof(*out));
	if (status != SIM_REC_OK) {
		return status;
	}
	out->complete = r->complete;
	out->file_bytes = r->file_bytes;
	out->event_count = r->end.event_count;
	out->frame_count = r->end.frame_count;
	out->raw_bytes = r->end.raw_bytes;
	if (r->index_count) {
		out->first_instr = r->index[0].first_instr;
		out->last_instr = r->index[r->index_count - 1].last_instr;
	}
	if (r->complete) {
		out->content_digest = r->end.content_digest;
		out->file_digest = r->end.file_digest;
	}
	return SIM_REC_OK;
}

enum sim_rec_status sim_rec_check_file(struct sim_rec_reader *r)
{
	XXH3_state_t *hash = XXH3_createState();
	uint64_t stop = r->file_bytes - REC_END_BYTES;
	enum sim_rec_status status = SIM_REC_OK;
	uint8_t block[16384];

	if (!hash) {
		return sim_rec_fail_nomem(r);
	}
	if (!r->complete) {
		XXH3_freeState(hash);
		return sim_rec_fail(&r->error, SIM_REC_CUT,
				    "%s: has no good index and end mark; "
				    "record or copy it again", r->path);
	}
	XXH3_64bits_reset(hash);
	for (uint64_t at = 0; at < stop && status == SIM_REC_OK;) {
		size_t n = stop - at < sizeof(block) ? (size_t)(stop - at) :
						       sizeof(block);

		status = sim_rec_read_at(r, block, n, at);
		XXH3_64bits_update(hash, block, n);
		at += n;
	}
	if (status == SIM_REC_OK &&
	    XXH3_64bits_digest(hash) != r->end.file_digest) {
		status = sim_rec_fail_damaged(r, stop,
					      "the digest of the file differs");
	}
	XXH3_freeState(hash);
	return status;
}
