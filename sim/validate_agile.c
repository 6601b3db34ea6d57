/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * V3: arithmetic of the agile-paging paper (ISCA 2016) redone from its own
 * inputs. It shows that we read its model rightly; it says nothing about the
 * simulator's walks, which V1 and V2 are about.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sim/validate_int.h"

/* Figure 5, 4K pages, read off the bars: overhead over ideal in percent. */
static const struct bars {
	double native, nested, shadow, agile;
} figure5[] = {
	{ 3.08, 21.9, 34.4, 6.97 },	/* memcached */
	{ 16.67, 38.8, 24.2, 19.8 },	/* canneal */
	{ 11.64, 22.2, 16.95, 13.3 },	/* astar */
	{ 2.37, 3.86, 10.1, 3.5 },	/* gcc */
	{ 40.6, 79.9, 55.6, 43.4 },	/* graph500 */
	{ 50.2, 97.1, 57.6, 53.6 },	/* mcf */
	{ 32.1, 52.2, 37.8, 35.5 },	/* tigr */
	{ 1.17, 6.56, 72.9, 3.86 },	/* dedup */
};

struct means {
	double native, nested, shadow, agile, best;	/* sums of logarithms */
	double worst;		/* agile over native, largest */
};

static struct means add_up(void)
{
	struct means m = { 0 };

	for (size_t i = 0; i < VALIDATE_COUNT(figure5); i++) {
		const struct bars *b = &figure5[i];
		double over = (1 + b->agile / 100) / (1 + b->native / 100);

		m.native += log1p(b->native / 100);
		m.nested += log1p(b->nested / 100);
		m.shadow += log1p(b->shadow / 100);
		m.agile += log1p(b->agile / 100);
		m.best += log1p(fmin(b->nested, b->shadow) / 100);
		m.worst = fmax(m.worst, over);
	}
	return m;
}

static void bar(struct sim_validation *v, const char *what, double ours,
		double target, const char *source)
{
	struct sim_check c = {
		.id = "V3", .unit = "%", .source = source,
		.kind = SIM_CHECK_EXACT, .target = target, .ours = ours,
		.allowed = 0.5,
	};

	snprintf(c.what, sizeof(c.what), "%s", what);
	validate_tell(v, &c);
}

bool validate_figure(struct sim_validation *v)
{
	struct means m = add_up();
	double n = VALIDATE_COUNT(figure5);
	double single = fmin(m.nested, m.shadow);

	bar(v, "agile over native, geometric mean",
	    expm1((m.agile - m.native) / n) * 100, 2.3,
	    "agile paging, text [FULL]; bars [DIG]");
	bar(v, "agile over native, worst program", (m.worst - 1) * 100, 3.7,
	    "agile paging, text [FULL]; bars [DIG]");
	bar(v, "best single mode over agile",
	    expm1((single - m.agile) / n) * 100, 12.96,
	    "agile paging, figure 5 [DIG], recomputed [DER]");
	bar(v, "best mode per program over agile",
	    expm1((m.best - m.agile) / n) * 100, 4.5,
	    "agile paging, figure 5 [DIG], recomputed [DER]");
	return true;
}
