/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/diff/world.h"

static void exec_invpcid(struct world *w, const struct op *op, uint64_t gva)
{
	const struct gnomon_regs *regs = &w->regs[op->vcpu];
	uint64_t type = op->b >> 8 & 3;
	unsigned pcid = op->b >> 12 & (DIFF_PCIDS - 1);
	/* The types that name no PCID ignore it. */
	bool legal = type > GNOMON_INVPCID_CONTEXT || pcid == 0 ||
		     (regs->cr4 & X86_CR4_PCIDE);
	enum gnomon_status s = gnomon_invpcid(w->vcpu[op->vcpu], type, pcid,
					      (gnomon_gva_t){ gva });

	if (s != (legal ? GNOMON_OK : GNOMON_GP)) {
		world_fail(w, "invpcid(%u, %u): %s", (unsigned)type, pcid,
			   gnomon_status_text(s));
	}
	if (!legal) {
		return;
	}
	if (type == GNOMON_INVPCID_ADDRESS) {
		if (pcid == times_pcid(regs)) {
			times_invlpg(w, op->vcpu, gva, false);
		}
	} else if (type == GNOMON_INVPCID_ALL) {
		times_full(w, op->vcpu);
	} else {
		times_context(w, op->vcpu, type == GNOMON_INVPCID_CONTEXT ?
					   pcid : DIFF_PCIDS);
	}
}

void world_invlpg(struct world *w, const struct op *op)
{
	uint64_t gva = world_gva(w, op->vcpu, op->a);

	if ((op->b & 7) == 0) {
		gva = world_direct_gva(w, op->vcpu,
				       op->a & (DIFF_TABLES - 1), 0);
	}
	/* INVPCID goes with long mode here: gva must be canonical. */
	if ((op->b & 24) == 0 && ref_levels(&w->regs[op->vcpu]) >= 4) {
		if (ref_canonical(&w->regs[op->vcpu], gva)) {
			exec_invpcid(w, op, gva);
		}
		return;
	}
	/* On nested tables it is no exit. */
	if (!world_nested(w, op->vcpu)) {
		gnomon_invlpg(w->vcpu[op->vcpu], (gnomon_gva_t){ gva });
	}
	times_invlpg(w, op->vcpu, gva, true);
}
