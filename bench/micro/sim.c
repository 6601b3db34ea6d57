/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Simulated accesses per second, mode by mode, over five streams:
 *
 *	seq	8 bytes further each time, through 1 GiB
 *	48p	random in 48 pages: first-level TLB hits
 *	800p	random in 800 pages: second-level hits
 *	1G, 8G	random 4K pages of 1 and 8 GiB: misses
 *
 * Every page is mapped (gva to scattered gpas) and touched before. Random
 * addresses come from an array. The baseline of the 8G rows is a bare loop in
 * the same process: a lean two-level TLB of the same geometry with nothing but
 * the dependent loads of the walk behind it.
 *
 *	sim [MODE...]	native shadow nested; all without arguments
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/micro/bare.h"
#include "sim/guest.h"
#include "sim/run.h"
#include "sim/touch.h"

#define GIB ((uint64_t)1 << 30)
#define GVA_START ((uint64_t)1 << 40)

enum {
	ADDRESSES = 1 << 21,
	PAGES = 8 << 18,	/* of 8 GiB */
	RUNS = 3,
	LEAF_TABLES = PAGES / 512,
};

struct stream {
	const char *name;
	uint64_t pages;		/* 0: sequential */
	uint64_t count;		/* accesses per run */
};

static const struct stream streams[] = {
	{ "seq", 0, 32 << 20 },
	{ "48p", 48, 32 << 20 },
	{ "800p", 800, 16 << 20 },
	{ "1G", GIB / 4096, 4 << 20 },
	{ "8G", PAGES, 4 << 20 },
};

static uint64_t rng_state = 42;

static uint64_t rng(void)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return rng_state;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
	fprintf(stderr, "bench sim: %s\n", what);
	exit(1);
}

/* ---- the guest ---------- */

/* Root, one level-3 table, eight of level 2, the leaves: from gpa 8 GiB on. */
static uint64_t table_gpa(unsigned index)
{
	return 8 * GIB + (uint64_t)index * 4096;
}

static void put_entry(struct sim_guest *guest, unsigned table, unsigned index,
		      uint64_t value)
{
	uint64_t *entries = sim_guest_memory(guest, table_gpa(table));

	entries[index] = value | 0x67;	/* P W U A D */
}

static void build_tables(struct sim_guest *guest)
{
	uint32_t *frame = malloc(PAGES * sizeof(*frame));

	if (!frame) {
		die("no memory");
	}
	for (uint32_t i = 0; i < PAGES; i++) {
		frame[i] = i;
	}
	for (uint32_t i = PAGES - 1; i > 0; i--) {
		uint32_t n = (uint32_t)(rng() % (i + 1)), t = frame[i];

		frame[i] = frame[n];
		frame[n] = t;
	}
	put_entry(guest, 0, GVA_START >> 39, table_gpa(1));
	for (unsigned i = 0; i < LEAF_TABLES / 512; i++) {
		put_entry(guest, 1, i, table_gpa(2 + i));
	}
	for (unsigned i = 0; i < LEAF_TABLES; i++) {
		put_entry(guest, 2 + i / 512, i % 512,
			  table_gpa(2 + LEAF_TABLES / 512 + i));
	}
	for (unsigned i = 0; i < PAGES; i++) {
		put_entry(guest, 2 + LEAF_TABLES / 512 + i / 512, i % 512,
			  (uint64_t)frame[i] << 12);
	}
	free(frame);
}

static void make_guest(struct sim_guest *guest, enum sim_mode mode,
		       bool caches)
{
	static struct sim_preset preset;
	struct sim_error error = { 0 };
	struct sim_guest_config config = {
		.mode = mode, .preset = &preset, .vcpus = 1, .seed = 1,
		.ram_bytes = 8 * GIB + 64 * (GIB / 1024), .maxphyaddr = 40,
		.regs = { .cr0 = 0x80050033, .cr4 = 0xa0, .efer = 0xd01,
			  .cr3 = table_gpa(0) },
	};

	/* The TLB of the peers, and 4K pages in every table. */
	if (!sim_preset_load("clx-8269cy", &preset, &error) ||
	    !sim_preset_set(&preset, caches ? "cache.on=1" : "cache.on=0",
			    &error) ||
	    !sim_preset_set(&preset, "tlb.l2_entries=1024", &error) ||
	    !sim_preset_set(&preset, "tlb.l2_ways=8", &error) ||
	    !sim_preset_set(&preset, "host.page_order=0", &error) ||
	    !sim_guest_init(guest, &config, &error)) {
		die(error.text);
	}
	build_tables(guest);
	for (uint64_t i = 0; i < PAGES; i++) {
		struct sim_touch touch = {
			.gva = GVA_START + i * 4096, .bytes = 8,
			.access = GNOMON_USER,
		};

		if (sim_guest_touch(guest, 0, &touch) != SIM_TOUCH_DONE) {
			die(error.text);
		}
	}
}

/* ---- what is measured ---------- */

static uint64_t *make_addresses(const struct stream *s)
{
	uint64_t *gva = malloc(ADDRESSES * sizeof(*gva));

	if (!gva) {
		die("no memory");
	}
	for (uint64_t i = 0; i < ADDRESSES; i++) {
		gva[i] = GVA_START + (s->pages ? rng() % s->pages * 4096 +
				      (rng() & 0xff8) : i * 8);
	}
	return gva;
}

static void run_stream(struct sim_guest *guest, const struct stream *s,
		       const uint64_t *gva)
{
	for (uint64_t i = 0; i < s->count; i++) {
		struct sim_touch touch = {
			.gva = gva[i % ADDRESSES], .bytes = 8,
			.access = GNOMON_USER,
		};

		sim_touch_ahead(guest, 0, gva[(i + SIM_AHEAD_FAR) % ADDRESSES],
				gva[(i + SIM_AHEAD_NEAR) % ADDRESSES]);
		if (sim_touch_fast(guest, 0, &touch) != SIM_TOUCH_DONE) {
			die("a mapped page faults");
		}
	}
}

static double median(double *v)
{
	for (int i = 1; i < RUNS; i++) {
		for (int n = i; n > 0 && v[n] < v[n - 1]; n--) {
			double t = v[n];

			v[n] = v[n - 1];
			v[n - 1] = t;
		}
	}
	return v[RUNS / 2];
}

static double time_sim(struct sim_guest *guest, const struct stream *s,
		       const uint64_t *gva)
{
	double took[RUNS];

	for (int i = 0; i < RUNS; i++) {
		double start = now();

		run_stream(guest, s, gva);
		took[i] = (now() - start) * 1e9 / (double)s->count;
	}
	return median(took);
}

static double time_bare(struct bare *bare, const struct stream *s,
			const uint64_t *gva)
{
	double took[RUNS];

	for (int i = 0; i < RUNS; i++) {
		double start = now();

		bare_run(bare, gva, ADDRESSES, s->count);
		took[i] = (now() - start) * 1e9 / (double)s->count;
	}
	return median(took);
}

static void row(enum sim_mode mode, const struct stream *s, bool caches,
		double ns, double bare)
{
	printf("sim-%s-%s%s,%.2f,ns,%.2f,%.3f\n", sim_mode_name(mode),
	       s->name, caches ? "-caches" : "", ns, bare, ns / bare);
	fflush(stdout);
}

static void measure(enum sim_mode mode, bool caches)
{
	static struct sim_guest guest;
	struct bare bare;

	make_guest(&guest, mode, caches);
	bare_init(&bare, &guest);
	for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
		uint64_t *gva = make_addresses(&streams[i]);
		double loop = time_bare(&bare, &streams[i], gva);

		row(mode, &streams[i], caches,
		    time_sim(&guest, &streams[i], gva), loop);
		free(gva);
	}
	bare_done(&bare);
	sim_guest_done(&guest);
}

int main(int argc, char **argv)
{
	bool all = argc < 2;

	for (int i = 0; i < (all ? (int)SIM_MODE_COUNT : argc - 1); i++) {
		enum sim_mode mode = (enum sim_mode)i;

		if (!all && !sim_mode_parse(argv[i + 1], &mode)) {
			die("no such mode");
		}
		measure(mode, false);
		measure(mode, true);
	}
	return 0;
}
