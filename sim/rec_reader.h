/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of a reader.  Private to sim/rec_*.c. */
#ifndef SIM_REC_READER_H
#define SIM_REC_READER_H

#include <zstd.h>

#include "sim/rec_code.h"
#include "sim/rec_format.h"

struct sim_rec_reader {
	char *path;
	int fd;
	uint64_t file_bytes;
	uint64_t data_start;		/* where the first frame begins */
	unsigned int major;		/* of the file's format */
	struct sim_rec_info info;
	enum sim_rec_status status;	/* not OK: sim_rec_next() repeats it */
	struct sim_rec_error error;

	uint64_t offset;		/* of the frame to load next */
	uint64_t next_event;
	uint64_t last_instr;
	ZSTD_DCtx *zstd;
	uint8_t *stored;
	size_t stored_room;
	uint8_t *raw;
	size_t raw_room;
	struct sim_rec_frame frame;	/* the one being decoded */
	uint64_t frame_offset;
	struct sim_rec_dec dec;

	/* From the end of the file, or, with `scanned`, from the frame
	 * headers of a file that was cut. */
	bool complete;
	bool scanned;
	struct sim_rec_end end;
	struct sim_rec_index *index;
	size_t index_count;
	size_t index_room;
};

/* Reads exactly `bytes` at `offset`, else SIM_REC_CUT or SIM_REC_IO. */
enum sim_rec_status sim_rec_read_at(struct sim_rec_reader *r, void *to,
				    size_t bytes, uint64_t offset);
enum sim_rec_status sim_rec_fail_cut(struct sim_rec_reader *r,
				     uint64_t offset);
enum sim_rec_status sim_rec_fail_damaged(struct sim_rec_reader *r,
					 uint64_t offset, const char *what);
enum sim_rec_status sim_rec_fail_nomem(struct sim_rec_reader *r);

/*
 * Checks index and end mark at `offset`, behind the last frame.  With
 * `keep` it becomes the reader's index.
 */
enum sim_rec_status sim_rec_load_tail(struct sim_rec_reader *r,
				      uint64_t offset, bool keep);
/* Looks for an end mark; what it finds wrong is left to the reading. */
enum sim_rec_status sim_rec_find_tail(struct sim_rec_reader *r);

#endif
