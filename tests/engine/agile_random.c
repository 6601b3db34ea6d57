/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables that are switched at random while two CPUs with agile paging use
 * them and the guest rewrites them: a handful of frames serve as tables of
 * every level at once, point at each other and at themselves. The naive MMU
 * judges each access, the audit what lies behind it. Then the same with the
 * Nth call of the host failing.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/agileworld.h"
#include "tests/support/seed.h"

#define TABLES 10u
#define FIRST_TABLE 512u	/* in the middle of a 2M block */
#define DATA_FRAMES 1024u
#define ALL (X86_PTE_P | X86_PTE_W | X86_PTE_U)
#define USED (X86_PTE_A | X86_PTE_D)
#define GOOD 8u

struct run {
	struct agileworld a;
	struct test_rng rng;
	uint64_t seed, step;
	unsigned levels;
	uint64_t bits[WORLD_FRAMES / 64];
	bool failing;		/* the host may refuse */
	uint64_t below;		/* accesses by the guest's own tables */
	uint64_t around;	/* nptes that came ahead */
	uint64_t good[GOOD];	/* addresses that were mapped */
};

static uint64_t some(struct run *r, uint64_t n)
{
	return test_rng_below(&r->rng, n);
}

static uint64_t table(struct run *r)
{
	return (FIRST_TABLE + 3 * some(r, TABLES)) << 12;
}

static unsigned index_of(struct run *r)
{
	static const unsigned choice[] = { 0, 1, 2, 256, 511 };

	return choice[some(r, 5)];
}

static uint64_t gva_of(struct run *r)
{
	unsigned top = 11 + 9 * r->levels;
	uint64_t gva = some(r, 512) * 8;

	for (unsigned l = r->levels; l > 0; l--) {
		gva |= (uint64_t)index_of(r) << (3 + 9 * l);
	}
	return gva >> top & 1 ? gva | ~UINT64_C(0) << top : gva;
}

static uint64_t gpte_of(struct run *r)
{
	switch (some(r, 16)) {
	case 0:
		return 0;
	case 1:
		return table(r) | X86_PTE_P | X86_PTE_U;
	case 2:
		return table(r) | X86_PTE_P | X86_PTE_W;
	case 3:
		return table(r) | ALL | X86_PTE_NX;
	case 4:
		/* In a TLB it would outlive the load of another root. */
		return some(r, DATA_FRAMES) << 12 | ALL | USED |
		       (r->a.hint ? 0 : X86_PTE_G);
	case 5:
		return some(r, DATA_FRAMES) << 12 | ALL | X86_PTE_A;
	case 6:
		return some(r, 9) << 21 | ALL | X86_PTE_PS;
	case 7:	/* reserved, or far away */
		return table(r) | ALL | UINT64_C(1) << (20 + some(r, 30));
	case 8:	/* the bit that switches, written by the guest */
		return table(r) | ALL | UINT64_C(1) << GNOMON_AGILE_BIT;
	case 9:	/* beyond the slot */
		return some(r, WORLD_FRAMES + 8) << 12 | ALL;
	default:
		return table(r) | ALL;
	}
}

static uint32_t access_of(struct run *r)
{
	static const uint32_t choice[] = {
		GNOMON_READ, GNOMON_WRITE, GNOMON_EXEC,
		GNOMON_READ | GNOMON_USER, GNOMON_WRITE | GNOMON_USER,
		GNOMON_EXEC | GNOMON_USER, GNOMON_WRITE,
	};

	return choice[some(r, 7)];
}

static void fail(struct run *r, const char *what)
{
	test_print_repeat("tests/engine/agile_random.t", "agile_random",
			  r->seed);
	cr_assert(false, "step %llu: %s; host: %s",
		  (unsigned long long)r->step, what, r->a.w.fh->error);
}

/* What a guest does after it has changed a table, on every CPU. */
static void flush_all(struct run *r)
{
	for (unsigned i = 0; i < WORLD_CPUS; i++) {
		struct gnomon_flush all = { .vcpus = UINT64_C(1) << i };

		hwagile_flush(&r->a.cpu[i], &all);
		cr_assert_eq(gnomon_invpcid(r->a.w.vcpu[i],
					    GNOMON_INVPCID_ALL, 0,
					    (gnomon_gva_t){ 0 }), GNOMON_OK);
	}
}

static void one_access(struct run *r)
{
	unsigned cpu = (unsigned)some(r, WORLD_CPUS);
	uint64_t *good = &r->good[some(r, GOOD)];
	uint64_t gva = some(r, 2) ? *good : gva_of(r);
	uint32_t access = access_of(r);
	enum world_end end = agile_access(&r->a, cpu, gva, access,
					  gpte_of(r));

	if (end == WORLD_WRONG ||
	    (end == WORLD_STOPPED && !r->failing)) {
		fail(r, "an access went wrong");
	}
	if (end == WORLD_OK) {
		*good = gva;
	}
	if (access & GNOMON_WRITE) {
		/* It may have been a table. */
		flush_all(r);
	}
}

static void one_store(struct run *r)
{
	world_store(&r->a.w, table(r) + 8 * (some(r, 4) ? index_of(r)
							: some(r, 512)),
		    gpte_of(r));
	flush_all(r);
}

static void one_switch(struct run *r)
{
	gnomon_gfn_t gfn = { some(r, 4) ? table(r) >> 12
					: some(r, DATA_FRAMES) };
	bool nested = some(r, 2);
	enum gnomon_status status;

	do {
		uint32_t budget = 1 + (uint32_t)some(r, 4);

		status = gnomon_table_switch(r->a.w.vm, gfn, nested, &budget);
		if (status == GNOMON_MORE && some(r, 2)) {
			one_access(r);
		}
	} while (status == GNOMON_MORE);
	if (status == GNOMON_NOMEM && r->failing) {
		return;
	}
	cr_assert_eq(status, GNOMON_OK);
	cr_assert_eq(gnomon_table_is_nested(r->a.w.vm, gfn), nested);
}

static void load(struct run *r, unsigned cpu)
{
	struct gnomon_regs *regs = &r->a.w.regs[cpu];
	struct gnomon_root root;
	enum gnomon_status status;
	uint64_t old = regs->cr3, cr0 = regs->cr0;

	regs->cr3 = table(r);
	regs->cr0 = some(r, 8) ? regs->cr0 | X86_CR0_WP
			       : regs->cr0 & ~X86_CR0_WP;
	status = gnomon_vcpu_set_regs(r->a.w.vcpu[cpu], regs, GNOMON_SET_CR3,
				      &root);
	if (status != GNOMON_OK) {
		regs->cr3 = old;
		regs->cr0 = cr0;
		cr_assert(r->failing && status == GNOMON_NOMEM);
		return;
	}
	hwagile_load(&r->a.cpu[cpu], root);
	r->a.w.fh->epoch[cpu] += root.flush;
}

static void one_space(struct run *r)
{
	gnomon_gpa_t cr3 = { table(r) };
	enum gnomon_status status;

	do {
		uint32_t budget = 5;

		status = gnomon_mode_switch(r->a.w.vm, &cr3, some(r, 2) ?
					    GNOMON_MODE_NESTED :
					    GNOMON_MODE_AGILE, &budget);
	} while (status == GNOMON_MORE);
	cr_assert(status == GNOMON_OK ||
		  (r->failing && status == GNOMON_NOMEM));
	for (unsigned i = 0; i < WORLD_CPUS; i++) {
		load(r, i);
	}
}

/* Have it in the TLB: what the VMM does next must reach that. */
static uint64_t use_good(struct run *r, uint64_t gva, uint32_t access,
			 uint64_t value)
{
	struct ref_result ref;

	if (agile_access(&r->a, 0, gva, access, value) == WORLD_WRONG) {
		fail(r, "what was good has gone wrong");
	}
	ref_walk(&r->a.w.ref, &r->a.w.regs[0], gva, access, &ref);
	return ref.status == GNOMON_OK && ref.gpa >> 12 < DATA_FRAMES
		       ? ref.gpa >> 12 : some(r, DATA_FRAMES);
}

/* The host moves a frame to its other place and back. */
static void one_move(struct run *r)
{
	uint64_t good = r->good[some(r, GOOD)];
	gnomon_gfn_t gfn = { some(r, 3) ? use_good(r, good, GNOMON_READ, 0)
					: table(r) >> 12 };
	struct fh_frame frame = {
		.kind = GNOMON_FRAME_RAM, .write = some(r, 8) != 0,
		.moved = some(r, 2),
	};

	cr_assert_eq(gnomon_host_change_begin(r->a.w.vm, gfn, 1, NULL),
		     GNOMON_OK);
	fh_frames(r->a.w.fh, gfn.v, 1, frame);
	cr_assert_eq(gnomon_host_change_end(r->a.w.vm, gfn, 1), GNOMON_OK);
	use_good(r, good, GNOMON_READ, 0);
}

static void one_log(struct run *r)
{
	struct gnomon_dirty_log log = {
		.frames = WORLD_FRAMES, .bitmap = r->bits,
	};
	struct gnomon_range all = { { 0 }, WORLD_FRAMES };
	uint64_t good = r->good[some(r, GOOD)], value = gpte_of(r);
	struct ref_result ref;

	/* It may be a table: the second time it is not changed. */
	use_good(r, good, GNOMON_WRITE, value);
	flush_all(r);
	agile_access(&r->a, 0, good, GNOMON_WRITE, value);
	if (!r->a.w.dirty) {
		memset(r->bits, 0, sizeof(r->bits));
		cr_assert_eq(gnomon_dirty_start(r->a.w.vm, &log, NULL),
			     GNOMON_OK);
		r->a.w.dirty = r->bits;
	} else if (some(r, 2)) {
		cr_assert_eq(gnomon_dirty_clear(r->a.w.vm, 0, &all, NULL,
						NULL), GNOMON_OK);
	} else {
		cr_assert_eq(gnomon_dirty_stop(r->a.w.vm, 0), GNOMON_OK);
		r->a.w.dirty = NULL;
	}
	/* Unless it was its own table: then an old translation is right. */
	ref_walk(&r->a.w.ref, &r->a.w.regs[0], good, GNOMON_WRITE, &ref);
	if (ref.status == GNOMON_OK &&
	    agile_access(&r->a, 0, good, GNOMON_READ, 0) == WORLD_OK) {
		use_good(r, good, GNOMON_WRITE, value);
	}
	flush_all(r);
}

static void one_sweep(struct run *r)
{
	struct gnomon_range all = { { 0 }, WORLD_FRAMES };
	uint32_t pages = 4;
	uint64_t young = 0;

	switch (some(r, 4)) {
	case 0:
		cr_assert_eq(gnomon_zap_all(r->a.w.vm, NULL), GNOMON_OK);
		break;
	case 1:
		cr_assert_eq(gnomon_shrink(r->a.w.vm, &pages, NULL),
			     GNOMON_OK);
		break;
	case 2:
		cr_assert_eq(gnomon_young(r->a.w.vm, &all, true, &young,
					  NULL), GNOMON_OK);
		break;
	default:
		cr_assert_eq(gnomon_collapse(r->a.w.vm, &all, NULL),
			     GNOMON_OK);
	}
}

static void one_step(struct run *r)
{
	uint64_t what = some(r, 100);

	if (what < 60) {
		one_access(r);
	} else if (what < 78) {
		one_store(r);
	} else if (what < 90) {
		one_switch(r);
	} else if (what < 94) {
		load(r, (unsigned)some(r, WORLD_CPUS));
	} else if (what < 96) {
		one_space(r);
	} else if (what < 98) {
		one_move(r);
	} else if (what < 99) {
		one_log(r);
	} else {
		one_sweep(r);
	}
}

static void audit(struct run *r)
{
	struct fakehost *fh = r->a.w.fh;
	uint64_t calls = fh->calls_all, fail_at = fh->fail_at;
	struct gnomon_audit report;

	/* What the audit asks the host is not to fail. */
	fh->fail_at = 0;
	if (gnomon_audit(r->a.w.vm, GNOMON_AUDIT_FULL, &report) !=
	    GNOMON_OK) {
		fail(r, report.rule);
	}
	fh->calls_all = calls;
	fh->fail_at = fail_at;
}

static void begin(struct run *r, uint64_t seed)
{
	struct gnomon_config config = agile_config();

	memset(r, 0, sizeof(*r));
	r->seed = seed;
	r->rng = test_rng_init(seed);
	r->levels = some(r, 4) ? 4 : 5;
	config.options &= (uint32_t)test_rng_next(&r->rng) |
			  (some(r, 2) ? ~0u : 0);
	config.options &= ~(uint32_t)GNOMON_OPT_UNSYNC;
	config.nested_around = (uint8_t)(1u << (test_rng_next(&r->rng) & 6));
	config.table_pages_max = some(r, 3) ? 0 : 80;
	agile_open(&r->a, &config);
	/* Frames that move are in no block of the host's. */
	fh_frames(r->a.w.fh, 0, DATA_FRAMES, (struct fh_frame){
		.kind = GNOMON_FRAME_RAM, .write = true });
	r->a.hint = some(r, 2) ? HW_USE_TLB : 0;
	for (unsigned i = 0; i < WORLD_CPUS; i++) {
		r->a.w.regs[i].cr4 |= r->levels == 5 ? X86_CR4_LA57 : 0;
		load(r, i);
	}
	for (unsigned i = 0; i < 40; i++) {
		one_store(r);
	}
}

static void finish(struct run *r)
{
	struct gnomon_stats s;

	gnomon_vm_stats(r->a.w.vm, &s, sizeof(s));
	r->around = s.nptes_around;
	r->a.w.fh->fail_at = 0;
	for (unsigned i = 0; i < WORLD_CPUS; i++) {
		r->below += r->a.cpu[i].below;
	}
	if (r->a.w.dirty) {
		cr_assert_eq(gnomon_dirty_stop(r->a.w.vm, 0), GNOMON_OK);
	}
	agile_close(&r->a);
}

struct sums {
	uint64_t below, around;
};

static void one_run(uint64_t seed, struct sums *sums)
{
	static struct run r;

	begin(&r, seed);
	for (r.step = 0; r.step < 600; r.step++) {
		one_step(&r);
		if (r.step % 16 == 0) {
			audit(&r);
		}
	}
	audit(&r);
	finish(&r);
	sums->below += r.below;
	sums->around += r.around;
}

Test(agile_random, switching_at_random_is_not_to_be_seen)
{
	uint64_t seed = test_seed(), rounds = test_rounds(60);
	struct sums sums = { 0 };

	for (uint64_t i = 0; i < rounds; i++) {
		one_run(seed + i, &sums);
	}
	/* It would prove little if nothing had gone that way. */
	cr_assert_gt(sums.below, rounds * 20, "only %llu",
		     (unsigned long long)sums.below);
	cr_assert_gt(sums.around, rounds);
}

Test(agile_random, the_nth_call_of_the_host_fails)
{
	uint64_t seed = test_seed();
	static struct run r;
	unsigned hits = 0;

	for (uint64_t n = 1; n < 400; n += 1 + n / 40) {
		begin(&r, seed + n % 7);
		r.failing = true;
		r.a.w.fh->fail_at = r.a.w.fh->calls_all + n;
		for (r.step = 0; r.step < 150; r.step++) {
			one_step(&r);
			if (r.step % 8 == 0) {
				audit(&r);
			}
		}
		hits += r.a.w.fh->fail_hit;
		finish(&r);
	}
	cr_assert_gt(hits, 20);
}
