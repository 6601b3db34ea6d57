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

/*
 * Event types.  Behind each: the fields of struct sim_event it carries
 * besides `type`, `instr`, `vcpu`, `pid`, `tid`.  Other fields read as 0.
 * The values are part of the file format.
 */
enum sim_event_type {
	/* Either kind of recording. */
	SIM_EV_ACCESS = 1,	/* gva size flags */
	SIM_EV_FAULT = 2,	/* gva (CR2), value (error code), flags, ip */
	SIM_EV_MARKER = 3,	/* value (number) */
	SIM_EV_SYMBOL = 4,	/* gva, value (bytes), text: code has a name */

	/* MMU level. */
	SIM_EV_TABLE_STORE = 8,	/* gva gpa size level value flags ip */
	SIM_EV_CR0 = 9,		/* value flags: a register was written */
	SIM_EV_CR3 = 10,
	SIM_EV_CR4 = 11,
	SIM_EV_EFER = 12,
	SIM_EV_PKRU = 13,
	SIM_EV_INVLPG = 14,	/* gva */
	SIM_EV_INVPCID = 15,	/* gva, value (PCID), sub (type 0..3) */
	SIM_EV_TABLE_IMAGE = 16, /* gpa level entries: held before the link */
	SIM_EV_TABLE_END = 17,	/* gpa level: this page is no table any more */
	SIM_EV_FINAL_TABLE = 18, /* gpa level entries: at the end, for checks */

	/* Process level; pid and tid say who acts. */
	SIM_EV_FORK = 20,	/* value (child pid), flags (THREAD) */
	SIM_EV_VFORK = 21,	/* value (child pid) */
	SIM_EV_EXEC = 22,	/* text (path) */
	SIM_EV_EXIT = 23,	/* value (status) */
	SIM_EV_MMAP = 24,	/* gva, value (bytes), gpa (file offset), sub
				 * (protection), flags, text (path) */
	SIM_EV_MUNMAP = 25,	/* gva, value (bytes) */
	SIM_EV_MPROTECT = 26,	/* gva, value (bytes), sub (protection) */
	SIM_EV_BRK = 27,	/* gva (the new end) */
	SIM_EV_SWITCH = 28,	/* pid and tid run on vcpu from here on */
	SIM_EV_TYPE_END = 29,
};

/* Flags of an event; the values are part of the file format. */
enum {
	/* ACCESS: kind of access; neither bit set is a data read. */
	SIM_F_WRITE = 1u << 0,
	SIM_F_FETCH = 1u << 1,
	/* ACCESS, FAULT: made at CPL 3. */
	SIM_F_USER = 1u << 2,
	/* ACCESS: by the processor itself (descriptor tables, TSS). */
	SIM_F_IMPLICIT = 1u << 3,
	/* ACCESS: EFLAGS.AC was set. */
	SIM_F_AC = 1u << 4,
	/* TABLE_STORE: this store also passed the recorder's access filter,
	 * so it counts as an access too (there is no ACCESS beside it). */
	SIM_F_KEPT = 1u << 5,
	/* CR0..PKRU: `value` is what was written.  Clear: a write happened,
	 * the recorder did not see the value. */
	SIM_F_VALUE = 1u << 6,
	/* TABLE_STORE, FAULT: `ip` is known. */
	SIM_F_IP = 1u << 7,
	/* FORK: the child shares the address space (a thread). */
	SIM_F_THREAD = 1u << 8,
	/* MMAP */
	SIM_F_SHARED = 1u << 9,
	SIM_F_ANON = 1u << 10,
	SIM_F_FIXED = 1u << 11,
	SIM_F_STACK = 1u << 12,		/* grows down */
	SIM_F_HUGE = 1u << 13,
	SIM_F_ALL = (1u << 14) - 1,
};

/* Protection in `sub` of MMAP and MPROTECT. */
enum {
	SIM_PROT_R = 1,
	SIM_PROT_W = 2,
	SIM_PROT_X = 4,
};

/* One non-zero entry of a table image; 4-byte entries are zero-extended. */
struct sim_rec_entry {
	uint64_t value;
	uint32_t index;		/* 0..511, or 0..1023 for 4-byte entries */
	uint32_t reserved;	/* 0 */
};

enum {
	SIM_REC_ENTRIES_MAX = 1024,	/* entries of one image */
	SIM_REC_TEXT_MAX = 4095,	/* bytes of a text */
	SIM_REC_SIZE_MAX = 4096,	/* bytes of one access */
	SIM_REC_VCPUS_MAX = 4096,
};

struct sim_event {
	uint64_t instr;		/* instructions so far; never runs back */
	uint64_t gva;
	uint64_t gpa;		/* TABLE_STORE: first byte stored; the entry
				 * is the aligned one around it */
	uint64_t value;		/* TABLE_STORE: the whole entry afterwards */
	uint64_t ip;		/* of the instruction, with SIM_F_IP */
	const struct sim_rec_entry *entries;	/* ascending index */
	const char *text;	/* not NUL-terminated; no NUL inside */
	uint32_t entry_count;
	uint32_t text_bytes;
	uint32_t pid;
	uint32_t tid;
	uint16_t vcpu;
	uint16_t flags;		/* SIM_F_* */
	uint16_t size;		/* bytes, 1..SIM_REC_SIZE_MAX */
	uint8_t type;		/* enum sim_event_type */
	uint8_t level;		/* of the table, 1 = leaf */
	uint8_t sub;
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
	uint64_t last_instr;	/* of the last event; 0 if not complete */
	uint64_t frame_count;
	uint64_t raw_bytes;	/* of all frames before compression */
	uint64_t content_digest; /* events and header, whatever the packing;
				  * 0 if not complete */
	uint64_t file_digest;	/* all bytes of the file before the end mark;
				 * 0 if not complete */
};
/* A cut file is scanned for it. */
enum sim_rec_status sim_rec_summary(struct sim_rec_reader *r,
				    struct sim_rec_summary *out);

/* Reads the whole file once and compares the file digest. */
enum sim_rec_status sim_rec_check_file(struct sim_rec_reader *r);

/* "access", "table-store", ...; NULL for no type. */
const char *sim_event_name(unsigned int type);

/* Writing ---------------------------------------------------------------- */

struct sim_rec_writer;

struct sim_rec_options {
	int zstd_level;		/* 0 = default (6) */
	uint32_t frame_events;	/* events per frame, 0 = default (65536) */
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
