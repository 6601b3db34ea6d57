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

#endif
