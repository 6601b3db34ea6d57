/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/support/guest.h"

enum gnomon_status guest_switch(struct guest *g, uint64_t root,
				enum gnomon_mode mode, uint32_t budget)
{
	gnomon_gpa_t cr3 = { root << 12 };
	enum gnomon_status s;
	unsigned tries = 0;

	do {
		uint32_t left = budget;

		s = gnomon_mode_switch(g->vm, root ? &cr3 : NULL, mode,
				       budget ? &left : NULL);
		if (g->audits) {
			guest_audit(g);
		}
		/* One page may have been refused. */
	} while (s == GNOMON_MORE || (s == GNOMON_NOMEM && tries++ == 0));
	for (unsigned i = 0; s == GNOMON_OK && i < 2; i++) {
		s = guest_regs(g, i, &g->regs[i], 0);
	}
	return s;
}

bool guest_is_nested(const struct guest *g, unsigned vcpu)
{
	return g->cpu[vcpu].root.ncr3.v != 0;
}

bool guest_must_trap(const struct guest *g, unsigned vcpu, uint64_t gfn)
{
	struct gnomon_stats s;

	gnomon_vm_stats(g->vm, &s, sizeof(s));
	return gnomon_is_traced(g->vm, (gnomon_gfn_t){ gfn }) &&
	       !(guest_is_nested(g, vcpu) && s.loose_tables);
}
