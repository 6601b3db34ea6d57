/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bytes of a recording (docs/recording-format.md): numbers are little
 * endian, and a file is
 *
 *	file header | frame ... frame | index | end mark
 *
 * Private to sim/rec_*.c.
 */
#ifndef SIM_REC_FORMAT_H
#define SIM_REC_FORMAT_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sim/rec.h"

enum {
	REC_MAJOR = 2,		/* the highest; all from 1 on are read */
	REC_MAJOR_MMU = 1,	/* all that an MMU-level recording needs */
	REC_MINOR = 0,

	/* File header: magic, u16 major, u16 minor, u32 body bytes, body,
	 * u64 hash of all that. */
	REC_MAGIC_BYTES = 8,
	REC_HEAD_BYTES = 16,
	REC_BODY_MAX = 32768,
	REC_HASH_BYTES = 8,

	/* Frame: this header, payload, u64 hash of the payload. */
	REC_FRAME_BYTES = 48,
	REC_STORED_MAX = 16 << 20,
	REC_RAW_MAX = 16 << 20,
	REC_FRAME_EVENTS_MAX = 1 << 20,

	/* Index: header, entries, u64 hash of both. */
	REC_INDEX_BYTES = 16,
	REC_INDEX_ENTRY_BYTES = 32,
	REC_FRAMES_MAX = 1 << 20,

	REC_END_BYTES = 64,
};

#define REC_MAGIC	"\x89GNR\r\n\x1a\n"	/* as PNG: text modes show */
#define REC_FRAME_MAGIC	0x46524e47u		/* "GNRF" */
#define REC_INDEX_MAGIC	0x49524e47u		/* "GNRI" */
#define REC_END_MAGIC	0x45524e47u		/* "GNRE" */

struct sim_rec_frame {
	uint32_t stored_bytes;
	uint32_t raw_bytes;
	uint32_t events;
	uint64_t first_event;
	uint64_t first_instr;
	uint64_t last_instr;
};

struct sim_rec_index {
	uint64_t offset;
	uint64_t first_event;
	uint64_t first_instr;
	uint64_t last_instr;
};

struct sim_rec_end {
	uint64_t index_offset;
	uint64_t event_count;
	uint64_t frame_count;
	uint64_t raw_bytes;
	uint64_t content_digest;
	uint64_t file_digest;
};

/* gcc and clang turn these into single loads and stores. */
static inline uint32_t sim_get32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

static inline uint64_t sim_get64(const uint8_t *p)
{
	return sim_get32(p) | (uint64_t)sim_get32(p + 4) << 32;
}

static inline void sim_set32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++) {
		p[i] = (uint8_t)(v >> 8 * i);
	}
}

static inline void sim_set64(uint8_t *p, uint64_t v)
{
	sim_set32(p, (uint32_t)v);
	sim_set32(p + 4, (uint32_t)(v >> 32));
}

/* Fills `err` (may be NULL) and hands `status` through. */
__attribute__((format(printf, 3, 4)))
enum sim_rec_status sim_rec_fail(struct sim_rec_error *err,
				 enum sim_rec_status status,
				 const char *format, ...);

/*
 * Packs the body of a file header; answers its bytes, 0 if `info` breaks a
 * rule.  `body` holds REC_BODY_MAX.
 */
size_t sim_rec_pack_info(uint8_t *body, const struct sim_rec_info *info);
/* The reverse; false if the body breaks a rule. */
bool sim_rec_unpack_info(struct sim_rec_info *info, const uint8_t *body,
			 size_t bytes);

void sim_rec_pack_frame(uint8_t *p, const struct sim_rec_frame *f);
bool sim_rec_unpack_frame(struct sim_rec_frame *f, const uint8_t *p);
void sim_rec_pack_end(uint8_t *p, const struct sim_rec_end *e);
bool sim_rec_unpack_end(struct sim_rec_end *e, const uint8_t *p);

#endif
