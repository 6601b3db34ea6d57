/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * V4: world switches of one page fault in a nested guest (L2), counted over
 * the events that the fault consists of. L0 is the machine's hypervisor, L1
 * the guest hypervisor; each change of who runs is a world switch, each
 * arrival at L0 an exit to it. The guest's kernel fills n levels of its table.
 */
#include <stdio.h>
#include <string.h>

#include "sim/validate_int.h"

enum world { L2_USER, L2_KERNEL, L1, L0 };

struct count {
	enum world at;
	unsigned switches, exits;
};

static void go(struct count *c, enum world to)
{
	/* User and kernel of one guest are one world where L2 runs on L0. */
	if (c->at == to) {
		return;
	}
	c->switches++;
	c->exits += to == L0;
	c->at = to;
}

/* L2 traps to L1 by way of L0 and comes back the same way. */
static void round_by_l0(struct count *c)
{
	go(c, L0);
	go(c, L1);
	go(c, L0);
	go(c, L2_USER);
}

/* Shadow paging in L1, L1's memory by nested paging in L0. */
static struct count shadow_on_nested(unsigned n)
{
	struct count c = { .at = L2_USER };

	round_by_l0(&c);	/* the fault; L1 finds it true, injects it */
	for (unsigned i = 0; i < n; i++) {
		round_by_l0(&c);	/* a store to a traced table */
	}
	round_by_l0(&c);	/* the access again: L1 fills the shadow */
	return c;
}

/* Nested paging in L1, emulated by L0, which shadows L1's table. */
static struct count nested_on_nested(unsigned n)
{
	struct count c = { .at = L2_USER };

	go(&c, L0);		/* violation: L1's table lacks it */
	go(&c, L1);
	for (unsigned i = 0; i < n; i++) {
		go(&c, L0);	/* L1 writes its table, which L0 traces */
		go(&c, L1);
	}
	go(&c, L0);		/* L1 resumes L2 */
	go(&c, L2_USER);
	go(&c, L0);		/* violation: L0's own table lacks it */
	go(&c, L2_USER);
	return c;
}

/* PVM: L2 deprivileged inside L1; the switcher needs no L0. */
static struct count pvm_on_nested(unsigned n)
{
	struct count c = { .at = L2_USER };

	go(&c, L1);		/* the fault */
	go(&c, L2_KERNEL);	/* injected */
	for (unsigned i = 0; i < n; i++) {
		go(&c, L1);	/* a store to a traced table */
		go(&c, L2_KERNEL);
	}
	go(&c, L1);		/* iret; the shadow is filled ahead */
	go(&c, L2_USER);
	return c;
}

static void one(struct sim_validation *v, const char *name, unsigned n,
		const char *what, unsigned ours, unsigned target)
{
	struct sim_check c = {
		.id = "V4", .unit = "", .source = "PVM, section 2 [FULL]",
		.kind = SIM_CHECK_EXACT, .target = target, .ours = ours,
	};

	snprintf(c.what, sizeof(c.what), "%s, %u levels: %s", name, n, what);
	validate_tell(v, &c);
}

bool validate_switches(struct sim_validation *v)
{
	for (unsigned n = 1; n <= 5; n++) {
		struct count s = shadow_on_nested(n);
		struct count t = nested_on_nested(n);
		struct count p = pvm_on_nested(n);

		one(v, "shadow on nested", n, "world switches", s.switches,
		    4 * n + 8);
		one(v, "shadow on nested", n, "exits to L0", s.exits,
		    2 * n + 4);
		one(v, "nested on nested", n, "world switches", t.switches,
		    2 * n + 6);
		one(v, "nested on nested", n, "exits to L0", t.exits, n + 3);
		one(v, "PVM on nested", n, "world switches", p.switches,
		    2 * n + 4);
		one(v, "PVM on nested", n, "exits to L0", p.exits, 0);
	}
	return true;
}
