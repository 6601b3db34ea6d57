/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Both dimensions: references counted against g(h+1)+h for every number of
 * levels and every leaf size, and each against a model that derives the list
 * of addresses by itself.
 */
#include <criterion/criterion.h>

#include <string.h>

#include "nested/walk2d.h"
#include "tests/nested/npfix.h"

/* The guest's tables: one per level from 1M up, the leaf at 2M in gpa. */
#define TABLE_GPA(level) (UINT64_C(0x100000) + 0x1000 * (level))
#define LEAF_GPA UINT64_C(0)
#define GVA UINT64_C(0x123456789abc)

struct world {
	struct npfix fix;
	struct gn_mem mem;
	struct gn_gpt_ctx ctx;
	unsigned levels;	/* of the guest's tables in memory */
	unsigned leaf;		/* level of its leaf */
	uint64_t gva;
};

static const struct gnomon_caps caps = {
	.features = GNOMON_CAP_NX | GNOMON_CAP_1G | GNOMON_CAP_LA57,
	.maxphyaddr = 46,
};

static void make_ctx(struct world *w, enum gn_gpt_format_id id)
{
	struct gnomon_regs regs = { .cr0 = 1 | UINT64_C(1) << 31 };

	if (id == GN_GPT_OFF) {
		regs.cr0 = 1;
	} else {
		regs.cr3 = TABLE_GPA(w->levels);
		regs.cr4 = id == GN_GPT_32BIT ? 0x10 : 0x20;
	}
	if (id == GN_GPT_PAE) {
		for (unsigned i = 0; i < 4; i++) {
			regs.pdpte[i] = TABLE_GPA(2) | 1;
		}
	}
	if (id == GN_GPT_LONG4 || id == GN_GPT_LONG5) {
		regs.efer = 0x500;
		regs.cr4 |= id == GN_GPT_LONG5 ? 0x1000 : 0;
	}
	cr_assert_eq(gn_gpt_ctx_init(&w->ctx, &regs, &caps), GNOMON_OK);
}

static uint64_t entry_gpa(const struct world *w, unsigned level)
{
	unsigned bytes = gn_gpt_entry_bytes(&w->ctx);

	return TABLE_GPA(level) +
	       bytes * gn_gpt_index(&w->ctx, level, gn_gva(w->gva));
}

static void guest_open(struct world *w, enum gn_gpt_format_id id,
		       unsigned leaf)
{
	static const uint8_t levels[] = { 0, 2, 2, 4, 5 };

	w->levels = levels[id];
	w->leaf = leaf;
	w->gva = id <= GN_GPT_PAE ? GVA & 0xffffffff : GVA;
	if (id == GN_GPT_OFF) {
		w->gva = LEAF_GPA + 0xabc;
	}
	make_ctx(w, id);
	for (unsigned l = w->levels; l >= leaf && l > 0; l--) {
		uint64_t e = l == leaf ? LEAF_GPA | 7 | (l > 1 ? 0x80 : 0)
				       : TABLE_GPA(l - 1) | 7;

		fh_store(w->fix.fh, entry_gpa(w, l),
			 gn_gpt_entry_bytes(&w->ctx), e);
	}
}

static void open_world(struct world *w, const struct gn_np_format *format,
		       unsigned h, unsigned nested_leaf)
{
	npfix_open(&w->fix, format, h, nested_leaf, 0);
	/* One block over all small frames, up to what the leaf level asks. */
	fh_frames(w->fix.fh, 0, FH_BIG_FIRST, (struct fh_frame){
		.kind = GNOMON_FRAME_RAM, .write = true,
		.order = (uint8_t)(9 * (nested_leaf - 1)) });
	/* Leaves of 1G, guest or nested, need that much: pretend. */
	w->fix.fh->slot[0].frames = FH_BIG_FIRST;
	w->fix.slots.slot[0].frames = FH_BIG_FIRST;
	gn_mem_init(&w->mem, &w->fix.fh->host, w->fix.fh);
	gn_mem_add(&w->mem, &(struct gn_window){
		.bytes = (uint64_t)FH_BIG_FIRST << 12, .writable = true });
}

/* Serve violations as an engine does until the walk ends otherwise. */
static enum gnomon_status walk(struct world *w, uint32_t access,
			       struct gn_np_walk2d *out)
{
	enum gnomon_status s;

	for (unsigned i = 0; i < 20; i++) {
		struct gnomon_outcome o;

		s = gn_np_walk2d(&w->fix.np, &w->ctx, &w->mem,
				 gn_gva(w->gva), access, out);
		if (s != GNOMON_ABSENT) {
			break;
		}
		gn_np_fault(&w->fix.np, out->gpa, out->access, &o, NULL);
		if (o.action != GNOMON_RESUME) {
			break;
		}
	}
	return s;
}

/* The nptes on the way to gpa, found through the pages by their hpa. */
static unsigned model_nested(struct world *w, uint64_t gpa, uint64_t *list)
{
	uint64_t table = gn_np_root(&w->fix.np).v &
			 UINT64_C(0x000ffffffffff000);
	unsigned n = 0;

	for (unsigned l = w->fix.np.config.levels; l > 0; l--) {
		uint64_t at = table + 8 * (gpa >> (3 + 9 * l) & 511);
		struct fh_page *page = fh_page_at(w->fix.fh, table);
		uint64_t e;

		list[n++] = at;
		memcpy(&e, page->va + (at & 0xfff), 8);
		if (l == 1 || (e & 0x80)) {
			break;
		}
		table = e & UINT64_C(0x000ffffffffff000);
	}
	return n;
}

static unsigned model(struct world *w, uint64_t *list)
{
	unsigned n = 0;

	for (unsigned l = w->levels; l >= w->leaf && l > 0; l--) {
		uint64_t gpa = entry_gpa(w, l);

		n += model_nested(w, gpa, list + n);
		list[n++] = (fh_hfn(w->fix.fh, gpa >> 12) << 12) |
			    (gpa & 0xfff);
	}
	uint64_t bits = w->leaf ? w->ctx.format->level[w->leaf].shift : 12;
	uint64_t gpa = LEAF_GPA | (w->gva & ((UINT64_C(1) << bits) - 1));

	return n + model_nested(w, gpa, list + n);
}

static void check_counts(struct world *w, unsigned h)
{
	struct gn_np_walk2d out;
	uint64_t list[GN_NP_REFS_MAX];
	unsigned g = w->levels ? w->levels - w->leaf + 1 : 0;

	cr_assert_eq(walk(w, GNOMON_WRITE, &out), GNOMON_OK);
	cr_assert_eq(out.refs, g * (h + 1) + h, "g %u h %u: %u", g, h,
		     out.refs);
	cr_assert_eq(model(w, list), out.refs);
	for (unsigned i = 0; i < out.refs; i++) {
		cr_assert_eq(out.ref[i].hpa.v, list[i], "reference %u", i);
	}
	cr_assert_eq(out.hpa.v, (fh_hfn(w->fix.fh, out.gpa.v >> 12) << 12) |
				(w->gva & 0xfff));
}

/* Every guest format and leaf size over every nested one: g, h in 1..5. */
Test(walk2d, references_are_exactly_g_times_h_plus_1_plus_h)
{
	static const struct { uint8_t id, leaves; } guests[] = {
		{ GN_GPT_OFF, 0 }, { GN_GPT_32BIT, 2 }, { GN_GPT_PAE, 2 },
		{ GN_GPT_LONG4, 3 }, { GN_GPT_LONG5, 3 },
	};
	const struct gn_np_format *formats[] = { &gn_np_format_npt,
						 &gn_np_format_ept };
	static struct world w;
	uint64_t seen = 0;

	for (unsigned i = 0; i < 5 * 2 * 5 * 3; i++) {
		unsigned levels = 1 + i % 5, big = 1 + i / 5 % 3;
		unsigned guest = i / 15 % 5;
		unsigned h = levels - (levels < big ? levels : big) + 1;

		/* Guest tables lie at 1M: one nested level reaches 2M. */
		open_world(&w, formats[i / 75], levels, big);
		for (unsigned leaf = guests[guest].leaves ? 1 : 0;
		     leaf <= guests[guest].leaves; leaf++) {
			if (levels == 1 && leaf > 1) {
				continue; /* it reaches beyond 2M */
			}
			guest_open(&w, guests[guest].id, leaf);
			check_counts(&w, h);
			seen |= UINT64_C(1) << (6 * (w.levels ? w.levels -
					leaf + 1 : 0) + h);
		}
		cr_assert_null(npfix_audit(&w.fix));
		cr_assert_eq(npfix_close(&w.fix), 0);
	}
	for (unsigned g = 0; g <= 5; g++) {
		for (unsigned h = 1; h <= 5; h++) {
			cr_assert(seen >> (6 * g + h) & 1, "g %u h %u", g, h);
		}
	}
}

Test(walk2d, violation_names_the_table_first)
{
	static struct world w;
	struct gn_np_walk2d out;
	struct gnomon_outcome o;

	open_world(&w, &gn_np_format_npt, 4, 1);
	guest_open(&w, GN_GPT_LONG4, 1);
	for (unsigned l = 4; l >= 1; l--) {
		cr_assert_eq(gn_np_walk2d(&w.fix.np, &w.ctx, &w.mem,
					  gn_gva(w.gva), GNOMON_EXEC, &out),
			     GNOMON_ABSENT);
		cr_assert(out.table_walk);
		cr_assert_eq(out.access, GNOMON_WRITE);
		cr_assert_eq(out.gpa.v, entry_gpa(&w, l));
		gn_np_fault(&w.fix.np, out.gpa, out.access, &o, NULL);
		cr_assert_eq(o.action, GNOMON_RESUME);
	}
	cr_assert_eq(gn_np_walk2d(&w.fix.np, &w.ctx, &w.mem, gn_gva(w.gva),
				  GNOMON_EXEC, &out), GNOMON_ABSENT);
	cr_assert(!out.table_walk);
	cr_assert_eq(out.access, GNOMON_EXEC);
	cr_assert_eq(out.gpa.v, LEAF_GPA | (w.gva & 0xfff));
	cr_assert_eq(npfix_close(&w.fix), 0);
}

Test(walk2d, guest_fault_wins_once_its_tables_are_reachable)
{
	static struct world w;
	struct gn_np_walk2d out;

	open_world(&w, &gn_np_format_ept, 4, 1);
	guest_open(&w, GN_GPT_LONG4, 1);
	fh_store(w.fix.fh, entry_gpa(&w, 2), 8, 0);
	cr_assert_eq(walk(&w, GNOMON_READ, &out), GNOMON_FAULT);
	cr_assert_eq(out.error_code, 0);
	cr_assert_eq(out.refs, 3 * (4 + 1));
	/* Reserved bits in the guest's entry. */
	fh_store(w.fix.fh, entry_gpa(&w, 3), 8, UINT64_C(1) << 50 | 7);
	cr_assert_eq(walk(&w, GNOMON_READ, &out), GNOMON_FAULT);
	cr_assert_eq(out.error_code, X86_PF_P | X86_PF_RSVD);
	cr_assert_eq(npfix_close(&w.fix), 0);
}

Test(walk2d, table_outside_memory_is_mmio)
{
	static struct world w;
	struct gn_np_walk2d out;
	uint64_t hole = UINT64_C(1) << 40;

	open_world(&w, &gn_np_format_npt, 5, 1);
	guest_open(&w, GN_GPT_LONG5, 1);
	fh_store(w.fix.fh, entry_gpa(&w, 3), 8, hole | 7);
	cr_assert_eq(walk(&w, GNOMON_READ, &out), GNOMON_ABSENT);
	cr_assert_eq(out.gpa.v & ~UINT64_C(0xfff), hole);
	cr_assert(out.table_walk);
	cr_assert_eq(npfix_close(&w.fix), 0);
}
