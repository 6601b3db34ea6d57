/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * V6 and V9: shadow paging before nested paging existed. V6 is Adams and
 * Agesen (ASPLOS 2006) on a Pentium 4 with the first hardware support, V9 the
 * comparison in the Xen paper (SOSP 2003).
 */
#include <stdio.h>

#include "sim/validate_int.h"

#define PRESET "p4-672"

/* ---- nano benchmarks ---------------------------------------------------- */

static const struct nano {
	const char *name;
	struct validate_op op;
	const char *key;	/* the price that is fitted */
	double native, shadow;	/* cycles; A&A, hardware VMM with traces */
} nanos[] = {
	{ "ptemod", { "ptemod", "count", 2000, 1 }, "vmm.trace_leaf", 1,
	  12733 },
	{ "pgfault", { "pgfault", "count", 1000, 1 }, "vmm.true_fault", 1093,
	  11242 },
};

static struct validate_side old_side(enum sim_mode mode, double clock)
{
	struct validate_side side = {
		.mode = mode, .preset = PRESET, .options = "",
	};

	validate_set(&side, "core.clock", clock);
	/* Nothing says that these monitors gave tables up as flooded. */
	validate_set(&side, "engine.flood_leaf_writes", 65535);
	validate_set(&side, "engine.flood_upper_writes", 65535);
	return side;
}

bool validate_nano(struct sim_validation *v)
{
	struct validate_side native = old_side(SIM_MODE_NATIVE, 3800);
	struct validate_side shadow = old_side(SIM_MODE_SHADOW, 3800);

	for (size_t i = 0; i < VALIDATE_COUNT(nanos); i++) {
		const struct nano *n = &nanos[i];
		struct sim_check c = {
			.id = "V6", .unit = "cycles",
			.source = "Adams and Agesen, ASPLOS 2006 [QUOTE]",
			.kind = SIM_CHECK_CALIBRATION,
			.target = n->shadow - n->native, .allowed = 0.02,
			.relative = true,
		};
		double price;

		if (!validate_fit(v, &shadow, &native, &n->op, n->key,
				  c.target, &c.ours, &price)) {
			return false;
		}
		snprintf(c.what, sizeof(c.what),
			 "%s, hardware VMM over native", n->name);
		snprintf(c.note, sizeof(c.note),
			 "fitted: %s=%.0f; the order of the two follows from "
			 "the fit, it proves nothing", n->key, price);
		validate_tell(v, &c);
	}
	return true;
}

/* ---- the Xen paper ------------------------------------------------------ */

#define XEN "Xen, SOSP 2003, lmbench [FULL]"
#define XEN_CLOCK 2400.0
#define PER_US (XEN_CLOCK)

/* No fault-around in Linux 2.4. */
static const struct validate_op prot_op = {
	"protfault,fault-around=1", "count", 500, 1
};
static const struct validate_op page_op = {
	"pagefault,fault-around=1", "rounds", 3, 1024
};

static const struct program {
	const char *name;
	struct validate_op op;
	double native, shadow, xen;	/* microseconds */
} programs[] = {
	{ "fork", { "fork,fault-around=1", "count", 40, 1 }, 110, 874, 198 },
	{ "exec", { "exec,fault-around=1", "count", 20, 1 }, 530, 2300,
	  768 },
	{ "sh", { "sh,fault-around=1", "count", 10, 1 }, 4000, 10000,
	  4800 },
};

static bool calibrate(struct sim_validation *v, struct validate_side *side,
		      const struct validate_side *base,
		      const struct validate_op *op, const char *name,
		      const char *what, const char *key, double us)
{
	struct sim_check c = {
		.id = "V9", .unit = "cycles", .source = XEN,
		.kind = SIM_CHECK_CALIBRATION, .target = us * PER_US,
		.allowed = 0.02, .relative = true,
	};
	double price;

	if (!validate_fit(v, side, base, op, key, c.target, &c.ours,
			  &price)) {
		return false;
	}
	snprintf(c.what, sizeof(c.what), "%s over native, %s", name, what);
	snprintf(c.note, sizeof(c.note), "2.4 GHz [DER]; fitted: %s=%.0f",
		 key, price);
	validate_tell(v, &c);
	return true;
}

static bool predict(struct sim_validation *v, const struct validate_side *side,
		    const struct validate_side *base, const char *name,
		    const struct program *p, double us)
{
	struct sim_check c = {
		.id = "V9", .unit = "ratio", .source = XEN,
		.kind = SIM_CHECK_PREDICTION, .target = us / p->native,
		.allowed = 0.25, .relative = true,
	};
	struct validate_cost ours, native;

	if (!validate_cost(v, side, &p->op, &ours) ||
	    !validate_cost(v, base, &p->op, &native)) {
		return false;
	}
	c.ours = ours.cycles / native.cycles;
	snprintf(c.what, sizeof(c.what), "%s over native, lmbench %s", name,
		 p->name);
	snprintf(c.note, sizeof(c.note),
		 "in us: native %.4g, ours %.4g; %s %.4g, ours %.4g",
		 p->native, native.cycles / PER_US, name, us,
		 ours.cycles / PER_US);
	validate_tell(v, &c);
	return true;
}

/* A page fault: Xen hands it on, and is asked to set the entry. */
static bool transitions(struct sim_validation *v,
			const struct validate_side *xen)
{
	struct sim_check c = {
		.id = "V9", .unit = "exits", .source = XEN,
		.kind = SIM_CHECK_EXACT, .target = 2,
		.what = "transitions into Xen per page fault",
		.note = "of 128 pages more in one table",
	};
	/* Twice as many pages, mapped, touched and unmapped once. */
	static const struct validate_op pages_op = {
		"pagefault,rounds=1,fault-around=1", "pages", 128, 1
	};
	struct validate_cost cost;

	if (!validate_cost(v, xen, &pages_op, &cost)) {
		return false;
	}
	c.ours = cost.exits;
	validate_tell(v, &c);
	return true;
}

static bool shadow_rows(struct sim_validation *v,
			const struct validate_side *native)
{
	struct validate_side shadow = old_side(SIM_MODE_SHADOW, XEN_CLOCK);
	bool good;

	good = calibrate(v, &shadow, native, &prot_op, "shadow",
			 "protection fault", "vmm.true_fault", 7.53 - 1.06) &&
	       calibrate(v, &shadow, native, &page_op, "shadow", "page fault",
			 "vmm.trace_leaf", 12.4 - 1.42);
	for (size_t i = 0; good && i < VALIDATE_COUNT(programs); i++) {
		good = predict(v, &shadow, native, "shadow", &programs[i],
			       programs[i].shadow);
	}
	return good;
}

static bool xen_rows(struct sim_validation *v,
		     const struct validate_side *native)
{
	struct validate_side xen = old_side(SIM_MODE_PARAVIRT, XEN_CLOCK);
	bool good;

	/* An exit is a trap into a monitor that every address space holds. */
	validate_set(&xen, "exit.flushes_tlb", 0);
	validate_set(&xen, "vmm.true_fault", 0);
	validate_set(&xen, "vmm.hidden_fill", 0);
	validate_set(&xen, "vmm.cr3", 0);
	/* The paper's largest batch is 2048. */
	validate_set(&xen, "paravirt.batch", 2040);
	good = transitions(v, &xen) &&
	       calibrate(v, &xen, native, &prot_op, "Xen", "protection fault",
			 "exit.round_trip", 1.40 - 1.06) &&
	       calibrate(v, &xen, native, &page_op, "Xen", "page fault",
			 "vmm.direct_set", 2.73 - 1.42);
	for (size_t i = 0; good && i < VALIDATE_COUNT(programs); i++) {
		good = predict(v, &xen, native, "Xen", &programs[i],
			       programs[i].xen);
	}
	return good;
}

bool validate_xen(struct sim_validation *v)
{
	struct validate_side native = old_side(SIM_MODE_NATIVE, XEN_CLOCK);

	return shadow_rows(v, &native) && xen_rows(v, &native);
}
