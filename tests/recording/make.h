/* SPDX-License-Identifier: BSD-2-Clause */
/* Made-up recordings for tests. */
#ifndef TESTS_RECORDING_MAKE_H
#define TESTS_RECORDING_MAKE_H

#include "sim/rec.h"
#include "tests/support/seed.h"

/* An event with what it points at. */
struct made_event {
	struct sim_event ev;
	struct sim_rec_entry entries[SIM_REC_ENTRIES_MAX];
	char text[SIM_REC_TEXT_MAX];
};

/* Draws a number: uniform over bit lengths, so small and large occur. */
uint64_t make_number(struct test_rng *rng);

/* An event of any type with any lawful field values; `*instr` moves on. */
void make_event(struct made_event *m, struct test_rng *rng, uint64_t *instr,
		enum sim_rec_kind kind);

/* A lawful machine description. */
void make_info(struct sim_rec_info *info, struct test_rng *rng);

/* Whether both hold the same, texts and entries included. */
bool same_event(const struct sim_event *a, const struct sim_event *b);
bool same_info(const struct sim_rec_info *a, const struct sim_rec_info *b);

/* A path in the test's folder that nothing else uses; static storage. */
const char *make_path(const char *name);

/* Whole file to memory (caller frees) and back; aborts if that fails. */
uint8_t *load_file(const char *path, size_t *bytes);
void store_file(const char *path, const void *data, size_t bytes);

/* Writes `events` events drawn from `seed`; answers the status. */
enum sim_rec_status make_file(const char *path, uint64_t seed,
			      unsigned int events,
			      const struct sim_rec_options *opts,
			      struct sim_rec_error *err);

#endif
