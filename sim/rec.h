/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Recordings: a stream of guest memory-management events in a `.gnr` file.
 *
 * There are two kinds.  An MMU-level recording holds what the paging
 * hardware sees: accesses, stores into page tables with the resulting
 * entry, control register writes, INVLPG, delivered page faults.  A
 * process-level recording holds what a kernel is asked for: fork, exec,
 * mmap and so on; a guest kernel model turns those into table stores.
 * Both share one file format (docs/recording-format.md), one reader and one
 * writer.
 *
 * A replica of the guest's tables follows from the stream alone: memory is
 * zero, SIM_EV_TABLE_IMAGE says what a table held before it was linked, and
 * SIM_EV_TABLE_STORE changes one entry.  The image of a table always comes
 * before the event that makes it reachable.
 *
 * Nothing here is thread-safe; different readers and writers are
 * independent of each other.
 */
#ifndef SIM_REC_H
#define SIM_REC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/rec_event.h"

enum sim_rec_status {
	SIM_REC_OK,
	SIM_REC_END,		/* no event left; not an error */
	SIM_REC_IO,		/* open, read, write, rename failed (errno) */
	SIM_REC_FOREIGN,	/* not a recording, or a newer version */
	SIM_REC_CUT,		/* the file ends before its end mark */
	SIM_REC_DAMAGED,	/* a checksum or a rule of the format fails */
	SIM_REC_NOMEM,
	SIM_REC_USAGE,		/* the caller handed in something unusable */
};

/* What went wrong, as `FILE: what; what to do`, without a line end. */
struct sim_rec_error {
	char text[512];
};

/* Kind of a recording. */
enum sim_rec_kind {
	SIM_REC_MMU = 1,
	SIM_REC_PROCESS = 2,
};

/* What the header of a file says.  Plain data; strings end in NUL. */
enum {
	SIM_REC_META_MAX = 32,
};

struct sim_rec_meta {
	char key[32];		/* [a-z0-9._-]+, unique */
	char value[224];	/* UTF-8, one line */
};

struct sim_rec_info {
	enum sim_rec_kind kind;
	uint32_t levels;	/* paging levels 2..5 */
	bool pae;		/* 8-byte entries at 2..3 levels */
	uint32_t maxphyaddr;	/* bits, 32..52 */
	uint32_t vcpus;		/* 1..SIM_REC_VCPUS_MAX */
	uint64_t ram_bytes;	/* 0 = unknown */
	uint64_t cr0;		/* registers when the recording starts */
	uint64_t cr3;
	uint64_t cr4;
	uint64_t efer;
	bool has_direct_map;	/* gva = direct_map + gpa maps all RAM */
	uint64_t direct_map;
	char source[128];	/* what was recorded */
	char tool[64];		/* what recorded it */
	uint32_t meta_count;
	struct sim_rec_meta meta[SIM_REC_META_MAX];
};

/* Adds or replaces one key.  SIM_REC_USAGE if it does not fit or is
 * malformed. */
enum sim_rec_status sim_rec_meta_set(struct sim_rec_info *info,
				     const char *key, const char *value);
/* The value of `key` or NULL. */
const char *sim_rec_meta_get(const struct sim_rec_info *info,
			     const char *key);

/* Reading ---------------------------------------------------------------- */

struct sim_rec_reader;

/*
 * Opens a recording and checks its header and, when the file is complete,
 * its index.  A file that was cut opens too.  On success the caller closes
 * `*reader`; on failure `*reader` is NULL.  `err` is filled on failure and
 * may be NULL.  Memory use is bounded whatever the file holds.
 */
enum sim_rec_status sim_rec_open(struct sim_rec_reader **reader,
				 const char *path, struct sim_rec_error *err);
void sim_rec_close(struct sim_rec_reader *r);	/* NULL is fine */

const struct sim_rec_info *sim_rec_info(const struct sim_rec_reader *r);

/*
 * The next event: OK, END, or an error.  `entries` and `text` stay valid
 * until the next call on this reader.  Every event delivered comes from a
 * frame whose checksum held.  After an error the reader stays there:
 * further calls repeat it, until a rewind or seek.
 */
enum sim_rec_status sim_rec_next(struct sim_rec_reader *r,
				 struct sim_event *ev);

/* The text of the last failure on this reader. */
const struct sim_rec_error *sim_rec_error(const struct sim_rec_reader *r);

/* Number (from 0) of the event that sim_rec_next() delivers next. */
uint64_t sim_rec_tell(const struct sim_rec_reader *r);

enum sim_rec_status sim_rec_rewind(struct sim_rec_reader *r);

/*
 * Next comes event `number`, or the first event with instr >= `instr`.
 * SIM_REC_END if there is none.  Uses the index; a cut file is scanned.
 */
enum sim_rec_status sim_rec_seek_event(struct sim_rec_reader *r,
				       uint64_t number);
enum sim_rec_status sim_rec_seek_instr(struct sim_rec_reader *r,
				       uint64_t instr);

/* Facts about the file as a whole. */
struct sim_rec_summary {
	bool complete;		/* end mark and index are there and right */
	uint64_t file_bytes;
	uint64_t event_count;	/* of the frames that are there */
	uint64_t first_instr;
	uint64_t last_instr;	/* of the last event */
	uint64_t frame_count;
	uint64_t raw_bytes;	/* of all frames before compression */
	uint64_t content_digest; /* header and frames before compression, so
				  * equal for any zstd; 0 if not complete */
	uint64_t file_digest;	/* all bytes of the file before the end mark;
				 * 0 if not complete */
};
/* A cut file is scanned for it. */
enum sim_rec_status sim_rec_summary(struct sim_rec_reader *r,
				    struct sim_rec_summary *out);

/* Reads the whole file once and compares the file digest. */
enum sim_rec_status sim_rec_check_file(struct sim_rec_reader *r);

/* Writing ---------------------------------------------------------------- */

struct sim_rec_writer;

struct sim_rec_options {
	int zstd_level;		/* 0 = default (6) */
	uint32_t frame_events;	/* events per frame, 0 = default (262144) */
	/* Replaces write(2) in tests; NULL is write(2). */
	ptrdiff_t (*write_hook)(void *arg, int fd, const void *buf,
				size_t bytes);
	void *write_arg;
};

/*
 * Starts a recording that will be called `path`.  Until
 * sim_rec_commit() it is a file `path.part-PID` in the same folder; if the
 * program is killed that file remains and can be read up to its last whole
 * frame.  `opts` may be NULL.
 */
enum sim_rec_status sim_rec_create(struct sim_rec_writer **writer,
				   const char *path,
				   const struct sim_rec_info *info,
				   const struct sim_rec_options *opts,
				   struct sim_rec_error *err);

/* The name of that file until then, from malloc(); NULL without memory. */
char *sim_rec_part_name(const char *path);

/*
 * Appends an event.  SIM_REC_USAGE if a field is outside its range or
 * `instr` runs back (nothing is written then); SIM_REC_IO stays.
 */
enum sim_rec_status sim_rec_put(struct sim_rec_writer *w,
				const struct sim_event *ev);

/* Ends the current frame, so that a kill loses nothing before it. */
enum sim_rec_status sim_rec_flush(struct sim_rec_writer *w);

/* Bytes and events written so far, for a progress display. */
uint64_t sim_rec_written_bytes(const struct sim_rec_writer *w);
uint64_t sim_rec_written_events(const struct sim_rec_writer *w);

/*
 * Writes index and end mark, syncs and renames.  Always frees the writer;
 * on failure nothing is left under either name and `err` (may be NULL)
 * says why.
 */
enum sim_rec_status sim_rec_commit(struct sim_rec_writer *w,
				   struct sim_rec_error *err);
/* Removes the unfinished file and frees the writer; NULL is fine. */
void sim_rec_abort(struct sim_rec_writer *w);

/* The text of the last failure of sim_rec_put() or sim_rec_flush(). */
const struct sim_rec_error *
sim_rec_writer_error(const struct sim_rec_writer *w);

#endif
