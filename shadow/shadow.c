/* SPDX-License-Identifier: BSD-2-Clause */
#include "shadow/shadow.h"

#include "shadow/page.h"
#include "shadow/view.h"

#define CHUNK_SHIFT 6
#define CHUNKS_MAX ((1u << 31) - 1)

void gn_sh_init(struct gn_sh *sh, const struct gn_sh_config *config,
		const struct gnomon_host *host, void *ctx,
		struct gn_pool *pool, const struct gn_slots *slots,
		struct gn_mem *mem, struct gnomon_stats *stats)
{
	*sh = (struct gn_sh){
		.host = host,
		.ctx = ctx,
		.pool = pool,
		.slots = slots,
		.mem = mem,
		.stats = stats,
		.config = *config,
	};
	gn_frames_init(&sh->frames, pool);
	gn_tf_init(&sh->tf, &sh->frames, pool);
	gn_slab_init(&sh->pages, pool, GN_SH_PAGE_SHIFT, GN_SH_PAGES_MAX);
	gn_slab_init(&sh->chunks, pool, CHUNK_SHIFT, CHUNKS_MAX);
	gn_list_init(&sh->age);
	gn_list_init(&sh->limbo);
}

void gn_sh_vcpu_init(struct gn_sh *sh, struct gn_sh_vcpu *vcpu, uint32_t id,
		     struct gnomon_stats *stats)
{
	vcpu->sh = sh;
	vcpu->id = id;
	vcpu->mem = sh->mem;
	vcpu->stats = stats;
	sh->vcpu[id] = vcpu;
}

void gn_sh_vcpu_exit(struct gn_sh_vcpu *vcpu)
{
	struct gn_sh *sh = vcpu->sh;

	while (vcpu->stock_count > 0) {
		gn_slab_give(&sh->chunks, vcpu->stock[--vcpu->stock_count]);
	}
	sh->refs += vcpu->refs;
	sh->vcpu[vcpu->id] = NULL;
}

uint64_t gn_sh_refs_total(const struct gn_sh *sh)
{
	uint64_t refs = sh->refs;

	for (unsigned i = 0; i < GNOMON_VCPUS_MAX; i++) {
		refs += sh->vcpu[i] ? sh->vcpu[i]->refs : 0;
	}
	return refs;
}

/* Nothing walks the tables any more, so nets need no unpicking. */
static bool drop_pages(struct gn_sh *sh, struct gn_list *list,
		       uint32_t *budget)
{
	while (!gn_list_empty(list)) {
		if (*budget == 0) {
			return false;
		}
		--*budget;
		gn_sh_page_drop(sh, GN_CONTAINER(list->next,
						 struct gn_sh_page, age));
	}
	return true;
}

enum gnomon_status gn_sh_destroy(struct gn_sh *sh, uint32_t *budget)
{
	return drop_pages(sh, &sh->age, budget) &&
	       drop_pages(sh, &sh->limbo, budget) &&
	       gn_slab_drop(&sh->pages, budget) &&
	       gn_slab_drop(&sh->chunks, budget) &&
	       gn_slab_drop(&sh->tf.records, budget) &&
	       gn_frames_drop(&sh->frames, budget)
		       ? GNOMON_OK
		       : GNOMON_MORE;
}

/* Registers under which gptes mean what they mean in the role. */
static void mode_regs(union gn_sh_role role, struct gnomon_regs *regs)
{
	bool lma = role.format == GN_GPT_LONG4 || role.format == GN_GPT_LONG5;
	bool pae = lma || role.format == GN_GPT_PAE;

	*regs = (struct gnomon_regs){
		.cr0 = role.format == GN_GPT_OFF ? 1 : GN_BIT(31) | 1,
		.cr4 = (pae ? GN_BIT(5) : 0) |
		       (role.format == GN_GPT_LONG5 ? GN_BIT(12) : 0) |
		       (role.pse ? GN_BIT(4) : 0) |
		       (role.pke ? GN_BIT(22) : 0) | GN_BIT(7),
		.efer = (lma ? GN_BIT(8) | GN_BIT(10) : 0) |
			(role.nxe ? GN_BIT(11) : 0),
	};
}

/* G is taken over from the gpte as it is: the CPU's CR4.PGE is the guest's. */
static void mode_init(const struct gn_sh *sh, struct gn_sh_mode *mode,
		      union gn_sh_role role)
{
	struct gnomon_regs regs;
	enum gnomon_status status;

	mode_regs(role, &regs);
	status = gn_gpt_ctx_init(&mode->ctx, &regs, &sh->config.caps);
	/* The same bits were accepted when the role came to be. */
	GN_ASSERT(status == GNOMON_OK);
	(void)status;
}

const struct gn_gpt_ctx *gn_sh_mode(struct gn_sh *sh, union gn_sh_role role)
{
	union gn_sh_role key = {
		.format = role.format,
		.nxe = role.nxe,
		.pke = role.pke,
		.pse = role.pse,
		.top = 1,	/* tells a used cell from an empty one */
	};

	for (unsigned i = 0; i < GN_SH_MODES; i++) {
		if (sh->mode[i].key == key.bits) {
			return &sh->mode[i].ctx;
		}
	}
	struct gn_sh_mode *mode = &sh->mode[sh->mode_next++ % GN_SH_MODES];

	mode->key = key.bits;
	mode_init(sh, mode, role);
	return &mode->ctx;
}

static void direct_key(struct gn_sh *sh, const struct gn_sh_page *page,
		       unsigned index, const struct gn_gpt_entry *e,
		       struct gn_sh_key *key)
{
	union gn_sh_role role = page->role;

	(void)sh;
	key->gfn = e->frame.v >> GNOMON_PAGE_SHIFT;
	/* A 4M leaf fills two entries. */
	if (gn_sh_role_small(role) && role.level == 2) {
		key->gfn += (uint64_t)(index & 1) << 9;
	}
	key->role = (union gn_sh_role){
		.level = (role.level - 1) & 7u,
		.direct = 1,
		.rights = role.rights & e->rights &
			  (e->dirty ? 7u : 7u & ~(unsigned)GN_GPT_W) & 7u,
		.wp = role.wp,
		.smep = role.smep,
		.smap = role.smap,
		.pkey = e->pkey & 15u,
		.type = (unsigned)e->pwt | (unsigned)e->pcd << 1 |
			(unsigned)e->pat << 2,
		.global = e->global,
		.view = role.view,
	};
}

bool gn_sh_child_key(struct gn_sh *sh, const struct gn_sh_page *page,
		     unsigned index, uint64_t gpte, struct gn_sh_key *key)
{
	union gn_sh_role role = page->role;
	struct gn_gpt_entry e;

	key->role = role;
	key->role.level = (role.level - 1) & 7u;
	if (role.direct) {
		key->gfn = page->gfn + index * gn_level_frames(role.level);
		return true;
	}
	key->role.top = 0;
	if (role.top) {
		key->gfn = gn_sh_memory(sh, role, (gpte & gn_mask(51, 12)) >>
						 GNOMON_PAGE_SHIFT);
		key->role.quadrant = gn_sh_role_small(role) ? index & 3 : 0;
		return (gpte & X86_PTE_P) != 0;
	}
	gn_gpt_decode(gn_sh_mode(sh, role), role.level, gpte, &e);
	if (!e.accessed || e.kind == GN_GPT_HOLE || e.kind == GN_GPT_BAD) {
		return false;
	}
	if (e.kind == GN_GPT_LEAF) {
		direct_key(sh, page, index, &e, key);
		return true;
	}
	key->gfn = gn_sh_memory(sh, role, e.frame.v >> GNOMON_PAGE_SHIFT);
	key->role.rights = role.rights & e.rights & 7u;
	key->role.quadrant = gn_sh_role_small(role) ? index & 1 : 0;
	return true;
}
