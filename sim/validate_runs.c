/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * V1, V5, V10, V11: what the simulator itself does. A figure is the difference
 * of two runs that differ in length alone, so that what comes before the steady
 * state cancels out.
 */
#include <gnomon/gnomon.h>
#include <stdio.h>
#include <string.h>

#include "sim/validate_int.h"

struct setup {
	enum sim_mode mode;
	const char *work;	/* printf format with one %u: the length */
	unsigned length;
	const char *sets[10];
};

static size_t set_count(const struct setup *s)
{
	size_t n = 0;

	while (n < VALIDATE_COUNT(s->sets) && s->sets[n]) {
		n++;
	}
	return n;
}

/* The run of double length in *more, that of single length in *base. */
static bool pair(struct sim_validation *v, const struct setup *s,
		 uint32_t engine_off, struct sim_result *base,
		 struct sim_result *more)
{
	char input[128];

	for (unsigned i = 1; i <= 2; i++) {
		/* The format is one of the constants below. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(input, sizeof(input), s->work, i * s->length);
#pragma GCC diagnostic pop
		if (!validate_run(v, input, s->mode, NULL, s->sets,
				  set_count(s), engine_off,
				  i == 1 ? base : more)) {
			return false;
		}
	}
	return true;
}

/* ---- references of a walk ------------------------------------------------ */

#define SMALL "gups,pages=65536,ram=1024,updates=%u"
#define LARGE "gups,pages=65536,ram=1024,thp=1,updates=%u"

static const struct walk_row {
	const char *what;
	double target;
	struct setup setup;
} walk_rows[] = {
	{ "native, 4K pages", 4,
	  { SIM_MODE_NATIVE, SMALL, 20000, { VALIDATE_NO_CACHES } } },
	{ "native, 2M pages", 3,
	  { SIM_MODE_NATIVE, LARGE, 20000,
	    { VALIDATE_NO_CACHES, "tlb.l2_holds_2m=0" } } },
	{ "shadow, 4K pages", 4,
	  { SIM_MODE_SHADOW, SMALL, 20000, { VALIDATE_NO_CACHES } } },
	{ "nested, guest 4K, host 4K", 24,
	  { SIM_MODE_NESTED, SMALL, 20000,
	    { VALIDATE_NO_CACHES, "host.page_order=0" } } },
	{ "nested, guest 4K, host 2M", 19,
	  { SIM_MODE_NESTED, SMALL, 20000,
	    { VALIDATE_NO_CACHES, "host.page_order=9" } } },
	{ "nested, guest 2M, host 2M", 15,
	  { SIM_MODE_NESTED, LARGE, 20000,
	    { VALIDATE_NO_CACHES, "host.page_order=9",
	      "tlb.l2_holds_2m=0" } } },
	{ "nested, guest 2M, host 4K", 19,
	  { SIM_MODE_NESTED, LARGE, 20000,
	    { VALIDATE_NO_CACHES, "host.page_order=0",
	      "tlb.l2_holds_2m=0" } } },
};

static bool refs_per_walk(struct sim_validation *v, const struct setup *s,
			  double *refs)
{
	struct sim_result a, b;

	if (!pair(v, s, 0, &a, &b)) {
		return false;
	}
	*refs = (double)(b.walk_refs - a.walk_refs) /
		(double)(b.walks - a.walks);
	return true;
}

bool validate_references(struct sim_validation *v)
{
	for (size_t i = 0; i < VALIDATE_COUNT(walk_rows); i++) {
		const struct walk_row *row = &walk_rows[i];
		struct sim_check c = {
			.id = "V1", .unit = "references",
			.source = "agile paging, tables I and II [FULL]; "
				  "g(h+1)+h [DER]",
			.kind = SIM_CHECK_EXACT, .target = row->target,
		};

		snprintf(c.what, sizeof(c.what), "walk without caches, %s",
			 row->what);
		if (!refs_per_walk(v, &row->setup, &c.ours)) {
			return false;
		}
		validate_tell(v, &c);
	}
	return true;
}

bool validate_cached(struct sim_validation *v)
{
	static const struct {
		const char *what;
		double target;
		struct setup setup;
	} rows[] = {
		{ "native", 1.5, { SIM_MODE_NATIVE, SMALL, 100000, { 0 } } },
		{ "nested", 4.4, { SIM_MODE_NESTED, SMALL, 100000,
				   { "host.page_order=0" } } },
	};

	for (size_t i = 0; i < VALIDATE_COUNT(rows); i++) {
		struct sim_check c = {
			.id = "V10", .unit = "references",
			.source = "Every Walk's a Hit, ASPLOS 2022 [ABS]",
			.kind = SIM_CHECK_PREDICTION,
			.target = rows[i].target, .allowed = 0.2,
			.relative = true,
			.note = "their programs are unknown; ours is random "
				"over 256 MiB",
		};

		snprintf(c.what, sizeof(c.what),
			 "walk with walk caches, %s", rows[i].what);
		if (!refs_per_walk(v, &rows[i].setup, &c.ours)) {
			return false;
		}
		validate_tell(v, &c);
	}
	return true;
}

/* ---- what caches of the nested dimension bring --------------------------- */

static bool faster(struct sim_validation *v, const char *what,
		   const struct setup *slow, const struct setup *fast,
		   double low, double high)
{
	struct sim_result a, b, c, d;

	if (!pair(v, slow, 0, &a, &b) || !pair(v, fast, 0, &c, &d)) {
		return false;
	}
	struct sim_check check = {
		.id = "V11", .unit = "%",
		.source = "Bhargava et al., ASPLOS 2008 [ABS]",
		.kind = SIM_CHECK_DIRECTION, .target = (low + high) / 2,
		.ours = ((double)(b.cycles - a.cycles) /
			 (double)(d.cycles - c.cycles) - 1) * 100,
	};

	check.pass = check.ours > 0;
	snprintf(check.what, sizeof(check.what), "%s makes nested faster",
		 what);
	snprintf(check.note, sizeof(check.note),
		 "published: %.0f to %.0f %%, other programs", low, high);
	validate_tell(v, &check);
	return true;
}

bool validate_nested_caches(struct sim_validation *v)
{
	static const struct setup none = {
		SIM_MODE_NESTED, SMALL, 60000, {
			"pwc.nested_l4_entries=0", "pwc.nested_l3_entries=0",
			"pwc.nested_l2_entries=0", "pwc.nested_tlb_entries=0",
			"host.page_order=0" }
	};
	static const struct setup walks = {
		SIM_MODE_NESTED, SMALL, 60000, {
			"pwc.nested_tlb_entries=0", "host.page_order=0" }
	};
	static const struct setup all = {
		SIM_MODE_NESTED, SMALL, 60000, { "host.page_order=0" }
	};
	static const struct setup large = {
		SIM_MODE_NESTED, SMALL, 60000, { "host.page_order=9" }
	};

	return faster(v, "a nested walk cache", &none, &walks, 15, 38) &&
	       faster(v, "a nested TLB beside it", &walks, &all, 3, 7) &&
	       faster(v, "host memory in 2M pages", &all, &large, 3, 22);
}

/* ---- exits of one guest fault -------------------------------------------- */

/*
 * A mapping of 8 pages that comes and goes in one table. Each page costs the
 * guest one fault and one store on the way up, one store on the way down; so
 * few that the engine does not give the table up as flooded.
 */
static bool exits_per_fault(struct sim_validation *v, uint32_t engine_off,
			    double *exits)
{
	static const struct setup churn = {
		SIM_MODE_SHADOW, "churn,places=1,pages=8,rounds=%u", 1, { 0 }
	};
	struct sim_result a, b;

	if (!pair(v, &churn, engine_off, &a, &b)) {
		return false;
	}
	double faults = (double)(b.true_faults - a.true_faults);
	double unmaps = faults;		/* the store on the way down */

	*exits = (faults + (double)(b.hidden_faults - a.hidden_faults) +
		  (double)(b.trace_faults - a.trace_faults) - unmaps) / faults;
	return true;
}

bool validate_faults(struct sim_validation *v)
{
	static const struct {
		const char *what;
		uint32_t off;
		double target;
	} rows[] = {
		{ "clearing the spte of a traced store",
		  GNOMON_OPT_UPDATE | GNOMON_OPT_PREFETCH, 3 },
		{ "remaking the spte of a traced store",
		  GNOMON_OPT_PREFETCH, 2 },
	};

	for (size_t i = 0; i < VALIDATE_COUNT(rows); i++) {
		struct sim_check c = {
			.id = "V5", .unit = "exits",
			.source = "Linux commit 0028425f [2ND]",
			.kind = SIM_CHECK_EXACT, .target = rows[i].target,
			.note = "the store that unmaps the page is not "
				"counted",
		};

		snprintf(c.what, sizeof(c.what),
			 "exits of a guest page fault, %s", rows[i].what);
		if (!exits_per_fault(v, rows[i].off, &c.ours)) {
			return false;
		}
		validate_tell(v, &c);
	}
	return true;
}
