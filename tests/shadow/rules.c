/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules of docs/invariants.md that need a scene of their own: what happens
 * inside one call, or between two vcpus.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "engine/vm.h"
#include "tests/shadow/world.h"

#define ROOT UINT64_C(0x10000)
#define OTHER UINT64_C(0x11000)
#define ALL (X86_PTE_P | X86_PTE_W | X86_PTE_U)
#define USED (X86_PTE_A | X86_PTE_D)

static struct world w;

static void begin(void)
{
	world_open(&w, NULL);
}

static void end(void)
{
	world_audit(&w, GNOMON_AUDIT_FULL);
	world_close(&w);
}

TestSuite(rules, .init = begin, .fini = end);

/* For the init of a test, which comes behind the suite's. */
static void open_again(const struct gnomon_config *config)
{
	world_close(&w);
	world_open(&w, config);
}

static uint64_t leaf_table(uint64_t root, uint64_t gva)
{
	return world_entry(&w, root, gva, 1) >> 12;
}

/* ---- I7: reclaim inside a fault ----------------------------------------- */

static void begin_small(void)
{
	struct gnomon_config config = world_config();

	config.table_pages_max = 32;
	open_again(&config);
}

Test(rules, i07_reclaim_inside_a_fault_spares_what_it_uses,
     .init = begin_small)
{
	for (uint64_t i = 0; i < 24; i++) {
		world_map(&w, ROOT, i << 39 & UINT64_C(0x7fffffffffff),
			  (0x300 + i) << 12 | ALL | USED, 1);
	}
	world_cr3(&w, 0, ROOT);
	world_cr3(&w, 1, ROOT);
	for (uint64_t i = 0; i < 96; i++) {
		uint64_t gva = (i % 24) << 39 & UINT64_C(0x7fffffffffff);

		cr_assert_eq(world_access(&w, i & 1, gva, GNOMON_READ, 0),
			     WORLD_OK);
		world_audit(&w, GNOMON_AUDIT_FULL);
	}
	cr_assert_gt(world_stats(&w).mmu_recycled, 0);
	cr_assert_leq(world_stats(&w).shadow_pages, 32);
}

/* ---- I11: untold changes ------------------------------------------------ */

Test(rules, i11_the_guest_goes_on_while_a_change_is_untold)
{
	for (uint64_t gva = 0x1000; gva < 0x40000; gva += 0x10000) {
		world_map(&w, ROOT, gva, (0x300000 + gva) | ALL | USED, 1);
	}
	for (unsigned level = 4; level > 1; level--) {
		uint64_t at = world_entry(&w, ROOT, 0x1000, level);
		uint64_t all = fh_load(w.fh, at, 8);

		/* A supervisor's page becomes everybody's. */
		world_store(&w, at, all & ~X86_PTE_U);
		world_cr3(&w, 0, ROOT);
		for (uint64_t gva = 0x1000; gva < 0x40000; gva += 0x10000) {
			cr_assert_eq(world_access(&w, 0, gva, GNOMON_READ, 0),
				     WORLD_OK);
		}
		fh_store(w.fh, at, 8, all);
		cr_assert_eq(world_access(&w, 0, 0x1000,
					  GNOMON_READ | GNOMON_USER, 0),
			     WORLD_OK, "level %u", level);
		world_audit(&w, GNOMON_AUDIT_FULL);
	}
}

/* ---- I12, I16: two vcpus ------------------------------------------------ */

Test(rules, i12_pages_rest_until_every_vcpu_has_left)
{
	world_map(&w, ROOT, 0x1000, 0x300000 | ALL | USED, 1);
	world_cr3(&w, 0, ROOT);
	world_cr3(&w, 1, ROOT);
	cr_assert_eq(world_access(&w, 0, 0x1000, GNOMON_READ, 0), WORLD_OK);
	cr_assert_eq(world_access(&w, 1, 0x1000, GNOMON_READ, 0), WORLD_OK);
	uint32_t live = w.fh->live[GNOMON_PAGE_TABLE], pages = 100;

	/* The fake host complains of a page that a vcpu may still walk. */
	cr_assert_eq(gnomon_shrink(w.vm, &pages, NULL), GNOMON_OK);
	cr_assert_lt(w.fh->live[GNOMON_PAGE_TABLE], live);
	cr_assert_eq(w.fh->errors, 0);
}

Test(rules, i16_a_trace_is_flushed_before_it_counts)
{
	struct hw_result hw;

	/* vcpu 1 has the frame writable in its TLB ... */
	world_map(&w, OTHER, 0x5000, 0x300000 | ALL | USED, 1);
	world_cr3(&w, 1, OTHER);
	cr_assert_eq(world_access(&w, 1, 0x5000, GNOMON_WRITE,
				  0x310000 | ALL | USED), WORLD_OK);
	/* ... when vcpu 0 walks through it. */
	world_map(&w, ROOT, 0x1000, 0x310000 | ALL | USED, 1);
	world_store(&w, world_entry(&w, ROOT, 0x1000, 2), 0x300000 | ALL);
	world_store(&w, 0x300008, 0x310000 | ALL | USED);
	world_cr3(&w, 0, ROOT);
	cr_assert_eq(world_access(&w, 0, 0x1000, GNOMON_READ, 0), WORLD_OK);
	cr_assert(gnomon_is_traced(w.vm, (gnomon_gfn_t){ 0x300 }));
	hw_access(&w.cpu[1], &w.regs[1], 0x5000, GNOMON_WRITE,
		  HW_USE_TLB | HW_USE_PSC, &hw);
	cr_assert_not(hw.ok);
}

/* ---- I13: failed loads -------------------------------------------------- */

Test(rules, i13_a_failed_load_changes_nothing)
{
	world_map(&w, ROOT, 0x1000, 0x300000 | ALL | USED, 1);
	world_map(&w, OTHER, 0x1000, 0x400000 | ALL | USED, 1);
	world_cr3(&w, 0, ROOT);
	cr_assert_eq(world_access(&w, 0, 0x1000, GNOMON_READ, 0), WORLD_OK);
	uint64_t root = gnomon_vcpu_root(w.vcpu[0]).cr3.v;

	/* Refused by the host, when there is no spare page either ... */
	uint32_t pages = UINT32_MAX;

	cr_assert_eq(gnomon_shrink(w.vm, &pages, NULL), GNOMON_OK);
	w.fh->live_max = w.fh->live[0] + w.fh->live[1];
	w.regs[0].cr3 = OTHER;
	cr_assert_eq(world_load(&w, 0, GNOMON_SET_CR3), GNOMON_NOMEM);
	w.fh->live_max = 0;
	cr_assert_eq(gnomon_vcpu_root(w.vcpu[0]).cr3.v, root);
	/* ... then by the architecture. */
	w.regs[0].cr3 = UINT64_C(1) << 45;
	cr_assert_eq(world_load(&w, 0, GNOMON_SET_CR3), GNOMON_GP);
	w.regs[0].cr3 = ROOT;
	cr_assert_eq(gnomon_vcpu_root(w.vcpu[0]).cr3.v, root);
	world_audit(&w, GNOMON_AUDIT_FULL);
	cr_assert_eq(world_access(&w, 0, 0x1000, GNOMON_READ, 0), WORLD_OK);
}

/* ---- I15, I17: taking apart --------------------------------------------- */

Test(rules, i15_holes_at_every_level_are_not_followed)
{
	struct gnomon_range all = { { 0 }, WORLD_FRAMES };
	uint64_t young = 0;
	enum gnomon_status s;

	/* A root with its first and last entry, one with none at all. */
	world_map(&w, ROOT, 0x1000, 0x300000 | ALL | USED, 1);
	world_map(&w, ROOT, UINT64_C(0xfffffffffffff000),
		  0x301000 | ALL | USED, 1);
	world_cr3(&w, 0, ROOT);
	world_cr3(&w, 1, OTHER);
	cr_assert_eq(world_access(&w, 0, 0x1000, GNOMON_READ, 0), WORLD_OK);
	cr_assert_eq(world_access(&w, 0, UINT64_C(0xfffffffffffff000),
				  GNOMON_READ, 0), WORLD_OK);
	cr_assert_eq(world_access(&w, 1, 0x1000, GNOMON_READ, 0),
		     WORLD_INJECTED);
	cr_assert_eq(gnomon_young(w.vm, &all, true, &young, NULL), GNOMON_OK);
	world_audit(&w, GNOMON_AUDIT_FULL);
	do {
		uint32_t one = 1;

		s = gnomon_slot_delete(w.vm, 0, &one);
	} while (s == GNOMON_MORE);
	cr_assert_eq(s, GNOMON_OK);
	fh_slot_forget(w.fh, 0);
	cr_assert_eq(world_stats(&w).rmap_entries, 0);
}

Test(rules, i17_a_list_that_loses_what_is_walked)
{
	/* One frame under many entries: more than one chunk of references. */
	for (uint64_t i = 0; i < 100; i++) {
		world_map(&w, ROOT, 0x100000 + (i << 12), 0x300000 | ALL |
			  USED, 1);
	}
	world_cr3(&w, 0, ROOT);
	for (uint64_t i = 0; i < 100; i++) {
		cr_assert_eq(world_access(&w, 0, 0x100000 + (i << 12),
					  GNOMON_READ, 0), WORLD_OK);
	}
	cr_assert_geq(world_stats(&w).rmap_entries, 100);
	cr_assert_eq(gnomon_host_change_begin(w.vm, (gnomon_gfn_t){ 0x300 },
					      1, NULL), GNOMON_OK);
	cr_assert_eq(world_stats(&w).rmap_entries, 0);
	cr_assert_eq(gnomon_host_change_end(w.vm, (gnomon_gfn_t){ 0x300 }, 1),
		     GNOMON_OK);
}

/* ---- I21, I22, I23: what an entry is made from --------------------------- */

Test(rules, i21_an_open_table_is_compared_before_it_is_linked)
{
	world_map(&w, ROOT, 0x1000, 0x300000 | ALL | USED, 1);
	world_map(&w, ROOT, 0x3000, 0x301000 | ALL | USED, 1);
	uint64_t table = leaf_table(ROOT, 0x1000);

	world_map(&w, ROOT, 0x2000, table << 12 | ALL | USED, 1);
	world_map(&w, OTHER, 0x1000, 0x300000 | ALL | USED, 1);
	uint64_t pde = world_entry(&w, OTHER, 0x1000, 2);

	/* vcpu 1 runs a space in which the table is not yet. */
	world_store(&w, pde, 0);
	world_cr3(&w, 0, ROOT);
	world_cr3(&w, 1, OTHER);
	cr_assert_eq(world_access(&w, 0, 0x1000, GNOMON_READ, 0), WORLD_OK);
	cr_assert_eq(world_access(&w, 1, 0x1000, GNOMON_READ, 0),
		     WORLD_INJECTED);
	/* vcpu 0 opens it, changes an entry and flushes nothing. */
	cr_assert_eq(world_access(&w, 0, 0x2ff8, GNOMON_WRITE, 0), WORLD_OK);
	cr_assert_eq(world_stats(&w).unsync_tables, 1);
	cr_assert_eq(world_access(&w, 0, 0x2008, GNOMON_WRITE,
				  0x400000 | ALL | USED), WORLD_OK);
	/* From absent to present needs no flush: vcpu 1 must see the new. */
	world_store(&w, pde, table << 12 | ALL);
	cr_assert_eq(world_access(&w, 1, 0x3000, GNOMON_READ, 0), WORLD_OK);
	cr_assert_eq(world_access(&w, 1, 0x1000, GNOMON_READ, 0), WORLD_OK);
}

static struct {
	void (*frame)(void *ctx, gnomon_gfn_t gfn, uint32_t want,
		      struct gnomon_frame *frame);
	uint64_t at, value;
} race;

/* The guest changes an entry on another vcpu while the host is asked. */
static void frame_and_race(void *ctx, gnomon_gfn_t gfn, uint32_t want,
			   struct gnomon_frame *frame)
{
	if (race.at) {
		fh_store(w.fh, race.at, 8, race.value);
		race.at = 0;
	}
	race.frame(ctx, gfn, want, frame);
}

static void race_at(uint64_t at, uint64_t value)
{
	race.frame = w.vm->callbacks.frame;
	w.vm->callbacks.frame = frame_and_race;
	race.at = at;
	race.value = value;
}

Test(rules, i22_entries_are_read_again_after_the_traces_are_on)
{
	for (unsigned level = 1; level <= 4; level++) {
		uint64_t gva = (uint64_t)level << 39;
		uint64_t there = gva + (UINT64_C(1) << (12 + 9 * (level - 1)));

		/* Where gva leads to now, and where in a moment. */
		world_map(&w, ROOT, gva, 0x300000 | ALL | USED, 1);
		world_map(&w, ROOT, there, 0x400000 | ALL | USED, 1);
		world_cr3(&w, 0, ROOT);
		race_at(world_entry(&w, ROOT, gva, level),
			fh_load(w.fh, world_entry(&w, ROOT, there, level), 8));
		cr_assert_eq(world_access(&w, 0, gva, GNOMON_READ, 0),
			     WORLD_OK, "level %u", level);
		cr_assert_eq(race.at, 0);
		w.vm->callbacks.frame = race.frame;
		world_audit(&w, GNOMON_AUDIT_GUEST);
	}
}

static bool stored_again;

/* Another writer's store hits the entry right after ours. */
static void store_again(void *arg, uint64_t gpa, unsigned bytes)
{
	(void)arg;
	(void)bytes;
	fh_store(w.fh, gpa & ~UINT64_C(7), 8, 0x500000 | ALL | USED);
	stored_again = true;
}

Test(rules, i23_the_entry_is_read_again_after_an_emulated_store)
{
	/* A slot without a window: each store of the engine is a callback. */
	struct gnomon_slot slot = fh_slot(w.fh, 1, 0x3000, 16, 0, false);
	uint64_t value = 0x400000 | ALL | USED;

	cr_assert_eq(gnomon_slot_set(w.vm, &slot), GNOMON_OK);
	world_map(&w, ROOT, 0x1000, 0x300000 | ALL | USED, 1);
	world_store(&w, world_entry(&w, ROOT, 0x1000, 2), 0x3000000 | ALL);
	fh_store(w.fh, 0x3000008, 8, 0x300000 | ALL | USED);
	world_cr3(&w, 0, ROOT);
	cr_assert_eq(world_access(&w, 0, 0x1000, GNOMON_READ, 0), WORLD_OK);
	w.fh->on_store = store_again;
	cr_assert_eq(gnomon_write(w.vm, w.vcpu[0], (gnomon_gpa_t){ 0x3000008 },
				  &value, 8), GNOMON_OK);
	w.fh->on_store = NULL;
	cr_assert(stored_again);
	world_audit(&w, GNOMON_AUDIT_GUEST);
	gnomon_invlpg(w.vcpu[0], (gnomon_gva_t){ 0x1000 });
	cr_assert_eq(world_access(&w, 0, 0x1000, GNOMON_READ, 0), WORLD_OK);
}

/* ---- I26: progress ------------------------------------------------------ */

static void begin_closed(void)
{
	struct gnomon_config config = world_config();

	config.options &= ~(uint32_t)GNOMON_OPT_UNSYNC;
	open_again(&config);
}

/* One try of a part of an instruction: 1 done, 0 again, -1 emulated. */
static int attempt(uint64_t gva, uint32_t access)
{
	struct gnomon_fault fault = { .gva = { gva }, .rip = 0x1000,
				      .access = access };
	struct gnomon_outcome out;
	struct hw_result hw;

	hw_access(&w.cpu[0], &w.regs[0], gva, access, 0, &hw);
	if (hw.ok) {
		return 1;
	}
	hw_drop_page(&w.cpu[0], gva);
	gnomon_fault(w.vcpu[0], &fault, &out);
	cr_assert(out.action == GNOMON_RESUME ||
		  out.action == GNOMON_EMULATE);
	return out.action == GNOMON_EMULATE ? -1 : 0;
}

Test(rules, i26_code_that_stores_to_the_table_it_is_mapped_by,
     .init = begin_closed)
{
	unsigned tries = 0;
	int code, store = 0;

	world_map(&w, ROOT, 0x1000, 0x300000 | ALL | USED, 1);
	world_map(&w, ROOT, 0x40000000,
		  leaf_table(ROOT, 0x1000) << 12 | ALL | USED, 1);
	world_cr3(&w, 0, ROOT);
	/* Giving the table up unmaps the code, which brings it back. */
	do {
		code = attempt(0x1000, GNOMON_EXEC | GNOMON_USER);
		if (code == 1) {
			store = attempt(0x40000ff8,
					GNOMON_WRITE | GNOMON_USER);
		}
	} while ((code != 1 || store == 0) && ++tries < 12);
	cr_assert_lt(tries, 12);
}

/* ---- I29 to I37 --------------------------------------------------------- */

Test(rules, i29_every_earlier_root_is_tested_for_age)
{
	for (uint64_t i = 0; i < 6; i++) {
		uint64_t root = ROOT + (i << 12);

		world_map(&w, root, 0x1000, (0x300 + i) << 12 | ALL | USED, 1);
		world_map(&w, root, 0x2000, (0x310 + i) << 12 | ALL | USED, 1);
		world_cr3(&w, 0, root);
		cr_assert_eq(world_access(&w, 0, 0x1000, GNOMON_READ, 0),
			     WORLD_OK);
	}
	/* Untold changes, and the call that is to make them known. */
	for (uint64_t i = 0; i < 6; i++) {
		fh_store(w.fh, world_entry(&w, ROOT + (i << 12), 0x1000, 1), 8,
			 (0x400 + i) << 12 | ALL | USED);
	}
	cr_assert_eq(gnomon_zap_all(w.vm, NULL), GNOMON_OK);
	/* The youngest first, before the old ones are reaped by and by. */
	for (uint64_t i = 6; i-- > 0;) {
		world_cr3(&w, 0, ROOT + (i << 12));
		cr_assert_eq(world_access(&w, 0, 0x2000, GNOMON_READ, 0),
			     WORLD_OK);
		cr_assert_eq(world_access(&w, 0, 0x1000, GNOMON_READ, 0),
			     WORLD_OK, "root %u", (unsigned)i);
	}
}

Test(rules, i30_what_needs_a_flush)
{
	static const uint64_t p = GN_SPTE_P, pw = p | GN_SPTE_W,
			      pu = p | GN_SPTE_U, px = p | GN_SPTE_NX;
	static const struct {
		uint64_t old, next;
		bool flush;
	} table[] = {
		{ 0, pw, false },		{ pw, 0, true },
		{ p, pw, false },		{ pw, p, true },
		{ p, pu, false },		{ pu, p, true },
		{ px, p, false },		{ p, px, true },
		{ p, p | 0x1000, true },	{ pw, pu, true },
		{ pu, pw | pu, false },		{ p, p, false },
		{ p | GN_SPTE_G, p, true },
	};

	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		cr_assert_eq(gn_spte_lowers(table[i].old, table[i].next),
			     table[i].flush, "line %u", i);
	}
}

Test(rules, i32_the_last_page_of_the_address_space)
{
	uint64_t top = UINT64_C(0xfffffffffffff000);

	world_map(&w, ROOT, top, 0x300000 | ALL | USED, 1);
	world_cr3(&w, 0, ROOT);
	cr_assert_eq(world_access(&w, 0, top, GNOMON_READ, 0), WORLD_OK);
	world_store(&w, world_entry(&w, ROOT, top, 1), 0x400000 | ALL | USED);
	gnomon_invlpg(w.vcpu[0], (gnomon_gva_t){ top + 0xfff });
	struct hw_result hw;

	hw_access(&w.cpu[0], &w.regs[0], top, GNOMON_READ, HW_USE_TLB, &hw);
	cr_assert(!hw.ok || fh_gfn(w.fh, hw.hpa >> 12) == 0x400);
	cr_assert_eq(world_access(&w, 0, top, GNOMON_READ, 0), WORLD_OK);
}

Test(rules, i39_no_flip_where_the_dirty_bit_cannot_be_set)
{
	/* A table that the host keeps read-only for a while. */
	struct gnomon_slot slot = fh_slot(w.fh, 1, 0x3000, 16, 0, false);
	gnomon_gfn_t table = { 0x3000 };

	cr_assert_eq(gnomon_slot_set(w.vm, &slot), GNOMON_OK);
	w.fh->frame[table.v].write = false;
	world_map(&w, ROOT, 0x1000, 0x300000 | ALL | USED, 1);
	world_store(&w, world_entry(&w, ROOT, 0x1000, 2), 0x3000000 | ALL);
	fh_store(w.fh, 0x3000008, 8, 0x300000 | ALL | X86_PTE_A);
	w.regs[0].cr0 &= ~X86_CR0_WP;
	world_cr3(&w, 0, ROOT);
	cr_assert_eq(world_access(&w, 0, 0x1000, GNOMON_READ, 0), WORLD_OK);
	cr_assert_eq(world_access(&w, 0, 0x1000, GNOMON_WRITE, 1), WORLD_OK);
	cr_assert_eq(w.last.action, GNOMON_EMULATE);
	/* When it may be written again, the next store marks it. */
	cr_assert_eq(gnomon_host_change_begin(w.vm, table, 1, NULL),
		     GNOMON_OK);
	w.fh->frame[table.v].write = true;
	cr_assert_eq(gnomon_host_change_end(w.vm, table, 1), GNOMON_OK);
	cr_assert_eq(world_access(&w, 0, 0x1000, GNOMON_WRITE, 1), WORLD_OK);
	cr_assert(fh_load(w.fh, 0x3000008, 8) & X86_PTE_D);
}

Test(rules, i37_the_outcome_is_filled_wholly)
{
	struct gnomon_fault fault = { .gva = { 0x1000 } };
	struct gnomon_outcome out;

	world_map(&w, ROOT, 0x1000, 0x300000 | ALL | USED, 1);
	world_cr3(&w, 0, ROOT);
	/* A hidden fault, then a spurious one, then the guest's own. */
	for (unsigned i = 0; i < 3; i++) {
		memset(&out, 0xa5, sizeof(out));
		fault.gva.v = i < 2 ? 0x1000 : 0x7000;
		gnomon_fault(w.vcpu[0], &fault, &out);
		cr_assert_eq(out.action, i < 2 ? GNOMON_RESUME :
						 GNOMON_INJECT);
		cr_assert_eq(out.error_code, 0);
		cr_assert_eq(out.gva.v, i < 2 ? 0 : 0x7000);
		cr_assert(out.gpa.v == 0 || out.gpa.v == 0x300000);
		cr_assert_not(out.root_changed);
	}
}
