/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Agile paging: tables that the VMM says the processor is to walk itself, and
 * accesses of one that does. It sets A and D where it walks, with no exit.
 */
#include "tests/diff/access.h"
#include "tests/diff/host.h"

#include <inttypes.h>

bool world_agile(const struct world *w, unsigned vcpu)
{
	return w->cpu[vcpu].root.agile;
}

void world_load(struct world *w, unsigned vcpu, struct gnomon_root root)
{
	hw_load_root(&w->cpu[vcpu], root);
	hwagile_load(&w->agile[vcpu], root);
}

void world_enter(struct world *w, unsigned vcpu)
{
	struct gnomon_root root = gnomon_vcpu_root(w->vcpu[vcpu]);
	const struct hwcpu *cpu = &w->cpu[vcpu];

	if (!cpu->loaded || root.cr3.v != cpu->root.cr3.v ||
	    root.ncr3.v != cpu->root.ncr3.v) {
		world_load(w, vcpu, root);
	}
}

/* The processor set A and D, and may have by older entries above. */
static void take_marks(struct attempt *a, const struct hwagile_result *r)
{
	struct world *w = a->w;

	w->dirty.cpu_stores = true;
	for (unsigned i = 0; i < r->marks; i++) {
		history_note(w, r->mark[i], 8);
	}
	w->dirty.cpu_stores = false;
}

/* A page fault without an exit: as the tables are, or were a moment ago. */
static bool own_fault(struct attempt *a, const struct hwagile_result *r)
{
	struct world *w = a->w;

	a->injected = true;
	w->n.injected++;
	if (!(a->ref.status == GNOMON_FAULT && a->ref.code == r->code) &&
	    !judge_fault(w, a->vcpu, a->gva, a->access, r->code)) {
		world_fail(w, "vcpu %u: access %#x at gva %#" PRIx64 " ends in "
			   "#PF %#x below a switch; the tables say %s %#x",
			   a->vcpu, a->access, a->gva, r->code,
			   gnomon_status_text(a->ref.status), a->ref.code);
	}
	return true;
}

static bool reached(struct attempt *a, const struct hwagile_result *r)
{
	struct world *w = a->w;

	w->n.below += r->below;
	if (attempt_reached(a, &r->hw) && (a->access & GNOMON_WRITE)) {
		w->dirty.cpu_stores = r->below;
		attempt_stored(a, fh_gfn(w->fh, r->hw.hpa >> 12) << 12 |
				  (a->gva & 0xfff));
		w->dirty.cpu_stores = false;
	}
	return true;
}

bool attempt_agile(struct attempt *a)
{
	struct world *w = a->w;
	struct hwagile_result r;

	hwagile_access(&w->agile[a->vcpu], &w->regs[a->vcpu], a->gva,
		       a->access, a->bits >> 56 & 1 ? HW_USE_TLB : 0, &r);
	take_marks(a, &r);
	if (r.hw.ok) {
		return reached(a, &r);
	}
	ref_walk(&w->now, &w->regs[a->vcpu], a->gva, a->access, &a->ref);
	if (!r.hw.nested && r.below) {
		return own_fault(a, &r);
	}
	return attempt_fault(a, &r.hw, r.hw.nested ? r.hw.gpa : a->ref.gpa,
			     r.hw.table_walk);
}

void world_table(struct world *w, const struct op *op)
{
	bool table = op->a & 7, nested = (op->a >> 3 & 3) == 0;
	gnomon_gfn_t gfn = { table ? w->table[op->b & (DIFF_TABLES - 1)]
				   : w->data[op->b & (DIFF_DATA - 1)] };
	uint64_t bits = op->b;
	enum gnomon_status s;

	if (w->p.mode != GNOMON_MODE_AGILE || w->slot_leaving) {
		return;
	}
	do {
		uint32_t budget = w->slot_budget;

		s = gnomon_table_switch(w->vm, gfn, nested, &budget);
	} while (world_more_pages(w, s, &bits));
	if (s == GNOMON_INVAL && !fh_slot_of(w->fh, gfn.v)) {
		return;
	}
	if (s != GNOMON_OK) {
		world_refused(w, "table_switch", s);
	} else if (gnomon_table_is_nested(w->vm, gfn) != nested) {
		world_fail(w, "table_is_nested(%#" PRIx64 ") says otherwise",
			   gfn.v);
	}
}
