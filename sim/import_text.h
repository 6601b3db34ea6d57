/* SPDX-License-Identifier: BSD-2-Clause */
/* What the importers of text share. Private to sim/import_*.c. */
#ifndef SIM_IMPORT_TEXT_H
#define SIM_IMPORT_TEXT_H

#include "sim/import_stream.h"

enum {
	TEXT_LINE = 4096,
};

struct text_import {
	struct sim_stream *in;
	const char *path;
	const struct sim_import_options *opts;
	struct sim_import_result *result;
	struct sim_rec_error *err;
	struct sim_rec_writer *out;
	struct sim_rec_info info;
	uint64_t instr;		/* of the last event */
	char line[TEXT_LINE];
};

/* The next line; OK or what sim_stream_line() says. Reports progress. */
enum sim_rec_status text_next(struct text_import *t);

/* The header of a process-level recording of `tool`, before text_start(). */
enum sim_rec_status text_describe(struct text_import *t, const char *tool);
/* Creates the output, and goes back to the first line. */
enum sim_rec_status text_start(struct text_import *t, const char *out);
/* Appends; time that runs back stands still. */
enum sim_rec_status text_emit(struct text_import *t, struct sim_event ev);
/* Commits if `status` is OK or END, else leaves nothing; frees the writer. */
enum sim_rec_status text_end(struct text_import *t,
			     enum sim_rec_status status);

/* A number behind `key` in text, as "addr: 0x12" or "address=0x12". */
bool text_number(const char *text, const char *key, uint64_t *value);
/* Hexadecimal or decimal digits at *at, which moves behind them. */
bool text_take(const char **at, int base, uint64_t *value);

#endif
