/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The judge must find what is wrong: recordings that are right, and the same
 * with one thing changed.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/judge.h"
#include "sim/tally.h"
#include "tests/recording/make.h"

static struct sim_verdict verdict;
static struct sim_rec_reader *in;
static struct sim_rec_writer *out;
static char path[4200];

#define DIRECT_MAP 0xffff888000000000ull

static void start(void)
{
	static const struct sim_rec_entry kernel[] = { { 0xe3, 0, 0 } };
	static const struct sim_rec_entry leaf[] = {
		{ 0x6067, 1, 0 },
		{ 0x8000000000007025, 2, 0 },	/* read-only, no execute */
	};
	static const struct sim_rec_entry l2[] = { { 0x5067, 0, 0 } };
	static const struct sim_rec_entry l3[] = { { 0x4067, 0, 0 } };
	static const struct sim_rec_entry root[] = {
		{ 0x3067, 0, 0 }, { 0x2067, 273, 0 },
	};
	static const struct sim_event images[] = {
		{ .gpa = 0x5000, .level = 1, .entries = leaf,
		  .entry_count = 2 },
		{ .gpa = 0x4000, .level = 2, .entries = l2, .entry_count = 1 },
		{ .gpa = 0x3000, .level = 3, .entries = l3, .entry_count = 1 },
		{ .gpa = 0x2000, .level = 3, .entries = kernel,
		  .entry_count = 1 },
		{ .gpa = 0x1000, .level = 4, .entries = root,
		  .entry_count = 2 },
	};
	struct sim_rec_info info = {
		.kind = SIM_REC_MMU, .levels = 4, .pae = true,
		.maxphyaddr = 40, .vcpus = 1, .cr0 = 0x80050033,
		.cr3 = 0x1000, .cr4 = 0x3006b0, .efer = 0xd01,
	};

	snprintf(path, sizeof(path), "%s", make_path("judge.gnr"));
	cr_assert(sim_rec_create(&out, path, &info, NULL, NULL) == SIM_REC_OK);
	for (size_t i = 0; i < sizeof(images) / sizeof(images[0]); i++) {
		struct sim_event ev = images[i];

		ev.type = SIM_EV_TABLE_IMAGE;
		cr_assert(sim_rec_put(out, &ev) == SIM_REC_OK);
	}
}

static void put(struct sim_event ev)
{
	cr_assert(sim_rec_put(out, &ev) == SIM_REC_OK, "%s",
		  sim_rec_writer_error(out)->text);
}

static void access_to(uint64_t gva, unsigned int flags)
{
	put((struct sim_event){ .type = SIM_EV_ACCESS, .gva = gva, .size = 8,
				.flags = (uint16_t)flags });
}

static void fault_at(uint64_t gva, uint64_t error)
{
	put((struct sim_event){ .type = SIM_EV_FAULT, .gva = gva,
				.value = error });
}

static void store_to(uint64_t gpa, uint64_t value, unsigned int level)
{
	put((struct sim_event){ .type = SIM_EV_TABLE_STORE, .gpa = gpa,
				.gva = DIRECT_MAP + gpa, .value = value,
				.level = (uint8_t)level, .size = 8 });
}

static uint64_t judge(void)
{
	struct sim_rec_error err = { "" };

	cr_assert(sim_rec_commit(out, &err) == SIM_REC_OK, "%s", err.text);
	cr_assert(sim_rec_open(&in, path, &err) == SIM_REC_OK, "%s", err.text);
	cr_assert(sim_judge(in, &verdict, NULL, NULL, &err) == SIM_REC_OK,
		  "%s", err.text);
	sim_rec_close(in);
	unlink(path);
	return verdict.violations;
}

static bool says(const char *text)
{
	return verdict.shown && strstr(verdict.first[0].text, text);
}

Test(judge, what_the_tables_allow_and_demand_is_right)
{
	start();
	access_to(0x1000, SIM_F_USER | SIM_F_WRITE);
	access_to(0x2000, SIM_F_USER);
	access_to(DIRECT_MAP + 0x12345, SIM_F_WRITE);
	fault_at(0x2000, 7);		/* user write, read-only */
	fault_at(0x2000, 0x15);		/* user fetch, NX */
	fault_at(0x3000, 4);		/* user read, nothing there */
	fault_at(0x3000, 0);		/* kernel read, nothing there */
	fault_at(DIRECT_MAP, 5);	/* user read of the kernel */
	store_to(0x5018, 0x8067, 1);
	access_to(0x3ff8, SIM_F_USER);
	fault_at(0x3ff8, 0x11);		/* kernel fetch of a user page */
	cr_assert(judge() == 0, "%s", verdict.first[0].text);
	cr_assert(verdict.accesses == 4 && verdict.faults == 6 &&
		  verdict.stores == 1);
}

Test(judge, access_that_is_not_allowed_is_found)
{
	start();
	access_to(0x2000, SIM_F_USER | SIM_F_WRITE);
	cr_assert(judge() == 1 && says("faults with error code 0x7"));
	cr_assert(verdict.first[0].event == 5);
	start();
	access_to(0x3000, SIM_F_USER);
	cr_assert(judge() == 1 && says("faults with error code 0x4"));
	start();
	access_to(0x2000, SIM_F_USER | SIM_F_FETCH);
	cr_assert(judge() == 1 && says("faults with error code 0x15"));
	start();
	access_to(1ull << 47, 0);
	cr_assert(judge() == 1 && says("not canonical"));
}

Test(judge, access_across_pages_needs_both)
{
	start();
	access_to(0x1ffc, SIM_F_USER);
	cr_assert(judge() == 0);
	start();
	access_to(0x2ffc, SIM_F_USER);
	cr_assert(judge() == 1 && says("0x3000"));
}

Test(judge, fault_that_is_not_demanded_is_found)
{
	start();
	fault_at(0x1000, 6);
	cr_assert(judge() == 1 && says("translates"));
	start();
	fault_at(0x2000, 6);
	cr_assert(judge() == 1 && says("error code 0x7"));
}

Test(judge, store_that_goes_elsewhere_is_found)
{
	start();
	put((struct sim_event){ .type = SIM_EV_TABLE_STORE, .gpa = 0x5000,
				.gva = DIRECT_MAP + 0x5008, .size = 8,
				.level = 1 });
	cr_assert(judge() == 1 && says("gva"));
	start();
	store_to(0x5000, 0, 2);
	cr_assert(judge() == 1 && says("no such table"));
	start();
	put((struct sim_event){ .type = SIM_EV_TABLE_END, .gpa = 0x5000,
				.level = 1 });
	store_to(0x5000, 0, 1);
	cr_assert(judge() == 1 && says("no such table"));
}

Test(judge, unknown_table_is_found)
{
	start();
	store_to(0x4008, 0x9067, 2);	/* no image of the table at 0x9000 */
	access_to(0x200000, SIM_F_USER);
	cr_assert(judge() == 1 && says("unknown table"));
	start();
	put((struct sim_event){ .type = SIM_EV_CR3, .value = 0x9000,
				.flags = SIM_F_VALUE });
	access_to(0x1000, SIM_F_USER);
	cr_assert(judge() == 1 && says("unknown table"));
}

Test(judge, registers_count)
{
	start();
	put((struct sim_event){ .type = SIM_EV_CR0, .value = 0x80040033,
				.flags = SIM_F_VALUE });	/* no WP */
	access_to(0x2000, SIM_F_WRITE);
	put((struct sim_event){ .type = SIM_EV_EFER, .value = 0x501,
				.flags = SIM_F_VALUE });	/* no NXE */
	fault_at(0x2000, 0xd);		/* NX is a reserved bit now */
	put((struct sim_event){ .type = SIM_EV_CR4 });
	cr_assert(judge() == 0, "%s", verdict.first[0].text);
	cr_assert(verdict.blind_writes == 1);
}

static void put_final(uint64_t gpa, unsigned int level, uint64_t value,
		      uint32_t index)
{
	struct sim_rec_entry e = { .value = value, .index = index };

	put((struct sim_event){ .type = SIM_EV_FINAL_TABLE, .gpa = gpa,
				.level = (uint8_t)level, .entries = &e,
				.entry_count = 1 });
}

Test(judge, final_tables_are_compared)
{
	for (int wrong = 0; wrong < 6; wrong++) {
		static const struct sim_rec_entry root[] = {
			{ 0x3067, 0, 0 }, { 0x2067, 273, 0 },
		};

		start();
		store_to(0x5010, 0, 1);
		put((struct sim_event){ .type = SIM_EV_FINAL_TABLE,
					.gpa = 0x1000, .level = 4,
					.entries = root,
					.entry_count = wrong == 1 ? 1 : 2 });
		put_final(0x2000, 3, wrong == 2 ? 0xe1 : 0xe3, 0);
		put_final(0x3000, wrong == 3 ? 2 : 3, 0x4067, 0);
		put_final(0x4000, 2, 0x5067, wrong == 4 ? 1 : 0);
		if (wrong != 5) {
			put_final(0x5000, 1, 0x6047, 1);
		}
		cr_assert((judge() != 0) == (wrong != 0), "case %d", wrong);
		cr_assert(wrong == 5 || verdict.final_marks == 1);
	}
}

Test(judge, process_level_recording_has_nothing_to_judge)
{
	struct sim_rec_info info = { .kind = SIM_REC_PROCESS, .levels = 4,
				     .maxphyaddr = 40, .vcpus = 1 };
	struct sim_rec_error err;

	snprintf(path, sizeof(path), "%s", make_path("process.gnr"));
	cr_assert(sim_rec_create(&out, path, &info, NULL, NULL) == SIM_REC_OK);
	cr_assert(sim_rec_commit(out, NULL) == SIM_REC_OK);
	cr_assert(sim_rec_open(&in, path, NULL) == SIM_REC_OK);
	cr_assert(sim_judge(in, &verdict, NULL, NULL, &err) == SIM_REC_USAGE);
	sim_rec_close(in);
	unlink(path);
}

static struct sim_rec_reader *open_recording(const char *file)
{
	struct sim_rec_error err;
	char name[4200];

	snprintf(name, sizeof(name), "%s/bench/recordings/%s",
		 getenv("top_srcdir"), file);
	cr_assert(sim_rec_open(&in, name, &err) == SIM_REC_OK, "%s", err.text);
	return in;
}

Test(judge, shipped_recording_is_right_and_holds_what_is_said)
{
	static struct sim_tally t;
	struct sim_rec_error err;

	open_recording("fork-exec-50.gnr");
	cr_assert(sim_judge(in, &verdict, NULL, NULL, &err) == SIM_REC_OK);
	cr_assert(verdict.violations == 0, "%s", verdict.first[0].text);
	cr_assert(verdict.accesses > 300000 && verdict.final_tables > 100 &&
		  verdict.faults > 2000);
	cr_assert(sim_tally(in, &t, NULL, NULL) == SIM_REC_OK);
	cr_assert(t.interval_count == 4 && t.interval[1].marker == 2);
	/* The recorder's own counts between markers 2 and 3. */
	cr_assert(t.interval[1].count[SIM_EV_TABLE_STORE] == 30775);
	cr_assert(t.interval[1].count[SIM_EV_CR3] == 153);
	cr_assert(t.interval[1].count[SIM_EV_INVLPG] == 1605);
	cr_assert(t.interval[1].count[SIM_EV_FAULT] == 2377);
	cr_assert(t.interval[1].count[SIM_EV_ACCESS] + t.interval[1].kept ==
		  327311);
	sim_rec_close(in);
}

Test(judge, recordings_of_our_own_are_right)
{
	static const char *const files[] = {
		"fork-cow-30.gnr", "compile-2.gnr", "random.gnr",
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct sim_rec_error err;

		open_recording(files[i]);
		cr_assert(sim_judge(in, &verdict, NULL, NULL, &err) ==
			  SIM_REC_OK, "%s: %s", files[i], err.text);
		cr_assert(verdict.violations == 0, "%s: %s", files[i],
			  verdict.first[0].text);
		cr_assert(verdict.final_tables > 100 &&
			  verdict.stores > 30000, "%s", files[i]);
		sim_rec_close(in);
	}
}

/* Drops each nth event of a type. */
static uint64_t judge_without(unsigned int type, uint64_t nth)
{
	struct sim_rec_info info = *sim_rec_info(in);
	struct sim_rec_reader *whole = in;
	struct sim_event ev;
	uint64_t seen = 0, violations;

	snprintf(path, sizeof(path), "%s", make_path("without.gnr"));
	cr_assert(sim_rec_create(&out, path, &info, NULL, NULL) == SIM_REC_OK);
	sim_rec_rewind(whole);
	while (sim_rec_next(whole, &ev) == SIM_REC_OK) {
		if (ev.type != type || ++seen % nth != 0) {
			put(ev);
		}
	}
	cr_assert(seen >= nth);
	violations = judge();
	in = whole;
	return violations;
}

Test(judge, shipped_recording_that_lacks_events_is_wrong)
{
	open_recording("fork-exec-50.gnr");
	/* One in 500: a single entry may be set and never used, or be cleared
	 * right before its table goes, and leaves no sign then. */
	cr_assert(judge_without(SIM_EV_TABLE_STORE, 500) > 0);
	cr_assert(judge_without(SIM_EV_TABLE_IMAGE, 300) > 0);
	cr_assert(judge_without(SIM_EV_CR3, 10) > 0);
	cr_assert(judge_without(SIM_EV_TABLE_END, 5) > 0);
	cr_assert(judge_without(SIM_EV_FINAL_TABLE, 50) > 0);
	sim_rec_close(in);
}
