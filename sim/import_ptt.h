/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The private format `ptt` of the first recordings: records of 24 bytes,
 * u8 type, u8 size, u16 lv, u32 icount, u64 a, u64 b, little endian.
 * Private to sim/import_ptt*.c.
 */
#ifndef SIM_IMPORT_PTT_H
#define SIM_IMPORT_PTT_H

#include "sim/import_stream.h"
#include "sim/replica.h"

enum ptt_type {
	PTT_CR3 = 1,		/* a = value */
	PTT_INVLPG = 2,		/* a = gva */
	PTT_STORE = 3,		/* a = gpa, b = entry afterwards, lv = level */
	PTT_ACCESS = 4,		/* a = gva, lv = 1 for a store */
	PTT_MARKER = 5,		/* lv = number */
	PTT_CONTROL = 6,	/* lv 0 first: a = CR0, b = CR4; else CR lv */
	PTT_INVPCID = 7,
	PTT_TABLE = 8,		/* a = gpa, lv = level; entries follow */
	PTT_ENTRY = 9,		/* a = gpa, b = value */
	PTT_END = 10,		/* a = gpa */
	PTT_FAULT = 11,		/* a = CR2, b = error code */
	PTT_TYPES = 12,
};

enum {
	PTT_BYTES = 24,
};

/* Linux with four levels and without address randomisation. */
#define PTT_DIRECT_MAP	0xffff888000000000ull
/* What the recorder's guests ran with: SCE, LME, LMA, NXE. */
#define PTT_EFER	0xd01ull

struct ptt_record {
	uint8_t type;
	uint8_t size;
	uint16_t lv;
	uint32_t icount;
	uint64_t a;
	uint64_t b;
};

/* Reads one record; `number` is for the error text. */
enum sim_rec_status ptt_read(struct sim_stream *s, const char *path,
			     uint64_t number, struct ptt_record *r,
			     struct sim_rec_error *err);

/*
 * The first pass: registers, direct map and RAM from the snapshot at the
 * start.  Leaves the stream somewhere.
 */
enum sim_rec_status ptt_describe(struct sim_stream *s, const char *path,
				 struct sim_rec_info *info,
				 struct sim_rec_error *err);

/*
 * Snapshots being gathered, by level.  A snapshot goes down the tree depth
 * first, so the entries of a table go on after those of its children: at
 * most one table per level is open.
 */
enum {
	PTT_LEVELS = 5,
};

struct ptt_images {
	struct ptt_image {
		bool open;
		struct sim_event ev;
		struct sim_rec_entry entries[SIM_REC_ENTRIES_MAX];
	} level[PTT_LEVELS + 1];
};

/*
 * Images of levels up to the answer are finished when record `r` comes; the
 * caller takes those that are open, lowest first, before anything else.
 * -1: `r` is an entry of no open table.
 */
int ptt_images_finished(const struct ptt_images *i,
			const struct ptt_record *r);
/* Takes a PTT_TABLE or PTT_ENTRY; false if it does not fit. */
bool ptt_images_take(struct ptt_images *i, const struct ptt_record *r);

/* Where a supervisor's access to `gva` lands; false if it faults. */
bool ptt_translate(const struct sim_oracle *o, uint64_t gva, uint64_t *gpa);

#endif
