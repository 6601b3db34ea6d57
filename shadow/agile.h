/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Agile paging (Gandhi, Hill and Swift, ISCA 2016): shadow tables down to an
 * entry with the switching bit, the guest's own tables below it, which the CPU
 * then walks through the nested table.
 *
 * A guest table that is marked has no mirror. The entry that would lead to one
 * holds the hpa of the guest's table instead, and as its own rights those of
 * the whole path down to it. It stands in the reverse map of the frame that
 * the table lies in, like a leaf that maps it: what takes the frame away takes
 * the entry away. Nothing below it is traced or shadowed.
 *
 * The CPU sets A and D in a table that it finds by such an entry without a
 * look at the nested table, so the frame must be writable RAM, and a dirty log
 * counts it as written when the entry is made.
 *
 * A mark is heeded where what the CPU runs with is what the guest runs with:
 * 4 or 5 levels, CR0.WP and EFER.NXE set. Elsewhere the table is shadowed.
 */
#ifndef SHADOW_AGILE_H
#define SHADOW_AGILE_H

#include "shadow/step.h"

/*
 * Set or take the mark of the frame. Takes its mirrors out of the nets and,
 * one step of the budget each, what only they led to. GNOMON_OK, GNOMON_MORE,
 * GNOMON_NOMEM. The TLBs have followed.
 */
enum gnomon_status gn_sh_agile_mark(struct gn_sh *sh, uint64_t gfn, bool on,
				    uint32_t *budget) GNOMON_MUST_USE;
bool gn_sh_agile_marked(const struct gn_sh *sh, uint64_t gfn);
/* Is it as a root under these registers that the table is marked? */
bool gn_sh_agile_root(const struct gn_sh *sh, const struct gn_gpt_ctx *ctx,
		      uint64_t gfn);
/* Is a mark heeded under this role? */
bool gn_sh_agile_heeds(const struct gn_sh *sh, union gn_sh_role role);

/* Does the path lead to a marked table? Then f->below is its level. */
enum gn_sh_step gn_sh_step_agile(struct gn_sh_fault *f);
/* Write the entry with the switching bit, the last step of such a fault. */
enum gn_sh_step gn_sh_step_switch(struct gn_sh_fault *f);

/*
 * What the entry at index of page has to be for gpte, when frame backs the
 * table that gpte names; 0 when it must be empty.
 */
uint64_t gn_sh_agile_entry(struct gn_sh *sh, const struct gn_sh_page *page,
			   uint64_t gpte, gnomon_hfn_t frame);
/* The gpte behind an entry with the switching bit has changed. */
void gn_sh_agile_follow(struct gn_sh *sh, struct gn_sh_page *page,
			unsigned index, uint64_t gpte);

#endif
