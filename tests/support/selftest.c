/* SPDX-License-Identifier: BSD-2-Clause */
/* The judges are judged: each must complain when it should. */
#include <criterion/criterion.h>

#include <string.h>

#include "tests/support/fakehost.h"

Test(fakehost, frames_round_trip)
{
	struct fakehost *fh = fh_create();

	fh_frames(fh, 1024, 1024, (struct fh_frame){
		.kind = GNOMON_FRAME_RAM, .order = 9, .write = true });
	for (uint64_t gfn = 0; gfn < FH_SMALL_FRAMES; gfn++) {
		cr_assert(fh_gfn(fh, fh_hfn(fh, gfn)) == gfn);
		cr_assert(fh_hfn(fh, gfn) != gfn);
	}
	cr_assert(fh_hfn(fh, 1025) == fh_hfn(fh, 1024) + 1);
	cr_assert(fh_hfn(fh, 1) != fh_hfn(fh, 0) + 1);
	cr_assert(fh_gfn(fh, 12) == UINT64_MAX);
	cr_assert(fh_destroy(fh) == 0);
}

Test(fakehost, leak_is_an_error)
{
	struct fakehost *fh = fh_create();
	struct gnomon_page page;

	cr_assert(fh->host.page_alloc(fh, GNOMON_PAGE_META, &page) ==
		  GNOMON_OK);
	cr_assert(fh_destroy(fh) == 1);
}

Test(fakehost, write_after_free_is_an_error)
{
	struct fakehost *fh = fh_create();
	struct gnomon_page page;

	cr_assert(fh->host.page_alloc(fh, GNOMON_PAGE_TABLE, &page) ==
		  GNOMON_OK);
	fh->host.page_free(fh, GNOMON_PAGE_TABLE, &page);
	memset(page.va, 1, 8);
	cr_assert(fh_destroy(fh) == 1);
}

Test(fakehost, free_of_a_page_in_use_is_an_error)
{
	struct fakehost *fh = fh_create();
	struct gnomon_page page;

	cr_assert(fh->host.page_alloc(fh, GNOMON_PAGE_TABLE, &page) ==
		  GNOMON_OK);
	fh_page_at(fh, page.hpa.v)->seen[0] = fh->epoch[0];
	fh->host.page_free(fh, GNOMON_PAGE_TABLE, &page);
	cr_assert(fh->errors == 1);
	fh_destroy(fh);
}

Test(fakehost, nth_call_fails_once)
{
	struct fakehost *fh = fh_create();
	struct gnomon_slot slot = fh_slot(fh, 0, 0, 16, 0, false);
	uint64_t v;

	cr_assert(slot.hva == NULL);
	fh->fail_at = 2;
	cr_assert(fh->host.load(fh, (gnomon_gpa_t){ 8 }, 8, &v) == GNOMON_OK);
	cr_assert(fh->host.load(fh, (gnomon_gpa_t){ 8 }, 8, &v) ==
		  GNOMON_ABSENT);
	cr_assert(fh->host.load(fh, (gnomon_gpa_t){ 8 }, 8, &v) == GNOMON_OK);
	/* Outside the slot: absent, and not to be asked at all. */
	cr_assert(fh->host.load(fh, (gnomon_gpa_t){ 16 << 12 }, 8, &v) ==
		  GNOMON_ABSENT);
	cr_assert(fh_destroy(fh) == 1);
}
