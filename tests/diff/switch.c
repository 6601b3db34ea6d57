/* SPDX-License-Identifier: BSD-2-Clause */
/* Another mode while the guest runs, which must not be able to tell. */
#include "tests/diff/host.h"

bool world_nested(const struct world *w, unsigned vcpu)
{
	return w->cpu[vcpu].root.ncr3.v != 0 && !world_agile(w, vcpu);
}

bool world_traced(const struct world *w, unsigned vcpu, uint64_t gfn)
{
	return gnomon_is_traced(w->vm, (gnomon_gfn_t){ gfn }) &&
	       !world_nested(w, vcpu);
}

/* The vcpu goes over when it tells the registers that it has. */
static void go_over(struct world *w, unsigned vcpu)
{
	struct gnomon_regs regs = w->regs[vcpu];
	bool before = world_nested(w, vcpu);

	if (!world_set_regs(w, vcpu, &regs, GNOMON_SET_PDPTES)) {
		world_fail(w, "vcpu %u: registers refused after a switch",
			   vcpu);
	}
	w->n.switched += world_nested(w, vcpu) != before;
}

void world_switch(struct world *w, const struct op *op)
{
	enum gnomon_mode shadow = w->p.mode == GNOMON_MODE_AGILE ?
				  GNOMON_MODE_AGILE : GNOMON_MODE_SHADOW;
	enum gnomon_mode mode = op->a & 1 ? GNOMON_MODE_NESTED : shadow;
	gnomon_gpa_t space = { w->table[op->b % DIFF_ROOTS] << 12 };
	bool all = (op->a & 6) == 0;
	uint64_t bits = op->b;
	enum gnomon_status s;

	if (!w->p.modes || w->slot_leaving) {
		return;
	}
	do {
		uint32_t budget = w->slot_budget;

		s = gnomon_mode_switch(w->vm, all ? NULL : &space, mode,
				       &budget);
	} while (world_more_pages(w, s, &bits));
	/* A root in the slot that comes and goes may have no memory now. */
	if (s != GNOMON_OK && s != GNOMON_ABSENT) {
		world_fail(w, "mode_switch: %s", gnomon_status_text(s));
	}
	for (unsigned i = 0; i < DIFF_VCPUS && !w->failed; i++) {
		go_over(w, i);
	}
}
