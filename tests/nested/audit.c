/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The auditor of nested tables notices: each test breaks one thing behind the
 * engine's back, expects gnomon_audit() to name the rule at the lowest level
 * that looks for it, and mends it.
 */
#include <criterion/criterion.h>

#include "engine/vm.h"
#include "nested/table.h"
#include "tests/support/auditrule.h"
#include "tests/support/guest.h"

#define DATA UINT64_C(0x600000)
#define FRAME UINT64_C(700)	/* behind DATA, mapped by 4K */
#define LARGE UINT64_C(0x40000000)
#define BLOCK UINT64_C(2048)	/* behind LARGE, mapped by 2M */
#define CALLS UINT64_C(0x10000000)
#define LONELY UINT64_C(4100)	/* behind CALLS, alone in its table */

static struct guest *g;
static struct gn_np *np;

static void touch(unsigned vcpu, uint64_t gva)
{
	cr_assert_eq(guest_access(g, vcpu, gva, GNOMON_WRITE, 1).end,
		     GUEST_DONE);
}

static void make(uint32_t modes)
{
	struct guest_options o = guest_defaults();

	o.mode = GNOMON_MODE_NESTED;
	o.modes = modes;
	g = guest_create(o);
	np = &g->vm->np[0];
	guest_map(g, g->root, DATA, FRAME << 12, GUEST_RWU, 1);
	guest_map(g, g->root, DATA + 4096, (FRAME + 1) << 12, GUEST_RWU, 1);
	guest_map(g, g->root, LARGE, BLOCK << 12, GUEST_RWU, 2);
	guest_map(g, g->root, CALLS, LONELY << 12, GUEST_RWU, 1);
	guest_load(g, 0, g->root);
	guest_load(g, 1, g->root);
	touch(0, DATA);
	touch(0, DATA + 4096);
	touch(0, LARGE);
	touch(0, CALLS);
	cr_assert(guest_audit(g));
}

static void begin(void)
{
	make(0);
}

static void end(void)
{
	cr_assert(guest_audit(g));
	cr_assert_eq(guest_destroy(g), 0);
}

TestSuite(np_audit, .init = begin, .fini = end);

static void expect(enum gnomon_audit_level level, const char *rule)
{
	audit_names(g->vm, g->fh, level, rule);
}

/* The leaf for gfn, at level. */
static struct gn_np_spot leaf(uint64_t gfn, unsigned level)
{
	struct gn_np_spot spot;

	gn_np_locate(np, gfn, &spot);
	cr_assert_eq(spot.level, level);
	cr_assert_eq(gn_np_entry_kind(np->config.format, spot.npte, level),
		     GN_NP_LEAF);
	return spot;
}

static uint64_t *entry(uint64_t gfn, unsigned level)
{
	struct gn_np_spot spot = leaf(gfn, level);

	return gn_np_slot(spot.table, spot.index);
}

/* ---- tables and links ---------------------------------------------------- */

Test(np_audit, a_table_counts_its_entries)
{
	struct gn_np_spot spot = leaf(FRAME, 1);

	spot.table->used++;
	expect(GNOMON_AUDIT_COUNTS, "np-used");
	spot.table->used--;
}

Test(np_audit, tables_are_counted)
{
	np->stats.tables++;
	expect(GNOMON_AUDIT_COUNTS, "np-table-count");
	np->stats.tables--;
}

Test(np_audit, a_table_that_hangs_nowhere)
{
	struct gn_np_table *table = leaf(FRAME, 1).table;
	struct gn_np_table *was = table->parent;

	table->parent = NULL;
	expect(GNOMON_AUDIT_COUNTS, "np-orphan");
	table->parent = was;
}

Test(np_audit, a_table_below_another_entry)
{
	struct gn_np_table *table = leaf(FRAME, 1).table;

	table->index++;
	expect(GNOMON_AUDIT_LINKS, "np-parent");
	table->index--;
}

Test(np_audit, a_table_for_other_frames)
{
	struct gn_np_table *table = leaf(LONELY, 1).table;

	table->first += 512;
	/* Its own leaf is then of another frame, but links come first. */
	expect(GNOMON_AUDIT_LINKS, "np-link");
	table->first -= 512;
}

Test(np_audit, an_entry_that_leads_elsewhere)
{
	struct gn_np_table *table = leaf(FRAME, 1).table;

	*gn_np_slot(table->parent, table->index) ^= 0x1000;
	expect(GNOMON_AUDIT_LINKS, "np-table-address");
	*gn_np_slot(table->parent, table->index) ^= 0x1000;
}

Test(np_audit, a_table_that_nothing_is_in)
{
	struct gn_np_spot spot = leaf(LONELY, 1);
	uint64_t *at = gn_np_slot(spot.table, spot.index), was = *at;

	cr_assert_eq(spot.table->used, 1);
	*at = 0;
	spot.table->used = 0;
	expect(GNOMON_AUDIT_LINKS, "np-empty-table");
	*at = was;
	spot.table->used = 1;
}

Test(np_audit, a_large_leaf_with_a_table_below)
{
	struct gn_np_spot spot = leaf(BLOCK, 2);
	struct gn_np_table **child =
		(struct gn_np_table **)spot.table->links.va + spot.index;

	cr_assert_null(*child);
	*child = leaf(FRAME, 1).table;
	expect(GNOMON_AUDIT_LINKS, "np-leaf-link");
	*child = NULL;
}

Test(np_audit, a_reserved_bit)
{
	*entry(BLOCK, 2) |= 0x4000;
	expect(GNOMON_AUDIT_LINKS, "np-reserved");
	*entry(BLOCK, 2) &= ~UINT64_C(0x4000);
	*entry(FRAME, 1) |= UINT64_C(1) << 50;
	expect(GNOMON_AUDIT_LINKS, "np-reserved");
	*entry(FRAME, 1) &= ~(UINT64_C(1) << 50);
}

Test(np_audit, i12_pages_that_wait_for_a_flush)
{
	np->flush_due = true;
	expect(GNOMON_AUDIT_COUNTS, "np-unsettled");
	np->flush_due = false;
}

/* ---- resource control ---------------------------------------------------- */

Test(np_audit, resource_another_host_frame)
{
	*entry(FRAME, 1) ^= 0x1000;
	expect(GNOMON_AUDIT_FULL, "np-frame");
	*entry(FRAME, 1) ^= 0x1000;
	*entry(BLOCK, 2) ^= 0x200000;
	expect(GNOMON_AUDIT_FULL, "np-frame");
	*entry(BLOCK, 2) ^= 0x200000;
}

Test(np_audit, resource_memory_of_no_slot)
{
	g->fh->frame[FRAME].kind = GNOMON_FRAME_MMIO;
	expect(GNOMON_AUDIT_FULL, "np-outside");
	g->fh->frame[FRAME].kind = GNOMON_FRAME_RAM;
}

/* Both ends of a large leaf are looked at. */
Test(np_audit, resource_the_end_of_a_large_leaf)
{
	g->fh->frame[BLOCK + 511].kind = GNOMON_FRAME_MMIO;
	expect(GNOMON_AUDIT_FULL, "np-outside");
	g->fh->frame[BLOCK + 511].kind = GNOMON_FRAME_RAM;
}

Test(np_audit, resource_a_large_leaf_over_small_host_pages)
{
	g->fh->frame[BLOCK].order = 3;
	expect(GNOMON_AUDIT_FULL, "np-order");
	g->fh->frame[BLOCK].order = 9;
}

Test(np_audit, resource_writable_where_the_host_says_read_only)
{
	g->fh->frame[FRAME].write = false;
	expect(GNOMON_AUDIT_FULL, "np-writable");
	g->fh->frame[FRAME].write = true;
}

Test(np_audit, resource_writable_without_the_hosts_mark)
{
	uint64_t mark = np->config.format->host_write;

	*entry(FRAME, 1) &= ~mark;
	expect(GNOMON_AUDIT_LINKS, "np-host-write");
	*entry(FRAME, 1) |= mark;
}

/* ---- traces and watches -------------------------------------------------- */

static void watch(uint64_t gfn, uint32_t kinds)
{
	struct gnomon_range range = { { gfn }, 1 };

	cr_assert_eq(gnomon_watch(g->vm, &range, kinds, NULL), GNOMON_OK);
}

Test(np_audit, what_is_watched_for_writes)
{
	uint64_t w = np->config.format->write;

	watch(FRAME, GNOMON_WATCH_WRITE);
	guest_access(g, 0, DATA, GNOMON_READ, 0);
	*entry(FRAME, 1) |= w;
	expect(GNOMON_AUDIT_LINKS, "np-guarded");
	*entry(FRAME, 1) &= ~w;
	watch(FRAME, 0);
}

Test(np_audit, what_is_watched_for_fetches)
{
	uint64_t nx = np->config.format->no_exec;

	watch(FRAME, GNOMON_WATCH_EXEC);
	touch(0, DATA);
	cr_assert(*entry(FRAME, 1) & nx);
	*entry(FRAME, 1) &= ~nx;
	expect(GNOMON_AUDIT_LINKS, "np-watched");
	*entry(FRAME, 1) |= nx;
	watch(FRAME, 0);
}

Test(np_audit, what_is_watched_for_reads)
{
	struct gn_np_table *table = leaf(FRAME, 1).table;
	uint64_t was = *entry(FRAME, 1);

	watch(FRAME, GNOMON_WATCH_READ);
	/* No leaf at all may be there. */
	*gn_np_slot(table, FRAME & 511) = was & ~np->config.format->write;
	table->used++;
	expect(GNOMON_AUDIT_LINKS, "np-watched");
	*gn_np_slot(table, FRAME & 511) = 0;
	table->used--;
	watch(FRAME, 0);
}

/* One vcpu shadows, the other is on nested tables. */
static void both(void)
{
	end();	/* the suite's own */
	make(1u << GNOMON_MODE_SHADOW | 1u << GNOMON_MODE_NESTED);
}

Test(np_audit, loose_tables_are_counted)
{
	g->vm->sh.loose_count++;
	expect(GNOMON_AUDIT_LINKS, "loose tables are counted");
	g->vm->sh.loose_count--;
}

Test(np_audit, i18_a_traced_table, .init = both)
{
	uint64_t other = guest_table(g), w = np->config.format->write;
	uint64_t at = guest_entry(g, g->root, DATA, 1), gfn = at >> 12;
	uint64_t self = LARGE + 0x40000000;

	/* The other address space shares the tables, and sees one of them. */
	guest_map(g, g->root, self, gfn << 12, GUEST_RWU, 1);
	for (unsigned i = 0; i < 512; i += 256) {
		guest_poke(g, (other << 12) + 8 * i,
			   guest_peek(g, (g->root << 12) + 8 * i));
	}
	cr_assert_eq(guest_switch(g, g->root, GNOMON_MODE_SHADOW, 0),
		     GNOMON_OK);
	cr_assert_eq(guest_load(g, 1, other), GNOMON_OK);
	cr_assert_not(guest_is_nested(g, 0));
	cr_assert(guest_is_nested(g, 1));
	touch(0, DATA);
	cr_assert(gnomon_is_traced(g->vm, (gnomon_gfn_t){ gfn }));
	guest_access(g, 1, self, GNOMON_READ, 0);
	cr_assert_eq(*entry(gfn, 1) & w, 0);
	*entry(gfn, 1) |= w;
	expect(GNOMON_AUDIT_LINKS, "np-guarded");
	*entry(gfn, 1) &= ~w;
	/* A mark in the block of a large leaf, as a table would leave it. */
	cr_assert_eq(gn_frames_ensure(&g->vm->sh.frames, BLOCK), GNOMON_OK);
	gn_frames_mark(&g->vm->sh.frames, BLOCK + 5, true);
	expect(GNOMON_AUDIT_LINKS, "np-large-guarded");
	gn_frames_mark(&g->vm->sh.frames, BLOCK + 5, false);
}
