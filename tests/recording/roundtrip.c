/* SPDX-License-Identifier: BSD-2-Clause */
/* What is written is what is read, from any place in the file. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/recording/make.h"

/* The stream of `seed` again, beside the reader. */
struct expected {
	struct test_rng rng;
	struct sim_rec_info info;
	struct made_event m;
	uint64_t instr;
};

static void expect(struct expected *e, uint64_t seed)
{
	e->rng = test_rng_init(seed);
	e->instr = 0;
	make_info(&e->info, &e->rng);
}

static bool read_back(const char *path, uint64_t seed, unsigned int events)
{
	static struct expected e;
	struct sim_rec_reader *r;
	struct sim_rec_error err;
	struct sim_event ev;
	bool good;

	expect(&e, seed);
	if (sim_rec_open(&r, path, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return false;
	}
	good = same_info(&e.info, sim_rec_info(r));
	for (unsigned int i = 0; good && i < events; i++) {
		make_event(&e.m, &e.rng, &e.instr, e.info.kind);
		good = sim_rec_tell(r) == i &&
		       sim_rec_next(r, &ev) == SIM_REC_OK &&
		       same_event(&e.m.ev, &ev);
		if (!good) {
			fprintf(stderr, "event %u: %s\n", i,
				sim_rec_error(r)->text);
		}
	}
	good = good && sim_rec_next(r, &ev) == SIM_REC_END &&
	       sim_rec_next(r, &ev) == SIM_REC_END &&
	       sim_rec_check_file(r) == SIM_REC_OK;
	sim_rec_close(r);
	return good;
}

Test(roundtrip, any_events_come_back)
{
	const char *path = make_path("roundtrip.gnr");
	uint64_t base = test_seed();

	for (uint64_t i = 0; i < test_rounds(60); i++) {
		uint64_t seed = base + i;
		struct sim_rec_options opts = {
			.frame_events = 1 + (uint32_t)(seed % 97),
			.zstd_level = 1 + (int)(seed % 5),
		};
		unsigned int events = (unsigned int)(seed * 7 % 700);
		struct sim_rec_error err = { "" };

		if (make_file(path, seed, events, &opts, &err) ||
		    !read_back(path, seed, events)) {
			test_print_repeat("recording/roundtrip.t",
					  "any_events_come_back", seed);
			cr_assert_fail("%s", err.text);
		}
	}
	unlink(path);
}

/* Seeks to random places and compares with a straight reading. */
static bool seek_check(struct sim_rec_reader *r, struct test_rng *rng,
		       const uint64_t *instr, uint64_t count)
{
	uint64_t n = test_rng_below(rng, count + 2);
	struct sim_event ev;
	uint64_t at;

	if (sim_rec_seek_event(r, n) != (n < count ? SIM_REC_OK :
						     SIM_REC_END)) {
		return false;
	}
	if (n < count && (sim_rec_tell(r) != n || sim_rec_next(r, &ev) ||
			  ev.instr != instr[n])) {
		return false;
	}
	at = instr[test_rng_below(rng, count)] + test_rng_below(rng, 3);
	for (n = 0; n < count && instr[n] < at;) {
		n++;
	}
	if (n == count) {
		return sim_rec_seek_instr(r, at) == SIM_REC_END;
	}
	return sim_rec_seek_instr(r, at) == SIM_REC_OK &&
	       sim_rec_tell(r) == n && sim_rec_next(r, &ev) == SIM_REC_OK &&
	       ev.instr == instr[n];
}

static void seek_everywhere(const char *path, uint64_t count)
{
	struct test_rng rng = test_rng_init(test_seed());
	uint64_t *instr = calloc(count, sizeof(*instr));
	struct sim_rec_reader *r;
	struct sim_event ev;

	cr_assert(instr && sim_rec_open(&r, path, NULL) == SIM_REC_OK);
	for (uint64_t i = 0; i < count; i++) {
		cr_assert(sim_rec_next(r, &ev) == SIM_REC_OK);
		instr[i] = ev.instr;
	}
	for (int i = 0; i < 400; i++) {
		if (!seek_check(r, &rng, instr, count)) {
			test_print_repeat("recording/roundtrip.t", "seek",
					  test_seed());
			cr_assert_fail("seek %d", i);
		}
	}
	cr_assert(sim_rec_rewind(r) == SIM_REC_OK && sim_rec_tell(r) == 0);
	cr_assert(sim_rec_next(r, &ev) == SIM_REC_OK && ev.instr == instr[0]);
	sim_rec_close(r);
	free(instr);
}

Test(roundtrip, seek_finds_events_by_number_and_instruction)
{
	const char *path = make_path("seek.gnr");
	struct sim_rec_options opts = { .frame_events = 37 };
	struct sim_rec_error err;

	cr_assert(make_file(path, test_seed(), 1000, &opts, &err) ==
		  SIM_REC_OK);
	seek_everywhere(path, 1000);
	unlink(path);
}

Test(roundtrip, cut_file_can_be_searched_too)
{
	const char *path = make_path("seek-cut.gnr");
	struct sim_rec_options opts = { .frame_events = 37 };
	struct sim_rec_summary s;
	struct sim_rec_reader *r;
	struct sim_rec_error err;
	size_t bytes;
	uint8_t *data;

	cr_assert(make_file(path, test_seed(), 1000, &opts, &err) ==
		  SIM_REC_OK);
	data = load_file(path, &bytes);
	store_file(path, data, bytes / 2);
	free(data);
	cr_assert(sim_rec_open(&r, path, NULL) == SIM_REC_OK);
	cr_assert(sim_rec_summary(r, &s) == SIM_REC_OK);
	sim_rec_close(r);
	cr_assert(!s.complete && s.event_count >= 37 &&
		  s.event_count % 37 == 0);
	seek_everywhere(path, s.event_count);
	unlink(path);
}

static void refuse(struct sim_rec_writer *w, struct sim_event ev)
{
	cr_assert(sim_rec_put(w, &ev) == SIM_REC_USAGE);
	cr_assert(strlen(sim_rec_writer_error(w)->text) > 0);
}

Test(roundtrip, writer_refuses_what_breaks_the_rules)
{
	const char *path = make_path("refuse.gnr");
	struct sim_rec_entry twice[2] = { { 1, 5, 0 }, { 1, 5, 0 } };
	struct sim_event good = { .type = SIM_EV_ACCESS, .size = 8,
				  .instr = 10 };
	struct sim_rec_info info = { 0 };
	struct sim_rec_writer *w;
	struct sim_event ev;

	cr_assert(sim_rec_create(&w, path, &info, NULL, NULL) ==
		  SIM_REC_USAGE);
	cr_assert(access(path, F_OK) != 0);
	info = (struct sim_rec_info){ .kind = SIM_REC_MMU, .levels = 4,
				      .maxphyaddr = 40, .vcpus = 1 };
	cr_assert(sim_rec_create(&w, path, &info, NULL, NULL) == SIM_REC_OK);
	cr_assert(sim_rec_put(w, &good) == SIM_REC_OK);
	refuse(w, (struct sim_event){ .type = SIM_EV_ACCESS, .size = 8,
				      .instr = 9 });
	refuse(w, (struct sim_event){ .type = 0, .instr = 10 });
	refuse(w, (struct sim_event){ .type = 7, .instr = 10 });
	refuse(w, (struct sim_event){ .type = 200, .instr = 10 });
	refuse(w, (struct sim_event){ .type = SIM_EV_ACCESS, .instr = 10 });
	refuse(w, (struct sim_event){ .type = SIM_EV_ACCESS, .size = 4097,
				      .instr = 10 });
	refuse(w, (struct sim_event){ .type = SIM_EV_TABLE_END, .level = 6,
				      .instr = 10 });
	refuse(w, (struct sim_event){ .type = SIM_EV_INVLPG, .instr = 10,
				      .flags = SIM_F_WRITE });
	ev = (struct sim_event){ .type = SIM_EV_TABLE_IMAGE, .level = 1,
				 .instr = 10, .entries = twice,
				 .entry_count = 2 };
	refuse(w, ev);
	cr_assert(sim_rec_put(w, &good) == SIM_REC_OK);
	cr_assert(sim_rec_written_events(w) == 2);
	sim_rec_abort(w);
	cr_assert(access(path, F_OK) != 0);
}
