/* SPDX-License-Identifier: BSD-2-Clause */
#include "shadow/root.h"

#include "shadow/agile.h"
#include "shadow/fill.h"
#include "shadow/page.h"
#include "shadow/reclaim.h"
#include "shadow/refs.h"
#include "shadow/set.h"
#include "shadow/unsync.h"
#include "shadow/view.h"

#define TOP_ENTRIES 4u		/* of 1G each below 4G */

static bool has_top(const struct gn_gpt_ctx *ctx)
{
	return ctx->format->id == GN_GPT_PAE || ctx->format->id == GN_GPT_32BIT;
}

uint64_t gn_sh_top_entry(const struct gn_gpt_ctx *ctx, unsigned index)
{
	if (ctx->format->id == GN_GPT_PAE) {
		return ctx->pdpte[index];
	}
	return ctx->format->id == GN_GPT_32BIT ? ctx->root.v | X86_PTE_P : 0;
}

gnomon_hpa_t gn_sh_root_hpa(const struct gn_sh_vcpu *vcpu)
{
	return vcpu->top->hpa;
}

/* A top page of the vcpu may serve again if only its entries differ. */
static struct gn_sh_page *reuse_top(struct gn_sh_vcpu *vcpu,
				    const struct gn_gpt_ctx *ctx,
				    union gn_sh_role role)
{
	struct gn_sh *sh = vcpu->sh;
	struct gn_sh_page *root = vcpu->top;

	if (!root || root->role.bits != role.bits) {
		return NULL;
	}
	struct gn_sh_page *upper = gn_sh_child(sh, root, 0);

	for (unsigned i = 0; i < TOP_ENTRIES; i++) {
		if (upper->snap[i] != gn_sh_top_entry(ctx, i)) {
			gn_sh_clear(sh, upper, i);
		}
	}
	return root;
}

static struct gn_sh_page *new_top(struct gn_sh_vcpu *vcpu,
				  union gn_sh_role role)
{
	struct gn_sh *sh = vcpu->sh;

	if (gn_sh_refs_reserve(sh, 1) != GNOMON_OK ||
	    gn_sh_make_room(sh, 2) != GNOMON_OK) {
		return NULL;
	}
	struct gn_sh_page *root = gn_sh_page_new(sh, vcpu->id, role);

	role.level = 3;
	gn_sh_set_table(sh, root, 0, gn_sh_page_new(sh, vcpu->id, role), 0);
	return root;
}

/*
 * A new root leads to tables that another one had shadowed, the kernel's
 * mostly. Link them: else each costs a fault that finds everything there.
 */
static void adopt(struct gn_sh *sh, struct gn_sh_page *root)
{
	for (unsigned i = 0; i < GN_SH_ENTRIES; i++) {
		struct gn_sh_page *child;
		struct gn_sh_key key;
		uint64_t gpte;

		if (gn_sh_read_gpte(sh, root, i, &gpte) != GNOMON_OK || !gpte ||
		    !gn_sh_child_key(sh, root, i, gpte, &key)) {
			continue;
		}
		child = gn_sh_page_find(sh, key.gfn, key.role);
		if (child && gn_sh_refs_reserve(sh, 1) == GNOMON_OK) {
			gn_sh_set_table(sh, root, i, child, gpte);
		}
	}
}

/* A root under a key that all vcpus share. */
static struct gn_sh_page *shared(struct gn_sh *sh, uint64_t gfn,
				 union gn_sh_role role)
{
	struct gn_sh_page *root = gn_sh_page_find(sh, gfn, role);

	if (root) {
		sh->stats->root_hits++;
		return root;
	}
	if (gn_frames_ensure(&sh->frames, gfn) != GNOMON_OK ||
	    gn_sh_make_room(sh, 1) != GNOMON_OK) {
		return NULL;
	}
	root = gn_sh_page_new(sh, gfn, role);
	if (!role.direct && gn_sh_option(sh, GNOMON_OPT_PREFETCH)) {
		adopt(sh, root);
	}
	return root;
}

static struct gn_sh_page *empty(struct gn_sh_vcpu *vcpu,
				union gn_sh_role role)
{
	struct gn_sh *sh = vcpu->sh;

	role.top = 1;
	if (gn_sh_make_room(sh, 1) != GNOMON_OK) {
		return NULL;
	}
	return gn_sh_page_new(sh, vcpu->id, role);
}

static struct gn_sh_page *find_root(struct gn_sh_vcpu *vcpu,
				    const struct gn_gpt_ctx *ctx,
				    union gn_sh_role role)
{
	uint64_t gfn = gn_sh_memory(vcpu->sh, role,
				    ctx->root.v >> GNOMON_PAGE_SHIFT);

	role.level = ctx->format->id == GN_GPT_LONG5 ? 5 : 4;
	if (ctx->format->id == GN_GPT_OFF) {
		union gn_sh_role direct = {
			.level = 4, .direct = 1, .rights = 7,
			.view = role.view,
		};

		return shared(vcpu->sh, 0, direct);
	}
	if (has_top(ctx)) {
		struct gn_sh_page *root;

		role.top = 1;
		root = reuse_top(vcpu, ctx, role);
		return root ? root : new_top(vcpu, role);
	}
	return gn_slots_find(vcpu->sh->slots, gn_gfn(gfn))
		       ? shared(vcpu->sh, gfn, role)
		       : empty(vcpu, role);
}

bool gn_sh_serves(const struct gn_sh *sh, uint64_t gfn)
{
	uint8_t space = gn_tf_space(&sh->tf, gfn);

	return (space ? space != 1 + GNOMON_MODE_NESTED : !sh->elsewhere) &&
	       !gn_sh_agile_marked(sh, gfn);
}

void gn_sh_root_forsake(struct gn_sh *sh, uint64_t gfn)
{
	const struct gn_tf_record *record = gn_tf_find(&sh->tf, gfn);
	uint32_t number = record ? record->pages : 0;

	while (number) {
		struct gn_sh_page *page = gn_sh_page_at(sh, number);

		number = page->next;
		if (gn_sh_page_mirrors(page) && !page->roots) {
			gn_sh_page_zap(sh, page);
		}
	}
}

/* May the root wait for its address space to be loaded again? */
static bool keeps(const struct gn_sh *sh, const struct gn_sh_page *root)
{
	return gn_sh_option(sh, GNOMON_OPT_ROOT_CACHE) &&
	       (root->role.direct ? !sh->elsewhere
				  : gn_sh_serves(sh, root->gfn));
}

/* A root that is not kept goes when the last vcpu leaves it. */
static void drop(struct gn_sh *sh, uint32_t number)
{
	struct gn_sh_page *page = gn_sh_page_at(sh, number);
	bool cached = page->role.top || page->state != GN_SH_LIVE ||
		      keeps(sh, page);
	bool last = page->roots == 1;

	gn_sh_root_put(sh, page);
	if (last && !cached) {
		gn_sh_page_zap(sh, page);
	}
}

static void drop_left(struct gn_sh_vcpu *vcpu)
{
	uint32_t *left = &vcpu->sh->left[vcpu->id];

	if (*left) {
		drop(vcpu->sh, *left);
		*left = 0;
	}
}

enum gnomon_status gn_sh_root_load(struct gn_sh_vcpu *vcpu,
				   const struct gn_gpt_ctx *ctx)
{
	union gn_sh_role role = gn_sh_role_of(ctx);
	struct gn_sh_page *root;
	uint32_t old = vcpu->root;

	role.view = vcpu->view & 1;
	root = find_root(vcpu, ctx, role);
	if (!root) {
		return GNOMON_NOMEM;
	}
	if (ctx != &vcpu->ctx) {
		vcpu->ctx = *ctx;
	}
	vcpu->role = role;
	vcpu->sh->vcpus |= GN_BIT(vcpu->id);
	gn_sh_unsync_sync(vcpu->sh);
	if (root->number == old) {
		return GNOMON_OK;
	}
	gn_sh_root_get(root);
	vcpu->root = root->number;
	vcpu->top = root;
	vcpu->sh->loaded[vcpu->id] = root->number;
	drop_left(vcpu);
	vcpu->sh->left[vcpu->id] = old;
	/* A guest that only loads roots leaves no pages of old ones behind. */
	gn_sh_reap(vcpu->sh);
	return GNOMON_OK;
}

void gn_sh_root_loaded_slow(struct gn_sh_vcpu *vcpu)
{
	struct gn_sh *sh = vcpu->sh;

	drop_left(vcpu);
	gn_sh_flush_done(sh, vcpu->id);
	if (!vcpu->root && (sh->vcpus & GN_BIT(vcpu->id))) {
		sh->vcpus &= ~GN_BIT(vcpu->id);
		gn_sh_flushed(sh, vcpu->id, true);
	}
}

void gn_sh_root_park(struct gn_sh_vcpu *vcpu)
{
	struct gn_sh *sh = vcpu->sh;

	drop_left(vcpu);
	sh->left[vcpu->id] = vcpu->root;
	sh->loaded[vcpu->id] = 0;
	vcpu->root = 0;
	vcpu->top = NULL;
	gn_sh_flush_due(sh, vcpu->id, true);
}

void gn_sh_root_leave(struct gn_sh_vcpu *vcpu)
{
	struct gn_sh *sh = vcpu->sh;

	drop_left(vcpu);
	if (vcpu->root) {
		drop(sh, vcpu->root);
		vcpu->root = 0;
		vcpu->top = NULL;
		sh->loaded[vcpu->id] = 0;
	}
	sh->vcpus &= ~GN_BIT(vcpu->id);
	gn_sh_flushed(sh, vcpu->id, true);
}
