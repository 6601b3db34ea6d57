/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What it would cost to shadow a space, or a leaf table: entries in use, found
 * by their A bits, and the large nested leaves that traces would break up.
 */
#include "sim/chooser.h"
#include "sim/mode_agile.h"
#include "sim/text.h"
#include "sim/x86.h"

enum {
	BLOCK = 512,		/* frames of a large nested leaf */
	/* Of a space: where tables lead to themselves there is no end. */
	TABLES_MAX = 1 << 18,
};

struct tally {
	struct sim_guest *guest;
	uint64_t groups;	/* of leaf entries: a hidden fault each */
	uint64_t tables;
	uint64_t splits;	/* large nested leaves with a table in them */
	bool upper_traced;	/* leaf tables stay as they are */
	bool open;		/* mark leaf tables nested */
	bool failed;
};

/* Would a trace in its block be the first? */
static bool splits(const struct sim_guest *guest, uint64_t table)
{
	uint64_t gfn = table >> GNOMON_PAGE_SHIFT, first = gfn & ~(BLOCK - 1ul);

	if (!guest->machine.param[SIM_P_HOST_ORDER]) {
		return false;
	}
	for (gfn = first; gfn < first + BLOCK; gfn++) {
		if (gnomon_is_traced(guest->vm, (gnomon_gfn_t){ gfn })) {
			return false;
		}
	}
	return true;
}

static void open_leaf(struct tally *t, uint64_t table)
{
	gnomon_gfn_t gfn = { table >> GNOMON_PAGE_SHIFT };
	struct gnomon_policy_decision d = {
		.scope = GNOMON_SCOPE_TABLE, .mode = GNOMON_POLICY_NESTED,
		.level = 1, .gfn = gfn,
	};

	/* One that is traced has been bought, for whomever. */
	if (!gnomon_is_traced(t->guest->vm, gfn) &&
	    !gnomon_table_is_nested(t->guest->vm, gfn)) {
		t->failed |= !sim_agile_decided(t->guest, t->guest->running,
						&d);
	}
}

static void visit(struct tally *t, uint64_t table, unsigned level,
		  unsigned first, unsigned end)
{
	const uint64_t *entries = sim_guest_memory(t->guest, table);
	unsigned last = GNOMON_PAGE_BYTES;
	uint64_t group = t->guest->machine.param[SIM_P_ENGINE_PREFETCH];

	if (!entries || t->tables == TABLES_MAX) {
		return;
	}
	t->tables++;
	if (t->open && level == 1) {
		open_leaf(t, table);
		return;
	}
	t->splits += (level > 1 || !t->upper_traced) &&
		     splits(t->guest, table);
	for (unsigned i = first; i < end; i++) {
		if (!(entries[i] & PTE_P) || !(entries[i] & PTE_A)) {
			continue;
		}
		if (level == 1 || (level < ROOT_LEVEL &&
				   (entries[i] & PTE_PS))) {
			t->groups += last != i / group;
			last = (unsigned)(i / group);
		} else {
			visit(t, entries[i] & CR3_TABLE, level - 1, 0, 512);
		}
	}
}

/*
 * The part of the guest that each space has for itself; shadows of the rest
 * are shared. Only what the guest has used is built again at once.
 */
static void visit_space(struct tally *t, unsigned vcpu, uint64_t space)
{
	const struct gnomon_regs *regs = &t->guest->regs[vcpu];

	if (regs->efer & EFER_LMA) {
		visit(t, space, ROOT_LEVEL + (regs->cr4 & CR4_LA57 ? 1 : 0), 0,
		      256);
	}
	sim_charge(&t->guest->machine.vcpus[vcpu], SIM_CAT_VMM,
		   t->tables * t->guest->machine.param[SIM_P_VMM_SYNC_TABLE]);
}

/*
 * The store that breaks a large leaf up is a violation. Its pieces then come
 * back with it, or with a violation each.
 */
static uint64_t split_price(const struct sim_guest *guest)
{
	const uint64_t *param = guest->machine.param;
	uint64_t one = param[SIM_P_EXIT_RTT] + param[SIM_P_VMM_NESTED];

	return one + (BLOCK - 1) *
	       (guest->around > 1 ? param[SIM_P_VMM_AROUND] : one);
}

void sim_chooser_count(struct sim_guest *guest, unsigned vcpu,
		       const struct gnomon_policy_decision *decision)
{
	struct gnomon_policy_event e = sim_chooser_event(guest, vcpu);
	uint64_t fills = guest->machine.param[SIM_P_ENGINE_PREFETCH];
	bool leaves = guest->chooser->leaves;
	struct tally t = { .guest = guest };

	e.kind = GNOMON_PE_SIZE;
	if (decision->gfn.v) {
		e.gfn = decision->gfn;
		e.level = decision->level;
		visit(&t, decision->gfn.v << GNOMON_PAGE_SHIFT, 1, 0, 512);
		sim_charge(&guest->machine.vcpus[vcpu], SIM_CAT_VMM,
			   guest->machine.param[SIM_P_VMM_SYNC_TABLE]);
	} else {
		e.space = decision->space;
		t.upper_traced = leaves;
		visit_space(&t, vcpu, decision->space.v);
	}
	e.count = (uint32_t)(leaves && !decision->gfn.v ? t.tables
							: t.groups * fills);
	e.cycles = leaves ? t.splits * split_price(guest) : 0;
	gnomon_policy_event(guest->chooser->policy, &e);
}

bool sim_chooser_open_leaves(struct sim_guest *guest, unsigned vcpu,
			     uint64_t space)
{
	struct tally t = { .guest = guest, .open = true,
			   .upper_traced = true };

	guest->running = vcpu;
	visit_space(&t, vcpu, space);
	return !t.failed;
}
