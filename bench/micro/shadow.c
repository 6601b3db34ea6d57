/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What single operations of the shadow engine cost.
 *
 *	shadow time		medians in ns, as rows of bench.csv
 *	shadow count NAME N [T]	N rounds, for an instruction counter outside,
 *				in a guest of T leaf tables
 *	shadow scale MAX	cost and memory at 100, 1000 ... MAX tables
 *
 * A median is one of many short samples, so that a machine with other work to
 * do shows what the code costs and not how often it was put aside.
 */
#include "bench/micro/shadow.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SAMPLES = 65536 };

static struct {
	double ns[SAMPLES];
	unsigned count;
	double own;		/* what asking the clock twice takes */
} meter;

double meter_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

void meter_sample(double start, unsigned ops)
{
	double spent = meter_now() - start - meter.own;

	if (meter.count < SAMPLES) {
		meter.ns[meter.count++] = (spent > 0 ? spent : 0) / ops;
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double meter_median(void)
{
	unsigned count = meter.count;

	qsort(meter.ns, count, sizeof(meter.ns[0]), by_value);
	meter.count = 0;
	return count ? meter.ns[count / 2] : 0;
}

static void meter_calibrate(void)
{
	meter.own = 0;
	for (unsigned i = 0; i < 1000; i++) {
		meter_sample(meter_now(), 1);
	}
	meter.own = meter_median();
}

/* ---- times --------------------------------------------------------------- */

static double median_ns(const struct shadow_op *op)
{
	static struct world w;

	world_make(&w, SHADOW_TABLES, op->options);
	if (op->prepare) {
		op->prepare(&w);
	}
	op->run(&w, op->rounds / 10);
	meter.count = 0;
	op->run(&w, op->rounds);
	world_drop(&w);
	return meter_median();
}

static void time_all(void)
{
	static double result[64];

	for (unsigned i = 0; i < shadow_op_count; i++) {
		const struct shadow_op *op = &shadow_ops[i];
		double base = 0;

		result[i] = median_ns(op);
		for (unsigned j = 0; op->baseline && j < i; j++) {
			if (!strcmp(shadow_ops[j].name, op->baseline)) {
				base = result[j];
			}
		}
		printf("%s,%.2f,ns,", op->name, result[i]);
		if (base > 0) {
			printf("%.2f,%.3f\n", base, result[i] / base);
		} else {
			printf(",\n");
		}
		fflush(stdout);
	}
}

static int count(const char *name, unsigned rounds, uint64_t tables)
{
	static struct world w;

	for (unsigned i = 0; i < shadow_op_count; i++) {
		const struct shadow_op *op = &shadow_ops[i];

		if (strcmp(op->name, name)) {
			continue;
		}
		world_make(&w, tables, op->options);
		if (op->prepare) {
			op->prepare(&w);
		}
		op->run(&w, rounds);
		world_drop(&w);
		return 0;
	}
	fprintf(stderr, "bench: no operation %s\n", name);
	return 2;
}

static void list(void)
{
	for (unsigned i = 0; i < shadow_op_count; i++) {
		if (shadow_ops[i].function) {
			printf("%s %s %u\n", shadow_ops[i].name,
			       shadow_ops[i].function,
			       shadow_ops[i].rounds < 512 ? 4 : 512);
		}
	}
}

/* ---- scale --------------------------------------------------------------- */

enum { STEPS = 2048 };

static void row(const char *name, uint64_t tables, double value,
		const char *unit)
{
	printf("shadow-%s-%" PRIu64 "-tables,%.2f,%s,,\n", name, tables, value,
	       unit);
	fflush(stdout);
}

/* All over the tables, never twice the same page: little of it is cached. */
static void far_faults(struct world *w)
{
	double start = 0;

	for (unsigned n = 0; n < STEPS; n++) {
		uint64_t i = n * UINT64_C(7919);

		meter_begin(n, &start);
		world_fault(w, world_gva(i % w->leaves,
					 1 + i / w->leaves % 250),
			    GNOMON_USER, GNOMON_RESUME);
		meter_end(n, start);
	}
}

/* One page after the other: what the engine itself takes. */
static void near_faults(struct world *w)
{
	double start = 0;

	for (unsigned n = 0; n < STEPS; n++) {
		meter_begin(n, &start);
		world_fault(w, world_gva(n / 256, 256 + n % 256), GNOMON_USER,
			    GNOMON_RESUME);
		meter_end(n, start);
	}
}

static void scale_one(uint64_t tables)
{
	static struct world w;
	struct gnomon_stats stats;
	double held;

	world_make(&w, tables, (uint32_t)GNOMON_OPT_ALL &
				       ~(uint32_t)GNOMON_OPT_UNSYNC &
				       ~(uint32_t)GNOMON_OPT_PREFETCH);
	shadow_touch_first(&w);
	gnomon_vm_stats(w.vm, &stats, sizeof(stats));
	held = (double)(w.pages_held[0] + w.pages_held[1]) * 4096;
	meter.count = 0;
	near_faults(&w);
	row("hidden-fault", tables, meter_median(), "ns");
	far_faults(&w);
	row("hidden-fault-far", tables, meter_median(), "ns");
	shadow_update(&w, STEPS);
	row("update", tables, meter_median(), "ns");
	for (unsigned n = 0; n < STEPS; n++) {
		double start = meter_now();

		world_load(&w, n & 1);
		meter_sample(start, 1);
	}
	row("cr3-cached", tables, meter_median(), "ns");
	double start = meter_now();

	if (gnomon_zap_all(w.vm, NULL) != GNOMON_OK) {
		exit(1);
	}
	meter_sample(start, 1);
	row("zap-all", tables, meter_median(), "ns");
	row("bytes-per-table", tables, held / (double)stats.shadow_pages,
	    "bytes");
	/* 512 tables map 1 GiB. */
	row("bytes-per-GiB", tables, held / ((double)tables / 512), "bytes");
	world_drop(&w);
}

int main(int argc, char **argv)
{
	meter_calibrate();
	if (argc == 2 && !strcmp(argv[1], "time")) {
		time_all();
		return 0;
	}
	if (argc == 2 && !strcmp(argv[1], "list")) {
		list();
		return 0;
	}
	if ((argc == 4 || argc == 5) && !strcmp(argv[1], "count")) {
		return count(argv[2], (unsigned)strtoul(argv[3], NULL, 10),
			     argc == 5 ? strtoull(argv[4], NULL, 10)
				       : SHADOW_TABLES);
	}
	if (argc == 3 && !strcmp(argv[1], "scale")) {
		uint64_t max = strtoull(argv[2], NULL, 10);

		for (uint64_t n = 100; n <= max; n *= 10) {
			scale_one(n);
		}
		return 0;
	}
	fprintf(stderr, "usage: shadow time | list | count NAME ROUNDS "
			"[TABLES] | scale MAX\n");
	return 2;
}
