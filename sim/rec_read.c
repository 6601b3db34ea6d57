/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "sim/rec_reader.h"

enum sim_rec_status sim_rec_fail_cut(struct sim_rec_reader *r,
				     uint64_t offset)
{
	return sim_rec_fail(&r->error, SIM_REC_CUT,
			    "%s: was cut at byte %llu, after %llu events; "
			    "record or copy it again, what comes before the "
			    "cut is usable", r->path,
			    (unsigned long long)offset,
			    (unsigned long long)r->next_event);
}

enum sim_rec_status sim_rec_fail_damaged(struct sim_rec_reader *r,
					 uint64_t offset, const char *what)
{
	return sim_rec_fail(&r->error, SIM_REC_DAMAGED,
			    "%s: damaged at byte %llu, after %llu events: %s; "
			    "get an intact copy", r->path,
			    (unsigned long long)offset,
			    (unsigned long long)r->next_event, what);
}

enum sim_rec_status sim_rec_fail_nomem(struct sim_rec_reader *r)
{
	return sim_rec_fail(&r->error, SIM_REC_NOMEM,
			    "%s: out of memory; close other programs and try "
			    "again", r->path);
}

enum sim_rec_status sim_rec_read_at(struct sim_rec_reader *r, void *to,
				    size_t bytes, uint64_t offset)
{
	uint8_t *p = to;

	while (bytes > 0) {
		ssize_t n = pread(r->fd, p, bytes, (off_t)offset);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			return sim_rec_fail(&r->error, SIM_REC_IO,
					    "%s: cannot read at byte %llu: "
					    "%s; check the disk", r->path,
					    (unsigned long long)offset,
					    strerror(errno));
		}
		if (n == 0) {
			return sim_rec_fail_cut(r, offset);
		}
		p += n;
		offset += (uint64_t)n;
		bytes -= (size_t)n;
	}
	return SIM_REC_OK;
}

/* Makes `*buf` at least `bytes` long. */
static bool grow(uint8_t **buf, size_t *room, size_t bytes)
{
	uint8_t *p;

	if (*room >= bytes) {
		return true;
	}
	p = realloc(*buf, bytes);
	if (p) {
		*buf = p;
		*room = bytes;
	}
	return p != NULL;
}

static enum sim_rec_status unpack_frame(struct sim_rec_reader *r)
{
	const struct sim_rec_frame *f = &r->frame;
	size_t n;

	if (!grow(&r->raw, &r->raw_room,
			  f->raw_bytes + (size_t)REC_RAW_PAD)) {
		return sim_rec_fail_nomem(r);
	}
	n = ZSTD_decompressDCtx(r->zstd, r->raw, f->raw_bytes, r->stored,
				f->stored_bytes);
	if (ZSTD_isError(n) || n != f->raw_bytes) {
		return sim_rec_fail_damaged(r, r->offset,
					    "a frame does not unpack");
	}
	memset(r->raw + n, 0, REC_RAW_PAD);
	if (!sim_rec_dec_start(&r->dec, r->raw, n, f->events,
			       f->first_instr)) {
		return sim_rec_fail_damaged(r, r->offset,
					    "the columns of a frame do not "
					    "add up");
	}
	return SIM_REC_OK;
}

/* The header at the reader's offset, or END if the index stands there. */
static enum sim_rec_status read_frame_head(struct sim_rec_reader *r)
{
	uint64_t left = r->file_bytes - r->offset;
	uint8_t head[REC_FRAME_BYTES];
	size_t have = left < sizeof(head) ? (size_t)left : sizeof(head);
	enum sim_rec_status status;

	if (left < 4) {
		return sim_rec_fail_cut(r, r->file_bytes);
	}
	status = sim_rec_read_at(r, head, have, r->offset);
	if (status != SIM_REC_OK) {
		return status;
	}
	if (sim_get32(head) == REC_INDEX_MAGIC) {
		status = sim_rec_load_tail(r, r->offset, false);
		return status == SIM_REC_OK ? SIM_REC_END : status;
	}
	if (have < sizeof(head)) {
		return sim_rec_fail_cut(r, r->file_bytes);
	}
	if (!sim_rec_unpack_frame(&r->frame, head)) {
		return sim_rec_fail_damaged(r, r->offset,
					    "no good frame header");
	}
	return SIM_REC_OK;
}

/* The compressed bytes behind the header, and their checksum. */
static enum sim_rec_status read_payload(struct sim_rec_reader *r)
{
	const struct sim_rec_frame *f = &r->frame;
	size_t bytes = f->stored_bytes + (size_t)REC_HASH_BYTES;
	enum sim_rec_status status;

	if (r->file_bytes - r->offset < REC_FRAME_BYTES + bytes) {
		return sim_rec_fail_cut(r, r->file_bytes);
	}
	if (!grow(&r->stored, &r->stored_room, bytes)) {
		return sim_rec_fail_nomem(r);
	}
	status = sim_rec_read_at(r, r->stored, bytes,
				 r->offset + REC_FRAME_BYTES);
	if (status != SIM_REC_OK) {
		return status;
	}
	if (sim_get64(r->stored + f->stored_bytes) !=
	    XXH3_64bits(r->stored, f->stored_bytes)) {
		return sim_rec_fail_damaged(r, r->offset,
					    "the checksum of a frame differs");
	}
	if (f->first_event != r->next_event ||
	    f->first_instr < r->last_instr) {
		return sim_rec_fail_damaged(r, r->offset,
					    "a frame is out of order");
	}
	return SIM_REC_OK;
}

/* Loads the frame at `offset`, whose first event is number `next_event`. */
static enum sim_rec_status load_frame(struct sim_rec_reader *r)
{
	enum sim_rec_status status;

	r->dec.events_left = 0;
	status = read_frame_head(r);
	if (status == SIM_REC_OK) {
		status = read_payload(r);
	}
	if (status == SIM_REC_OK) {
		status = unpack_frame(r);
	}
	if (status != SIM_REC_OK) {
		r->dec.events_left = 0;
		return status;
	}
	r->frame_offset = r->offset;
	r->offset += REC_FRAME_BYTES + r->frame.stored_bytes +
		     (uint64_t)REC_HASH_BYTES;
	return SIM_REC_OK;
}

static enum sim_rec_status fail_event(struct sim_rec_reader *r)
{
	r->dec.events_left = 0;
	return sim_rec_fail_damaged(r, r->frame_offset,
				    "an event in the frame there breaks a "
				    "rule of the format");
}

enum sim_rec_status sim_rec_next(struct sim_rec_reader *r,
				 struct sim_event *ev)
{
	if (r->status != SIM_REC_OK) {
		return r->status;
	}
	if (r->dec.events_left == 0) {
		r->status = load_frame(r);
		if (r->status != SIM_REC_OK) {
			return r->status;
		}
	}
	if (!sim_rec_dec_next(&r->dec, ev) ||
	    sim_rec_first_major(ev->type) > r->major) {
		r->status = fail_event(r);
		return r->status;
	}
	if (r->dec.events_left == 0 &&
	    (!sim_rec_dec_done(&r->dec) || ev->instr != r->frame.last_instr)) {
		r->status = fail_event(r);
		return r->status;
	}
	r->last_instr = ev->instr;
	r->next_event++;
	return SIM_REC_OK;
}

static enum sim_rec_status check_version(struct sim_rec_reader *r,
					 const uint8_t *head, size_t have)
{
	size_t magic = have < REC_MAGIC_BYTES ? have : REC_MAGIC_BYTES;
	unsigned int version;

	if (have == 0) {
		return sim_rec_fail(&r->error, SIM_REC_CUT,
				    "%s: is empty; record or copy it again",
				    r->path);
	}
	if (memcmp(head, REC_MAGIC, magic) != 0) {
		return sim_rec_fail(&r->error, SIM_REC_FOREIGN,
				    "%s: is not a gnomon recording; `gnomon "
				    "import` converts other formats", r->path);
	}
	if (have < REC_HEAD_BYTES) {
		return sim_rec_fail_cut(r, have);
	}
	version = head[8] | (unsigned int)head[9] << 8;
	if (version < 1 || version > REC_MAJOR) {
		return sim_rec_fail(&r->error, SIM_REC_FOREIGN,
				    "%s: has recording format %u, this gnomon "
				    "reads 1 to %u; use the gnomon that wrote "
				    "it",
				    r->path, version, (unsigned int)REC_MAJOR);
	}
	r->major = version;
	return SIM_REC_OK;
}

/* The file header: what is wrong with it decides the advice. */
static enum sim_rec_status read_head(struct sim_rec_reader *r)
{
	uint8_t head[REC_HEAD_BYTES + REC_BODY_MAX + REC_HASH_BYTES];
	size_t have = r->file_bytes < sizeof(head) ? (size_t)r->file_bytes :
						     sizeof(head);
	enum sim_rec_status status = sim_rec_read_at(r, head, have, 0);
	uint32_t body;

	if (status == SIM_REC_OK) {
		status = check_version(r, head, have);
	}
	if (status != SIM_REC_OK) {
		return status;
	}
	body = sim_get32(head + 12);
	if (body > REC_BODY_MAX) {
		return sim_rec_fail_damaged(r, 12, "the file header is broken");
	}
	if (have < REC_HEAD_BYTES + body + REC_HASH_BYTES) {
		return sim_rec_fail_cut(r, have);
	}
	if (sim_get64(head + REC_HEAD_BYTES + body) !=
	    XXH3_64bits(head, REC_HEAD_BYTES + body) ||
	    !sim_rec_unpack_info(&r->info, head + REC_HEAD_BYTES, body)) {
		return sim_rec_fail_damaged(r, 0, "the file header is broken");
	}
	r->data_start = REC_HEAD_BYTES + body + REC_HASH_BYTES;
	r->offset = r->data_start;
	return SIM_REC_OK;
}

static enum sim_rec_status open_file(struct sim_rec_reader *r)
{
	struct stat st;

	/* Without O_NONBLOCK a named pipe would wait for a writer. */
	r->fd = open(r->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (r->fd < 0 || fstat(r->fd, &st)) {
		return sim_rec_fail(&r->error, SIM_REC_IO,
				    "%s: cannot open: %s; check the name",
				    r->path, strerror(errno));
	}
	if (!S_ISREG(st.st_mode)) {
		return sim_rec_fail(&r->error, SIM_REC_USAGE,
				    "%s: is not a regular file; name a "
				    "recording", r->path);
	}
	r->file_bytes = (uint64_t)st.st_size;
	return SIM_REC_OK;
}

enum sim_rec_status sim_rec_open(struct sim_rec_reader **reader,
				 const char *path, struct sim_rec_error *err)
{
	struct sim_rec_reader *r = calloc(1, sizeof(*r));
	enum sim_rec_status status = SIM_REC_NOMEM;

	*reader = NULL;
	if (r) {
		r->fd = -1;
		r->path = strdup(path);
		r->zstd = ZSTD_createDCtx();
	}
	if (!r || !r->path || !r->zstd) {
		sim_rec_fail(err, status, "%s: out of memory; close other "
			     "programs and try again", path);
		sim_rec_close(r);
		return status;
	}
	status = open_file(r);
	if (status == SIM_REC_OK) {
		status = read_head(r);
	}
	if (status == SIM_REC_OK) {
		status = sim_rec_find_tail(r);
	}
	if (status != SIM_REC_OK) {
		sim_rec_fail(err, status, "%s", r->error.text);
		sim_rec_close(r);
		return status;
	}
	*reader = r;
	return SIM_REC_OK;
}

void sim_rec_close(struct sim_rec_reader *r)
{
	if (!r) {
		return;
	}
	if (r->fd >= 0) {
		close(r->fd);
	}
	ZSTD_freeDCtx(r->zstd);
	free(r->stored);
	free(r->raw);
	free(r->index);
	free(r->path);
	free(r);
}

const struct sim_rec_info *sim_rec_info(const struct sim_rec_reader *r)
{
	return &r->info;
}

const struct sim_rec_error *sim_rec_error(const struct sim_rec_reader *r)
{
	return &r->error;
}

uint64_t sim_rec_tell(const struct sim_rec_reader *r)
{
	return r->next_event;
}
