/* SPDX-License-Identifier: BSD-2-Clause */
/* Other people's recordings, converted. */
#ifndef SIM_IMPORT_H
#define SIM_IMPORT_H

#include "sim/rec.h"

struct sim_import_options {
	const char *source;	/* what was recorded; NULL: the file's name */
	/* More `key=value` for the header; may be NULL if the count is 0. */
	const struct sim_rec_meta *meta;
	uint32_t meta_count;
	struct sim_rec_options write;
	/* Called now and then, with bytes of the input; NULL is fine. */
	void (*progress)(void *arg, uint64_t done, uint64_t total);
	void *progress_arg;
};

struct sim_import_result {
	const char *format;	/* of the input */
	uint64_t records;	/* in the input */
	bool processes;		/* the output is of the process level */
	uint64_t skipped;	/* lines that say nothing to gnomon */
	uint64_t lost;		/* events that the input says are missing */
	uint64_t events;	/* in the output, without the final tables */
	uint64_t final_tables;
	uint64_t merged;	/* store accesses that became part of their
				 * table store */
	uint64_t by_direct_map;	/* table stores whose gva is the direct map's */
};

/*
 * Converts the file `in`, whose format is told from its content, into the
 * recording `out`.  On failure nothing is left under that name.  `opts` may
 * be NULL.
 */
enum sim_rec_status sim_import(const char *in, const char *out,
			       const struct sim_import_options *opts,
			       struct sim_import_result *result,
			       struct sim_rec_error *err);

#endif
