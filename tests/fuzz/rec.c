/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reader of recordings and the judge on any bytes. The last byte of the
 * input chooses: odd, and the checksums are made right first, so that what
 * lies behind them is reached.
 */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "sim/judge.h"
#include "sim/rec_format.h"
#include "sim/tally.h"
#include "tests/fuzz/fuzz_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void hash_at(uint8_t *p, size_t from, size_t to)
{
	sim_set64(p + to, XXH3_64bits(p + from, to - from));
}

/* Follows the format as far as it holds. */
static void mend(uint8_t *p, size_t bytes)
{
	size_t at = REC_HEAD_BYTES;
	size_t index;

	if (bytes < at || sim_get32(p + 12) > bytes - at ||
	    (at += sim_get32(p + 12)) + REC_HASH_BYTES > bytes) {
		return;
	}
	hash_at(p, 0, at);
	at += REC_HASH_BYTES;
	while (bytes - at >= REC_FRAME_BYTES + REC_HASH_BYTES &&
	       sim_get32(p + at) == REC_FRAME_MAGIC) {
		size_t stored = sim_get32(p + at + 4);

		hash_at(p, at, at + 40);
		at += REC_FRAME_BYTES;
		if (stored > bytes - at || bytes - at - stored < 8) {
			return;
		}
		hash_at(p, at, at + stored);
		at += stored + REC_HASH_BYTES;
	}
	index = at;
	if (bytes - at < REC_INDEX_BYTES + REC_HASH_BYTES + REC_END_BYTES) {
		return;
	}
	hash_at(p, index, bytes - REC_END_BYTES - REC_HASH_BYTES);
	sim_set64(p + bytes - REC_END_BYTES + 48,
		  XXH3_64bits(p, bytes - REC_END_BYTES));
	hash_at(p, bytes - REC_END_BYTES, bytes - 8);
}

static void seek(struct sim_rec_reader *r, const struct sim_rec_summary *s)
{
	struct sim_event ev;

	if (sim_rec_seek_event(r, s->event_count / 2) == SIM_REC_OK) {
		sim_rec_next(r, &ev);
	}
	if (sim_rec_seek_instr(r, s->last_instr / 2) == SIM_REC_OK) {
		sim_rec_next(r, &ev);
	}
	sim_rec_seek_event(r, UINT64_MAX);
	sim_rec_next(r, &ev);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static struct sim_tally tally;
	struct sim_rec_summary summary;
	struct sim_rec_reader *r;
	struct sim_rec_error err;
	struct sim_verdict verdict;
	uint8_t *copy = malloc(bytes + 1);
	char path[64];
	int fd;

	if (!copy) {
		return 0;
	}
	if (bytes > 0) {
		memcpy(copy, data, --bytes);
		if (data[bytes] & 1) {
			mend(copy, bytes);
		}
	}
	fd = fuzz_file(copy, bytes, path);
	if (sim_rec_open(&r, path, &err) == SIM_REC_OK) {
		sim_tally(r, &tally, NULL, NULL);
		if (sim_rec_summary(r, &summary) == SIM_REC_OK) {
			seek(r, &summary);
		}
		sim_judge(r, &verdict, NULL, NULL, &err);
		sim_rec_close(r);
	}
	close(fd);
	free(copy);
	return 0;
}
