/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two address spaces: what a vcpu sees in SMM and outside. At guest frame HERE
 * there is memory for those outside and other memory (SMRAM) for those inside;
 * the processor of the tests tells by the hpa which of them an access reached.
 */
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/guest.h"

#define BOTH (1u << GNOMON_MODE_SHADOW | 1u << GNOMON_MODE_NESTED)
#define HERE UINT64_C(3200)	/* one for each */
#define INSIDE UINT64_C(3300)	/* only inside; else a device */
#define OUTSIDE UINT64_C(3400)	/* only outside */
#define SHARED UINT64_C(700)	/* of GUEST_LOW */
#define OPEN UINT64_C(3500)	/* shows SMRAM to all; not there at first */
#define FRAMES UINT64_C(16)
#define SMRAM (GNOMON_SMM_GFN + HERE)
#define GVA UINT64_C(0x00400000) /* pages of HERE, then of the others */
#define PAGE UINT64_C(4096)

enum { ID_OUT = 10, ID_SMRAM, ID_INSIDE, ID_OUTSIDE, ID_OPEN };

static enum gnomon_status set(struct guest *g, uint32_t id, uint64_t first,
			      uint32_t flags)
{
	struct gnomon_slot slot = fh_slot(g->fh, id, first, FRAMES, flags,
					  true);
	enum gnomon_status s = gnomon_slot_set(g->vm, &slot);

	if (s != GNOMON_OK) {
		fh_slot_forget(g->fh, id);
	}
	return s;
}

static void map(struct guest *g, uint64_t at, uint64_t gfn)
{
	for (uint64_t i = 0; i < 4; i++) {
		guest_map(g, g->root, GVA + (at + i) * PAGE, (gfn + i) << 12,
			  GUEST_RWU, 1);
	}
}

static struct guest *make(unsigned levels, enum gnomon_mode mode,
			  uint32_t modes, uint32_t options)
{
	struct guest_options o = guest_defaults();

	o.levels = levels;
	o.mode = mode;
	o.modes = modes;
	o.options = options;
	o.smm = true;
	struct guest *g = guest_create(o);

	cr_assert(set(g, ID_OUT, HERE, GNOMON_SLOT_NO_SMM) == GNOMON_OK);
	cr_assert(set(g, ID_SMRAM, HERE, GNOMON_SLOT_SMM) == GNOMON_OK);
	cr_assert(set(g, ID_INSIDE, INSIDE, GNOMON_SLOT_SMM) == GNOMON_OK);
	cr_assert(set(g, ID_OUTSIDE, OUTSIDE, GNOMON_SLOT_NO_SMM) ==
		  GNOMON_OK);
	map(g, 0, HERE);
	map(g, 4, INSIDE);
	map(g, 8, OUTSIDE);
	map(g, 12, SHARED);
	map(g, 16, OPEN);
	/* PDPTEs are read when CR3 is loaded. */
	cr_assert(guest_load(g, 0, g->root) == GNOMON_OK);
	cr_assert(guest_load(g, 1, g->root) == GNOMON_OK);
	g->audits = GNOMON_AUDIT_FULL;
	return g;
}

static void each(void (*test)(struct guest *g))
{
	static const struct {
		enum gnomon_mode mode;
		uint32_t modes, options;
	} kind[] = {
		{ GNOMON_MODE_SHADOW, 0, GNOMON_OPT_ALL },
		{ GNOMON_MODE_SHADOW, 0, 0 },
		{ GNOMON_MODE_NESTED, 0, GNOMON_OPT_ALL },
		{ GNOMON_MODE_SHADOW, BOTH, GNOMON_OPT_ALL },
		{ GNOMON_MODE_NESTED, BOTH, GNOMON_OPT_ALL },
	};

	for (unsigned levels = 2; levels <= 5; levels++) {
		for (unsigned i = 0; i < sizeof(kind) / sizeof(kind[0]); i++) {
			struct guest *g = make(levels, kind[i].mode,
					       kind[i].modes, kind[i].options);

			test(g);
			cr_assert(guest_audit(g));
			cr_assert(g->fh->errors == 0, "%s", g->fh->error);
			cr_assert(guest_destroy(g) == 0);
		}
	}
}

static enum gnomon_status enter(struct guest *g, unsigned vcpu, bool smm,
				uint64_t root)
{
	struct gnomon_regs regs = g->regs[vcpu];

	regs.smm = smm;
	regs.cr3 = root << 12;
	return guest_regs(g, vcpu, &regs, GNOMON_SET_CR3);
}

static void smm(struct guest *g, unsigned vcpu, bool on)
{
	cr_assert(enter(g, vcpu, on, g->root) == GNOMON_OK);
}

/* The access reaches that frame of memory, or with 0 a device. */
static void reach(struct guest *g, unsigned vcpu, uint64_t page,
		  uint32_t access, uint64_t gfn)
{
	struct guest_access a = guest_access(g, vcpu, GVA + page * PAGE,
					     access, 1000 * page + vcpu);

	cr_assert(a.end == (gfn ? GUEST_DONE : GUEST_MMIO), "page %lu: %d",
		  page, a.end);
	cr_assert(gfn == 0 || a.gpa >> 12 == gfn, "page %lu: %#lx", page,
		  a.gpa >> 12);
}

/* All that the vcpu sees, page by page. */
static void look(struct guest *g, unsigned vcpu, bool inside)
{
	for (uint64_t i = 0; i < 4; i++) {
		for (uint32_t access = 0; access <= GNOMON_WRITE; access++) {
			reach(g, vcpu, i, access,
			      (inside ? SMRAM : HERE) + i);
			reach(g, vcpu, 4 + i, access,
			      inside ? GNOMON_SMM_GFN + INSIDE + i : 0);
			reach(g, vcpu, 8 + i, access,
			      inside ? 0 : OUTSIDE + i);
			reach(g, vcpu, 12 + i, access, SHARED + i);
		}
	}
}

/* ---- who sees what ------------------------------------------------------ */

static void both_spaces(struct guest *g)
{
	look(g, 0, false);
	smm(g, 0, true);
	look(g, 0, true);
	look(g, 1, false);
	smm(g, 1, true);
	look(g, 1, true);
	smm(g, 0, false);
	look(g, 0, false);
	look(g, 1, true);
	smm(g, 1, false);
	look(g, 1, false);
}

Test(smm, each_space_sees_its_own)
{
	each(both_spaces);
}

static enum gnomon_status put(struct guest *g, struct gnomon_vcpu *vcpu,
			      uint64_t gfn, uint32_t value)
{
	return gnomon_write(g->vm, vcpu, (gnomon_gpa_t){ gfn << 12 }, &value,
			    4);
}

static uint64_t in(const struct guest *g, uint64_t gfn)
{
	return fh_load(g->fh, gfn << 12, 4);
}

/* Stores that the VMM makes: for a vcpu, for a device, to a number. */
static void stores(struct guest *g)
{
	uint64_t old = 3;

	smm(g, 0, true);
	cr_assert(put(g, g->vcpu[0], HERE, 1) == GNOMON_OK);
	cr_assert(put(g, g->vcpu[1], HERE, 2) == GNOMON_OK);
	cr_assert(in(g, SMRAM) == 1 && in(g, HERE) == 2);
	cr_assert(put(g, NULL, HERE, 3) == GNOMON_OK);
	cr_assert(in(g, SMRAM) == 1 && in(g, HERE) == 3);
	cr_assert(put(g, NULL, SMRAM, 4) == GNOMON_OK);
	cr_assert(in(g, SMRAM) == 4 && in(g, HERE) == 3);
	/* No vcpu has such an address, and outside nothing is there. */
	cr_assert(put(g, g->vcpu[0], SMRAM, 5) == GNOMON_ABSENT);
	cr_assert(put(g, g->vcpu[1], SMRAM, 5) == GNOMON_ABSENT);
	cr_assert(put(g, g->vcpu[1], INSIDE, 5) == GNOMON_ABSENT);
	cr_assert(put(g, NULL, INSIDE, 5) == GNOMON_ABSENT);
	cr_assert(put(g, g->vcpu[0], OUTSIDE, 5) == GNOMON_ABSENT);
	cr_assert(gnomon_cmpxchg(g->vm, g->vcpu[1],
				 (gnomon_gpa_t){ HERE << 12 }, 4, &old,
				 6) == GNOMON_OK && old == 3);
	cr_assert(in(g, SMRAM) == 4 && in(g, HERE) == 6);
}

Test(smm, stores_of_the_vmm_go_to_the_right_one)
{
	each(stores);
}

/*
 * Resource control: whatever a guest outside puts into its tables, SMRAM is
 * not reached; numbers of its memory fit no gpte.
 */
static void locked_out(struct guest *g)
{
	uint64_t entry = guest_entry(g, g->root, GVA, 1);

	smm(g, 1, true);
	reach(g, 1, 0, GNOMON_WRITE, SMRAM);
	for (uint64_t gfn = 3190; gfn < 3420; gfn++) {
		guest_dma(g, entry, gfn << 12 | GUEST_RWU);
		guest_invlpg(g, 0, GVA);
		hw_flush(&g->cpu[0], &(struct gnomon_flush){ .vcpus = 1 });
		struct guest_access a = guest_access(g, 0, GVA, GNOMON_WRITE,
						     0);

		cr_assert(a.end == GUEST_MMIO || a.gpa >> 12 == gfn);
	}
	if (g->o.levels == 4) {
		guest_dma(g, entry, GNOMON_SMM_GFN << 12 | HERE << 12 |
				    GUEST_RWU);
		cr_assert(guest_access(g, 0, GVA, GNOMON_READ, 0).gpa >> 12 !=
			  SMRAM);
	}
}

Test(smm, those_outside_never_reach_smram)
{
	each(locked_out);
}

/* ---- tables ------------------------------------------------------------- */

/*
 * The leaf table of GVA lies at HERE: another for each space, as the upper
 * entry names one guest frame.
 */
static void two_tables(struct guest *g)
{
	uint64_t old = guest_entry(g, g->root, GVA, 1), offset = old & 0xfff;
	uint64_t bytes = g->o.levels == 2 ? 4 : 8;

	guest_dma(g, guest_entry(g, g->root, GVA, 2), HERE << 12 | GUEST_RWU);
	/* Where it is, it can be written to: page 16 shows it. */
	for (uint64_t i = 0; i < 20; i++) {
		uint64_t gfn = i == 16 ? HERE : SHARED + i;
		uint64_t inside = i == 16 ? HERE : SHARED + 40 + i;

		fh_store(g->fh, (HERE << 12) + offset + bytes * i,
			 (unsigned)bytes, gfn << 12 | GUEST_RWU);
		fh_store(g->fh, (SMRAM << 12) + offset + bytes * i,
			 (unsigned)bytes, inside << 12 | GUEST_RWU);
	}
	cr_assert(gnomon_zap_all(g->vm, NULL) == GNOMON_OK);
	smm(g, 1, true);
	smm(g, 0, false);
	for (unsigned round = 0; round < 2; round++) {
		for (uint64_t i = 0; i < 4; i++) {
			uint64_t at = GVA + 16 * PAGE + offset + bytes * i;
			uint64_t to = SHARED + 80 + 8 * round + i;

			reach(g, 0, i, GNOMON_WRITE,
			      SHARED + (round ? 80 : 0) + i);
			reach(g, 1, i, GNOMON_WRITE,
			      SHARED + (round ? 120 : 40) + i);
			for (unsigned v = 0; v < 2; v++) {
				guest_access(g, v, at, GNOMON_WRITE,
					     (to + 40 * v) << 12 | GUEST_RWU);
				guest_invlpg(g, v, GVA + i * PAGE);
				hw_flush(&g->cpu[v], &(struct gnomon_flush){
					.vcpus = 1u << v });
				reach(g, v, i, GNOMON_WRITE, to + 40 * v);
			}
		}
	}
}

Test(smm, one_entry_leads_to_a_table_of_each_space)
{
	each(two_tables);
}

/* CR3 names one guest frame; the roots are two. */
static void two_roots(struct guest *g)
{
	const uint64_t root = HERE + 8;
	const void *from = fh_at(g->fh, g->root << 12);

	memcpy(fh_at(g->fh, root << 12), from, 4096);
	memcpy(fh_at(g->fh, (SMRAM + 8) << 12), from, 4096);
	cr_assert(enter(g, 0, false, root) == GNOMON_OK);
	cr_assert(enter(g, 1, true, root) == GNOMON_OK);
	look(g, 0, false);
	look(g, 1, true);
	/* The one goes, the other stays. */
	memset(fh_at(g->fh, (SMRAM + 8) << 12), 0, 4096);
	cr_assert(gnomon_zap_all(g->vm, NULL) == GNOMON_OK);
	cr_assert(enter(g, 1, true, root) == GNOMON_OK);
	cr_assert(guest_access(g, 1, GVA, GNOMON_READ, 0).end == GUEST_PF);
	look(g, 0, false);
	cr_assert(enter(g, 1, false, root) == GNOMON_OK);
	look(g, 1, false);
}

Test(smm, one_cr3_names_a_root_of_each_space)
{
	each(two_roots);
}

/* ---- what is said of memory --------------------------------------------- */

static void by_number(struct guest *g)
{
	static uint64_t bits[1];
	struct gnomon_dirty_log log = { .first = { SMRAM }, .frames = FRAMES,
					.bitmap = bits };
	struct gnomon_range r = { { SMRAM }, FRAMES };
	gnomon_gfn_t first = { SMRAM };
	uint64_t young = 0;

	smm(g, 1, true);
	bits[0] = 0;
	cr_assert(gnomon_dirty_start(g->vm, &log, NULL) == GNOMON_OK);
	reach(g, 0, 1, GNOMON_WRITE, HERE + 1);
	reach(g, 1, 2, GNOMON_WRITE, SMRAM + 2);
	cr_assert(bits[0] == 4);
	cr_assert(gnomon_dirty_stop(g->vm, 0) == GNOMON_OK);
	cr_assert(gnomon_young(g->vm, &r, true, &young, NULL) == GNOMON_OK);
	cr_assert(young >= 1);
	reach(g, 0, 1, GNOMON_WRITE, HERE + 1);
	r = (struct gnomon_range){ { SMRAM }, FRAMES };
	young = 0;
	cr_assert(gnomon_young(g->vm, &r, false, &young, NULL) == GNOMON_OK);
	cr_assert(young == 0, "what is used outside is something else");
	/* The host moves it, and hears of it by its number. */
	reach(g, 1, 0, GNOMON_WRITE, SMRAM);
	cr_assert(gnomon_host_change_begin(g->vm, first, 1, NULL) ==
		  GNOMON_OK);
	g->fh->frame[fh_index(SMRAM)].moved = true;
	g->fh->frame[fh_index(SMRAM)].kind = GNOMON_FRAME_NOT_NOW;
	cr_assert(gnomon_host_change_end(g->vm, first, 1) == GNOMON_OK);
	reach(g, 1, 0, GNOMON_WRITE, SMRAM);
	/* A watch on it is none on what those outside see there. */
	r = (struct gnomon_range){ { SMRAM + 3 }, 1 };
	cr_assert(gnomon_watch(g->vm, &r, GNOMON_WATCH_WRITE, NULL) ==
		  GNOMON_OK);
	cr_assert(guest_access(g, 1, GVA + 3 * PAGE, GNOMON_WRITE, 1)
			  .kinds[GNOMON_KIND_WATCH] == 1);
	cr_assert(guest_access(g, 0, GVA + 3 * PAGE, GNOMON_WRITE, 1)
			  .kinds[GNOMON_KIND_WATCH] == 0);
}

Test(smm, ranges_name_memory_by_its_number)
{
	each(by_number);
}

/* ---- coming and going --------------------------------------------------- */

static void smram_goes(struct guest *g)
{
	enum gnomon_status s;

	smm(g, 1, true);
	look(g, 1, true);
	look(g, 0, false);
	do {
		uint32_t budget = 1;

		s = gnomon_slot_delete(g->vm, ID_SMRAM, &budget);
		fh_slot_forget(g->fh, ID_SMRAM);
		reach(g, 0, 1, GNOMON_WRITE, HERE + 1);
		cr_assert(s == GNOMON_OK ||
			  set(g, 20, HERE + 4, GNOMON_SLOT_SMM) ==
				  GNOMON_EXISTS);
	} while (s == GNOMON_MORE);
	cr_assert(s == GNOMON_OK);
	for (uint64_t i = 0; i < 4; i++) {
		/* Not even what those outside have there. */
		reach(g, 1, i, GNOMON_WRITE, 0);
		reach(g, 0, i, GNOMON_WRITE, HERE + i);
	}
	cr_assert(gnomon_slot_delete(g->vm, ID_OUT, NULL) == GNOMON_OK);
	fh_slot_forget(g->fh, ID_OUT);
	reach(g, 0, 0, GNOMON_WRITE, 0);
	cr_assert(set(g, 20, HERE, 0) == GNOMON_OK);
	reach(g, 0, 0, GNOMON_WRITE, HERE);
	reach(g, 1, 0, GNOMON_WRITE, HERE);
}

Test(smm, smram_goes)
{
	each(smram_goes);
}

/* Firmware opens SMRAM to fill it: an alias for those outside. */
static void opened(struct guest *g)
{
	struct gnomon_slot slot = fh_alias(g->fh, ID_OPEN, OPEN, FRAMES,
					   SMRAM);

	slot.flags |= GNOMON_SLOT_NO_SMM;
	g->fh->slot[ID_OPEN].flags = slot.flags;
	smm(g, 1, true);
	cr_assert(gnomon_slot_set(g->vm, &slot) == GNOMON_OK);
	reach(g, 0, 16, GNOMON_WRITE, SMRAM);
	reach(g, 1, 0, GNOMON_READ, SMRAM);
	reach(g, 1, 16, GNOMON_READ, 0);
	cr_assert(gnomon_slot_delete(g->vm, ID_SMRAM, NULL) == GNOMON_EXISTS);
	cr_assert(gnomon_slot_delete(g->vm, ID_OPEN, NULL) == GNOMON_OK);
	fh_slot_forget(g->fh, ID_OPEN);
	reach(g, 0, 16, GNOMON_READ, 0);
	reach(g, 1, 0, GNOMON_WRITE, SMRAM);
}

Test(smm, an_alias_opens_smram)
{
	each(opened);
}

Test(smm, odd_ones_are_refused)
{
	struct guest *g = make(4, GNOMON_MODE_SHADOW, 0, GNOMON_OPT_ALL);
	uint32_t both = GNOMON_SLOT_SMM | GNOMON_SLOT_NO_SMM;
	struct gnomon_regs regs;

	cr_assert(set(g, 20, 9000, both) == GNOMON_INVAL);
	cr_assert(set(g, 20, HERE + 1, 0) == GNOMON_EXISTS);
	cr_assert(set(g, 20, INSIDE + 1, 0) == GNOMON_EXISTS);
	cr_assert(set(g, 20, OUTSIDE + 1, 0) == GNOMON_EXISTS);
	cr_assert(set(g, 20, HERE + 1, GNOMON_SLOT_SMM) == GNOMON_EXISTS);
	cr_assert(set(g, 20, HERE + 1, GNOMON_SLOT_NO_SMM) == GNOMON_EXISTS);
	cr_assert(set(g, 20, INSIDE, GNOMON_SLOT_NO_SMM) == GNOMON_OK);
	cr_assert(set(g, 21, OUTSIDE, GNOMON_SLOT_SMM) == GNOMON_OK);
	cr_assert(guest_destroy(g) == 0);

	g = guest_create(guest_defaults());
	cr_assert(set(g, 20, HERE, GNOMON_SLOT_SMM) == GNOMON_UNSUPPORTED);
	cr_assert(set(g, 20, HERE, GNOMON_SLOT_NO_SMM) == GNOMON_UNSUPPORTED);
	regs = g->regs[0];
	regs.smm = true;
	cr_assert(guest_regs(g, 0, &regs, 0) == GNOMON_UNSUPPORTED);
	cr_assert(guest_destroy(g) == 0);
}

/* ---- any host call may fail --------------------------------------------- */

static void story(struct guest *g)
{
	for (uint64_t i = 0; i < 4; i++) {
		guest_access(g, 0, GVA + i * PAGE, GNOMON_WRITE, i);
	}
	/* Refused twice it stays outside, and sees what it saw. */
	bool inside = enter(g, 0, true, g->root) == GNOMON_OK;

	for (uint64_t i = 0; i < 4; i++) {
		struct guest_access a = guest_access(g, 0, GVA + i * PAGE,
						     GNOMON_WRITE, i);

		cr_assert(a.end != GUEST_DONE || a.gpa == 0 ||
			  a.gpa >> 12 == (inside ? SMRAM : HERE) + i);
	}
	enter(g, 0, false, g->root);
	guest_access(g, 0, GVA, GNOMON_WRITE, 0);
}

Test(smm, any_host_call_may_fail)
{
	for (unsigned kind = 0; kind < 4; kind++) {
		uint64_t calls = 1;

		for (uint64_t n = 1; n <= calls; n++) {
			struct guest *g = make(4, kind & 1,
					       kind & 2 ? BOTH : 0,
					       GNOMON_OPT_ALL);
			uint64_t from = g->fh->calls_all;

			g->fh->fail_at = from + n;
			story(g);
			calls = n == 1 ? g->fh->calls_all - from : calls;
			g->fh->fail_at = 0;
			cr_assert(guest_audit(g), "call %lu: %s", n,
				  g->fh->error);
			smm(g, 0, true);
			look(g, 0, true);
			cr_assert(guest_destroy(g) == 0);
		}
		cr_assert(calls > 10);
	}
}
