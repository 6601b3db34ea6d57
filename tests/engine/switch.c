/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The live switch between shadow and nested tables, of the whole vm and of
 * single address spaces: what the guest sees does not change, and everything
 * that the VMM has asked for holds in both.
 */
#include <criterion/criterion.h>

#include "tests/support/guest.h"

#define BOTH (1u << GNOMON_MODE_SHADOW | 1u << GNOMON_MODE_NESTED)
#define DATA UINT64_C(0x600000)		/* private to each address space */
#define KERNEL UINT64_C(0x80000000)	/* its leaf table is shared */
#define TABLES UINT64_C(0x20000000)	/* all tables, in 4K pages */
#define TABLE_FRAMES 64u

static struct guest *make(unsigned levels, enum gnomon_mode mode)
{
	struct guest_options o = guest_defaults();

	o.levels = levels;
	o.mode = mode;
	o.modes = BOTH;
	struct guest *g = guest_create(o);

	g->audits = GNOMON_AUDIT_GUEST;
	return g;
}

/* An address space: data at salt, the first 64 frames seen at TABLES. */
static void build(struct guest *g, uint64_t root, uint64_t salt)
{
	for (uint64_t i = 0; i < 4; i++) {
		guest_map(g, root, DATA + (i << 12), (700 + salt + i) << 12,
			  GUEST_RWU, 1);
	}
	for (uint64_t i = 0; i < TABLE_FRAMES; i++) {
		guest_map(g, root, TABLES + (i << 12), i << 12, GUEST_RW, 1);
	}
}

/* Both see the same table at KERNEL, as kernels have it. */
static void share(struct guest *g, uint64_t other)
{
	unsigned up = g->o.levels == 2 ? 2 : 3;

	guest_map(g, g->root, KERNEL, UINT64_C(800) << 12, GUEST_RW, 1);
	guest_map(g, g->root, KERNEL + 4096, UINT64_C(801) << 12, GUEST_RW,
		  1);
	guest_poke(g, guest_entry(g, other, KERNEL, up),
		   guest_peek(g, guest_entry(g, g->root, KERNEL, up)));
}

static uint64_t other_space(struct guest *g)
{
	uint64_t other = guest_table(g);

	build(g, g->root, 0);
	build(g, other, 16);
	share(g, other);
	/* PDPTEs are read at the load. */
	cr_assert(guest_load(g, 0, g->root) == GNOMON_OK);
	cr_assert(guest_load(g, 1, g->root) == GNOMON_OK);
	return other;
}

static void sees(struct guest *g, unsigned vcpu, uint64_t gva, uint64_t gfn)
{
	struct guest_access a = guest_access(g, vcpu, gva, GNOMON_READ, 0);

	cr_assert(a.end == GUEST_DONE && a.gpa >> 12 == gfn,
		  "vcpu %u at %#lx: end %d, gpa %#lx instead of gfn %lu",
		  vcpu, gva, a.end, a.gpa, gfn);
}

/* The guest stores an entry through its own mapping of the table. */
static struct guest_access store(struct guest *g, unsigned vcpu,
				 uint64_t entry, uint64_t value)
{
	return guest_access(g, vcpu, TABLES + entry, GNOMON_WRITE, value);
}

static void space_is(struct guest *g, uint64_t root, enum gnomon_mode mode)
{
	gnomon_gpa_t cr3 = { root << 12 | 0x18 };

	cr_assert(gnomon_mode_get(g->vm, &cr3) == mode);
}

static uint64_t live_pages(const struct guest *g)
{
	struct gnomon_stats s;

	gnomon_vm_stats(g->vm, &s, sizeof(s));
	return s.shadow_pages;
}

Test(mode_switch, whole_vm_there_and_back)
{
	for (unsigned levels = 2; levels <= 5; levels++) {
		struct guest *g = make(levels, GNOMON_MODE_SHADOW);
		uint64_t entry, other = other_space(g);

		entry = guest_entry(g, g->root, DATA, 1);
		for (unsigned round = 0; round < 3; round++) {
			enum gnomon_mode mode = (round & 1) ? GNOMON_MODE_SHADOW
							 : GNOMON_MODE_NESTED;

			cr_assert(guest_load(g, 0, g->root) == GNOMON_OK);
			cr_assert(guest_load(g, 1, other) == GNOMON_OK);
			sees(g, 0, DATA, 700 + (round > 0));
			sees(g, 1, DATA, 716);
			cr_assert(guest_access(g, 1, DATA + 4096, GNOMON_WRITE,
					       round).end == GUEST_DONE);
			cr_assert(guest_switch(g, 0, mode, 1) == GNOMON_OK);
			cr_assert(guest_is_nested(g, 0) ==
				  (mode == GNOMON_MODE_NESTED));
			sees(g, 0, DATA + 8192, 702);
			sees(g, 1, DATA + 4096, 717);
			/* The next call says that the CPUs left the roots. */
			guest_load(g, 0, g->root);
			guest_load(g, 1, other);
			cr_assert(mode == GNOMON_MODE_SHADOW ||
				  live_pages(g) == 0);
			cr_assert(guest_peek(g, UINT64_C(717) << 12) == round);
			/* Remap a page as a kernel does. */
			store(g, 0, entry, UINT64_C(701) << 12 | GUEST_RWU);
			guest_invlpg(g, 0, DATA);
			sees(g, 0, DATA, 701);
		}
		cr_assert(guest_destroy(g) == 0);
	}
}

Test(mode_switch, one_space_and_the_others)
{
	for (unsigned levels = 2; levels <= 5; levels++) {
		struct guest *g = make(levels, GNOMON_MODE_SHADOW);
		uint64_t other = other_space(g);

		cr_assert(guest_switch(g, other, GNOMON_MODE_NESTED, 1) ==
			  GNOMON_OK);
		space_is(g, other, GNOMON_MODE_NESTED);
		space_is(g, g->root, GNOMON_MODE_SHADOW);
		for (unsigned i = 0; i < 3; i++) {
			cr_assert(guest_load(g, 0, other) == GNOMON_OK);
			cr_assert(guest_is_nested(g, 0));
			cr_assert(g->cpu[0].root.cr3_exits);
			sees(g, 0, DATA, 716);
			sees(g, 1, DATA, 700);
			sees(g, 0, KERNEL, 800);
			sees(g, 1, KERNEL, 800);
			cr_assert(guest_load(g, 0, g->root) == GNOMON_OK);
			cr_assert(!guest_is_nested(g, 0));
			sees(g, 0, DATA, 700);
			sees(g, 0, KERNEL, 800);
		}
		/* The whole vm forgets the choice. */
		cr_assert(guest_switch(g, 0, GNOMON_MODE_SHADOW, 1) ==
			  GNOMON_OK);
		space_is(g, other, GNOMON_MODE_SHADOW);
		cr_assert(guest_load(g, 0, other) == GNOMON_OK);
		cr_assert(!guest_is_nested(g, 0));
		cr_assert(guest_destroy(g) == 0);
	}
}

/* A store on nested tables into a table that only shadow tables use. */
Test(mode_switch, trace_holds_on_nested_tables)
{
	struct guest *g = make(4, GNOMON_MODE_SHADOW);
	uint64_t other = other_space(g);
	uint64_t entry = guest_entry(g, g->root, DATA, 1);

	cr_assert(guest_switch(g, other, GNOMON_MODE_NESTED, 0) == GNOMON_OK);
	cr_assert(guest_load(g, 0, other) == GNOMON_OK);
	/* Mapped writable before the trace starts. */
	store(g, 0, entry, UINT64_C(700) << 12 | GUEST_RWU);
	sees(g, 1, DATA, 700);
	cr_assert(gnomon_is_traced(g->vm, (gnomon_gfn_t){ entry >> 12 }));

	struct guest_access a = store(g, 0, entry,
				      UINT64_C(702) << 12 | GUEST_RWU);

	cr_assert(a.end == GUEST_DONE && a.kinds[GNOMON_KIND_TRACE] == 1);
	guest_invlpg(g, 1, DATA);
	sees(g, 1, DATA, 702);
	cr_assert(guest_destroy(g) == 0);
}

/* Stores on nested tables into a table that both kinds of vcpu walk. */
static void shared_table(unsigned levels, bool walks_write, bool by_cr3)
{
	struct guest *g = make(levels, GNOMON_MODE_SHADOW);
	uint64_t other = other_space(g);
	uint64_t entry = guest_entry(g, g->root, KERNEL, 1);

	g->o.walks_write = walks_write;
	cr_assert(guest_switch(g, other, GNOMON_MODE_NESTED, 0) == GNOMON_OK);
	cr_assert(guest_load(g, 0, other) == GNOMON_OK);
	sees(g, 1, KERNEL, 800);
	sees(g, 0, KERNEL, 800);
	for (uint64_t i = 0; i < 5; i++) {
		cr_assert(store(g, 0, entry, (810 + i) << 12 | GUEST_RW).end ==
			  GUEST_DONE);
		sees(g, 0, KERNEL, 810 + i);
		if (by_cr3) {
			cr_assert(guest_load(g, 1, g->root) == GNOMON_OK);
		} else {
			guest_invlpg(g, 1, KERNEL);
		}
		sees(g, 1, KERNEL, 810 + i);
	}
	cr_assert(guest_destroy(g) == 0);
}

Test(mode_switch, shared_tables_follow)
{
	for (unsigned levels = 2; levels <= 5; levels++) {
		for (unsigned i = 0; i < 4; i++) {
			shared_table(levels, i & 1, i & 2);
		}
	}
}

/* The vcpu that stored comes to shadow tables itself. */
Test(mode_switch, the_way_back_sees_what_was_stored)
{
	struct guest *g = make(4, GNOMON_MODE_SHADOW);
	uint64_t other = other_space(g);
	uint64_t upper = guest_entry(g, g->root, KERNEL, 2);

	g->o.walks_write = true;
	cr_assert(guest_switch(g, other, GNOMON_MODE_NESTED, 0) == GNOMON_OK);
	for (uint64_t i = 0; i < 4; i++) {
		cr_assert(guest_load(g, 0, g->root) == GNOMON_OK);
		sees(g, 0, KERNEL, i ? 819 + i : 800);
		cr_assert(guest_load(g, 0, other) == GNOMON_OK);
		sees(g, 0, KERNEL, i ? 819 + i : 800);
		/* Another leaf table, with another page in it. */
		uint64_t table = guest_table(g) << 12;

		guest_poke(g, table, (820 + i) << 12 | GUEST_RW);
		store(g, 0, upper, table | GUEST_RWU);
		sees(g, 0, KERNEL, 820 + i);
	}
	cr_assert(guest_destroy(g) == 0);
}

/* More tables are walked by both than may be loose: the oldest are not. */
Test(mode_switch, i18_the_oldest_loose_table_is_traced_again)
{
	struct guest *g = make(4, GNOMON_MODE_SHADOW);
	uint64_t other = other_space(g), first;
	struct gnomon_stats s;

	for (uint64_t i = 0; i < 140; i++) {
		guest_map(g, g->root, KERNEL + (i << 21),
			  (UINT64_C(800) + i) << 12, GUEST_RW, 1);
	}
	first = guest_entry(g, g->root, KERNEL, 1);
	g->o.walks_write = true;
	cr_assert(guest_switch(g, other, GNOMON_MODE_NESTED, 0) == GNOMON_OK);
	cr_assert(guest_load(g, 0, other) == GNOMON_OK);
	/* Each access is followed by an audit, which knows the traces. */
	for (uint64_t i = 0; i < 140; i++) {
		sees(g, 1, KERNEL + (i << 21), 800 + i);
		sees(g, 0, KERNEL + (i << 21), 800 + i);
	}
	gnomon_vm_stats(g->vm, &s, sizeof(s));
	cr_assert_gt(s.loosened, 130);
	cr_assert_lt(s.loose_tables, 130);
	store(g, 0, first, UINT64_C(805) << 12 | GUEST_RW);
	sees(g, 0, KERNEL, 805);
	guest_invlpg(g, 1, KERNEL);
	sees(g, 1, KERNEL, 805);
	cr_assert(guest_destroy(g) == 0);
}

/* With paging off CR3 names no address space, whatever was chosen for one. */
Test(mode_switch, paging_off_is_as_the_vm)
{
	struct guest *g = make(4, GNOMON_MODE_SHADOW);
	uint64_t other = other_space(g);
	struct gnomon_regs regs, off;

	cr_assert(guest_switch(g, other, GNOMON_MODE_NESTED, 1) == GNOMON_OK);
	cr_assert(guest_load(g, 0, other) == GNOMON_OK);
	cr_assert(guest_is_nested(g, 0));
	regs = off = g->regs[0];
	off.cr0 &= ~(uint64_t)X86_CR0_PG;
	off.efer &= ~(uint64_t)X86_EFER_LMA;
	cr_assert(guest_regs(g, 0, &off, 0) == GNOMON_OK);
	cr_assert_not(guest_is_nested(g, 0));
	sees(g, 0, UINT64_C(900) << 12, 900);
	cr_assert(guest_regs(g, 0, &regs, 0) == GNOMON_OK);
	cr_assert(guest_is_nested(g, 0));
	sees(g, 0, DATA, 716);
	cr_assert(guest_destroy(g) == 0);
}

/* A space that nobody runs in keeps no shadow once it is walked nested. */
Test(mode_switch, what_is_of_no_more_use_goes_with_the_switch)
{
	struct guest *g = make(4, GNOMON_MODE_SHADOW);
	uint64_t other = other_space(g);
	uint64_t own = guest_entry(g, other, DATA, 1) >> 12;
	struct gnomon_stats before, after;

	cr_assert(guest_load(g, 0, other) == GNOMON_OK);
	sees(g, 0, DATA, 716);
	/* The root left last is held until the next load. */
	cr_assert(guest_load(g, 0, g->root) == GNOMON_OK);
	sees(g, 0, DATA, 700);
	guest_invlpg(g, 0, DATA);
	cr_assert(gnomon_is_traced(g->vm, (gnomon_gfn_t){ own }));
	gnomon_vm_stats(g->vm, &before, sizeof(before));
	cr_assert(guest_switch(g, other, GNOMON_MODE_NESTED, 0) == GNOMON_OK);
	gnomon_vm_stats(g->vm, &after, sizeof(after));
	cr_assert_not(gnomon_is_traced(g->vm, (gnomon_gfn_t){ own }));
	cr_assert_not(gnomon_is_traced(g->vm, (gnomon_gfn_t){ other }));
	cr_assert_lt(after.shadow_pages + 3, before.shadow_pages + 1);
	cr_assert(guest_destroy(g) == 0);
}
