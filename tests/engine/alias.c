/* SPDX-License-Identifier: BSD-2-Clause */
/* Aliases: one memory, its tables, and slots that come and go. */
#include <criterion/criterion.h>

#include "tests/engine/alias_guest.h"

/* ---- memory is one ------------------------------------------------------ */

static void one_memory(struct guest *g)
{
	for (uint64_t i = 0; i < PAGES; i++) {
		alias_reach(g, SHOWN + (i << 12), GNOMON_WRITE, 1000 + i,
			    DATA + i);
		cr_assert(alias_stored(g, (DATA + i) << 12) == 1000 + i);
		alias_reach(g, SEEN + (i << 12), GNOMON_WRITE, 2000 + i,
			    DATA + i);
		alias_reach(g, SHOWN + (i << 12), GNOMON_READ, 0, DATA + i);
	}
	guest_dma(g, (AT + DATA) << 12, 77);
	cr_assert(alias_stored(g, DATA << 12) == 77);

	uint64_t old = 77;

	cr_assert(gnomon_cmpxchg(g->vm, NULL,
				 (gnomon_gpa_t){ (AT + DATA) << 12 }, 4, &old,
				 78) == GNOMON_OK);
	cr_assert(old == 77 && alias_stored(g, DATA << 12) == 78);
}

Test(alias, one_memory_in_two_places)
{
	alias_each(one_memory);
}

/* ---- tables ------------------------------------------------------------- */

/*
 * The leaf table is reached by way, and stored to through its frame in the
 * other place: with a mapping at SHOWN or SEEN + 1 page.
 */
static void table_stored_to(struct guest *g, bool by_alias)
{
	uint64_t leaf = guest_entry(g, g->root, SEEN, 1);
	uint64_t table = leaf >> 12, bytes = g->o.levels == 2 ? 4 : 8;
	uint64_t window = SHOWN + (PAGES - 1) * 0x1000;
	uint64_t window_gfn = by_alias ? table : AT + table;
	uint64_t offset = leaf & 0xfff;

	if (by_alias) {
		guest_poke(g, alias_upper(g, SEEN),
			   (AT + table) << 12 | GUEST_RWU);
	}
	guest_map(g, g->root, window, window_gfn << 12, GUEST_RWU, 1);
	/* The window is writable before the frame is known to be a table. */
	alias_reach(g, window + 0xff8, GNOMON_WRITE, 0, table);
	for (unsigned round = 0; round < 3; round++) {
		for (uint64_t i = 0; i < PAGES; i++) {
			uint64_t to = DATA + (i + round) % PAGES;
			uint64_t was = i + round + PAGES - !!round;

			alias_reach(g, SEEN + (i << 12), GNOMON_READ, 0,
				    DATA + was % PAGES);
			alias_reach(g, window + offset + bytes * i,
				    GNOMON_WRITE, to << 12 | GUEST_RWU, table);
			guest_invlpg(g, 0, SEEN + (i << 12));
			hw_flush(&g->cpu[0], &(struct gnomon_flush){
				.vcpus = 1 });
			alias_reach(g, SEEN + (i << 12), GNOMON_WRITE, 5, to);
		}
	}
}

static void stored_by_alias(struct guest *g)
{
	table_stored_to(g, false);
}

static void walked_by_alias(struct guest *g)
{
	table_stored_to(g, true);
}

Test(alias, a_table_is_stored_to_through_its_alias)
{
	alias_each(stored_by_alias);
}

Test(alias, a_table_that_is_walked_by_its_alias)
{
	alias_each(walked_by_alias);
}

/* By both ways at once: one shadow, and neither place is writable. */
static void both_ways(struct guest *g)
{
	uint64_t table = guest_entry(g, g->root, SEEN, 1) >> 12;
	struct gnomon_stats s;

	guest_poke(g, alias_upper(g, AGAIN), (AT + table) << 12 | GUEST_RWU);
	guest_map(g, g->root, SHOWN, table << 12, GUEST_RWU, 1);
	guest_map(g, g->root, SHOWN + 0x1000, (AT + table) << 12, GUEST_RWU,
		  1);
	for (uint64_t i = 0; i < PAGES; i++) {
		alias_reach(g, SEEN + (i << 12), GNOMON_WRITE, 0, DATA + i);
		alias_reach(g, AGAIN + (i << 12), GNOMON_WRITE, 0, DATA + i);
	}
	gnomon_vm_stats(g->vm, &s, sizeof(s));
	if (g->o.mode == GNOMON_MODE_SHADOW) {
		uint64_t pages = s.shadow_pages;

		cr_assert(gnomon_is_traced(g->vm, (gnomon_gfn_t){ table }));
		cr_assert(gnomon_is_traced(g->vm,
					   (gnomon_gfn_t){ AT + table }));
		alias_reach(g, AGAIN, GNOMON_READ, 0, DATA);
		gnomon_vm_stats(g->vm, &s, sizeof(s));
		cr_assert(s.shadow_pages == pages);
	}
	/* reached() of the guest complains where one is writable. */
	alias_reach(g, SHOWN + 0xff8, GNOMON_WRITE, 0, table);
	alias_reach(g, SHOWN + 0x1ff8, GNOMON_WRITE, 0, table);
}

Test(alias, a_table_that_is_walked_by_both)
{
	alias_each(both_ways);
}

/*
 * One vcpu on nested tables has the alias of a table writable; then another
 * comes to shadow that table.
 */
Test(alias, a_trace_reaches_nested_entries_of_every_place)
{
	struct guest *g = alias_guest(4, GNOMON_MODE_SHADOW, BOTH);
	uint64_t root = guest_table(g), leaf = guest_entry(g, g->root, SEEN, 1);
	uint64_t table = leaf >> 12;
	gnomon_gpa_t cr3 = { g->root << 12 };

	guest_poke(g, guest_entry(g, root, SEEN, 2), table << 12 | GUEST_RWU);
	guest_map(g, g->root, SHOWN, (AT + table) << 12, GUEST_RWU, 1);
	cr_assert(gnomon_mode_switch(g->vm, &cr3, GNOMON_MODE_NESTED, NULL) ==
		  GNOMON_OK);
	cr_assert(guest_load(g, 0, g->root) == GNOMON_OK);
	cr_assert(guest_load(g, 1, root) == GNOMON_OK);
	cr_assert(guest_is_nested(g, 0) && !guest_is_nested(g, 1));
	alias_reach(g, SHOWN + 0xff8, GNOMON_WRITE, 0, table);
	cr_assert(guest_access(g, 1, SEEN, GNOMON_WRITE, 0).gpa >> 12 == DATA);
	cr_assert(gnomon_is_traced(g->vm, (gnomon_gfn_t){ table }));

	struct guest_access a = guest_access(g, 0, SHOWN + (leaf & 0xfff),
					     GNOMON_WRITE,
					     (DATA + 1) << 12 | GUEST_RWU);

	cr_assert(a.kinds[GNOMON_KIND_TRACE] == 1);
	guest_invlpg(g, 1, SEEN);
	cr_assert(guest_access(g, 1, SEEN, GNOMON_READ, 0).gpa >> 12 ==
		  DATA + 1);
	cr_assert(guest_audit(g) && guest_destroy(g) == 0);
}

/* CR3 names the alias: the same root, and the same choice of a mode. */
static void root_by_alias(struct guest *g)
{
	struct gnomon_stats before, after;

	alias_reach(g, SEEN, GNOMON_WRITE, 1, DATA);
	gnomon_vm_stats(g->vm, &before, sizeof(before));
	cr_assert(guest_load(g, 0, AT + g->root) == GNOMON_OK);
	alias_reach(g, SEEN, GNOMON_WRITE, 2, DATA);
	alias_reach(g, SHOWN, GNOMON_READ, 0, DATA);
	gnomon_vm_stats(g->vm, &after, sizeof(after));
	if (g->o.mode == GNOMON_MODE_SHADOW && g->o.levels >= 4) {
		cr_assert(after.root_hits == before.root_hits + 1);
	}
	if (g->o.modes) {
		gnomon_gpa_t here = { g->root << 12 };
		gnomon_gpa_t there = { (AT + g->root) << 12 };
		enum gnomon_mode other = g->o.mode == GNOMON_MODE_SHADOW
					 ? GNOMON_MODE_NESTED
					 : GNOMON_MODE_SHADOW;

		cr_assert(gnomon_mode_switch(g->vm, &there, other, NULL) ==
			  GNOMON_OK);
		cr_assert(gnomon_mode_get(g->vm, &here) == other);
		cr_assert(guest_load(g, 0, AT + g->root) == GNOMON_OK);
		cr_assert(guest_is_nested(g, 0) ==
			  (other == GNOMON_MODE_NESTED));
		alias_reach(g, SEEN, GNOMON_WRITE, 3, DATA);
	}
}

Test(alias, a_root_that_is_named_by_its_alias)
{
	alias_each(root_by_alias);
}

/* ---- coming and going --------------------------------------------------- */

/* In steps of one, with the guest at it: after the first, nothing new. */
static void goes(struct guest *g)
{
	uint64_t table = guest_entry(g, g->root, SEEN, 1) >> 12;
	struct gnomon_slot again = fh_alias(g->fh, 12, AT + DATA, 1, DATA + 1);
	enum gnomon_status s;
	unsigned steps = 0;

	fh_slot_forget(g->fh, 12);
	guest_poke(g, alias_upper(g, AGAIN), (AT + table) << 12 | GUEST_RWU);
	alias_reach(g, AGAIN, GNOMON_WRITE, 0, DATA);
	alias_reach(g, SHOWN, GNOMON_WRITE, 0, DATA);
	cr_assert(gnomon_slot_delete(g->vm, GUEST_LOW, NULL) == GNOMON_EXISTS);
	do {
		uint32_t budget = 1;

		s = gnomon_slot_delete(g->vm, ALIAS, &budget);
		if (steps++ == 0) {
			fh_slot_forget(g->fh, ALIAS);
		}
		/* What was there may be used until it is dropped. */
		guest_access(g, 0, SHOWN + 0x1000, GNOMON_READ, 0);
		cr_assert(s == GNOMON_OK ||
			  gnomon_slot_set(g->vm, &again) == GNOMON_EXISTS);
		cr_assert(s == GNOMON_OK ||
			  gnomon_slot_delete(g->vm, GUEST_LOW, NULL) ==
				  GNOMON_EXISTS);
		alias_reach(g, SEEN + 0x1000, GNOMON_WRITE, 0, DATA + 1);
	} while (s == GNOMON_MORE);
	cr_assert(s == GNOMON_OK && steps > 1);

	struct guest_access a = guest_access(g, 0, SHOWN, GNOMON_READ, 0);

	cr_assert(a.end == GUEST_MMIO && a.gpa >> 12 == AT + DATA);
	a = guest_access(g, 0, AGAIN, GNOMON_READ, 0);
	cr_assert(a.end != GUEST_DONE, "its table is nowhere");
	alias_reach(g, SEEN, GNOMON_WRITE, 0, DATA);
	/* Something else comes into its place. */
	cr_assert(alias_set(g, 12, AT + DATA, 1, DATA + 1) == GNOMON_OK);
	alias_reach(g, SHOWN, GNOMON_WRITE, 0, DATA + 1);
	alias_delete(g, 12);
	cr_assert(gnomon_slot_delete(g->vm, 12, NULL) == GNOMON_INVAL);
}

Test(alias, goes_with_all_that_went_by_it)
{
	alias_each(goes);
}

/* The loaded root is in the alias: the next fault finds no memory there. */
static void root_goes(struct guest *g)
{
	struct guest_access a;

	cr_assert(guest_load(g, 0, AT + g->root) == GNOMON_OK);
	alias_reach(g, SEEN, GNOMON_WRITE, 0, DATA);
	alias_delete(g, ALIAS);
	a = guest_access(g, 0, SEEN, GNOMON_READ, 0);
	/* PDPTEs are in the processor. */
	cr_assert(g->o.levels == 3 || a.end != GUEST_DONE);
	cr_assert(guest_load(g, 0, g->root) == GNOMON_OK);
	alias_reach(g, SEEN, GNOMON_WRITE, 0, DATA);
}

Test(alias, goes_under_a_loaded_root)
{
	alias_each(root_goes);
}

Test(alias, odd_ones_are_refused)
{
	struct guest *g = guest_create(guest_defaults());
	struct gnomon_slot slot;
	unsigned char byte;

	/* Not memory of one slot; at last, memory of an alias. */
	cr_assert(alias_set(g, 10, AT, 8, 5000) == GNOMON_ABSENT);
	cr_assert(alias_set(g, 10, AT, 8, LOW - 4) == GNOMON_ABSENT);
	cr_assert(alias_set(g, 10, AT, LOW + 1, 0) == GNOMON_ABSENT);
	cr_assert(alias_set(g, 10, AT, 8, UINT64_MAX - 4) == GNOMON_ABSENT);
	cr_assert(alias_set(g, 10, AT, LOW, 0) == GNOMON_OK);
	cr_assert(alias_set(g, 11, AT + LOW, 8, AT) == GNOMON_ABSENT);
	/* Ranges and numbers, as for any slot. */
	cr_assert(alias_set(g, 11, AT + 8, 8, 0) == GNOMON_EXISTS);
	cr_assert(alias_set(g, 11, 1000, 8, 0) == GNOMON_EXISTS);
	cr_assert(alias_set(g, 10, AT + LOW, 8, 0) == GNOMON_EXISTS);
	cr_assert(alias_set(g, GUEST_LARGE, AT + LOW, 8, 0) == GNOMON_EXISTS);
	cr_assert(alias_set(g, 11, AT + LOW, 0, 0) == GNOMON_INVAL);
	cr_assert(alias_set(g, 11, UINT64_C(1) << 28, 8, 0) == GNOMON_INVAL);
	slot = (struct gnomon_slot){ .id = 11, .first = { AT + LOW },
				     .frames = 8, .hva = &byte,
				     .flags = GNOMON_SLOT_ALIAS };
	cr_assert(gnomon_slot_set(g->vm, &slot) == GNOMON_INVAL);
	slot.hva = NULL;
	slot.flags |= GNOMON_SLOT_READONLY;
	cr_assert(gnomon_slot_set(g->vm, &slot) == GNOMON_INVAL);
	/* Memory where an alias is. */
	slot = (struct gnomon_slot){ .id = 11, .first = { AT + 5 },
				     .frames = 1 };
	cr_assert(gnomon_slot_set(g->vm, &slot) == GNOMON_EXISTS);
	cr_assert(guest_destroy(g) == 0);
}

/* What the target may not, the alias may not either. */
Test(alias, has_the_rights_of_its_target)
{
	for (unsigned mode = 0; mode < 2; mode++) {
		struct guest *g = alias_guest(4, mode, 0);
		static const uint64_t target[] = { 6144, 6160, 4096 };

		for (unsigned i = 0; i < 3; i++) {
			uint64_t gva = BIG + (i << 12), at = 12000 + 8 * i;
			uint64_t value = 9;
			struct guest_access a;

			cr_assert(alias_set(g, 20 + i, at, 8, target[i]) ==
				  GNOMON_OK);
			guest_map(g, g->root, gva, at << 12, GUEST_RWU, 1);
			alias_reach(g, gva, GNOMON_READ, 0, target[i]);
			a = guest_access(g, 0, gva, GNOMON_WRITE, 9);
			cr_assert(a.end == (i == 2 ? GUEST_DONE :
						     GUEST_MMIO));
			cr_assert(gnomon_write(g->vm, g->vcpu[0],
					       (gnomon_gpa_t){ at << 12 },
					       &value, 8) ==
				  (i == 2 ? GNOMON_OK : GNOMON_ABSENT));
		}
		/* The host's callbacks are asked for the target. */
		cr_assert(alias_stored(g, UINT64_C(4096) << 12) == 9);
		cr_assert(guest_audit(g) && guest_destroy(g) == 0);
	}
}

Test(alias, is_refused_in_mode_direct)
{
	static unsigned char ram[8 * 4096];
	struct gnomon_config config = {
		.size = sizeof(config), .mode = GNOMON_MODE_DIRECT,
		.caps = { .maxphyaddr = 40, .features = GNOMON_CAP_NX },
		.host_maxphyaddr = 46 };
	struct gnomon_slot slot = { .frames = 8, .hva = ram };
	struct gnomon_slot alias = { .id = 1, .first = { 64 }, .frames = 8,
				     .flags = GNOMON_SLOT_ALIAS };
	struct fakehost *fh = fh_create();
	void *memory = aligned_alloc(64, gnomon_vm_bytes());
	struct gnomon_vm *vm;

	cr_assert(gnomon_vm_create(memory, &config, &fh->host, fh, &vm) ==
		  GNOMON_OK);
	cr_assert(gnomon_slot_set(vm, &slot) == GNOMON_OK);
	cr_assert(gnomon_slot_set(vm, &alias) == GNOMON_UNSUPPORTED);
	cr_assert(gnomon_vm_destroy(vm, NULL) == GNOMON_OK);
	free(memory);
	cr_assert(fh_destroy(fh) == 0);
}

/* ---- any host call may fail --------------------------------------------- */

static void story(struct guest *g)
{
	for (uint64_t i = 0; i < PAGES; i++) {
		guest_access(g, 0, SHOWN + (i << 12), GNOMON_WRITE, i);
		guest_access(g, 1, SEEN + (i << 12), GNOMON_WRITE, i);
	}
	guest_access(g, 0, AGAIN, GNOMON_WRITE, 0);
	guest_dma(g, (AT << 12) + guest_entry(g, g->root, SEEN, 1),
		  (DATA + 3) << 12 | GUEST_RWU);
	guest_invlpg(g, 0, SEEN);
	guest_access(g, 0, SEEN, GNOMON_WRITE, 0);
	while (gnomon_slot_delete(g->vm, ALIAS, &(uint32_t){ 3 }) ==
	       GNOMON_MORE) {
		guest_access(g, 1, SEEN, GNOMON_READ, 0);
	}
	fh_slot_forget(g->fh, ALIAS);
	guest_access(g, 0, SHOWN, GNOMON_READ, 0);
}

Test(alias, any_host_call_may_fail)
{
	for (unsigned kind = 0; kind < 4; kind++) {
		uint64_t calls = 1;

		for (uint64_t n = 1; n <= calls; n++) {
			struct guest *g = alias_guest(4, kind & 1,
					       kind & 2 ? BOTH : 0);
			uint64_t table = guest_entry(g, g->root, SEEN, 1);

			guest_poke(g, alias_upper(g, AGAIN),
				   (((AT << 12) + table) & ~0xfffull) |
				   GUEST_RWU);
			g->fh->fail_at = g->fh->calls_all + n;
			uint64_t from = g->fh->calls_all;

			story(g);
			calls = n == 1 ? g->fh->calls_all - from : calls;
			g->fh->fail_at = 0;
			cr_assert(guest_audit(g), "call %lu: %s", n,
				  g->fh->error);
			alias_reach(g, SEEN, GNOMON_WRITE, 0, DATA + 3);
			cr_assert(guest_destroy(g) == 0);
		}
		cr_assert(calls > 20);
	}
}
