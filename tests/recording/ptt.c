/* SPDX-License-Identifier: BSD-2-Clause */
/* The importer of the private format, on made-up inputs. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "sim/import.h"
#include "sim/import_ptt.h"
#include "sim/judge.h"
#include "tests/recording/make.h"
#include "tests/recording/make_ptt.h"

static struct ptt_file f;

static enum sim_rec_status import(const char *out, struct sim_rec_error *err)
{
	char in[4200];
	enum sim_rec_status status;

	snprintf(in, sizeof(in), "%s.ptt", out);
	store_file(in, f.data, f.bytes);
	status = sim_import(in, out, NULL, NULL, err);
	unlink(in);
	return status;
}

/* Imports, checks that nothing is left if that fails, and opens. */
static struct sim_rec_reader *converted(void)
{
	const char *out = make_path("ptt.gnr");
	struct sim_rec_reader *r;
	struct sim_rec_error err = { "" };

	cr_assert(import(out, &err) == SIM_REC_OK, "%s", err.text);
	cr_assert(sim_rec_open(&r, out, &err) == SIM_REC_OK, "%s", err.text);
	unlink(out);
	return r;
}

static void refused(enum sim_rec_status expected)
{
	const char *out = make_path("refused.gnr");
	struct sim_rec_error err = { "" };

	cr_assert(import(out, &err) == expected, "%s", err.text);
	cr_assert(strchr(err.text, ';') != NULL, "%s", err.text);
	cr_assert(access(out, F_OK) != 0);
}

static struct sim_event next(struct sim_rec_reader *r, unsigned int type)
{
	struct sim_event ev;

	cr_assert(sim_rec_next(r, &ev) == SIM_REC_OK, "%s",
		  sim_rec_error(r)->text);
	cr_assert(ev.type == type, "%s, not %s", sim_event_name(ev.type),
		  sim_event_name(type));
	return ev;
}

static void skip_start(struct sim_rec_reader *r)
{
	next(r, SIM_EV_MARKER);
	for (int i = 0; i < PTT_START_TABLES; i++) {
		next(r, SIM_EV_TABLE_IMAGE);
	}
}

static void expect_final(struct sim_rec_reader *r, int tables)
{
	static struct sim_verdict v;
	struct sim_rec_error err = { "" };
	struct sim_event ev;

	for (int i = 0; i < tables; i++) {
		next(r, SIM_EV_FINAL_TABLE);
	}
	cr_assert(sim_rec_next(r, &ev) == SIM_REC_END);
	cr_assert(sim_judge(r, &v, NULL, NULL, &err) == SIM_REC_OK, "%s",
		  err.text);
	cr_assert(v.violations == 0, "%s", v.first[0].text);
	sim_rec_close(r);
}

Test(ptt, start_describes_the_machine)
{
	struct sim_rec_reader *r;
	const struct sim_rec_info *info;

	ptt_start(&f);
	r = converted();
	info = sim_rec_info(r);
	cr_assert(info->kind == SIM_REC_MMU && info->levels == 4);
	cr_assert(info->cr0 == PTT_CR0 && info->cr4 == PTT_CR4);
	cr_assert(info->cr3 == PTT_ROOT && info->efer == 0xd01);
	cr_assert(info->has_direct_map &&
		  info->direct_map == PTT_DIRECT_MAP);
	cr_assert(info->ram_bytes == 1ull << 30);
	skip_start(r);
	expect_final(r, PTT_START_TABLES);
}

Test(ptt, image_comes_before_the_store_that_links_it)
{
	struct sim_rec_reader *r;
	struct sim_event ev;

	ptt_start(&f);
	/* A new leaf table, with one entry, below the level 2 table. */
	ptt_put(&f, PTT_STORE, 8, 2, 100, PTT_L2 + 8, 0x9067);
	ptt_put(&f, PTT_TABLE, 0, 1, 100, 0x9000, 0);
	ptt_put(&f, PTT_ENTRY, 8, 1, 100, 0x9018, 0x7067);
	ptt_put(&f, PTT_ACCESS, 4, 0, 101, 0x203123, 0);
	r = converted();
	skip_start(r);
	ev = next(r, SIM_EV_TABLE_IMAGE);
	cr_assert(ev.gpa == 0x9000 && ev.level == 1 && ev.entry_count == 1);
	cr_assert(ev.entries[0].index == 3 && ev.entries[0].value == 0x7067);
	ev = next(r, SIM_EV_TABLE_STORE);
	cr_assert(ev.gpa == PTT_L2 + 8 && ev.value == 0x9067 &&
		  ev.level == 2 && ev.size == 8 && ev.flags == 0);
	cr_assert(ev.gva == PTT_DIRECT_MAP + PTT_L2 + 8);
	ev = next(r, SIM_EV_ACCESS);
	cr_assert(ev.gva == 0x203123 && ev.flags == SIM_F_USER);
	expect_final(r, PTT_START_TABLES + 1);
}

Test(ptt, image_comes_before_the_cr3_load)
{
	struct sim_rec_reader *r;

	ptt_start(&f);
	ptt_put(&f, PTT_CR3, 8, 0, 100, 0xa000, 0);
	ptt_put(&f, PTT_TABLE, 0, 4, 100, 0xa000, 0);
	ptt_put(&f, PTT_ENTRY, 8, 4, 100, 0xa888, PTT_KERNEL_L3 | 0x67);
	ptt_put(&f, PTT_INVLPG, 0, 0, 100, 0x1234, 0);
	r = converted();
	skip_start(r);
	cr_assert(next(r, SIM_EV_TABLE_IMAGE).gpa == 0xa000);
	cr_assert(next(r, SIM_EV_CR3).value == 0xa000);
	cr_assert(next(r, SIM_EV_INVLPG).gva == 0x1234);
	expect_final(r, PTT_START_TABLES + 1);
}

Test(ptt, store_that_passed_the_filter_becomes_one_event)
{
	uint64_t gva = PTT_DIRECT_MAP + PTT_L1 + 16;
	struct sim_rec_reader *r;
	struct sim_event ev;

	ptt_start(&f);
	ptt_put(&f, PTT_ACCESS, 8, 1, 100, gva, 0);
	ptt_put(&f, PTT_STORE, 8, 1, 100, PTT_L1 + 16, 0x6067);
	/* The same place at another time: two events. */
	ptt_put(&f, PTT_ACCESS, 8, 1, 101, gva, 0);
	ptt_put(&f, PTT_STORE, 8, 1, 102, PTT_L1 + 16, 0);
	/* A read by the same instruction is no store. */
	ptt_put(&f, PTT_ACCESS, 8, 0, 103, gva, 0);
	ptt_put(&f, PTT_STORE, 8, 1, 103, PTT_L1 + 16, 0x6065);
	/* Another place. */
	ptt_put(&f, PTT_ACCESS, 8, 1, 104, gva + 8, 0);
	ptt_put(&f, PTT_STORE, 1, 1, 104, PTT_L1 + 17, 0x6165);
	r = converted();
	skip_start(r);
	ev = next(r, SIM_EV_TABLE_STORE);
	cr_assert(ev.flags == SIM_F_KEPT && ev.gva == gva &&
		  ev.value == 0x6067);
	next(r, SIM_EV_ACCESS);
	ev = next(r, SIM_EV_TABLE_STORE);
	cr_assert(ev.flags == 0 && ev.value == 0 && ev.gva == gva);
	next(r, SIM_EV_ACCESS);
	cr_assert(next(r, SIM_EV_TABLE_STORE).flags == 0);
	next(r, SIM_EV_ACCESS);
	ev = next(r, SIM_EV_TABLE_STORE);
	cr_assert(ev.size == 1 && ev.gpa == PTT_L1 + 17 &&
		  ev.value == 0x6165 && ev.gva == gva + 1);
	expect_final(r, PTT_START_TABLES);
}

Test(ptt, counter_is_64_bits_wide)
{
	struct sim_rec_reader *r;
	uint64_t first;

	ptt_start(&f);
	ptt_put(&f, PTT_INVLPG, 0, 0, 0xfffffff0, 1, 0);
	ptt_put(&f, PTT_INVLPG, 0, 0, 0x10, 2, 0);
	ptt_put(&f, PTT_INVLPG, 0, 0, 0x0f, 3, 0);
	r = converted();
	skip_start(r);
	first = next(r, SIM_EV_INVLPG).instr;
	cr_assert(next(r, SIM_EV_INVLPG).instr == first + 0x20);
	cr_assert(next(r, SIM_EV_INVLPG).instr == first + 0x1f + (1ull << 32));
	expect_final(r, PTT_START_TABLES);
}

Test(ptt, other_records_keep_their_meaning)
{
	struct sim_rec_reader *r;
	struct sim_event ev;

	ptt_start(&f);
	ptt_put(&f, PTT_FAULT, 0, 0, 100, 0x5000, 6);
	ptt_put(&f, PTT_CONTROL, 0, 4, 101, 0, 0);
	ptt_put(&f, PTT_CONTROL, 0, 0, 102, 0, 0);
	ptt_put(&f, PTT_MARKER, 0, 9, 103, 0, 0);
	ptt_put(&f, PTT_STORE, 8, 2, 104, PTT_L2, 0);
	ptt_put(&f, PTT_END, 0, 1, 104, PTT_L1, 0);
	r = converted();
	skip_start(r);
	ev = next(r, SIM_EV_FAULT);
	cr_assert(ev.gva == 0x5000 && ev.value == 6 && ev.flags == SIM_F_USER);
	cr_assert(next(r, SIM_EV_CR4).flags == 0);
	cr_assert(next(r, SIM_EV_CR0).flags == 0);
	cr_assert(next(r, SIM_EV_MARKER).value == 9);
	next(r, SIM_EV_TABLE_STORE);
	ev = next(r, SIM_EV_TABLE_END);
	cr_assert(ev.gpa == PTT_L1 && ev.level == 1);
	expect_final(r, PTT_START_TABLES - 1);
}

Test(ptt, zstd_input_is_unpacked_and_may_not_be_cut)
{
	static uint8_t packed[PTT_FILE_BYTES + 1024];
	size_t bytes;

	ptt_start(&f);
	bytes = ZSTD_compress(packed, sizeof(packed), f.data, f.bytes, 3);
	cr_assert(!ZSTD_isError(bytes));
	memcpy(f.data, packed, bytes);
	f.bytes = bytes;
	sim_rec_close(converted());
	f.bytes = bytes - 1;
	refused(SIM_REC_CUT);
	f.bytes = bytes / 2;
	refused(SIM_REC_CUT);
	/* A bit that zstd reserves. */
	f.bytes = bytes;
	f.data[4] ^= 0x08;
	refused(SIM_REC_DAMAGED);
}

Test(ptt, broken_inputs_are_refused)
{
	ptt_start(&f);
	f.bytes--;
	refused(SIM_REC_CUT);
	f.bytes = 0;
	refused(SIM_REC_CUT);
	ptt_start(&f);
	f.data[0] = 77;
	refused(SIM_REC_FOREIGN);
	ptt_start(&f);
	ptt_put(&f, 12, 0, 0, 100, 0, 0);
	refused(SIM_REC_DAMAGED);
	ptt_start(&f);
	ptt_put(&f, PTT_STORE, 8, 1, 100, 0x20000, 1);
	refused(SIM_REC_DAMAGED);
	ptt_start(&f);
	ptt_put(&f, PTT_STORE, 8, 1, 100, 1ull << 45, 1);
	refused(SIM_REC_DAMAGED);
	ptt_start(&f);
	ptt_put(&f, PTT_END, 0, 1, 100, 0x20000, 0);
	refused(SIM_REC_DAMAGED);
	ptt_start(&f);
	ptt_put(&f, PTT_TABLE, 0, 6, 100, 0x20000, 0);
	refused(SIM_REC_DAMAGED);
	ptt_start(&f);
	ptt_put(&f, PTT_TABLE, 0, 1, 100, 0x20000, 0);
	ptt_put(&f, PTT_ENTRY, 8, 1, 100, 0x20008, 1);
	ptt_put(&f, PTT_ENTRY, 8, 1, 100, 0x20008, 1);
	refused(SIM_REC_DAMAGED);
	ptt_start(&f);
	ptt_put(&f, PTT_ACCESS, 0, 0, 100, 0x1000, 0);
	refused(SIM_REC_DAMAGED);
}

Test(ptt, a_recording_is_not_imported_again)
{
	struct sim_rec_error err = { "" };
	char out[4200], twice[4300];

	snprintf(out, sizeof(out), "%s", make_path("again.gnr"));
	snprintf(twice, sizeof(twice), "%s.twice", out);
	ptt_start(&f);
	cr_assert(import(out, &err) == SIM_REC_OK);
	cr_assert(sim_import(out, twice, NULL, NULL, &err) ==
		  SIM_REC_FOREIGN);
	cr_assert(strstr(err.text, "already") && access(twice, F_OK) != 0);
	unlink(out);
}
