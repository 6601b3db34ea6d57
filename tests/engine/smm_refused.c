/* SPDX-License-Identifier: BSD-2-Clause */
/* Entering SMM with registers that the CPU refuses: it is outside still. */
#include <criterion/criterion.h>

#include "tests/support/guest.h"

#define HERE UINT64_C(3200)	/* memory for each side */
#define GVA UINT64_C(0x00400000)

static void slot(struct guest *g, uint32_t id, uint32_t flags)
{
	struct gnomon_slot slot = fh_slot(g->fh, id, HERE, 16, flags, true);

	cr_assert_eq(gnomon_slot_set(g->vm, &slot), GNOMON_OK);
}

static void refused(unsigned levels, enum gnomon_mode mode)
{
	struct guest_options o = guest_defaults();

	o.levels = levels;
	o.mode = mode;
	o.smm = true;
	struct guest *g = guest_create(o);

	slot(g, 10, GNOMON_SLOT_NO_SMM);
	slot(g, 11, GNOMON_SLOT_SMM);
	guest_map(g, g->root, GVA, HERE << 12, GUEST_RWU, 1);
	cr_assert_eq(guest_load(g, 0, g->root), GNOMON_OK);

	struct gnomon_regs regs = g->regs[0];

	regs.smm = true;
	if (levels < 4) {
		regs.cr0 &= ~(uint64_t)X86_CR0_PE;	/* PG without PE */
	} else {
		regs.cr3 |= UINT64_C(1) << 51;
	}
	cr_assert_eq(guest_regs(g, 0, &regs, GNOMON_SET_CR3), GNOMON_GP);

	/* Not filled yet: the engine has to look where it leads. */
	struct guest_access a = guest_access(g, 0, GVA, GNOMON_WRITE, 1);

	cr_assert(a.end == GUEST_DONE && a.gpa >> 12 == HERE);
	cr_assert(guest_audit(g));
	cr_assert_eq(guest_destroy(g), 0);
}

Test(smm_refused, an_entry_that_is_refused_changes_nothing)
{
	for (unsigned levels = 2; levels <= 5; levels++) {
		refused(levels, GNOMON_MODE_SHADOW);
		refused(levels, GNOMON_MODE_NESTED);
	}
}
