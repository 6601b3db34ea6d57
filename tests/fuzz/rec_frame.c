/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The decoder of a frame on any bytes. What it accepts must follow the rules
 * for events, and coding it again must decode to the same events.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/rec_code.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

enum {
	EVENTS_MAX = 100000,
};

static uint8_t *padded(const uint8_t *data, size_t bytes)
{
	uint8_t *raw = calloc(1, bytes + REC_RAW_PAD);

	if (!raw) {
		abort();
	}
	if (bytes) {
		memcpy(raw, data, bytes);
	}
	return raw;
}

static void demand(bool holds)
{
	if (!holds) {
		abort();
	}
}

/* Decodes and codes again; answers the events that were good. */
static uint32_t recode(struct sim_rec_enc *e, const uint8_t *raw, size_t bytes)
{
	static struct sim_rec_dec d;
	struct sim_event ev;

	if (!sim_rec_dec_start(&d, raw, bytes, EVENTS_MAX, 0)) {
		return 0;
	}
	while (d.events_left && d.p[REC_COL_OP] < d.end[REC_COL_OP] &&
	       sim_rec_dec_next(&d, &ev)) {
		demand(!sim_rec_check_event(&ev));
		demand(sim_rec_enc_put(e, &ev));
	}
	return e->events;
}

static void compare(const uint8_t *a, size_t a_bytes, const uint8_t *b,
		    size_t b_bytes, uint32_t events, uint64_t first)
{
	static struct sim_rec_dec x, y;
	struct sim_event one, other;

	demand(sim_rec_dec_start(&x, a, a_bytes, events, 0));
	demand(sim_rec_dec_start(&y, b, b_bytes, events, first));
	for (uint32_t i = 0; i < events; i++) {
		demand(sim_rec_dec_next(&x, &one));
		demand(sim_rec_dec_next(&y, &other));
		demand(one.instr == other.instr && one.gva == other.gva &&
		       one.gpa == other.gpa && one.value == other.value &&
		       one.ip == other.ip && one.flags == other.flags &&
		       one.size == other.size && one.type == other.type &&
		       one.level == other.level && one.sub == other.sub &&
		       one.vcpu == other.vcpu && one.pid == other.pid &&
		       one.tid == other.tid &&
		       one.entry_count == other.entry_count &&
		       one.text_bytes == other.text_bytes);
	}
	demand(sim_rec_dec_done(&y));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct sim_rec_enc e = { .events = 0 };
	uint8_t *raw = padded(data, bytes);
	uint32_t events = recode(&e, raw, bytes);

	if (events) {
		size_t n = sim_rec_enc_bytes(&e);
		uint8_t *again = calloc(1, n + REC_RAW_PAD);

		demand(again != NULL);
		sim_rec_enc_write(&e, again);
		compare(raw, bytes, again, n, events, e.first_instr);
		free(again);
	}
	sim_rec_enc_free(&e);
	free(raw);
	return 0;
}
