/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The auditor of direct paging notices: each test breaks one thing behind the
 * engine's back, expects gnomon_audit() to name the rule at the lowest level
 * that looks for it, and mends it.
 */
#include <criterion/criterion.h>

#include "direct/set.h"
#include "engine/vm.h"
#include "tests/direct/world.h"
#include "tests/support/auditrule.h"

#define RWU (X86_PTE_P | X86_PTE_W | X86_PTE_U)
#define ROOT UINT64_C(0x10000)	/* then its tables, top first */
#define UPPER (ROOT + 0x2000)	/* level 2 */
#define LEAF (ROOT + 0x3000)
#define DATA UINT64_C(0x100)	/* gva 0 */
#define LARGE UINT64_C(0x200000) /* a leaf of level 2, over frames 0x400.. */
#define SPLIT UINT64_C(0x400000) /* and one over all tables */

static struct world w;
static struct gn_dp *dp;

static void begin(void)
{
	world_open(&w, test_seed(), GNOMON_OPT_ALL);
	world_tables(&w, ROOT, DATA);
	world_store(&w, LEAF + 8 * 8, ROOT | RWU);
	world_store(&w, UPPER + 8, UINT64_C(0x400000) | RWU | X86_PTE_PS);
	world_store(&w, UPPER + 16, RWU | X86_PTE_PS);
	world_load(&w, ROOT);
	cr_assert_eq(world_ask(&w, GNOMON_DIRECT_PIN, ROOT, 4), GNOMON_OK);
	cr_assert_eq(world_access(&w, 0, GNOMON_WRITE, 1, false), WORLD_OK);
	cr_assert_eq(world_access(&w, LARGE, GNOMON_WRITE, 1, false),
		     WORLD_OK);
	cr_assert_eq(world_access(&w, SPLIT, GNOMON_READ, 0, false),
		     WORLD_OK);
	dp = &w.vm->dp;
}

static void end(void)
{
	world_close(&w);
}

TestSuite(direct_audit, .init = begin, .fini = end);

static void expect(enum gnomon_audit_level level, const char *rule)
{
	audit_names(w.vm, w.fh, level, rule);
}

static struct gn_dp_table *table(uint64_t gpa)
{
	uint32_t number = gn_dp_find(dp, gpa >> 12);

	cr_assert_neq(number, 0);
	return gn_dp_table_at(dp, number);
}

static struct gn_dp_table *split(void)
{
	struct gn_dp_table *s = gn_dp_table_at(
		dp, table(UPPER)->cells[2] & ~GN_DP_LINK);

	cr_assert(s->flags & GN_DP_SPLIT);
	return s;
}

static struct gn_dp_cell *cell(struct gn_dp_table *t, unsigned index)
{
	cr_assert(t->cells[index] && !(t->cells[index] & GN_DP_LINK));
	return gn_slab_at(&dp->cells, t->cells[index]);
}

/* ---- types --------------------------------------------------------------- */

Test(direct_audit, a_table_of_another_level)
{
	table(LEAF)->level = 2;
	expect(GNOMON_AUDIT_COUNTS, "direct-link");
	table(LEAF)->level = 1;
}

Test(direct_audit, a_table_under_another_frame)
{
	table(LEAF)->gfn++;
	expect(GNOMON_AUDIT_COUNTS, "direct-link-gfn");
	gn_dp_table_at(dp, gn_dp_find(dp, LEAF >> 12))->gfn--;
	table(ROOT)->gfn++;
	expect(GNOMON_AUDIT_COUNTS, "direct-key");
	table(ROOT)->gfn--;
}

Test(direct_audit, a_level_that_no_table_has)
{
	table(ROOT)->level = 5;
	expect(GNOMON_AUDIT_COUNTS, "direct-key");
	table(ROOT)->level = 4;
}

Test(direct_audit, a_table_that_large_leaves_do_not_see)
{
	/* Frame and block lose the mark of the only table there. */
	uint64_t at = 0x300000;

	cr_assert_eq(world_ask(&w, GNOMON_DIRECT_PIN, at, 1), GNOMON_OK);
	gn_frames_mark(&dp->frames, at >> 12, false);
	expect(GNOMON_AUDIT_COUNTS, "direct-mark");
	gn_frames_mark(&dp->frames, at >> 12, true);
}

Test(direct_audit, a_table_that_is_writable)
{
	struct gn_dp_table *t = table(LEAF);

	cr_assert_eq(t->machine[8] & X86_PTE_W, 0);
	t->machine[8] |= X86_PTE_W;
	expect(GNOMON_AUDIT_FULL, "direct-table-writable");
	t->machine[8] &= ~X86_PTE_W;
}

Test(direct_audit, a_large_leaf_over_a_table)
{
	gn_frames_mark(&dp->frames, 0x400 + 5, true);
	expect(GNOMON_AUDIT_FULL, "direct-table-writable");
	gn_frames_mark(&dp->frames, 0x400 + 5, false);
}

/* ---- pins and counters --------------------------------------------------- */

Test(direct_audit, a_pin_that_is_lost)
{
	table(ROOT)->flags ^= GN_DP_PINNED;
	expect(GNOMON_AUDIT_COUNTS, "direct-refs");
	table(ROOT)->flags ^= GN_DP_PINNED;
}

Test(direct_audit, a_pin_that_nobody_asked_for)
{
	table(LEAF)->flags ^= GN_DP_PINNED;
	expect(GNOMON_AUDIT_COUNTS, "direct-refs");
	table(LEAF)->flags ^= GN_DP_PINNED;
}

Test(direct_audit, a_reference_too_many_and_too_few)
{
	table(UPPER)->refs++;
	expect(GNOMON_AUDIT_COUNTS, "direct-refs");
	table(UPPER)->refs -= 2;
	expect(GNOMON_AUDIT_COUNTS, "direct-released");
	table(UPPER)->refs++;
}

Test(direct_audit, a_root_that_no_vcpu_has)
{
	dp->vcpus |= 2;
	expect(GNOMON_AUDIT_COUNTS, "direct-refs");
	dp->vcpus &= ~UINT64_C(2);
}

Test(direct_audit, a_table_among_the_released)
{
	table(LEAF)->flags ^= GN_DP_LISTED;
	expect(GNOMON_AUDIT_COUNTS, "direct-released");
	table(LEAF)->flags ^= GN_DP_LISTED;
}

Test(direct_audit, tables_are_counted)
{
	dp->counts.tables++;
	expect(GNOMON_AUDIT_COUNTS, "direct-count");
	dp->counts.tables--;
}

Test(direct_audit, cells_are_counted)
{
	dp->counts.cells++;
	expect(GNOMON_AUDIT_COUNTS, "direct-cells");
	dp->counts.cells--;
}

/* ---- the lists of leaves (I2) -------------------------------------------- */

Test(direct_audit, i02_a_cell_of_another_entry)
{
	cell(table(LEAF), 0)->index++;
	expect(GNOMON_AUDIT_COUNTS, "direct-cell");
	cell(table(LEAF), 0)->index--;
}

Test(direct_audit, i02_a_frame_without_its_list)
{
	struct gn_frame *frame = gn_frames_find(&dp->frames, DATA);
	uint32_t was = frame->rmap;

	frame->rmap = 0;
	expect(GNOMON_AUDIT_LINKS, "direct-unlisted");
	frame->rmap = was;
}

Test(direct_audit, i02_a_leaf_filed_under_another_frame)
{
	struct gn_frame *frame = gn_frames_find(&dp->frames, DATA);
	struct gn_frame *other = gn_frames_find(&dp->frames, 0x409);
	uint32_t was = frame->rmap;

	cr_assert_eq(other->rmap, 0);
	frame->rmap = 0;
	other->rmap = was;
	expect(GNOMON_AUDIT_LINKS, "direct-list-frame");
	other->rmap = 0;
	frame->rmap = was;
}

Test(direct_audit, i02_a_list_that_runs_in_a_ring)
{
	struct gn_dp_cell *c = cell(table(LEAF), 0);
	struct gn_dp_cell was = *c;

	c->next = table(LEAF)->cells[0];
	expect(GNOMON_AUDIT_LINKS, "direct-list");
	*c = was;
}

/* ---- entries ------------------------------------------------------------- */

Test(direct_audit, an_entry_that_nobody_filled)
{
	struct gn_dp_table *t = table(LEAF);
	uint64_t was = t->machine[0];

	t->machine[0] = 0;
	expect(GNOMON_AUDIT_COUNTS, "direct-empty");
	t->machine[0] = was;
	t->machine[100] = was;
	expect(GNOMON_AUDIT_COUNTS, "direct-empty");
	t->machine[100] = 0;
}

Test(direct_audit, an_entry_that_leads_elsewhere)
{
	table(UPPER)->machine[0] ^= 0x1000;
	expect(GNOMON_AUDIT_COUNTS, "direct-link");
	table(UPPER)->machine[0] ^= 0x1000;
}

Test(direct_audit, a_split_of_another_leaf)
{
	split()->index++;
	expect(GNOMON_AUDIT_COUNTS, "direct-split");
	gn_dp_table_at(dp, table(UPPER)->cells[2] & ~GN_DP_LINK)->index--;
}

Test(direct_audit, more_than_the_guest_wrote)
{
	struct gn_dp_table *t = table(LEAF);

	cr_assert(t->machine[0] & X86_PTE_W);
	t->stored[0] &= ~X86_PTE_W;
	expect(GNOMON_AUDIT_FULL, "direct-entry");
	t->stored[0] |= X86_PTE_W;
	t->stored[0] ^= X86_PTE_U;
	expect(GNOMON_AUDIT_FULL, "direct-entry");
	t->stored[0] ^= X86_PTE_U;
}

/* ---- resource control ---------------------------------------------------- */

Test(direct_audit, resource_another_host_frame)
{
	table(LEAF)->machine[0] ^= 0x1000;
	expect(GNOMON_AUDIT_FULL, "direct-frame");
	table(LEAF)->machine[0] ^= 0x1000;
	split()->machine[7] ^= 0x1000;
	expect(GNOMON_AUDIT_FULL, "direct-frame");
	split()->machine[7] ^= 0x1000;
}

Test(direct_audit, resource_memory_of_no_slot)
{
	w.fh->frame[DATA].kind = GNOMON_FRAME_MMIO;
	expect(GNOMON_AUDIT_FULL, "direct-frame");
	w.fh->frame[DATA].kind = GNOMON_FRAME_RAM;
}

Test(direct_audit, resource_a_large_leaf_over_small_host_pages)
{
	w.fh->frame[0x400].order = 3;
	expect(GNOMON_AUDIT_FULL, "direct-frame");
	w.fh->frame[0x400].order = 9;
}

Test(direct_audit, resource_writable_where_the_host_says_read_only)
{
	w.fh->frame[DATA].write = false;
	expect(GNOMON_AUDIT_FULL, "direct-writable");
	w.fh->frame[DATA].write = true;
}

Test(direct_audit, i46_writable_and_not_in_the_log)
{
	static uint64_t bits[1];
	struct gnomon_dirty_log log = {
		.first = { DATA }, .frames = 8, .bitmap = bits,
	};

	cr_assert_eq(gnomon_dirty_start(w.vm, &log, NULL), GNOMON_OK);
	cr_assert_eq(world_access(&w, 0, GNOMON_WRITE, 1, false), WORLD_OK);
	cr_assert_eq(bits[0], 1);
	bits[0] = 0;
	expect(GNOMON_AUDIT_FULL, "direct-writable");
	bits[0] = 1;
	cr_assert_eq(gnomon_dirty_stop(w.vm, 0), GNOMON_OK);
}
