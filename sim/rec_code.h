/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events to bytes and back, one frame at a time.
 *
 * A frame keeps like with like: seven columns of bytes, one per sort of
 * field, so that zstd sees long runs of similar numbers.  Numbers are
 * LEB128; addresses are differences to one of sixteen address registers.
 * Which register is the writer's free choice, written down per address.  A
 * frame needs nothing from the frames before it.
 *
 * Private to sim/rec_*.c.
 */
#ifndef SIM_REC_CODE_H
#define SIM_REC_CODE_H

#include "sim/rec.h"

enum sim_rec_column {
	REC_COL_OP,	/* one byte per event */
	REC_COL_TIME,	/* instruction counts, as differences */
	REC_COL_SLOT,	/* which address register, one byte */
	REC_COL_GVA,	/* differences to it */
	REC_COL_GPA,
	REC_COL_VALUE,	/* table entries, as differences */
	REC_COL_MISC,	/* everything else */
	REC_COLS,
};

enum {
	REC_SLOTS = 16,
	/* A raw frame: the bytes of each column as u32, then the columns. */
	REC_RAW_HEAD = 4 * REC_COLS,
	/* Readable bytes a decoder wants behind the last column. */
	REC_RAW_PAD = 192,
};

/* What coder and decoder both keep; all zero at the start of a frame. */
struct sim_rec_state {
	uint64_t slot[2][REC_SLOTS];	/* for gva, for gpa */
	uint64_t gap;			/* gva - gpa of the last store */
	uint64_t value;			/* last table entry */
	uint64_t instr;
	uint32_t pid;
	uint32_t tid;
	uint16_t vcpu;
};

struct sim_rec_enc {
	struct sim_rec_state s;
	uint32_t age[2][REC_SLOTS];
	uint32_t now;
	struct sim_rec_buf {
		uint8_t *data;
		size_t bytes;
		size_t room;
	} col[REC_COLS];
	uint32_t events;
	uint64_t first_instr;
	bool nomem;
};

struct sim_rec_dec {
	struct sim_rec_state s;
	const uint8_t *p[REC_COLS];
	const uint8_t *end[REC_COLS];
	uint32_t events_left;
	struct sim_rec_entry entries[SIM_REC_ENTRIES_MAX];
};

/* NULL if `ev` keeps the rules of rec.h, else what it breaks. */
const char *sim_rec_check_event(const struct sim_event *ev);

void sim_rec_enc_reset(struct sim_rec_enc *e);
void sim_rec_enc_free(struct sim_rec_enc *e);
/* Appends a checked event; false when out of memory (it stays so). */
bool sim_rec_enc_put(struct sim_rec_enc *e, const struct sim_event *ev);
/* Bytes of the raw frame so far; and the frame itself. */
size_t sim_rec_enc_bytes(const struct sim_rec_enc *e);
void sim_rec_enc_write(const struct sim_rec_enc *e, uint8_t *raw);

/*
 * Starts decoding `raw`, behind which REC_RAW_PAD bytes are readable.
 * False if the columns do not add up.
 */
bool sim_rec_dec_start(struct sim_rec_dec *d, const uint8_t *raw,
		       size_t bytes, uint32_t events, uint64_t first_instr);
/* The next of `events_left` > 0 events; false if the bytes break a rule. */
bool sim_rec_dec_next(struct sim_rec_dec *d, struct sim_event *ev);
/* Whether all columns are used up; to be asked after the last event. */
bool sim_rec_dec_done(const struct sim_rec_dec *d);

/* Which fields a type has besides instr, vcpu, pid, tid; 0 = no type. */
enum {
	REC_HAS_GVA = 1 << 0,
	REC_HAS_GPA = 1 << 1,		/* an address of its own */
	REC_HAS_NEAR = 1 << 2,		/* gpa beside gva, and an entry */
	REC_HAS_NUMBER = 1 << 3,	/* value as a plain number */
	REC_HAS_SIZE = 1 << 4,
	REC_HAS_LEVEL = 1 << 5,
	REC_HAS_SUB = 1 << 6,
	REC_HAS_FLAGS = 1 << 7,
	REC_HAS_ENTRIES = 1 << 8,
	REC_HAS_TEXT = 1 << 9,
	REC_HAS_OFFSET = 1 << 10,	/* gpa as a plain number */
	REC_TYPE = 1 << 11,		/* it is a type */
	REC_HAS_TO = 1 << 12,		/* `to` as an address, like gva */
};
uint32_t sim_rec_fields(unsigned int type);
/* The first major version of the format that has a type. */
unsigned int sim_rec_first_major(unsigned int type);
/* Flags a type may carry. */
uint32_t sim_rec_flags(unsigned int type);

/* First byte of an event in REC_COL_OP. */
enum {
	REC_OP_ACCESS = 0x80,		/* | kind << 3 | size code | user */
	REC_OP_USER = 0x20,
	REC_OP_KIND_SHIFT = 3,
	REC_OP_KIND_FLAGS = 3,		/* the flags follow in MISC */
	REC_OP_SIZE_MASK = 7,
	REC_OP_SIZE_OTHER = 7,		/* the size follows in MISC */
	REC_OP_ACCESS_SPARE = 0x40,	/* 0 */
	REC_OP_ZERO = 0x40,		/* TABLE_STORE whose value is 0 */
	REC_OP_CONTEXT = 0,		/* vcpu, pid, tid from here on */
};

#endif
