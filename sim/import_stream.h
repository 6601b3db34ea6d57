/* SPDX-License-Identifier: BSD-2-Clause */
/* A file as a stream of bytes, unpacked if it is zstd.  For importers. */
#ifndef SIM_IMPORT_STREAM_H
#define SIM_IMPORT_STREAM_H

#include "sim/import.h"

struct sim_stream;

/* Closes nothing on failure; `err` says why. */
enum sim_rec_status sim_stream_open(struct sim_stream **s, const char *path,
				    struct sim_rec_error *err);
void sim_stream_close(struct sim_stream *s);	/* NULL is fine */

/*
 * Reads `bytes` unpacked bytes: OK, END if none is left, CUT if only some
 * are or the packed data stops early, DAMAGED, IO.
 */
enum sim_rec_status sim_stream_read(struct sim_stream *s, void *to,
				    size_t bytes, struct sim_rec_error *err);
/*
 * The next line, without its end and cut to `room` - 1 bytes: OK, END, CUT,
 * DAMAGED, IO. Do not mix with sim_stream_read() without a rewind.
 */
enum sim_rec_status sim_stream_line(struct sim_stream *s, char *line,
				    size_t room, struct sim_rec_error *err);
/* Back to the first byte. */
enum sim_rec_status sim_stream_rewind(struct sim_stream *s,
				      struct sim_rec_error *err);

uint64_t sim_stream_done(const struct sim_stream *s);	/* packed bytes */
uint64_t sim_stream_total(const struct sim_stream *s);

/* The importer of the format that gnomon's private recorder wrote. */
bool sim_import_ptt_is(const uint8_t *head, size_t bytes);
enum sim_rec_status sim_import_ptt(struct sim_stream *s, const char *in,
				   const char *out,
				   const struct sim_import_options *opts,
				   struct sim_import_result *result,
				   struct sim_rec_error *err);

/* What `perf script` prints. */
bool sim_import_perf_is(const uint8_t *head, size_t bytes);
enum sim_rec_status sim_import_perf(struct sim_stream *s, const char *in,
				    const char *out,
				    const struct sim_import_options *opts,
				    struct sim_import_result *result,
				    struct sim_rec_error *err);

/* What Valgrind's tool lackey prints with --trace-mem=yes. */
bool sim_import_lackey_is(const uint8_t *head, size_t bytes);
enum sim_rec_status sim_import_lackey(struct sim_stream *s, const char *in,
				      const char *out,
				      const struct sim_import_options *opts,
				      struct sim_import_result *result,
				      struct sim_rec_error *err);

#endif
