/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/import_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "sim/rec_format.h"

enum {
	BUFFER = 1 << 16,
	/* Largest window an input may demand: what `zstd -19` uses. */
	WINDOW_LOG = 27,
	ZSTD_MAGIC = 0xfd2fb528,
};

struct sim_stream {
	char *path;
	int fd;
	uint64_t total;
	uint64_t done;
	ZSTD_DCtx *zstd;	/* NULL: the file is plain */
	bool open_frame;	/* unpacking stopped inside a zstd frame */
	uint8_t in[BUFFER];
	size_t in_bytes;
	size_t in_at;
	char text[BUFFER];	/* unpacked, for lines */
	size_t text_bytes;
	size_t text_at;
};

static enum sim_rec_status fill(struct sim_stream *s,
				struct sim_rec_error *err)
{
	ssize_t n;

	do {
		n = read(s->fd, s->in, sizeof(s->in));
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		return sim_rec_fail(err, SIM_REC_IO,
				    "%s: cannot read: %s; check the disk",
				    s->path, strerror(errno));
	}
	s->in_bytes = (size_t)n;
	s->in_at = 0;
	s->done += (size_t)n;
	return n == 0 ? SIM_REC_END : SIM_REC_OK;
}

static enum sim_rec_status cut(struct sim_stream *s, struct sim_rec_error *err)
{
	return sim_rec_fail(err, SIM_REC_CUT,
			    "%s: ends in the middle, at byte %llu; copy it "
			    "again", s->path, (unsigned long long)s->done);
}

static enum sim_rec_status unpack(struct sim_stream *s, ZSTD_outBuffer *out,
				  struct sim_rec_error *err)
{
	ZSTD_inBuffer in = { s->in, s->in_bytes, s->in_at };
	size_t n;

	/* Between two frames, asking without input would open one. */
	if (!s->open_frame && in.pos == in.size) {
		return SIM_REC_OK;
	}
	n = ZSTD_decompressStream(s->zstd, out, &in);
	if (ZSTD_isError(n)) {
		return sim_rec_fail(err, SIM_REC_DAMAGED,
				    "%s: damaged before byte %llu: %s; get "
				    "an intact copy", s->path,
				    (unsigned long long)s->done,
				    ZSTD_getErrorName(n));
	}
	s->open_frame = n != 0;
	s->in_at = in.pos;
	return SIM_REC_OK;
}

static void copy(struct sim_stream *s, ZSTD_outBuffer *out)
{
	size_t n = s->in_bytes - s->in_at;

	if (n > out->size - out->pos) {
		n = out->size - out->pos;
	}
	memcpy((uint8_t *)out->dst + out->pos, s->in + s->in_at, n);
	s->in_at += n;
	out->pos += n;
}

enum sim_rec_status sim_stream_read(struct sim_stream *s, void *to,
				    size_t bytes, struct sim_rec_error *err)
{
	ZSTD_outBuffer out = { to, bytes, 0 };
	enum sim_rec_status status = SIM_REC_OK;

	while (out.pos < bytes) {
		size_t before = out.pos;

		if (s->zstd) {
			/* It may hold output back, so ask before reading. */
			status = unpack(s, &out, err);
		} else {
			copy(s, &out);
		}
		if (status != SIM_REC_OK) {
			return status;
		}
		if (out.pos == before && s->in_at == s->in_bytes) {
			status = fill(s, err);
		}
		if (status == SIM_REC_END) {
			return out.pos || s->open_frame ? cut(s, err) :
							  SIM_REC_END;
		}
		if (status != SIM_REC_OK) {
			return status;
		}
	}
	return SIM_REC_OK;
}

/* More text for lines; END if there is none. */
static enum sim_rec_status fill_text(struct sim_stream *s,
				     struct sim_rec_error *err)
{
	ZSTD_outBuffer out = { s->text, sizeof(s->text), 0 };
	enum sim_rec_status status = SIM_REC_OK;

	while (out.pos == 0) {
		if (s->zstd) {
			status = unpack(s, &out, err);
		} else {
			copy(s, &out);
		}
		if (status == SIM_REC_OK && out.pos == 0 &&
		    s->in_at == s->in_bytes) {
			status = fill(s, err);
		}
		if (status == SIM_REC_END && s->open_frame) {
			return cut(s, err);
		}
		if (status != SIM_REC_OK) {
			return status;
		}
	}
	s->text_bytes = out.pos;
	s->text_at = 0;
	return SIM_REC_OK;
}

enum sim_rec_status sim_stream_line(struct sim_stream *s, char *line,
				    size_t room, struct sim_rec_error *err)
{
	enum sim_rec_status status;
	size_t n = 0;
	bool any = false;

	for (;;) {
		if (s->text_at == s->text_bytes) {
			status = fill_text(s, err);
			if (status == SIM_REC_END && any) {
				break;	/* a last line without its end */
			}
			if (status != SIM_REC_OK) {
				return status;
			}
		}
		any = true;
		char c = s->text[s->text_at++];

		if (c == '\n') {
			break;
		}
		if (n < room - 1) {
			line[n++] = c;
		}
	}
	n -= n && line[n - 1] == '\r';
	line[n] = '\0';
	return SIM_REC_OK;
}

enum sim_rec_status sim_stream_rewind(struct sim_stream *s,
				      struct sim_rec_error *err)
{
	if (lseek(s->fd, 0, SEEK_SET) != 0) {
		return sim_rec_fail(err, SIM_REC_IO,
				    "%s: cannot read twice: %s; name a "
				    "regular file", s->path, strerror(errno));
	}
	s->in_bytes = 0;
	s->in_at = 0;
	s->done = 0;
	s->open_frame = false;
	s->text_bytes = 0;
	s->text_at = 0;
	if (s->zstd) {
		ZSTD_DCtx_reset(s->zstd, ZSTD_reset_session_only);
	}
	return SIM_REC_OK;
}

static enum sim_rec_status open_file(struct sim_stream *s,
				     struct sim_rec_error *err)
{
	struct stat st;

	s->fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (s->fd < 0 || fstat(s->fd, &st)) {
		return sim_rec_fail(err, SIM_REC_IO,
				    "%s: cannot open: %s; check the name",
				    s->path, strerror(errno));
	}
	if (!S_ISREG(st.st_mode)) {
		return sim_rec_fail(err, SIM_REC_USAGE,
				    "%s: is not a regular file; name a file "
				    "to import", s->path);
	}
	if (st.st_size == 0) {
		return sim_rec_fail(err, SIM_REC_CUT,
				    "%s: is empty; record or copy it again",
				    s->path);
	}
	s->total = (uint64_t)st.st_size;
	return SIM_REC_OK;
}

static enum sim_rec_status probe(struct sim_stream *s,
				 struct sim_rec_error *err)
{
	enum sim_rec_status status = fill(s, err);

	if (status != SIM_REC_OK) {
		return status == SIM_REC_END ? cut(s, err) : status;
	}
	if (s->in_bytes >= 4 && sim_get32(s->in) == (uint32_t)ZSTD_MAGIC) {
		s->zstd = ZSTD_createDCtx();
		if (!s->zstd) {
			return sim_rec_fail(err, SIM_REC_NOMEM,
					    "%s: out of memory; close other "
					    "programs and try again",
					    s->path);
		}
		ZSTD_DCtx_setParameter(s->zstd, ZSTD_d_windowLogMax,
				       WINDOW_LOG);
	}
	return sim_stream_rewind(s, err);
}

enum sim_rec_status sim_stream_open(struct sim_stream **stream,
				    const char *path,
				    struct sim_rec_error *err)
{
	struct sim_stream *s = calloc(1, sizeof(*s));
	enum sim_rec_status status = SIM_REC_NOMEM;

	*stream = NULL;
	if (s) {
		s->fd = -1;
		s->path = strdup(path);
	}
	if (!s || !s->path) {
		sim_stream_close(s);
		return sim_rec_fail(err, status, "%s: out of memory; close "
				    "other programs and try again", path);
	}
	status = open_file(s, err);
	if (status == SIM_REC_OK) {
		status = probe(s, err);
	}
	if (status != SIM_REC_OK) {
		sim_stream_close(s);
		return status;
	}
	*stream = s;
	return SIM_REC_OK;
}

void sim_stream_close(struct sim_stream *s)
{
	if (!s) {
		return;
	}
	if (s->fd >= 0) {
		close(s->fd);
	}
	ZSTD_freeDCtx(s->zstd);
	free(s->path);
	free(s);
}

uint64_t sim_stream_done(const struct sim_stream *s)
{
	return s->done;
}

uint64_t sim_stream_total(const struct sim_stream *s)
{
	return s->total;
}
