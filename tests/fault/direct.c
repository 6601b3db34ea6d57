/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * As nth.c, in direct paging: batches of requests of every kind, a few steps
 * at a time, between what the VMM does on its own, and the Nth call of the
 * host fails.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/direct/world.h"
#include "tests/fault/through.h"

#define RWU (X86_PTE_P | X86_PTE_W | X86_PTE_U)
#define ROOT UINT64_C(0x10000)	/* then its tables, top first */
#define UPPER (ROOT + 0x2000)
#define LEAF (ROOT + 0x3000)
#define OTHER UINT64_C(0x20000)	/* a root over the same tables */
#define DATA UINT64_C(0x100)	/* gva 0 */
#define LARGE UINT64_C(0x200000) /* a leaf of 2M, over 0x400 and on */
#define SPLIT UINT64_C(0x400000) /* one over all tables */
#define STEPS 64u

static struct world w;
static unsigned stopped;	/* accesses for want of memory or frame */
static unsigned refused;

static void audit(void)
{
	uint64_t calls = w.fh->calls_all, fail_at = w.fh->fail_at;

	/* Before the failure it is the life without one. */
	if (fail_at && !w.fh->fail_hit) {
		return;
	}
	/* What the audit asks the host is not to fail. */
	w.fh->fail_at = 0;
	world_audit(&w);
	w.fh->calls_all = calls;
	w.fh->fail_at = fail_at;
}

static void touch(uint64_t gva, uint32_t access)
{
	enum world_end end = world_access(&w, gva, access, 1, true);

	cr_assert(end == WORLD_OK || w.fh->fail_hit, "gva %#llx: %d",
		  (unsigned long long)gva, end);
	stopped += end == WORLD_STOPPED;
	audit();
}

static void touch_all(void)
{
	for (unsigned i = 0; i < 4; i++) {
		touch((uint64_t)i << 12, i & 1 ? GNOMON_WRITE : GNOMON_READ);
	}
	touch(LARGE, GNOMON_WRITE);
	touch(LARGE + 0x5000, GNOMON_READ);
	touch(SPLIT + (DATA << 12), GNOMON_READ);
	/* A store into a table, through a piece of the large leaf. */
	touch(SPLIT + LEAF + 0x800, GNOMON_WRITE);
}

/* All of the batch; what was refused is asked for once more. */
static void batch(const struct gnomon_direct *r, uint32_t count)
{
	uint32_t done = 0;
	unsigned again = 0;
	enum gnomon_status s;

	do {
		uint32_t budget = 64, from = done;

		s = gnomon_direct(w.vcpu, r, count, &done, &budget);
		for (uint32_t i = from; i < done; i++) {
			world_done(&w, &r[i]);
		}
		if (s != GNOMON_OK && s != GNOMON_MORE) {
			refused++;
			cr_assert(w.fh->fail_hit && again++ == 0,
				  "request %u: %s", done,
				  gnomon_status_text(s));
			s = GNOMON_MORE;
		}
		audit();
	} while (s == GNOMON_MORE);
}

static void batches(void)
{
	static const struct gnomon_direct first[] = {
		{ GNOMON_DIRECT_PIN, 0, { ROOT }, 4 },
		{ GNOMON_DIRECT_SET, 0, { LEAF + 8 },
		  UINT64_C(0x300) << 12 | RWU },
		{ GNOMON_DIRECT_SET_KEEP_AD, 0, { LEAF },
		  DATA << 12 | RWU },
		{ GNOMON_DIRECT_FLUSH_PAGE, 0, { 0 }, 0x1000 },
		{ GNOMON_DIRECT_PIN, 0, { OTHER }, 4 },
		{ GNOMON_DIRECT_ROOT, 0, { 0 }, OTHER },
		{ GNOMON_DIRECT_UNPIN, 0, { ROOT }, 0 },
		{ GNOMON_DIRECT_FLUSH_ALL, 0, { 0 }, 0 },
	};
	static const struct gnomon_direct then[] = {
		/* The large leaf goes and comes back over the tables. */
		{ GNOMON_DIRECT_SET, 0, { UPPER + 8 }, 0 },
		{ GNOMON_DIRECT_SET, 0, { UPPER + 8 },
		  UINT64_C(0x400000) | RWU | X86_PTE_PS },
		{ GNOMON_DIRECT_SET, 0, { UPPER + 16 },
		  RWU | X86_PTE_PS | X86_PTE_A | X86_PTE_D },
		{ GNOMON_DIRECT_SET, 0, { LEAF + 8 },
		  (DATA + 1) << 12 | RWU },
		{ GNOMON_DIRECT_FLUSH_ALL, 0, { 0 }, 0 },
		{ GNOMON_DIRECT_ROOT, 0, { 0 }, ROOT },
		{ GNOMON_DIRECT_UNPIN, 0, { OTHER }, 0 },
	};

	batch(first, sizeof(first) / sizeof(first[0]));
	touch_all();
	batch(then, sizeof(then) / sizeof(then[0]));
	touch_all();
}

static void host_side(void)
{
	struct gnomon_dirty_log log = {
		.first = { WORLD_LOG_FIRST }, .frames = WORLD_LOG_FRAMES,
		.bitmap = w.bits,
	};
	struct gnomon_range all = { { 0 }, 2048 }, range = all;
	struct gnomon_range logged = { log.first, log.frames };
	gnomon_gfn_t data = { DATA }, table = { LEAF >> 12 };
	uint64_t young = 0;
	uint32_t pages = 2;

	memset(w.bits, 0, sizeof(w.bits));
	THROUGH(gnomon_dirty_start(w.vm, &log, &budget));
	w.logging = true;
	touch_all();
	THROUGH(gnomon_dirty_clear(w.vm, 0, &logged, NULL, &budget));
	touch_all();
	w.logging = false;
	cr_assert_eq(gnomon_dirty_stop(w.vm, 0), GNOMON_OK);
	THROUGH(gnomon_young(w.vm, &range, true, &young, &budget));
	range = all;
	THROUGH(gnomon_collapse(w.vm, &range, &budget));
	THROUGH(gnomon_host_change_begin(w.vm, data, 1, &budget));
	w.fh->frame[DATA].write = !w.fh->frame[DATA].write;
	cr_assert_eq(gnomon_host_change_end(w.vm, data, 1), GNOMON_OK);
	THROUGH(gnomon_host_change_begin(w.vm, data, 1, &budget));
	w.fh->frame[DATA].write = !w.fh->frame[DATA].write;
	cr_assert_eq(gnomon_host_change_end(w.vm, data, 1), GNOMON_OK);
	/* A table stays where it is, and its slot too. */
	cr_assert_eq(gnomon_host_change_begin(w.vm, table, 1, NULL),
		     GNOMON_EXISTS);
	cr_assert_eq(gnomon_host_change_end(w.vm, table, 1), GNOMON_OK);
	cr_assert_eq(gnomon_slot_delete(w.vm, 0, NULL), GNOMON_EXISTS);
	THROUGH(gnomon_shrink(w.vm, &pages, &budget));
	THROUGH(gnomon_zap_all(w.vm, &budget));
	touch_all();
}

static void ask(void)
{
	struct gnomon_span span = { { 0 }, 8 << 12 };
	struct gnomon_look look = { 0 };
	struct gnomon_translation t;
	enum gnomon_status s;
	uint64_t gpte;

	THROUGH(gnomon_prefault(w.vcpu, &span, &budget));
	s = gnomon_translate(w.vcpu, (gnomon_gva_t){ LARGE }, GNOMON_READ, 0,
			     &t);
	cr_assert_eq(s, GNOMON_OK);
	cr_assert_eq(t.gpa.v, 0x400000);
	cr_assert_eq(gnomon_direct_read(w.vm, (gnomon_gpa_t){ UPPER + 8 },
					&gpte), GNOMON_OK);
	cr_assert_eq((gpte ^ world_believed(&w, UPPER + 8)) &
			     ~(uint64_t)(X86_PTE_A | X86_PTE_D), 0);
	do {
		s = gnomon_look(w.vcpu, GNOMON_TABLES_GUEST, &look, NULL);
	} while (s == GNOMON_OK && !look.end);
	gnomon_invlpg(w.vcpu, (gnomon_gva_t){ LARGE });
	cr_assert_eq(gnomon_invpcid(w.vcpu, GNOMON_INVPCID_ALL, 0,
				    (gnomon_gva_t){ 0 }), GNOMON_OK);
	audit();
	/* Interpreted stores: an entry goes and comes. */
	gpte = world_believed(&w, LEAF + 16);
	world_store(&w, LEAF + 16, 0);
	audit();
	world_store(&w, LEAF + 16, gpte);
	audit();
}

static void begin(void)
{
	world_open(&w, test_seed(), GNOMON_OPT_ALL);
	world_tables(&w, ROOT, DATA);
	world_store(&w, UPPER + 8, UINT64_C(0x400000) | RWU | X86_PTE_PS);
	world_store(&w, UPPER + 16, RWU | X86_PTE_PS);
	world_store(&w, OTHER, world_believed(&w, ROOT));
	world_load(&w, ROOT);
}

static bool one_life(uint64_t n)
{
	bool hit;

	begin();
	w.fh->fail_at = n ? w.fh->calls_all + n : 0;
	w.fh->fail_hit = false;
	touch_all();
	batches();
	host_side();
	ask();
	batches();
	hit = w.fh->fail_hit;
	/* From here on nothing fails, and all is right. */
	w.fh->fail_at = 0;
	w.fh->fail_hit = false;
	touch_all();
	world_close(&w);
	return hit;
}

Test(nth_direct, batches_of_every_request, .timeout = 120)
{
	uint64_t n = 1;

	one_life(0);
	/* Half of the calls ask for the frames behind one large leaf. */
	while (one_life(n)) {
		n += 1 + test_rng_below(&w.rng, n / 32);
	}
	cr_assert_gt(n, 1000);
	/* Some of them were asked for memory, and had none. */
	cr_assert_gt(refused + stopped, 10);
}
