/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What single operations of the shadow engine cost.
 *
 *	shadow time		medians in ns, as rows of bench.csv
 *	shadow count NAME N	N rounds, for an instruction counter outside
 *	shadow scale MAX	cost and memory at 100, 1000 ... MAX tables
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/micro/world.h"

#define PLAIN ((uint32_t)GNOMON_OPT_ALL & ~(uint32_t)GNOMON_OPT_UNSYNC & \
	       ~(uint32_t)GNOMON_OPT_PREFETCH)
#define OPEN ((uint32_t)GNOMON_OPT_ALL & ~(uint32_t)GNOMON_OPT_PREFETCH)

enum { RUNS = 9, TABLES = 64 };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* ---- operations: each does `rounds` of its work -------------------------- */

struct op {
	const char *name;
	uint32_t options;
	unsigned rounds;	/* in a timed run */
	void (*prepare)(struct world *w);
	/* Adds up the ns of what counts; the rest is set-up between. */
	double (*run)(struct world *w, unsigned rounds);
	const char *function;	/* that the instruction counter is to watch */
	const char *baseline;	/* row to compare with, or null */
};

static void touch_all(struct world *w)
{
	for (uint64_t i = 0; i < w->leaves; i++) {
		for (unsigned j = 0; j < 512; j++) {
			world_fault(w, world_gva(i, j),
				    GNOMON_WRITE | GNOMON_USER,
				    GNOMON_RESUME);
		}
	}
}

/* One page of each table is there; the paths are warm. */
static void touch_first(struct world *w)
{
	for (uint64_t i = 0; i < w->leaves; i++) {
		world_fault(w, world_gva(i, 0), GNOMON_USER, GNOMON_RESUME);
	}
}

static double hidden(struct world *w, unsigned rounds)
{
	double spent = 0;

	for (unsigned done = 0; done < rounds;) {
		if (gnomon_zap_all(w->vm, NULL) != GNOMON_OK) {
			exit(1);
		}
		world_load(w, 0);
		touch_first(w);
		double start = now();

		for (unsigned n = 0; n < TABLES * 511 && done < rounds;
		     n++, done++) {
			world_fault(w, world_gva(n / 511, 1 + n % 511),
				    GNOMON_USER, GNOMON_RESUME);
		}
		spent += now() - start;
	}
	return spent;
}

/* A store to a traced table: the fault and what the VMM calls after it. */
static double trace(struct world *w, unsigned rounds)
{
	double start = now();

	for (unsigned n = 0; n < rounds; n++) {
		uint64_t i = n / 512 % w->leaves, j = n % 512;
		uint64_t value = *world_entry(w, i, j) ^ 0x200;

		world_fault(w, WORLD_DIRECT + world_gpte(w, i, j),
			    GNOMON_WRITE, GNOMON_EMULATE);
		if (gnomon_write(w->vm, w->vcpu,
				 (gnomon_gpa_t){ world_gpte(w, i, j) },
				 &value, 8) != GNOMON_OK) {
			exit(1);
		}
	}
	return now() - start;
}

/* The same without the fault, to another frame each time. */
static double update(struct world *w, unsigned rounds)
{
	double start = now();

	for (unsigned n = 0; n < rounds; n++) {
		uint64_t i = n / 512 % w->leaves, j = n % 512;
		uint64_t value = *world_entry(w, i, j) ^ 0x1000;

		if (gnomon_write(w->vm, w->vcpu,
				 (gnomon_gpa_t){ world_gpte(w, i, j) },
				 &value, 8) != GNOMON_OK) {
			exit(1);
		}
	}
	return now() - start;
}

/* The least that following a store must do: compose an entry and put it. */
static uint64_t bare_shadow[TABLES * 512];

static double bare_update(struct world *w, unsigned rounds)
{
	double start = now();

	for (unsigned n = 0; n < rounds; n++) {
		uint64_t i = n / 512 % w->leaves, j = n % 512;
		uint64_t value = *world_entry(w, i, j) ^ 0x1000;

		*(volatile uint64_t *)world_entry(w, i, j) = value;
		*(volatile uint64_t *)&bare_shadow[i * 512 + j] =
			(value & UINT64_C(0x8000000000000067)) |
			((value & UINT64_C(0x000ffffffffff000)) +
			 (uint64_t)(uintptr_t)w->ram);
	}
	return now() - start;
}

/* Open a table by a store, change some entries, sync it at a CR3 load. */
static double sync_some(struct world *w, unsigned rounds, unsigned changed)
{
	double spent = 0;

	for (unsigned n = 0; n < rounds; n++) {
		uint64_t i = n % w->leaves;

		world_fault(w, WORLD_DIRECT + world_gpte(w, i, 0),
			    GNOMON_WRITE, GNOMON_RESUME);
		for (unsigned j = 0; j < changed; j++) {
			*world_entry(w, i, j) ^= 0x1000;
		}
		double start = now();

		world_load(w, 0);
		spent += now() - start;
	}
	return spent;
}

static double sync_none(struct world *w, unsigned rounds)
{
	return sync_some(w, rounds, 0);
}

static double sync_one(struct world *w, unsigned rounds)
{
	return sync_some(w, rounds, 1);
}

static double sync_all(struct world *w, unsigned rounds)
{
	return sync_some(w, rounds, 512);
}

static unsigned char copies[TABLES][4096];

static double bare_compare(struct world *w, unsigned rounds)
{
	volatile int sum = 0;

	/* Equal, so that all of the page is looked at. */
	for (unsigned n = 0; n < TABLES; n++) {
		memcpy(copies[n], world_entry(w, n, 0), 4096);
	}
	double start = now();

	for (unsigned n = 0; n < rounds; n++) {
		sum += memcmp(copies[n % TABLES],
			      world_entry(w, n % TABLES, 0), 4096);
		__asm__ volatile("" ::: "memory");
	}
	(void)sum;
	return now() - start;
}

static double bare_copy(struct world *w, unsigned rounds)
{
	double start = now();

	for (unsigned n = 0; n < rounds; n++) {
		memcpy(copies[n % TABLES], world_entry(w, n % TABLES, 0),
		       4096);
		__asm__ volatile("" ::: "memory");
	}
	return now() - start;
}

static double cr3_cached(struct world *w, unsigned rounds)
{
	double start = now();

	for (unsigned n = 0; n < rounds; n++) {
		world_load(w, n & 1);
	}
	return now() - start;
}

/* The root that is loaded already, as after a change of tables. */
static double cr3_same(struct world *w, unsigned rounds)
{
	double start = now();

	for (unsigned n = 0; n < rounds; n++) {
		world_load(w, 0);
	}
	return now() - start;
}

/*
 * A root that is not there: the one loaded and the one before it outlive the
 * zap, the others come back one by one.
 */
static double cr3_new(struct world *w, unsigned rounds)
{
	double spent = 0;

	for (unsigned n = 0; n < rounds;) {
		world_load(w, 0);
		world_load(w, 1);
		if (gnomon_zap_all(w->vm, NULL) != GNOMON_OK) {
			exit(1);
		}
		double start = now();

		for (unsigned i = 2; i < WORLD_ROOTS && n < rounds; i++, n++) {
			world_load(w, i);
		}
		spent += now() - start;
	}
	return spent;
}

static double invlpg(struct world *w, unsigned rounds)
{
	double start = now();

	for (unsigned n = 0; n < rounds; n++) {
		gnomon_invlpg(w->vcpu, (gnomon_gva_t){
			world_gva(n / 512 % w->leaves, n % 512) });
	}
	return now() - start;
}

static double zap_all(struct world *w, unsigned rounds)
{
	double start = now();

	for (unsigned n = 0; n < rounds; n++) {
		if (gnomon_zap_all(w->vm, NULL) != GNOMON_OK) {
			exit(1);
		}
	}
	return now() - start;
}

static const struct op ops[] = {
	{ "shadow-hidden-fault", PLAIN, 60000, NULL, hidden, "gnomon_fault",
	  NULL },
	{ "shadow-trace-fault", PLAIN, 60000, touch_all, trace,
	  "gnomon_fault", NULL },
	{ "shadow-bare-update", PLAIN, 60000, touch_all, bare_update, NULL,
	  NULL },
	{ "shadow-update", PLAIN, 60000, touch_all, update, "gnomon_write",
	  "shadow-bare-update" },
	{ "shadow-cr3-cached", PLAIN, 60000, touch_all, cr3_cached,
	  "gnomon_vcpu_set_regs", NULL },
	{ "shadow-cr3-same", PLAIN, 60000, touch_all, cr3_same,
	  "gnomon_vcpu_set_regs", NULL },
	{ "shadow-cr3-new", PLAIN, 2000, NULL, cr3_new,
	  "gnomon_vcpu_set_regs", NULL },
	{ "shadow-invlpg", PLAIN, 60000, touch_all, invlpg, "gnomon_invlpg",
	  NULL },
	{ "shadow-zap-all", PLAIN, 2000, NULL, zap_all, "gnomon_zap_all",
	  NULL },
	{ "shadow-bare-memcmp", OPEN, 20000, NULL, bare_compare, NULL, NULL },
	{ "shadow-sync-unchanged", OPEN, 4000, touch_all, sync_none,
	  "gnomon_vcpu_set_regs", "shadow-bare-memcmp" },
	{ "shadow-sync-1-changed", OPEN, 4000, touch_all, sync_one,
	  "gnomon_vcpu_set_regs", "shadow-bare-memcmp" },
	{ "shadow-bare-memcpy", OPEN, 20000, NULL, bare_copy, NULL, NULL },
	{ "shadow-sync-512-changed", OPEN, 1000, touch_all, sync_all,
	  "gnomon_vcpu_set_regs", "shadow-bare-memcpy" },
};
enum { OPS = sizeof(ops) / sizeof(ops[0]) };

/* ---- times --------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median_ns(const struct op *op, uint64_t tables)
{
	static struct world w;
	double ns[RUNS];

	world_make(&w, tables, op->options);
	if (op->prepare) {
		op->prepare(&w);
	}
	for (int i = 0; i < RUNS; i++) {
		ns[i] = op->run(&w, op->rounds) / op->rounds;
	}
	world_drop(&w);
	qsort(ns, RUNS, sizeof(ns[0]), by_value);
	return ns[RUNS / 2];
}

static void time_all(void)
{
	double result[OPS];

	for (int i = 0; i < OPS; i++) {
		double base = 0;

		result[i] = median_ns(&ops[i], TABLES);
		for (int j = 0; ops[i].baseline && j < i; j++) {
			if (!strcmp(ops[j].name, ops[i].baseline)) {
				base = result[j];
			}
		}
		printf("%s,%.2f,ns,", ops[i].name, result[i]);
		if (base > 0) {
			printf("%.2f,%.3f\n", base, result[i] / base);
		} else {
			printf(",\n");
		}
		fflush(stdout);
	}
}

static int count(const char *name, unsigned rounds)
{
	static struct world w;

	for (int i = 0; i < OPS; i++) {
		if (strcmp(ops[i].name, name)) {
			continue;
		}
		world_make(&w, TABLES, ops[i].options);
		if (ops[i].prepare) {
			ops[i].prepare(&w);
		}
		(void)ops[i].run(&w, rounds);
		world_drop(&w);
		return 0;
	}
	fprintf(stderr, "bench: no operation %s\n", name);
	return 2;
}

/* ---- scale --------------------------------------------------------------- */

static void scale_one(uint64_t tables)
{
	static struct world w;
	struct gnomon_stats stats;
	double start;

	world_make(&w, tables, PLAIN);
	touch_first(&w);
	gnomon_vm_stats(w.vm, &stats, sizeof(stats));
	start = now();
	for (unsigned n = 0; n < 2000; n++) {
		world_fault(&w, world_gva(n * 7919u % tables,
					  1 + n * 7919u / tables % 511),
			    GNOMON_USER, GNOMON_RESUME);
	}
	printf("shadow-hidden-fault-%" PRIu64 "-tables,%.2f,ns,,\n", tables,
	       (now() - start) / 2000);
	start = now();
	(void)update(&w, 2000);
	printf("shadow-update-%" PRIu64 "-tables,%.2f,ns,,\n", tables,
	       (now() - start) / 2000);
	start = now();
	if (gnomon_zap_all(w.vm, NULL) != GNOMON_OK) {
		exit(1);
	}
	printf("shadow-zap-all-%" PRIu64 "-tables,%.2f,ns,,\n", tables,
	       now() - start);
	printf("shadow-bytes-per-table-%" PRIu64 "-tables,%.0f,bytes,,\n",
	       tables, (double)(stats.shadow_pages + stats.meta_pages) *
		       4096 / (double)tables);
	printf("shadow-bytes-per-GiB-%" PRIu64 "-tables,%.0f,bytes,,\n",
	       tables, (double)(stats.shadow_pages + stats.meta_pages) *
		       4096 / ((double)tables / 512));
	fflush(stdout);
	world_drop(&w);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "time")) {
		time_all();
		return 0;
	}
	if (argc == 2 && !strcmp(argv[1], "list")) {
		for (int i = 0; i < OPS; i++) {
			if (ops[i].function) {
				printf("%s %s\n", ops[i].name,
				       ops[i].function);
			}
		}
		return 0;
	}
	if (argc == 4 && !strcmp(argv[1], "count")) {
		return count(argv[2], (unsigned)strtoul(argv[3], NULL, 10));
	}
	if (argc == 3 && !strcmp(argv[1], "scale")) {
		uint64_t max = strtoull(argv[2], NULL, 10);

		for (uint64_t n = 100; n <= max; n *= 10) {
			scale_one(n);
		}
		return 0;
	}
	fprintf(stderr, "usage: shadow time | list | count NAME ROUNDS | "
			"scale MAX\n");
	return 2;
}
