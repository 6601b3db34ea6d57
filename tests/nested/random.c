/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random operations against a flat model, and the same with the Nth host
 * callback failing, for every N. The audit runs after each.
 */
#include <criterion/criterion.h>

#include <inttypes.h>
#include <stdlib.h>

#include "tests/nested/npfix.h"
#include "tests/support/seed.h"

struct run {
	struct npfix fix;
	struct test_rng rng;
	uint64_t seed;
	const char *name;
	/*
	 * False from the protection of a mapped frame until it is written or
	 * unmapped. Holds only while nothing makes us drop more than asked.
	 */
	bool *open;
	bool exact;
};

static void fail(struct run *r, unsigned step, const char *what, uint64_t gfn)
{
	test_print_repeat("tests/nested/random.t", r->name, r->seed);
	cr_assert_fail("step %u: %s at gfn %#" PRIx64, step, what, gfn);
}

static uint64_t any_gfn(struct run *r)
{
	uint64_t at = test_rng_below(&r->rng, 3 * FH_SMALL_FRAMES);

	return at < 2 * FH_SMALL_FRAMES ? at / 2 : FH_BIG_FIRST + at;
}

static struct gn_np_range any_range(struct run *r)
{
	uint64_t frames = test_rng_below(&r->rng, 4) ? 700 : 5;

	return (struct gn_np_range){ gn_gfn(any_gfn(r)),
				     1 + test_rng_below(&r->rng, frames) };
}

static void note(struct run *r, struct gn_np_range range, bool open)
{
	for (uint64_t i = 0; i < range.frames; i++) {
		uint64_t gfn = range.first.v + i;

		if (gfn < FH_FRAMES) {
			r->open[gfn] = open ||
				       !npfix_look(&r->fix, gfn).present;
		}
	}
}

/* The host takes a block, changes its mind about it, and gives it back. */
static void op_host(struct run *r)
{
	uint64_t any = test_rng_below(&r->rng, FH_SMALL_FRAMES);
	uint64_t gfn = any & ~UINT64_C(511);
	bool block = test_rng_below(&r->rng, 2);
	struct gn_np_range range = { gn_gfn(gfn), 512 };

	fh_frames(r->fix.fh, gfn, 512, (struct fh_frame){
		.kind = GNOMON_FRAME_RAM, .order = block ? 9 : 0,
		.write = test_rng_below(&r->rng, 8) != 0 });
	note(r, range, true);
	while (gn_np_unmap(&r->fix.np, &range, &(uint32_t){ 100 }) ==
	       GNOMON_MORE) {
	}
}

static void op_fault(struct run *r)
{
	uint64_t gfn = any_gfn(r);
	bool write = test_rng_below(&r->rng, 2);
	struct gnomon_outcome out = npfix_fault(&r->fix, gfn,
						write ? GNOMON_WRITE : 0);

	if (write && out.action == GNOMON_RESUME) {
		r->open[gfn] = true;
	}
}

static void op_range(struct run *r, uint64_t which)
{
	struct gn_np_range range = any_range(r), whole = range;
	enum gnomon_status s;

	do {
		uint32_t budget = (uint32_t)test_rng_below(&r->rng, 90) + 1;

		switch (which) {
		case 0:
			s = gn_np_unmap(&r->fix.np, &range, &budget);
			note(r, whole, true);
			break;
		case 1:
			s = gn_np_protect(&r->fix.np, &range, &budget);
			if (s == GNOMON_OK) {
				note(r, whole, false);
			}
			break;
		case 2:
			s = gn_np_split(&r->fix.np, &range,
					1 + (unsigned)(r->seed % 2), &budget);
			break;
		default:
			s = gn_np_collapse(&r->fix.np, &range, &budget);
			break;
		}
	} while (s == GNOMON_MORE);
}

static void check(struct run *r, unsigned step)
{
	const char *rule = npfix_audit(&r->fix);

	if (rule) {
		fail(r, step, rule, 0);
	}
	for (unsigned i = 0; i < 64; i++) {
		uint64_t gfn = any_gfn(r);
		struct npfix_seen seen = npfix_look(&r->fix, gfn);
		struct gn_np_walk walk;

		gn_np_walk(&r->fix.np, gn_gfn_gpa(gn_gfn(gfn)), GNOMON_READ,
			   &walk);
		if ((walk.end == GN_NP_END_OK) != seen.present ||
		    walk.refs != seen.refs ||
		    (seen.present && walk.hpa.v != seen.hfn << 12)) {
			fail(r, step, "two walkers differ", gfn);
		}
		if (seen.present && seen.hfn != fh_hfn(r->fix.fh, gfn)) {
			fail(r, step, "wrong frame", gfn);
		}
		if (seen.present && seen.writable && !fh_writable(r->fix.fh,
								  gfn)) {
			fail(r, step, "writable against the host", gfn);
		}
		if (seen.present && seen.writable && r->exact &&
		    !r->open[gfn]) {
			fail(r, step, "writable though protected", gfn);
		}
	}
}

static void one_op(struct run *r)
{
	switch (test_rng_below(&r->rng, 16)) {
	case 0:
		op_range(r, 0);
		break;
	case 1:
		op_range(r, 1);
		break;
	case 2:
		op_range(r, 2);
		break;
	case 3:
		op_range(r, 3);
		break;
	case 4:
		op_host(r);
		break;
	default:
		op_fault(r);
		break;
	}
}

static void open_run(struct run *r, const char *name, uint64_t seed)
{
	const struct gn_np_format *f = seed % 2 ? &gn_np_format_npt
						: &gn_np_format_ept;

	r->name = name;
	r->seed = seed;
	r->rng = test_rng_init(seed);
	r->open = calloc(FH_FRAMES, sizeof(*r->open));
	for (uint64_t i = 0; i < FH_FRAMES; i++) {
		r->open[i] = true;
	}
	r->exact = seed / 12 % 2 == 0;
	npfix_open(&r->fix, f, 4 + (unsigned)(seed / 2 % 2),
		   1 + (unsigned)(seed / 4 % 3), r->exact ? 0 : 24);
}

static void close_run(struct run *r, unsigned step)
{
	free(r->open);
	if (r->fix.fh->errors) {
		fail(r, step, r->fix.fh->error, 0);
	}
	cr_assert_eq(npfix_close(&r->fix), 0);
}

Test(np_random, operations_match_the_model)
{
	uint64_t seed = test_seed();

	for (uint64_t i = 0; i < test_rounds(24); i++) {
		struct run r;

		open_run(&r, "operations_match_the_model", seed + i);
		for (unsigned step = 0; step < 120; step++) {
			one_op(&r);
			check(&r, step);
		}
		close_run(&r, 120);
	}
}

/* Fail callback number n of a fixed scenario, for every n. */
Test(np_random, nth_failure_leaves_it_consistent)
{
	uint64_t seed = test_seed();
	uint64_t n = 1;
	bool hit = true;

	for (; hit; n += n < 200 ? 1 : 7) {
		struct run r;

		open_run(&r, "nth_failure_leaves_it_consistent",
			 seed + n % 24);
		r.exact = false;
		r.fix.fh->fail_at = r.fix.fh->calls_all + n;
		for (unsigned step = 0; step < 60; step++) {
			one_op(&r);
			if (r.fix.fh->fail_hit && r.fix.fh->fail_at) {
				r.fix.fh->fail_at = 0;
				check(&r, step);
			}
		}
		hit = r.fix.fh->fail_hit;
		r.fix.fh->fail_at = 0;
		check(&r, 60);
		close_run(&r, 60);
	}
	cr_assert_gt(n, 50, "the scenario makes that many calls");
}

/* Pages run out at every point: each fault either works or says so. */
Test(np_random, no_page_at_any_time_is_reported_and_harmless)
{
	for (uint32_t pages = 2; pages < 40; pages++) {
		struct npfix fix;
		unsigned refused = 0;

		npfix_open(&fix, &gn_np_format_npt, 5, 1, 0);
		fix.fh->live_max = pages + 2;
		for (unsigned i = 0; i < 32; i++) {
			uint64_t gfn = i * 512 + (i % 3 ? 0 : FH_BIG_FIRST);
			struct npfix_seen old = npfix_look(&fix, gfn);
			struct gnomon_outcome out =
				npfix_fault(&fix, gfn, GNOMON_WRITE);

			refused += out.action == GNOMON_STOP_NOMEM;
			cr_assert_eq(npfix_look(&fix, gfn).present,
				     out.action == GNOMON_RESUME);
			cr_assert(!old.present);
			cr_assert_null(npfix_audit(&fix));
		}
		cr_assert(refused > 0 || pages > 30);
		cr_assert_eq(npfix_close(&fix), 0);
	}
}
