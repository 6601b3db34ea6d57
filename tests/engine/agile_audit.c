/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The auditor notices damaged entries with the switching bit: each test breaks
 * one thing behind the engine's back, expects gnomon_audit() to name the rule
 * at the lowest level that looks for it, and mends it.
 */
#include <criterion/criterion.h>

#include "engine/vm.h"
#include "shadow/entry.h"
#include "shadow/set.h"
#include "tests/support/agileworld.h"
#include "tests/support/auditrule.h"

#define ROOT UINT64_C(0x10000)
#define ALL (X86_PTE_P | X86_PTE_W | X86_PTE_U)
#define GVA UINT64_C(0x1000)

static struct agileworld a;
static struct world *w = &a.w;
static struct gn_sh_page *page;	/* of level 2, with the switch at 0 */
static uint64_t gfn;		/* the table that it leads to */

static void begin(void)
{
	agile_open(&a, NULL);
	fh_frames(w->fh, 0, 512, (struct fh_frame){
		.kind = GNOMON_FRAME_RAM, .write = true });
	world_map(w, ROOT, GVA, 0x300000 | ALL, 1);
	agile_cr3(&a, 0, ROOT);
	gfn = world_entry(w, ROOT, GVA, 1) >> 12;
	agile_switch(&a, gfn, true);
	cr_assert_eq(agile_access(&a, 0, GVA, GNOMON_WRITE, 1), WORLD_OK);
	world_audit(w, GNOMON_AUDIT_GUEST);
	page = w->vcpu[0]->sh.top;
	while (page->role.level > 2) {
		page = gn_sh_child(&w->vm->sh, page, 0);
	}
	cr_assert(gn_spte_switch(page->spt[0]));
}

static void end(void)
{
	world_audit(w, GNOMON_AUDIT_GUEST);
	agile_close(&a);
}

TestSuite(agile_audit, .init = begin, .fini = end);

static void expect(enum gnomon_audit_level level, const char *rule)
{
	audit_names(w->vm, w->fh, level, rule);
}

Test(agile_audit, i02_a_switch_that_its_frame_does_not_know)
{
	struct gn_frame *frame = gn_frames_find(&w->vm->sh.frames, gfn);
	uint32_t was = frame->rmap;

	frame->rmap = 0;
	expect(GNOMON_AUDIT_LINKS,
	       "a switch is in the reverse map of its table once");
	frame->rmap = was;
}

Test(agile_audit, a_switch_to_a_table_that_is_not_marked)
{
	struct gn_tf_record *record = gn_tf_find(&w->vm->sh.tf, gfn);

	record->below = 0;
	expect(GNOMON_AUDIT_LINKS, "a switch leads to a marked table");
	record->below = 1;
}

Test(agile_audit, a_switch_under_a_role_that_heeds_none)
{
	w->vm->sh.config.agile = false;
	expect(GNOMON_AUDIT_LINKS, "a switch leads to a marked table");
	w->vm->sh.config.agile = true;
}

Test(agile_audit, marked_tables_are_counted)
{
	w->vm->sh.below++;
	expect(GNOMON_AUDIT_LINKS, "marked tables are counted");
	w->vm->sh.below--;
}

Test(agile_audit, resource_a_switch_to_another_frame)
{
	page->spt[0] ^= 0x1000;
	expect(GNOMON_AUDIT_FULL,
	       "a switch holds the table's hpa and the path's rights");
	page->spt[0] ^= 0x1000;
}

Test(agile_audit, i03_a_switch_with_more_rights_than_its_path)
{
	uint64_t was = page->snap[0];

	page->snap[0] &= ~X86_PTE_W;
	expect(GNOMON_AUDIT_FULL,
	       "a switch holds the table's hpa and the path's rights");
	page->snap[0] = was;
}

Test(agile_audit, resource_a_switch_to_what_is_no_memory)
{
	struct fh_frame was = w->fh->frame[gfn];

	w->fh->frame[gfn].kind = GNOMON_FRAME_MMIO;
	expect(GNOMON_AUDIT_FULL, "a switch leads to RAM of a slot");
	w->fh->frame[gfn] = was;
	/* The CPU sets A and D in it. */
	w->fh->frame[gfn].write = false;
	expect(GNOMON_AUDIT_FULL, "a switch leads to RAM of a slot");
	w->fh->frame[gfn] = was;
}

Test(agile_audit, i11_the_entry_above_a_switch_changed_untold)
{
	uint64_t at = world_entry(w, ROOT, GVA, 2), was = fh_load(w->fh, at, 8);

	fh_store(w->fh, at, 8, was & ~X86_PTE_U);
	expect(GNOMON_AUDIT_GUEST,
	       "a shadow entry agrees with guest memory");
	fh_store(w->fh, at, 8, was);
}

/* What lies below is the guest's business: the audit does not look. */
Test(agile_audit, below_a_switch_the_guest_may_do_as_it_likes)
{
	uint64_t at = world_entry(w, ROOT, GVA, 1), was = fh_load(w->fh, at, 8);

	fh_store(w->fh, at, 8, 0);
	world_audit(w, GNOMON_AUDIT_GUEST);
	fh_store(w->fh, at, 8, was);
}

Test(agile_audit, the_nested_tables_below_are_audited_too)
{
	w->vm->np[0].stats.tables++;
	expect(GNOMON_AUDIT_COUNTS, "np-table-count");
	w->vm->np[0].stats.tables--;
}
