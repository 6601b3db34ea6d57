/* SPDX-License-Identifier: BSD-2-Clause */
#include "shadow/agile.h"

#include "shadow/page.h"
#include "shadow/reclaim.h"
#include "shadow/set.h"

bool gn_sh_agile_marked(const struct gn_sh *sh, uint64_t gfn)
{
	const struct gn_tf_record *record =
		sh->below ? gn_tf_find(&sh->tf, gfn) : NULL;

	return record && record->below;
}

bool gn_sh_agile_heeds(const struct gn_sh *sh, union gn_sh_role role)
{
	return sh->config.agile && role.wp && role.nxe && !role.direct &&
	       !role.top &&
	       (role.format == GN_GPT_LONG4 || role.format == GN_GPT_LONG5);
}

bool gn_sh_agile_root(const struct gn_sh *sh, const struct gn_gpt_ctx *ctx,
		      uint64_t gfn)
{
	return gn_sh_agile_marked(sh, gfn) &&
	       gn_sh_agile_heeds(sh, gn_sh_role_of(ctx));
}

enum gnomon_status gn_sh_agile_mark(struct gn_sh *sh, uint64_t gfn, bool on,
				    uint32_t *budget)
{
	enum gnomon_status status;

	if (on && (gn_frames_ensure(&sh->frames, gfn) != GNOMON_OK ||
		   gn_tf_reserve(&sh->tf, 1) != GNOMON_OK)) {
		return GNOMON_NOMEM;
	}
	if (on != gn_sh_agile_marked(sh, gfn)) {
		gn_tf_mark_below(&sh->tf, gfn, on);
		sh->below += on ? 1 : UINT32_MAX;
		/* Both drop pages or entries, which others then refill. */
		if (on) {
			gn_sh_root_forsake(sh, gfn);
		} else {
			gn_sh_drop_switches(sh, gfn);
		}
	}
	/* Tables that nothing leads to any more would still be traced. */
	status = gn_sh_reap_all(sh, budget);
	gn_sh_flush_stale(sh);
	return status;
}

/* What backs the table, as memory that the CPU may set A and D in. */
static enum gnomon_frame_kind table_frame(struct gn_sh *sh, uint64_t gfn,
					  struct gnomon_frame *frame)
{
	gn_slots_frame(sh->slots, sh->host, sh->ctx, gn_gfn(gfn),
		       GNOMON_WANT_WRITE, frame);
	if (frame->kind == GNOMON_FRAME_RAM &&
	    (!frame->writable ||
	     frame->hfn.v >> (sh->config.host_maxphyaddr - 12))) {
		return GNOMON_FRAME_ROM;
	}
	return frame->kind;
}

enum gn_sh_step gn_sh_step_agile(struct gn_sh_fault *f)
{
	struct gn_sh *sh = f->sh;

	if (!sh->below || !gn_sh_agile_heeds(sh, f->vcpu->role)) {
		return GN_SH_NEXT;
	}
	for (unsigned l = f->top - 1; l >= f->walk.level && l > 0; l--) {
		uint64_t gfn = gn_sh_table_at(f, l);

		if (!gn_sh_agile_marked(sh, gfn)) {
			continue;
		}
		switch (table_frame(sh, gfn, &f->frame)) {
		case GNOMON_FRAME_RAM:
			f->below = l;
			return GN_SH_NEXT;
		case GNOMON_FRAME_NOT_NOW:
			return gn_sh_retry(f, gfn);
		case GNOMON_FRAME_ABSENT:
		case GNOMON_FRAME_ROM:
		case GNOMON_FRAME_MMIO:
			/* The CPU cannot mark it: shadow it after all. */
			break;
		}
	}
	return GN_SH_NEXT;
}

uint64_t gn_sh_agile_entry(struct gn_sh *sh, const struct gn_sh_page *page,
			   uint64_t gpte, gnomon_hfn_t frame)
{
	struct gn_gpt_entry e;

	gn_gpt_decode(gn_sh_mode(sh, page->role), page->role.level, gpte, &e);
	if (e.kind != GN_GPT_TABLE || !e.accessed) {
		return 0;
	}
	return gn_spte_make_switch(gn_hpa(frame.v << GNOMON_PAGE_SHIFT),
				   (uint8_t)(page->role.rights & e.rights));
}

enum gn_sh_step gn_sh_step_switch(struct gn_sh_fault *f)
{
	struct gn_sh *sh = f->sh;
	struct gn_sh_page *page = f->path[f->leaf];
	unsigned index = gn_sh_index_at(f, f->leaf);
	uint64_t gpte = gn_sh_gpte_at(f, f->leaf), old = page->spt[index];
	uint64_t spte = gn_sh_agile_entry(sh, page, gpte, f->frame.hfn);

	gn_sh_use(page);
	if (old == spte || !spte) {
		gn_sh_set_snap(page, index, gpte);
		return gn_sh_answer(f, GNOMON_RESUME, GNOMON_KIND_SPURIOUS);
	}
	gn_dirty_mark(&sh->mem->dirty,
		      gn_sh_table_at(f, f->below));
	gn_sh_set_switch(sh, page, index, spte, gpte);
	if (gn_spte_present(old)) {
		gn_sh_flush_stale(sh);
	}
	return GN_SH_NEXT;
}

void gn_sh_agile_follow(struct gn_sh *sh, struct gn_sh_page *page,
			unsigned index, uint64_t gpte)
{
	uint64_t old = page->spt[index];
	uint64_t hpa = gn_spte_hpa(old, 1);
	uint64_t spte = 0;

	if (gn_sh_table_gfn(sh, page, gpte) ==
	    gn_sh_leaf_gfn(sh, page, index)) {
		spte = gn_sh_agile_entry(sh, page, gpte,
					 gn_hfn(hpa >> GNOMON_PAGE_SHIFT));
	}
	if (spte) {
		gn_sh_set_rights(sh, page, index, spte, gpte);
	} else {
		gn_sh_clear(sh, page, index);
	}
}
