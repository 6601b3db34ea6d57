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
	double native, shadow;	/* microseconds */
} programs[] = {
	{ "fork", { "fork,fault-around=1", "count", 40, 1 }, 110, 874 },
	{ "exec", { "exec,fault-around=1", "count", 20, 1 }, 530, 2300 },
	{ "sh", { "sh,fault-around=1", "count", 10, 1 }, 4000, 10000 },
};

static bool calibrate(struct sim_validation *v, struct validate_side *side,
		      const struct validate_side *base,
		      const struct validate_op *op, const char *what,
		      const char *key, double us)
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
	snprintf(c.what, sizeof(c.what), "shadow over native, %s", what);
	snprintf(c.note, sizeof(c.note), "2.4 GHz [DER]; fitted: %s=%.0f",
		 key, price);
	validate_tell(v, &c);
	return true;
}

static bool predict(struct sim_validation *v, const struct validate_side *side,
		    const struct validate_side *base, const struct program *p)
{
	struct sim_check c = {
		.id = "V9", .unit = "ratio", .source = XEN,
		.kind = SIM_CHECK_PREDICTION, .target = p->shadow / p->native,
		.allowed = 0.25, .relative = true,
	};
	struct validate_cost ours, native;

	if (!validate_cost(v, side, &p->op, &ours) ||
	    !validate_cost(v, base, &p->op, &native)) {
		return false;
	}
	c.ours = ours.cycles / native.cycles;
	snprintf(c.what, sizeof(c.what), "shadow over native, lmbench %s",
		 p->name);
	snprintf(c.note, sizeof(c.note),
		 "in us: native %.4g, ours %.4g; shadow %.4g, ours %.4g",
		 p->native, native.cycles / PER_US, p->shadow,
		 ours.cycles / PER_US);
	validate_tell(v, &c);
	return true;
}

bool validate_xen(struct sim_validation *v)
{
	struct validate_side native = old_side(SIM_MODE_NATIVE, XEN_CLOCK);
	struct validate_side shadow = old_side(SIM_MODE_SHADOW, XEN_CLOCK);
	bool good;

	good = calibrate(v, &shadow, &native, &prot_op, "protection fault",
			 "vmm.true_fault", 7.53 - 1.06) &&
	       calibrate(v, &shadow, &native, &page_op, "page fault",
			 "vmm.trace_leaf", 12.4 - 1.42);
	for (size_t i = 0; good && i < VALIDATE_COUNT(programs); i++) {
		good = predict(v, &shadow, &native, &programs[i]);
	}
	return good;
}
