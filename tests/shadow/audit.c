/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The auditor notices: each test breaks one thing behind the engine's back,
 * expects the audit to name the rule, and mends it. Rules I1, I2, I18 and
 * resource control are what the highest level is there to prove.
 */
#include <criterion/criterion.h>

#include "engine/vm.h"
#include "shadow/refs.h"
#include "shadow/set.h"
#include "tests/shadow/world.h"
#include "tests/support/auditrule.h"

#define ROOT UINT64_C(0x10000)
#define ALL (X86_PTE_P | X86_PTE_W | X86_PTE_U)
#define USED (X86_PTE_A | X86_PTE_D)
#define SMALL UINT64_C(0x1000)	/* maps the frame DATA */
#define DATA UINT64_C(0x300)
#define LARGE UINT64_C(0x40000000) /* 2M over the frames from BLOCK on */
#define BLOCK UINT64_C(0x400)

static struct world w;

static void begin(void)
{
	world_open(&w, NULL);
	world_map(&w, ROOT, SMALL, DATA << 12 | ALL | USED, 1);
	world_map(&w, ROOT, LARGE, BLOCK << 12 | ALL | USED, 2);
	world_cr3(&w, 0, ROOT);
	cr_assert_eq(world_access(&w, 0, SMALL, GNOMON_WRITE, 1), WORLD_OK);
	cr_assert_eq(world_access(&w, 0, LARGE, GNOMON_WRITE, 1), WORLD_OK);
	world_audit(&w, GNOMON_AUDIT_GUEST);
}

static void end(void)
{
	world_audit(&w, GNOMON_AUDIT_GUEST);
	world_close(&w);
}

TestSuite(audit, .init = begin, .fini = end);

static void expect(enum gnomon_audit_level level, const char *rule)
{
	cr_assert_gt(audit_names(w.vm, w.fh, level, rule), 0);
}

/* The page of level 1 (SMALL) or 2 (LARGE) that maps gva, and where. */
static struct gn_sh_page *leaf_page(uint64_t gva, unsigned level,
				    unsigned *index)
{
	struct gn_sh *sh = &w.vm->sh;
	struct gn_sh_page *page = w.vcpu[0]->sh.top;

	for (unsigned l = page->role.level; l > level; l--) {
		page = gn_sh_child(sh, page, gva >> (3 + 9 * l) & 511);
		cr_assert_not_null(page);
	}
	*index = gva >> (3 + 9 * level) & 511;
	cr_assert(gn_spte_leaf(page->spt[*index], level));
	return page;
}

static struct gn_frame *frame_of(uint64_t gfn)
{
	return gn_frames_find(&w.vm->sh.frames, gfn);
}

/* ---- I1: keys ----------------------------------------------------------- */

Test(audit, i01_a_child_under_another_frames_key)
{
	struct gn_sh_page *page = w.vcpu[0]->sh.top;
	uint64_t was = page->snap[0];

	page->snap[0] = was + 0x1000;
	expect(GNOMON_AUDIT_LINKS,
	       "a child has the key that its entry asks for");
	page->snap[0] = was;
}

Test(audit, i01_a_child_under_another_role)
{
	struct gn_sh_page *page = w.vcpu[0]->sh.top;
	uint64_t was = page->snap[0];

	page->snap[0] = was & ~X86_PTE_W;
	expect(GNOMON_AUDIT_LINKS,
	       "a child has the key that its entry asks for");
	page->snap[0] = was;
}

Test(audit, i01_a_page_that_its_key_does_not_find)
{
	unsigned i;
	struct gn_sh_page *page = leaf_page(SMALL, 1, &i);
	struct gn_tf_record *record = gn_tf_find(&w.vm->sh.tf, page->gfn);
	uint32_t was = record->pages;

	record->pages = page->next;
	expect(GNOMON_AUDIT_LINKS, "a page is found by its key");
	record->pages = was;
}

Test(audit, i01_an_entry_that_leads_elsewhere)
{
	struct gn_sh_page *page = w.vcpu[0]->sh.top;
	uint64_t was = page->spt[0];

	page->spt[0] = was + 0x1000;
	expect(GNOMON_AUDIT_LINKS,
	       "a table entry holds its child's address");
	page->spt[0] = was;
}

Test(audit, i01_a_leaf_of_another_frame_than_its_gpte)
{
	unsigned i;
	struct gn_sh_page *page = leaf_page(SMALL, 1, &i);
	uint64_t was = page->snap[i];

	page->snap[i] = was & ~X86_PTE_W;
	expect(GNOMON_AUDIT_FULL, "a leaf allows no more than its gpte");
	page->snap[i] = was;
}

/* ---- I2: reverse maps --------------------------------------------------- */

Test(audit, i02_a_leaf_without_its_reference)
{
	uint32_t was = frame_of(DATA)->rmap;

	frame_of(DATA)->rmap = 0;
	expect(GNOMON_AUDIT_LINKS,
	       "a leaf is in the reverse map of its frame once");
	frame_of(DATA)->rmap = was;
}

Test(audit, i02_a_reference_under_another_frame)
{
	unsigned i;
	struct gn_sh_page *page = leaf_page(SMALL, 1, &i);

	/* As the bug had it: filed under one gfn, removed under another. */
	page->snap[i] += 0x1000;
	expect(GNOMON_AUDIT_LINKS,
	       "a leaf is in the reverse map of its frame once");
	page->snap[i] -= 0x1000;
}

Test(audit, i02_a_reference_to_no_leaf)
{
	uint32_t was = frame_of(DATA)->rmap;

	frame_of(DATA + 1)->rmap = was;
	expect(GNOMON_AUDIT_LINKS,
	       "a reverse map names leaves of live pages");
	frame_of(DATA + 1)->rmap = 0;
}

Test(audit, i02_references_are_counted)
{
	w.vm->sh.refs++;
	expect(GNOMON_AUDIT_LINKS,
	       "reverse maps hold every leaf and no other");
	w.vm->sh.refs--;
}

Test(audit, i02_a_child_without_its_parent)
{
	struct gn_sh_page *page = w.vcpu[0]->sh.top;
	struct gn_sh_page *child = gn_sh_child(&w.vm->sh, page, 0);
	uint32_t was = child->parents;

	child->parents = 0;
	expect(GNOMON_AUDIT_LINKS, "a child knows its parent once");
	child->parents = was;
}

Test(audit, i02_a_parent_without_its_child)
{
	struct gn_sh *sh = &w.vm->sh;
	struct gn_sh_page *page = w.vcpu[0]->sh.top;
	struct gn_sh_page *child = gn_sh_child(sh, page, 0);

	cr_assert_eq(gn_sh_refs_reserve(sh, 2), GNOMON_OK);
	gn_sh_refs_add(sh, &child->parents, gn_sh_ref(page, 7));
	expect(GNOMON_AUDIT_LINKS, "a parent leads to its child");
	cr_assert(gn_sh_refs_remove(sh, &child->parents, gn_sh_ref(page, 7)));
}

/* ---- I18: traces -------------------------------------------------------- */

Test(audit, i18_a_writable_leaf_of_a_traced_frame)
{
	uint64_t table = world_entry(&w, ROOT, SMALL, 1) >> 12;
	unsigned i;

	world_map(&w, ROOT, 0x5000, table << 12 | ALL | USED, 1);
	gnomon_invlpg(w.vcpu[0], (gnomon_gva_t){ 0x5000 });
	cr_assert_eq(world_access(&w, 0, 0x5000, GNOMON_READ, 0), WORLD_OK);
	struct gn_sh_page *page = leaf_page(0x5000, 1, &i);

	cr_assert_not(page->spt[i] & GN_SPTE_W);
	page->spt[i] |= GN_SPTE_W;
	expect(GNOMON_AUDIT_LINKS, "no leaf maps a traced frame writable");
	page->spt[i] &= ~GN_SPTE_W;
}

Test(audit, i18_a_large_leaf_over_a_traced_frame)
{
	/* A mark in the block, as a table there would leave it. */
	gn_frames_mark(&w.vm->sh.frames, BLOCK + 5, true);
	expect(GNOMON_AUDIT_LINKS, "no leaf maps a traced frame writable");
	gn_frames_mark(&w.vm->sh.frames, BLOCK + 5, false);
}

Test(audit, i18_a_table_that_its_record_does_not_count)
{
	uint64_t table = world_entry(&w, ROOT, SMALL, 1) >> 12;
	struct gn_tf_record *record = gn_tf_find(&w.vm->sh.tf, table);

	record->tables++;
	expect(GNOMON_AUDIT_LINKS,
	       "a record counts the tables of its frame");
	record->tables--;
}

Test(audit, i18_traced_frames_are_counted)
{
	w.vm->sh.tf.traced++;
	expect(GNOMON_AUDIT_LINKS, "traced frames are counted");
	w.vm->sh.tf.traced--;
}

/* ---- resource control --------------------------------------------------- */

Test(audit, resource_another_host_frame)
{
	unsigned i;
	struct gn_sh_page *page = leaf_page(SMALL, 1, &i);

	page->spt[i] ^= 0x1000;
	expect(GNOMON_AUDIT_FULL, "a leaf maps the host frame of its gfn");
	page->spt[i] ^= 0x1000;
}

Test(audit, resource_memory_of_no_slot)
{
	w.fh->frame[DATA].kind = GNOMON_FRAME_MMIO;
	expect(GNOMON_AUDIT_FULL, "a leaf maps memory of a slot");
	w.fh->frame[DATA].kind = GNOMON_FRAME_RAM;
}

Test(audit, resource_writable_where_the_host_says_read_only)
{
	w.fh->frame[DATA].write = false;
	expect(GNOMON_AUDIT_FULL,
	       "a leaf is writable only where the host allows it");
	w.fh->frame[DATA].write = true;
}

Test(audit, resource_a_large_leaf_over_small_host_pages)
{
	w.fh->frame[BLOCK].order = 0;
	/* Another frame as well: the fake host scatters small ones. */
	expect(GNOMON_AUDIT_FULL, "a leaf maps the host frame of its gfn");
	w.fh->frame[BLOCK].order = 3;
	expect(GNOMON_AUDIT_FULL,
	       "a large leaf lies in one block of the host");
	w.fh->frame[BLOCK].order = 9;
}

/* ---- counts, and guest memory ------------------------------------------- */

Test(audit, a_page_counts_its_entries)
{
	unsigned i;
	struct gn_sh_page *page = leaf_page(SMALL, 1, &i);

	page->used++;
	expect(GNOMON_AUDIT_COUNTS, "a page counts its entries");
	page->used--;
}

Test(audit, every_page_is_in_the_age_list)
{
	w.vm->sh.live++;
	expect(GNOMON_AUDIT_COUNTS, "the age list holds every page");
	w.vm->sh.live--;
}

Test(audit, a_dead_page_in_the_age_list)
{
	unsigned i;
	struct gn_sh_page *page = leaf_page(SMALL, 1, &i);

	page->state = GN_SH_LIMBO;
	expect(GNOMON_AUDIT_COUNTS, "a page in the age list is live");
	page->state = GN_SH_LIVE;
}

Test(audit, i11_a_table_changed_untold)
{
	uint64_t at = world_entry(&w, ROOT, SMALL, 1);
	uint64_t was = fh_load(w.fh, at, 8);

	fh_store(w.fh, at, 8, 0);
	expect(GNOMON_AUDIT_GUEST,
	       "a shadow entry agrees with guest memory");
	fh_store(w.fh, at, 8, was);
}
