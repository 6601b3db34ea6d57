/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

#include "sim/rec_code.h"
#include "sim/rec_format.h"

enum {
	DEFAULT_LEVEL = 6,
	DEFAULT_FRAME_EVENTS = 262144,
	/* A frame ends early when its columns grow beyond this. */
	FRAME_BYTES = 4 << 20,
};

struct sim_rec_writer {
	char *path;
	char *part;
	int fd;
	unsigned int major;		/* of the file's format */
	bool made;			/* `part` is ours to remove */
	enum sim_rec_status status;	/* the first failure stays */
	struct sim_rec_error error;
	struct sim_rec_options opts;
	struct sim_rec_enc enc;
	ZSTD_CCtx *zstd;
	XXH3_state_t *file_hash;
	XXH3_state_t *content_hash;
	struct sim_rec_index *index;
	size_t index_count;
	size_t index_room;
	uint64_t offset;
	uint64_t events;
	uint64_t raw_bytes;
	uint64_t last_instr;
};

static enum sim_rec_status fail_io(struct sim_rec_writer *w, const char *what)
{
	w->status = sim_rec_fail(&w->error, SIM_REC_IO,
				 "%s: %s: %s; nothing was kept, check the "
				 "folder and its free space", w->path, what,
				 strerror(errno));
	return w->status;
}

static enum sim_rec_status fail_memory(struct sim_rec_writer *w)
{
	w->status = sim_rec_fail(&w->error, SIM_REC_NOMEM,
				 "%s: out of memory; close other programs and "
				 "try again", w->path);
	return w->status;
}

static enum sim_rec_status write_all(struct sim_rec_writer *w,
				     const void *data, size_t bytes)
{
	const uint8_t *p = data;

	XXH3_64bits_update(w->file_hash, data, bytes);
	w->offset += bytes;
	while (bytes > 0) {
		ssize_t n = w->opts.write_hook ?
			w->opts.write_hook(w->opts.write_arg, w->fd, p,
					   bytes) :
			write(w->fd, p, bytes);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			errno = n == 0 ? ENOSPC : errno;
			return fail_io(w, "cannot write");
		}
		p += n;
		bytes -= (size_t)n;
	}
	return SIM_REC_OK;
}

static enum sim_rec_status write_head(struct sim_rec_writer *w,
				      const struct sim_rec_info *info)
{
	uint8_t head[REC_HEAD_BYTES + REC_BODY_MAX + REC_HASH_BYTES] = { 0 };
	size_t body = sim_rec_pack_info(head + REC_HEAD_BYTES, info);
	size_t bytes = REC_HEAD_BYTES + body;

	if (body == 0) {
		w->status = sim_rec_fail(&w->error, SIM_REC_USAGE,
			"%s: the description of the machine breaks a rule of "
			"the format; correct levels, vcpus or texts", w->path);
		return w->status;
	}
	memcpy(head, REC_MAGIC, REC_MAGIC_BYTES);
	w->major = info->kind == SIM_REC_MMU ? REC_MAJOR_MMU : REC_MAJOR;
	head[8] = (uint8_t)w->major;
	head[10] = REC_MINOR;
	sim_set32(head + 12, (uint32_t)body);
	sim_set64(head + bytes, XXH3_64bits(head, bytes));
	XXH3_64bits_update(w->content_hash, head, bytes);
	return write_all(w, head, bytes + REC_HASH_BYTES);
}

static bool index_room(struct sim_rec_writer *w)
{
	size_t room = 2 * w->index_room + 64;
	struct sim_rec_index *index;

	if (w->index_count < w->index_room) {
		return true;
	}
	if (w->index_count >= REC_FRAMES_MAX) {
		return false;
	}
	index = realloc(w->index, room * sizeof(*index));
	if (index) {
		w->index = index;
		w->index_room = room;
	}
	return index != NULL;
}

/* Packs the raw frame behind its header; answers all bytes, 0 on failure. */
static size_t pack_frame(struct sim_rec_writer *w, const uint8_t *raw,
			 size_t raw_bytes, uint8_t *out, size_t room)
{
	size_t n = ZSTD_compressCCtx(w->zstd, out + REC_FRAME_BYTES, room, raw,
				     raw_bytes, w->opts.zstd_level);
	struct sim_rec_frame f = {
		.raw_bytes = (uint32_t)raw_bytes,
		.events = w->enc.events,
		.first_event = w->events - w->enc.events,
		.first_instr = w->enc.first_instr,
		.last_instr = w->last_instr,
	};

	if (ZSTD_isError(n)) {
		return 0;
	}
	f.stored_bytes = (uint32_t)n;
	sim_rec_pack_frame(out, &f);
	sim_set64(out + REC_FRAME_BYTES + n,
		  XXH3_64bits(out + REC_FRAME_BYTES, n));
	return REC_FRAME_BYTES + n + REC_HASH_BYTES;
}

static enum sim_rec_status end_frame(struct sim_rec_writer *w)
{
	size_t raw_bytes = sim_rec_enc_bytes(&w->enc);
	size_t room = ZSTD_compressBound(raw_bytes);
	uint8_t *raw = malloc(raw_bytes);
	uint8_t *out = malloc(REC_FRAME_BYTES + room + REC_HASH_BYTES);
	enum sim_rec_status status = SIM_REC_OK;
	size_t bytes = 0;

	if (raw && out && index_room(w)) {
		sim_rec_enc_write(&w->enc, raw);
		bytes = pack_frame(w, raw, raw_bytes, out, room);
	}
	if (bytes == 0) {
		status = fail_memory(w);
	} else {
		w->index[w->index_count++] = (struct sim_rec_index){
			.offset = w->offset,
			.first_event = w->events - w->enc.events,
			.first_instr = w->enc.first_instr,
			.last_instr = w->last_instr,
		};
		w->raw_bytes += raw_bytes;
		XXH3_64bits_update(w->content_hash, raw, raw_bytes);
		status = write_all(w, out, bytes);
		sim_rec_enc_reset(&w->enc);
	}
	free(raw);
	free(out);
	return status;
}

static enum sim_rec_status write_index(struct sim_rec_writer *w)
{
	size_t bytes = REC_INDEX_BYTES +
		       w->index_count * REC_INDEX_ENTRY_BYTES;
	uint8_t *data = calloc(1, bytes + REC_HASH_BYTES);
	enum sim_rec_status status;

	if (!data) {
		return fail_memory(w);
	}
	sim_set32(data, REC_INDEX_MAGIC);
	sim_set64(data + 8, w->index_count);
	for (size_t i = 0; i < w->index_count; i++) {
		uint8_t *p = data + REC_INDEX_BYTES + i * REC_INDEX_ENTRY_BYTES;

		sim_set64(p, w->index[i].offset);
		sim_set64(p + 8, w->index[i].first_event);
		sim_set64(p + 16, w->index[i].first_instr);
		sim_set64(p + 24, w->index[i].last_instr);
	}
	sim_set64(data + bytes, XXH3_64bits(data, bytes));
	status = write_all(w, data, bytes + REC_HASH_BYTES);
	free(data);
	return status;
}

static enum sim_rec_status finish(struct sim_rec_writer *w)
{
	struct sim_rec_end e;
	uint8_t end[REC_END_BYTES];

	if (w->enc.events && end_frame(w)) {
		return w->status;
	}
	e = (struct sim_rec_end){
		.index_offset = w->offset,
		.event_count = w->events,
		.frame_count = w->index_count,
		.raw_bytes = w->raw_bytes,
		.content_digest = XXH3_64bits_digest(w->content_hash),
	};
	if (write_index(w)) {
		return w->status;
	}
	e.file_digest = XXH3_64bits_digest(w->file_hash);
	sim_rec_pack_end(end, &e);
	if (write_all(w, end, sizeof(end))) {
		return w->status;
	}
	/* Some file systems cannot sync; that is no reason to give up. */
	if (fsync(w->fd) && errno != EINVAL && errno != ENOTSUP) {
		return fail_io(w, "cannot write");
	}
	if (close(w->fd)) {
		w->fd = -1;
		return fail_io(w, "cannot write");
	}
	w->fd = -1;
	return rename(w->part, w->path) ? fail_io(w, "cannot rename") :
					  SIM_REC_OK;
}

static void free_writer(struct sim_rec_writer *w)
{
	if (w->fd >= 0) {
		close(w->fd);
	}
	sim_rec_enc_free(&w->enc);
	ZSTD_freeCCtx(w->zstd);
	XXH3_freeState(w->file_hash);
	XXH3_freeState(w->content_hash);
	free(w->index);
	free(w->path);
	free(w->part);
	free(w);
}

static enum sim_rec_status open_part(struct sim_rec_writer *w)
{
	struct stat st;

	if (!strcmp(w->path, "-")) {
		w->status = sim_rec_fail(&w->error, SIM_REC_USAGE,
			"-: a recording cannot go to standard output; name a "
			"file (./- is one)");
		return w->status;
	}
	if (stat(w->path, &st) == 0 && !S_ISREG(st.st_mode)) {
		w->status = sim_rec_fail(&w->error, SIM_REC_USAGE,
			"%s: is not a regular file; name a file to create",
			w->path);
		return w->status;
	}
	w->fd = open(w->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (w->fd < 0 && errno == EEXIST) {
		/* Left by a killed program that had our process id. */
		unlink(w->part);
		w->fd = open(w->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
			     0666);
	}
	w->made = w->fd >= 0;
	return w->made ? SIM_REC_OK : fail_io(w, "cannot create");
}

static struct sim_rec_writer *new_writer(const char *path,
					 const struct sim_rec_options *opts)
{
	struct sim_rec_writer *w = calloc(1, sizeof(*w));

	if (!w) {
		return NULL;
	}
	w->fd = -1;
	w->opts = opts ? *opts : (struct sim_rec_options){ 0 };
	if (w->opts.zstd_level == 0) {
		w->opts.zstd_level = DEFAULT_LEVEL;
	}
	if (w->opts.frame_events == 0 ||
	    w->opts.frame_events > REC_FRAME_EVENTS_MAX) {
		w->opts.frame_events = DEFAULT_FRAME_EVENTS;
	}
	w->zstd = ZSTD_createCCtx();
	w->file_hash = XXH3_createState();
	w->content_hash = XXH3_createState();
	w->path = strdup(path);
	w->part = sim_rec_part_name(path);
	if (!w->zstd || !w->file_hash || !w->content_hash || !w->path ||
	    !w->part) {
		free_writer(w);
		return NULL;
	}
	XXH3_64bits_reset(w->file_hash);
	XXH3_64bits_reset(w->content_hash);
	return w;
}

char *sim_rec_part_name(const char *path)
{
	char *part;

	return asprintf(&part, "%s.part-%ld", path, (long)getpid()) < 0 ?
	       NULL : part;
}

enum sim_rec_status sim_rec_create(struct sim_rec_writer **writer,
				   const char *path,
				   const struct sim_rec_info *info,
				   const struct sim_rec_options *opts,
				   struct sim_rec_error *err)
{
	struct sim_rec_writer *w = new_writer(path, opts);
	enum sim_rec_status status;

	*writer = NULL;
	if (!w) {
		return sim_rec_fail(err, SIM_REC_NOMEM, "%s: out of memory; "
				    "close other programs and try again",
				    path);
	}
	status = open_part(w);
	if (status == SIM_REC_OK) {
		status = write_head(w, info);
	}
	if (status != SIM_REC_OK) {
		sim_rec_fail(err, status, "%s", w->error.text);
		sim_rec_abort(w);
		return status;
	}
	*writer = w;
	return SIM_REC_OK;
}

enum sim_rec_status sim_rec_put(struct sim_rec_writer *w,
				const struct sim_event *ev)
{
	const char *wrong = sim_rec_check_event(ev);

	if (w->status != SIM_REC_OK) {
		return w->status;
	}
	if (!wrong && sim_rec_first_major(ev->type) > w->major) {
		wrong = "an event of the process level only";
	}
	if (!wrong && w->events && ev->instr < w->last_instr) {
		wrong = "the instruction count runs back";
	}
	if (wrong) {
		return sim_rec_fail(&w->error, SIM_REC_USAGE,
				    "%s: event %llu: %s; the recorder has to "
				    "be corrected", w->path,
				    (unsigned long long)w->events, wrong);
	}
	if (!sim_rec_enc_put(&w->enc, ev)) {
		return fail_memory(w);
	}
	w->events++;
	w->last_instr = ev->instr;
	if (w->enc.events >= w->opts.frame_events ||
	    ((w->enc.events & 63) == 0 &&
	     sim_rec_enc_bytes(&w->enc) > FRAME_BYTES)) {
		return end_frame(w);
	}
	return SIM_REC_OK;
}

enum sim_rec_status sim_rec_flush(struct sim_rec_writer *w)
{
	if (w->status == SIM_REC_OK && w->enc.events) {
		return end_frame(w);
	}
	return w->status;
}

uint64_t sim_rec_written_bytes(const struct sim_rec_writer *w)
{
	return w->offset;
}

uint64_t sim_rec_written_events(const struct sim_rec_writer *w)
{
	return w->events;
}

enum sim_rec_status sim_rec_commit(struct sim_rec_writer *w,
				   struct sim_rec_error *err)
{
	enum sim_rec_status status = w->status;

	if (status == SIM_REC_OK) {
		status = finish(w);
	}
	if (status != SIM_REC_OK) {
		sim_rec_fail(err, status, "%s", w->error.text);
		sim_rec_abort(w);
		return status;
	}
	free_writer(w);
	return SIM_REC_OK;
}

void sim_rec_abort(struct sim_rec_writer *w)
{
	if (!w) {
		return;
	}
	if (w->made) {
		unlink(w->part);
	}
	free_writer(w);
}

const struct sim_rec_error *sim_rec_writer_error(const struct sim_rec_writer *w)
{
	return &w->error;
}
