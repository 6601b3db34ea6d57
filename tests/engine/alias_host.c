/* SPDX-License-Identifier: BSD-2-Clause */
/* Aliases: large pages, and what the host and the VMM say of memory. */
#include <string.h>

#include <criterion/criterion.h>

#include "tests/engine/alias_guest.h"

/* ---- large pages -------------------------------------------------------- */

#define BLOCK UINT64_C(512)

/* A page of 2M of the guest over guest frames first and on. */
static void large(unsigned levels, enum gnomon_mode mode, uint64_t first,
		  uint64_t frames, uint64_t target, bool leaf)
{
	struct guest *g = alias_guest(levels, mode, 0);
	uint64_t base = UINT64_C(12288);
	struct gnomon_stats s;

	cr_assert(alias_set(g, 11, first, frames, target) == GNOMON_OK);
	guest_map(g, g->root, BIG, base << 12, GUEST_RWU, 2);
	cr_assert(guest_load(g, 0, g->root) == GNOMON_OK);
	g->audits = 0;
	for (uint64_t i = 0; i < BLOCK; i++) {
		uint64_t at = base + i - first;
		struct guest_access a = guest_access(g, 0, BIG + (i << 12),
						     GNOMON_WRITE, i);

		cr_assert(a.end == (at < frames ? GUEST_DONE : GUEST_MMIO));
		cr_assert(at >= frames || a.gpa >> 12 == target + at);
		cr_assert(at < frames || a.gpa >> 12 == base + i);
		cr_assert(i % 64 || guest_audit(g));
	}
	gnomon_vm_stats(g->vm, &s, sizeof(s));
	cr_assert(!leaf || s.pf_fixed < 16);
	cr_assert(leaf || s.pf_fixed > 16);
	alias_delete(g, 11);
	struct guest_access a = guest_access(g, 0, BIG + ((first & 511) << 12),
					     GNOMON_WRITE, 0);

	cr_assert(a.end == GUEST_MMIO && guest_audit(g));
	cr_assert(guest_destroy(g) == 0);
}

Test(alias, large_leaves_where_both_are_aligned)
{
	for (unsigned mode = 0; mode < 2; mode++) {
		large(4, mode, 12288, 512, 1024, true);
		large(5, mode, 12288, 1024, 1024, true);
		large(3, mode, 12288, 512, 2048, true);
		large(4, mode, 12288, 512, 1025, false);
		large(4, mode, 12289, 600, 1025, false);
		large(4, mode, 12200, 300, 1024, false);
		large(4, mode, 12288, 511, 1024, false);
	}
}

/* The same block, once whole and once a part of it: what is large stays. */
Test(alias, a_large_entry_that_moves_to_a_part_of_an_alias)
{
	struct guest *g = alias_guest(4, GNOMON_MODE_SHADOW, 0);
	uint64_t entry = guest_entry(g, g->root, BIG, 2);
	uint64_t flags = GUEST_RWU | X86_PTE_PS | X86_PTE_A | X86_PTE_D;

	cr_assert(alias_set(g, 11, 12288, 512, 1024) == GNOMON_OK);
	cr_assert(alias_set(g, 12, 13312, 100, 1024) == GNOMON_OK);
	guest_poke(g, entry, UINT64_C(12288) << 12 | flags);
	alias_reach(g, BIG + 0x1ff000, GNOMON_WRITE, 0, 1024 + 511);
	guest_dma(g, entry, UINT64_C(13312) << 12 | flags);
	guest_invlpg(g, 0, BIG);
	alias_reach(g, BIG, GNOMON_WRITE, 0, 1024);

	struct guest_access a = guest_access(g, 0, BIG + 0x1ff000,
					     GNOMON_READ, 0);

	cr_assert(a.end == GUEST_MMIO && a.gpa >> 12 == 13312 + 511);
	cr_assert(guest_audit(g) && guest_destroy(g) == 0);
}

/* A large page whose middle is other memory for vcpus in SMM. */
static void large_part(enum gnomon_mode mode)
{
	struct guest_options o = guest_defaults();
	uint64_t base = 8192, part = 8192 + 100;

	o.mode = mode;
	o.smm = true;
	struct guest *g = guest_create(o);
	struct gnomon_regs regs = g->regs[1];
	struct gnomon_slot slot = fh_slot(g->fh, 20, base, 512,
					  GNOMON_SLOT_NO_SMM, true);

	fh_frames(g->fh, base, 512, (struct fh_frame){
		.kind = GNOMON_FRAME_RAM, .order = 9, .write = true });
	cr_assert(gnomon_slot_set(g->vm, &slot) == GNOMON_OK);
	slot = fh_alias(g->fh, 21, part, 8, 700);
	slot.flags |= GNOMON_SLOT_SMM;
	g->fh->slot[21].flags = slot.flags;
	cr_assert(gnomon_slot_set(g->vm, &slot) == GNOMON_OK);
	slot = fh_alias(g->fh, 22, base, 64, 1024);
	slot.flags |= GNOMON_SLOT_SMM;
	g->fh->slot[22].flags = slot.flags;
	cr_assert(gnomon_slot_set(g->vm, &slot) == GNOMON_OK);
	guest_map(g, g->root, BIG, base << 12, GUEST_RWU, 2);
	regs.smm = true;
	cr_assert(guest_regs(g, 1, &regs, 0) == GNOMON_OK);
	for (uint64_t i = 0; i < 512; i++) {
		uint64_t gva = BIG + (i << 12);
		struct guest_access in = guest_access(g, 1, gva, GNOMON_WRITE,
						      i);

		cr_assert(guest_access(g, 0, gva, GNOMON_WRITE, i).gpa >> 12 ==
			  base + i);
		cr_assert(in.end == (i < 64 || i - 100 < 8 ? GUEST_DONE :
							     GUEST_MMIO));
		cr_assert(in.end == GUEST_MMIO ||
			  in.gpa >> 12 == (i < 64 ? 1024 + i : 600 + i));
	}
	cr_assert(guest_audit(g) && guest_destroy(g) == 0);
}

Test(alias, a_large_page_that_is_more_than_one_thing_in_smm)
{
	large_part(GNOMON_MODE_SHADOW);
	large_part(GNOMON_MODE_NESTED);
}

/* Entries that were missing for stores to so many pages. */
static uint64_t fixed(struct guest *g, uint64_t gva, uint64_t pages)
{
	struct gnomon_stats before, after;

	gnomon_vm_stats(g->vm, &before, sizeof(before));
	for (uint64_t i = 0; i < pages; i++) {
		cr_assert(guest_access(g, 0, gva + (i << 12), GNOMON_WRITE, i)
				  .end == GUEST_DONE);
	}
	gnomon_vm_stats(g->vm, &after, sizeof(after));
	return after.pf_fixed - before.pf_fixed;
}

/* A log breaks large leaves up; both ways to the memory become large again. */
static void joined(enum gnomon_mode mode, uint32_t modes)
{
	static uint64_t bits[BLOCK / 64];
	struct gnomon_dirty_log log = { .first = { 1024 }, .frames = BLOCK,
					.bitmap = bits };
	struct gnomon_range range = { { 1024 }, BLOCK };
	struct guest *g = alias_guest(4, mode, modes);
	struct gnomon_stats before, after;

	memset(bits, 0, sizeof(bits));
	cr_assert(alias_set(g, 11, 12288, BLOCK, 1024) == GNOMON_OK);
	guest_map(g, g->root, BIG, UINT64_C(12288) << 12, GUEST_RWU, 2);
	guest_map(g, g->root, 2 * BIG, UINT64_C(1024) << 12, GUEST_RWU, 2);
	cr_assert(guest_load(g, 0, g->root) == GNOMON_OK);
	g->audits = 0;
	cr_assert(gnomon_dirty_start(g->vm, &log, NULL) == GNOMON_OK);
	cr_assert(fixed(g, BIG, BLOCK) && fixed(g, 2 * BIG, BLOCK));
	cr_assert(gnomon_dirty_stop(g->vm, 0) == GNOMON_OK);
	gnomon_vm_stats(g->vm, &before, sizeof(before));
	cr_assert(gnomon_collapse(g->vm, &range, NULL) == GNOMON_OK);
	gnomon_vm_stats(g->vm, &after, sizeof(after));
	if (mode == GNOMON_MODE_NESTED) {
		cr_assert(before.nested_pages - after.nested_pages == 2);
	} else {
		/* What was small is dropped, and comes back as one leaf. */
		cr_assert(fixed(g, 2 * BIG, BLOCK) == 1);
		cr_assert(fixed(g, BIG, BLOCK) == 1);
	}
	cr_assert(guest_audit(g) && guest_destroy(g) == 0);
}

Test(alias, what_is_joined_is_joined_wherever_it_shows)
{
	joined(GNOMON_MODE_SHADOW, 0);
	joined(GNOMON_MODE_NESTED, 0);
	joined(GNOMON_MODE_SHADOW, BOTH);
}

/* ---- what the host and the VMM say -------------------------------------- */

static uint64_t bitmap[(AT + LOW) / 64];

static bool in_log(uint64_t gfn)
{
	return bitmap[gfn / 64] >> gfn % 64 & 1;
}

static void logged(struct guest *g, uint32_t flags)
{
	struct gnomon_dirty_log log = { .flags = flags, .frames = AT + LOW,
					.bitmap = bitmap };

	alias_reach(g, SHOWN, GNOMON_WRITE, 1, DATA);
	alias_reach(g, SEEN + 0x1000, GNOMON_WRITE, 1, DATA + 1);
	memset(bitmap, 0, sizeof(bitmap));
	cr_assert(gnomon_dirty_start(g->vm, &log, NULL) == GNOMON_OK);
	for (unsigned round = 0; round < 2; round++) {
		struct gnomon_range all = { { 0 }, AT + LOW };

		alias_reach(g, SHOWN, GNOMON_WRITE, 2, DATA);
		alias_reach(g, SHOWN + 0x1000, GNOMON_READ, 0, DATA + 1);
		alias_reach(g, SHOWN + 0x2000, GNOMON_WRITE, 2, DATA + 2);
		guest_dma(g, (AT + DATA + 3) << 12, 3);
		cr_assert(in_log(DATA + 3) && !in_log(DATA + 4));
		if (flags) {
			/* Clears all, and takes over what the CPU has noted. */
			static uint64_t copy[(AT + LOW) / 64];

			memset(copy, 0, sizeof(copy));
			cr_assert(gnomon_dirty_clear(g->vm, 0, &all, copy,
						     NULL) == GNOMON_OK);
			cr_assert(copy[DATA / 64] >> DATA % 64 & 1);
			/* The first time with what was noted before. */
			cr_assert(!round || !(copy[(DATA + 1) / 64] >>
					      (DATA + 1) % 64 & 1));
			cr_assert(copy[(DATA + 2) / 64] >> (DATA + 2) % 64 &
				  1);
		} else {
			cr_assert(in_log(DATA) && in_log(DATA + 2));
			cr_assert(!in_log(DATA + 1));
			cr_assert(gnomon_dirty_clear(g->vm, 0, &all, NULL,
						     NULL) == GNOMON_OK);
		}
		for (uint64_t i = AT; i < AT + LOW; i++) {
			cr_assert(!in_log(i));
		}
		cr_assert(!in_log(DATA));
	}
	cr_assert(gnomon_dirty_stop(g->vm, 0) == GNOMON_OK);
}

static void logged_by_faults(struct guest *g)
{
	logged(g, 0);
}

static void logged_by_cpu(struct guest *g)
{
	if (g->o.mode == GNOMON_MODE_NESTED) {
		logged(g, GNOMON_DIRTY_BY_CPU);
	}
}

Test(alias, a_dirty_log_names_the_target)
{
	alias_each(logged_by_faults);
	alias_each(logged_by_cpu);
}

static void host_changes(struct guest *g)
{
	gnomon_gfn_t first = { DATA };
	struct gnomon_outcome out;
	bool nested = guest_is_nested(g, 0);
	struct gnomon_fault f = {
		.gva = { SHOWN }, .gpa = { (AT + DATA) << 12 },
		.access = GNOMON_READ, .nested = nested,
	};

	alias_reach(g, SHOWN, GNOMON_WRITE, 1, DATA);
	alias_reach(g, SEEN, GNOMON_WRITE, 1, DATA);
	cr_assert(gnomon_host_change_begin(g->vm, first, 1, NULL) ==
		  GNOMON_OK);
	gnomon_fault(g->vcpu[0], &f, &out);
	cr_assert(out.action == GNOMON_RETRY && out.gpa.v == DATA << 12);
	/* Where a leaf is left the audit finds another host frame. */
	g->fh->frame[DATA].moved = true;
	cr_assert(guest_audit(g));
	cr_assert(gnomon_host_change_end(g->vm, first, 1) == GNOMON_OK);
	alias_reach(g, SHOWN, GNOMON_WRITE, 1, DATA);
	alias_reach(g, SEEN, GNOMON_WRITE, 1, DATA);
}

Test(alias, a_host_change_reaches_every_place)
{
	alias_each(host_changes);
}

static void ages(struct guest *g)
{
	struct gnomon_range r = { { DATA }, PAGES };
	uint64_t young = 0;

	alias_reach(g, SHOWN, GNOMON_READ, 0, DATA);
	alias_reach(g, SEEN + 0x1000, GNOMON_READ, 0, DATA + 1);
	cr_assert(gnomon_young(g->vm, &r, true, &young, NULL) == GNOMON_OK);
	cr_assert(young >= 2 && young <= PAGES);
	r = (struct gnomon_range){ { DATA }, PAGES };
	young = 0;
	cr_assert(gnomon_young(g->vm, &r, false, &young, NULL) == GNOMON_OK);
	cr_assert(young == 0);
	alias_reach(g, SHOWN + 0x2000, GNOMON_READ, 0, DATA + 2);
	r = (struct gnomon_range){ { DATA + 2 }, 1 };
	cr_assert(gnomon_young(g->vm, &r, false, &young, NULL) == GNOMON_OK);
	cr_assert(young == 1);
}

Test(alias, the_age_of_a_frame_is_that_of_all_its_places)
{
	alias_each(ages);
}

static void watched(struct guest *g)
{
	/* By the alias' number; what the guest does by either is seen. */
	struct gnomon_range r = { { AT + DATA }, 1 };

	alias_reach(g, SHOWN, GNOMON_WRITE, 1, DATA);
	cr_assert(gnomon_watch(g->vm, &r, GNOMON_WATCH_WRITE, NULL) ==
		  GNOMON_OK);
	for (unsigned i = 0; i < 2; i++) {
		struct guest_access a = guest_access(g, 0, i ? SHOWN : SEEN,
						     GNOMON_WRITE, 7 + i);

		cr_assert(a.end == GUEST_DONE);
		cr_assert(a.kinds[GNOMON_KIND_WATCH] == 1);
		cr_assert(alias_stored(g, DATA << 12) == 7 + i);
	}
	r = (struct gnomon_range){ { DATA }, 1 };
	cr_assert(gnomon_watch(g->vm, &r, 0, NULL) == GNOMON_OK);
	cr_assert(guest_access(g, 0, SHOWN, GNOMON_WRITE, 1)
			  .kinds[GNOMON_KIND_WATCH] == 0);
}

Test(alias, a_watch_is_on_the_memory)
{
	alias_each(watched);
}
