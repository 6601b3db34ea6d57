/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What CR3 of the CPU holds: for 4 and 5 levels the mirror of the guest's own
 * top table, which any vcpu may share; for PAE and 32-bit guests two top pages
 * of the vcpu, with what it loaded; with paging off a direct page. A CR3 that
 * names no memory gets an empty root: the guest runs and faults.
 *
 * Roots stay in the cache by key when no vcpu has them loaded, so coming back
 * to one costs a look-up.
 */
#ifndef SHADOW_ROOT_H
#define SHADOW_ROOT_H

#include "shadow/shadow.h"

/*
 * Make the vcpu's registers those of *ctx and its root the one they ask for.
 * GNOMON_OK, or GNOMON_NOMEM with the vcpu as it was.
 */
enum gnomon_status gn_sh_root_load(struct gn_sh_vcpu *vcpu,
				   const struct gn_gpt_ctx *ctx)
	GNOMON_MUST_USE;
void gn_sh_root_loaded_slow(struct gn_sh_vcpu *vcpu);
/* Has the CPU loaded its root, with nothing left to be done about that? */
static inline bool gn_sh_root_settled(const struct gn_sh_vcpu *vcpu)
{
	const struct gn_sh *sh = vcpu->sh;

	return !sh->left[vcpu->id] && !(sh->due >> vcpu->id & 1) &&
	       (vcpu->root || !(sh->vcpus >> vcpu->id & 1));
}
/* The CPU has loaded what it was last given: the root before may go. */
static inline void gn_sh_root_loaded(struct gn_sh_vcpu *vcpu)
{
	if (!gn_sh_root_settled(vcpu)) {
		gn_sh_root_loaded_slow(vcpu);
	}
}
/*
 * The vcpu goes on without us, on other tables: its root may go once the CPU
 * has loaded them.
 */
void gn_sh_root_park(struct gn_sh_vcpu *vcpu);
/* Is the address space rooted in gfn one that we serve? */
bool gn_sh_serves(const struct gn_sh *sh, uint64_t gfn);
/* It no more is: its pages go, but for roots that are still loaded. */
void gn_sh_root_forsake(struct gn_sh *sh, uint64_t gfn);
/* Let go of the root; the vcpu will not run again. */
void gn_sh_root_leave(struct gn_sh_vcpu *vcpu);
/* False when the root is empty for want of memory at CR3. */
static inline bool gn_sh_root_usable(const struct gn_sh_vcpu *vcpu)
{
	const struct gn_sh_page *root = vcpu->top;

	return root->state == GN_SH_LIVE &&
	       (!root->role.top || root->role.format == GN_GPT_PAE ||
		root->role.format == GN_GPT_32BIT);
}
gnomon_hpa_t gn_sh_root_hpa(const struct gn_sh_vcpu *vcpu);
/* What stands for entry index above the guest's top table: PDPTE or CR3. */
uint64_t gn_sh_top_entry(const struct gn_gpt_ctx *ctx, unsigned index);

#endif
