/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The recorder's view of page tables, on made-up RAM: what it writes must
 * satisfy the judge, and the tables it knows must be those that can be
 * reached.
 */
#include "record/tables.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim/judge.h"
#include "sim/tally.h"
#include "tests/recording/make.h"

enum {
	FRAMES = 64,
	RWU = 7,
	/* The kernel half: a direct map of 1 GiB. */
	KERNEL_L3 = 2,
	ROOT = 1,
	DIRECT = 273,
};

#define DIRECT_MAP 0xffff888000000000ull

static uint64_t ram[FRAMES][512];
static struct record rec;
static struct sim_tally tally;
static char path[4200];

static void start(void)
{
	struct sim_rec_info info = {
		.kind = SIM_REC_MMU, .levels = 4, .pae = true,
		.maxphyaddr = 40, .vcpus = 2, .cr0 = 0x80050033,
		.cr3 = ROOT << 12, .cr4 = 0x6b0, .efer = 0xd01,
	};
	struct sim_rec_writer *w;

	memset(ram, 0, sizeof(ram));
	ram[ROOT][DIRECT] = KERNEL_L3 << 12 | RWU;
	ram[KERNEL_L3][0] = 0xe3;
	snprintf(path, sizeof(path), "%s", make_path("tables.gnr"));
	cr_assert(sim_rec_create(&w, path, &info, NULL, NULL) == SIM_REC_OK);
	cr_assert(record_init(&rec, w, (const uint8_t *)ram, sizeof(ram), 4,
			      2));
	record_root(&rec, 0, ROOT << 12);
	record_root(&rec, 1, ROOT << 12);
}

static void put(unsigned int frame, unsigned int index, uint64_t entry)
{
	uint64_t gpa = ((uint64_t)frame << 12) + 8 * index;

	ram[frame][index] = entry;
	if (record_is_table(&rec, gpa)) {
		record_store(&rec, DIRECT_MAP + gpa, gpa, 8, 0xffff, 0);
	}
}

static void load_cr3(unsigned int vcpu, unsigned int frame)
{
	rec.vcpu = (uint16_t)vcpu;
	record_root(&rec, vcpu, (uint64_t)frame << 12);
	record_put(&rec, (struct sim_event){ .type = SIM_EV_CR3,
		.value = (uint64_t)frame << 12, .flags = SIM_F_VALUE });
	record_left(&rec);
	rec.vcpu = 0;
}

static void finish(void)
{
	struct sim_rec_reader *r;
	static struct sim_verdict v;
	struct sim_rec_error err;

	record_final(&rec);
	cr_assert(rec.status == SIM_REC_OK, "%s",
		  sim_rec_writer_error(rec.out)->text);
	cr_assert(sim_rec_commit(rec.out, NULL) == SIM_REC_OK);
	record_free(&rec);
	cr_assert(sim_rec_open(&r, path, NULL) == SIM_REC_OK);
	cr_assert(sim_judge(r, &v, NULL, NULL, &err) == SIM_REC_OK);
	cr_assert(v.violations == 0, "event %llu: %s",
		  (unsigned long long)v.first[0].event, v.first[0].text);
	cr_assert(sim_tally(r, &tally, NULL, NULL) == SIM_REC_OK);
	sim_rec_close(r);
	unlink(path);
}

static bool known(unsigned int frame)
{
	return record_is_table(&rec, (uint64_t)frame << 12);
}

/* Links frames from `first` on as levels 3, 2, 1 below the root. */
static void link_path(unsigned int root, unsigned int first)
{
	ram[first + 1][0] = (uint64_t)(first + 2) << 12 | RWU;
	ram[first][0] = (uint64_t)(first + 1) << 12 | RWU;
	put(root, 0, (uint64_t)first << 12 | RWU);
}

Test(tables, link_discovers_and_unlink_ends)
{
	start();
	cr_assert(known(ROOT) && known(KERNEL_L3) && !known(10));
	ram[12][5] = 0x1067;
	link_path(ROOT, 10);
	cr_assert(known(10) && known(11) && known(12));
	put(12, 6, 0x2067);
	put(11, 0, 0);
	cr_assert(known(10) && known(11) && !known(12));
	put(12, 7, 0x3067);		/* no table any more */
	put(ROOT, 0, 0);
	cr_assert(!known(10) && !known(11) && known(ROOT));
	finish();
	cr_assert(tally.all.count[SIM_EV_TABLE_IMAGE] == 5);
	cr_assert(tally.all.count[SIM_EV_TABLE_STORE] == 4);
	cr_assert(tally.all.count[SIM_EV_TABLE_END] == 3);
	cr_assert(tally.all.count[SIM_EV_FINAL_TABLE] == 2);
}

Test(tables, shared_table_lives_until_the_last_link_goes)
{
	start();
	link_path(ROOT, 10);
	put(11, 1, 12 << 12 | RWU);
	put(11, 0, 0);
	cr_assert(known(12));
	put(11, 1, 0);
	cr_assert(!known(12));
	/* Large pages are no links. */
	put(11, 2, 12 << 12 | RWU | 1 << 7);
	cr_assert(!known(12));
	finish();
}

Test(tables, root_ends_when_empty_and_left)
{
	start();
	ram[20][DIRECT] = ram[ROOT][DIRECT];
	link_path(20, 21);
	cr_assert(!known(20) && !known(21));
	load_cr3(0, 20);
	cr_assert(known(20) && known(23) && known(ROOT));
	put(20, 0, 0);
	cr_assert(known(20) && !known(21));	/* still loaded */
	load_cr3(0, ROOT);
	cr_assert(!known(20));
	put(20, 0, 0x123);			/* data now */
	finish();
	cr_assert(tally.all.count[SIM_EV_TABLE_STORE] == 1);
}

Test(tables, root_that_another_vcpu_runs_on_stays)
{
	start();
	ram[20][DIRECT] = ram[ROOT][DIRECT];
	link_path(20, 21);
	load_cr3(0, 20);
	load_cr3(1, 20);
	put(20, 0, 0);
	load_cr3(0, ROOT);
	cr_assert(known(20));
	load_cr3(1, ROOT);
	cr_assert(!known(20));
	finish();
}

Test(tables, reused_root_is_no_table)
{
	start();
	ram[20][DIRECT] = ram[ROOT][DIRECT];
	link_path(20, 21);
	load_cr3(0, 20);
	load_cr3(0, ROOT);
	/* Part of an entry, although its user half is not empty. */
	ram[20][9] = 0xff;
	cr_assert(!record_store(&rec, DIRECT_MAP + 0x20048, 0x14048, 1, 0, 0));
	cr_assert(!known(20) && !known(21) && known(KERNEL_L3));
	finish();
}

Test(tables, what_a_program_writes_is_no_root_that_nobody_runs_on)
{
	start();
	ram[20][DIRECT] = ram[ROOT][DIRECT];
	link_path(20, 21);
	load_cr3(0, 20);
	record_is_data(&rec, 20 << 12);
	cr_assert(known(20), "it is loaded");
	load_cr3(0, ROOT);
	record_is_data(&rec, 21 << 12);
	cr_assert(known(21), "it is linked");
	record_is_data(&rec, 20 << 12);
	cr_assert(!known(20) && !known(21) && known(KERNEL_L3));
	finish();
}

Test(tables, part_of_an_entry_and_two_entries_are_stores)
{
	start();
	link_path(ROOT, 10);
	ram[12][0] = 0x1067;
	record_store(&rec, DIRECT_MAP + 0xc000, 0xc000, 8, 0, 0);
	ram[12][0] = 0x1065;
	cr_assert(record_store(&rec, DIRECT_MAP + 0xc000, 0xc000, 1, 0, 0));
	ram[12][1] = 0x2067;
	ram[12][2] = 0x3067;
	cr_assert(record_store(&rec, DIRECT_MAP + 0xc008, 0xc008, 16, 0,
			       SIM_F_KEPT));
	finish();
	cr_assert(tally.all.count[SIM_EV_TABLE_STORE] == 5);
	cr_assert(tally.all.kept == 1);
}

Test(tables, table_that_maps_itself_is_harmless)
{
	start();
	put(ROOT, 510, ROOT << 12 | RWU);
	cr_assert(known(ROOT));
	link_path(ROOT, 10);
	put(12, 0, 12 << 12 | RWU);
	put(11, 1, 11 << 12 | RWU);
	put(11, 2, ROOT << 12 | RWU);
	put(11, 3, 63ull << 40 | RWU);		/* no RAM */
	put(ROOT, 510, 0);
	record_final(&rec);
	cr_assert(rec.status == SIM_REC_OK);
	sim_rec_abort(rec.out);
	record_free(&rec);
}

/* Stores of any values anywhere: nothing is lost track of. */
Test(tables, any_stores_are_survived)
{
	for (uint64_t seed = test_seed(); seed < test_seed() + 20; seed++) {
		struct test_rng rng = test_rng_init(seed);

		start();
		for (int i = 0; i < 3000; i++) {
			unsigned int frame = (unsigned int)
				test_rng_below(&rng, FRAMES);
			uint64_t entry = test_rng_below(&rng, FRAMES + 4) << 12
					 | (test_rng_next(&rng) & 0x87);

			if (test_rng_below(&rng, 50) == 0) {
				load_cr3((unsigned int)test_rng_below(&rng, 2),
					 frame);
			}
			put(frame, (unsigned int)test_rng_below(&rng, 512),
			    test_rng_below(&rng, 3) ? entry : 0);
		}
		cr_assert(rec.status == SIM_REC_OK, "seed %llu",
			  (unsigned long long)seed);
		sim_rec_abort(rec.out);
		record_free(&rec);
	}
}
