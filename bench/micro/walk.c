/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a walk costs over the least that any walk must do: four dependent
 * loads. Both run over the same tables, 8 GiB of gva space in 4K pages (16 MiB
 * of leaf tables), at the same random addresses, turn by turn.
 *
 *	walk time		medians of CPU time as CSV rows
 *	walk count NAME N	N walks in a cached working set, for an
 *				instruction counter outside
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "guestpt/walk.h"

enum {
	LEAF_TABLES = 4096,
	TABLES = 1 + 1 + 8 + LEAF_TABLES,
	ADDRESSES = 1 << 20,
	RUNS = 9,
	CACHED_PAGES = 48,
};

struct bench {
	unsigned char *ram;
	uint64_t *gva;
	struct gnomon_host host;
	struct gn_mem mem;
	struct gn_gpt_ctx ctx;
};

typedef uint64_t bench_fn(const struct bench *b, size_t count);

static uint64_t rng_state = 42;

static uint64_t rng(void)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return rng_state;
}

/* ---- what is measured -------------------------------------------------- */

static inline uint64_t four_loads(const unsigned char *ram, uint64_t root,
				  uint64_t gva)
{
	const uint64_t frame = UINT64_C(0x000ffffffffff000);
	uint64_t table = root;
	uint64_t gpte = 0;

	for (int shift = 39; shift >= 12; shift -= 9) {
		gpte = *(const uint64_t *)(const void *)
		       (ram + table + (gva >> shift & 511) * 8);
		if (!(gpte & 1)) {
			return 0;
		}
		table = gpte & frame;
	}
	return table | (gva & 4095);
}

static uint64_t loads_independent(const struct bench *b, size_t count)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++) {
		sum += four_loads(b->ram, b->ctx.root.v, b->gva[i]);
	}
	return sum;
}

static uint64_t loads_dependent(const struct bench *b, size_t count)
{
	uint64_t last = 0;

	for (size_t i = 0; i < count; i++) {
		/* Never set, but only the walk before knows that. */
		uint64_t gva = b->gva[i] ^ (last >> 51 & 1);

		last = four_loads(b->ram, b->ctx.root.v, gva);
	}
	return last;
}

#define WALKERS(name, call, access, flags) \
	static uint64_t name##_independent(const struct bench *b, \
					   size_t count) \
	{ \
		struct gn_gpt_walk w; \
		uint64_t sum = 0; \
		for (size_t i = 0; i < count; i++) { \
			if (call(&b->ctx, &b->mem, gn_gva(b->gva[i]), access, \
				 flags, &w) != GNOMON_OK) { \
				abort(); \
			} \
			sum += w.gpa.v; \
		} \
		return sum; \
	} \
	static uint64_t name##_dependent(const struct bench *b, \
					 size_t count) \
	{ \
		struct gn_gpt_walk w; \
		uint64_t last = 0; \
		for (size_t i = 0; i < count; i++) { \
			uint64_t gva = b->gva[i] ^ (last >> 51 & 1); \
			if (call(&b->ctx, &b->mem, gn_gva(gva), access, \
				 flags, &w) != GNOMON_OK) { \
				abort(); \
			} \
			last = w.gpa.v; \
		} \
		return last; \
	}

WALKERS(translate, gn_gpt_translate, GNOMON_USER, 0)
WALKERS(walk, gn_gpt_walk, GNOMON_USER, 0)
WALKERS(walk_ad, gn_gpt_walk, GNOMON_USER | GNOMON_WRITE, GN_GPT_SET_AD)

static const struct {
	const char *name;
	bench_fn *independent, *dependent;
} subjects[] = {
	{ "loads", loads_independent, loads_dependent },
	{ "translate", translate_independent, translate_dependent },
	{ "walk", walk_independent, walk_dependent },
	{ "walk-ad", walk_ad_independent, walk_ad_dependent },
};
#define SUBJECTS (sizeof(subjects) / sizeof(*subjects))

/* ---- tables ------------------------------------------------------------ */

/* Tables lie in random order, as they do in a guest that has run a while. */
static void shuffle(uint64_t *a, size_t count)
{
	for (size_t i = count - 1; i > 0; i--) {
		size_t j = rng() % (i + 1);
		uint64_t t = a[i];

		a[i] = a[j];
		a[j] = t;
	}
}

static void link_table(struct bench *b, uint64_t table, size_t index,
		       uint64_t target)
{
	uint64_t gpte = target | 0x67;	/* P W U A D */

	memcpy(b->ram + table + 8 * index, &gpte, 8);
}

static void fill(struct bench *b, uint64_t at[TABLES])
{
	link_table(b, at[0], 0, at[1]);
	for (size_t i = 0; i < 8; i++) {
		link_table(b, at[1], i, at[2 + i]);
	}
	for (size_t i = 0; i < LEAF_TABLES; i++) {
		link_table(b, at[2 + i / 512], i % 512, at[10 + i]);
		for (size_t j = 0; j < 512; j++) {
			link_table(b, at[10 + i], j,
				   (rng() & 0x3ffffff) << 12);
		}
	}
}

static void setup(struct bench *b, bool cached)
{
	const struct gnomon_caps caps = { .features = GNOMON_CAP_NX,
					  .maxphyaddr = 46 };
	struct gnomon_regs regs = { .cr0 = 0x80010001, .cr4 = 0x20,
				    .efer = 0xd00 };
	static uint64_t at[TABLES];

	b->ram = aligned_alloc(4096, (size_t)TABLES * 4096);
	b->gva = malloc(ADDRESSES * sizeof(*b->gva));
	if (!b->ram || !b->gva) {
		abort();
	}
	memset(b->ram, 0, (size_t)TABLES * 4096);
	for (size_t i = 0; i < TABLES; i++) {
		at[i] = i * 4096;
	}
	shuffle(at, TABLES);
	fill(b, at);
	for (size_t i = 0; i < ADDRESSES; i++) {
		uint64_t page = cached ? rng() % CACHED_PAGES : rng();

		b->gva[i] = (page << 12 | (rng() & 4088)) & 0x1ffffffff;
	}
	gn_mem_init(&b->mem, &b->host, NULL);
	gn_mem_add(&b->mem, &(struct gn_window){
		.bytes = (uint64_t)TABLES * 4096, .hva = b->ram,
		.writable = true });
	regs.cr3 = at[0];
	if (gn_gpt_ctx_init(&b->ctx, &regs, &caps) != GNOMON_OK) {
		abort();
	}
}

/* ---- timing ------------------------------------------------------------ */

static double nanoseconds(const struct bench *b, bench_fn *fn)
{
	static volatile uint64_t sink;
	struct timespec from, to;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
	sink = fn(b, ADDRESSES);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
	(void)sink;
	return ((double)(to.tv_sec - from.tv_sec) * 1e9 +
		(double)(to.tv_nsec - from.tv_nsec)) / ADDRESSES;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v)
{
	qsort(v, RUNS, sizeof(*v), by_value);
	return v[RUNS / 2];
}

static void time_all(const struct bench *b, bool dependent, const char *what)
{
	double ns[SUBJECTS][RUNS], loads;

	for (size_t run = 0; run < RUNS; run++) {
		for (size_t i = 0; i < SUBJECTS; i++) {
			ns[i][run] = nanoseconds(b, dependent
						 ? subjects[i].dependent
						 : subjects[i].independent);
		}
	}
	loads = median(ns[0]);
	for (size_t i = 0; i < SUBJECTS; i++) {
		double mid = median(ns[i]);

		printf("walk-%s-%s,%.2f,ns,%.2f,%.3f\n", what,
		       subjects[i].name, mid, loads, mid / loads);
	}
}

static int count(const char *name, size_t walks)
{
	struct bench b = { 0 };

	setup(&b, true);
	for (size_t i = 0; i < SUBJECTS; i++) {
		for (size_t done = 0; done < walks &&
		     !strcmp(name, subjects[i].name); done += ADDRESSES) {
			subjects[i].independent(&b, ADDRESSES);
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct bench wide = { 0 }, cached = { 0 };

	if (argc == 4 && !strcmp(argv[1], "count")) {
		return count(argv[2], strtoull(argv[3], NULL, 0));
	}
	if (argc != 2 || strcmp(argv[1], "time")) {
		fputs("usage: walk time | walk count NAME WALKS\n", stderr);
		return 2;
	}
	setup(&wide, false);
	time_all(&wide, false, "8g-independent");
	time_all(&wide, true, "8g-dependent");
	setup(&cached, true);
	time_all(&cached, false, "48p-independent");
	return 0;
}
