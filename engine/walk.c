/* SPDX-License-Identifier: BSD-2-Clause */
/* gnomon_walk(): a translation told entry by entry. */
#include "base/assert.h"
#include "guestpt/walk.h"

GN_STATIC_ASSERT((int)GNOMON_RIGHT_EXEC == GN_GPT_X &&
		 (int)GNOMON_RIGHT_WRITE == GN_GPT_W &&
		 (int)GNOMON_RIGHT_USER == GN_GPT_U &&
		 (int)GNOMON_RIGHT_READ == GN_GPT_R,
		 "public rights are those of guestpt/");
GN_STATIC_ASSERT((int)GNOMON_ENTRY_HOLE == GN_GPT_HOLE &&
		 (int)GNOMON_ENTRY_TABLE == GN_GPT_TABLE &&
		 (int)GNOMON_ENTRY_LEAF == GN_GPT_LEAF &&
		 (int)GNOMON_ENTRY_RESERVED == GN_GPT_BAD,
		 "public kinds are those of guestpt/");

/* A PDPTE is no entry of guestpt/: it was checked when it was loaded. */
static void add_pdpte(const struct gn_gpt_ctx *ctx, uint64_t cr3,
		      gnomon_gva_t gva, struct gnomon_trail *out)
{
	uint16_t index = gva.v >> 30 & 3;
	uint64_t pdpte = ctx->pdpte[index];
	bool present = pdpte & X86_PTE_P;

	out->step[out->step_count++] = (struct gnomon_step){
		.gpte = pdpte,
		.gpa = gn_gpa((cr3 & gn_mask(31, 5)) + 8u * index),
		.frame = gn_gpa(present ? pdpte & gn_mask(51, 12) : 0),
		.index = index,
		.level = 3,
		.kind = present ? GNOMON_ENTRY_TABLE : GNOMON_ENTRY_HOLE,
		.rights = present ? GN_GPT_RIGHTS : 0,
		.path_rights = present ? GN_GPT_RIGHTS : 0,
	};
}

static void add_step(const struct gn_gpt_ctx *ctx,
		     const struct gn_gpt_step *step, unsigned level,
		     gnomon_gva_t gva, struct gnomon_trail *out)
{
	uint8_t before = out->step_count
			 ? out->step[out->step_count - 1].path_rights
			 : GN_GPT_RIGHTS;
	struct gn_gpt_entry e;

	gn_gpt_decode(ctx, level, step->gpte, &e);
	out->step[out->step_count++] = (struct gnomon_step){
		.gpte = step->gpte,
		.gpa = step->gpa,
		.frame = e.frame,
		.index = (uint16_t)gn_gpt_index(ctx, level, gva),
		.level = (uint8_t)level,
		.kind = (uint8_t)e.kind,
		.rights = e.rights,
		.path_rights = e.rights & before,
		.pkey = e.pkey,
		.global = e.global,
	};
}

static void add_steps(const struct gn_gpt_ctx *ctx,
		      const struct gn_gpt_walk *walk, unsigned last,
		      gnomon_gva_t gva, struct gnomon_trail *out)
{
	for (unsigned l = ctx->format->levels; l >= last && l > 0; l--) {
		add_step(ctx, &walk->step[l], l, gva, out);
	}
}

static enum gnomon_status init(struct gn_gpt_ctx *gpt, struct gn_mem *mem,
			       const struct gnomon_regs *regs,
			       const struct gnomon_caps *caps, uint32_t flags,
			       struct gnomon_trail *out)
{
	struct gnomon_regs loaded = *regs;
	enum gnomon_status status = GNOMON_OK;

	if (gn_gpt_regs_pae(regs) && !(flags & GNOMON_SET_PDPTES)) {
		status = gn_gpt_load_pdptes(mem, regs->cr3, loaded.pdpte);
		out->result.gpa = gn_gpa(regs->cr3 & gn_mask(31, 5));
	}
	if (status != GNOMON_OK) {
		return status;
	}
	return gn_gpt_ctx_init(gpt, &loaded, caps) == GNOMON_OK
	       ? GNOMON_OK : GNOMON_INVAL;
}

enum gnomon_status gnomon_walk(const struct gnomon_regs *regs,
			       const struct gnomon_caps *caps,
			       const struct gnomon_host *host, void *ctx,
			       gnomon_gva_t gva, uint32_t access,
			       uint32_t flags, struct gnomon_trail *out)
{
	struct gn_gpt_ctx gpt;
	struct gn_gpt_walk walk;
	struct gn_mem mem;
	enum gnomon_status status;

	*out = (struct gnomon_trail){ .format = "" };
	gn_mem_init(&mem, host, ctx);
	gn_mem_add(&mem, &(struct gn_window){ .bytes = UINT64_MAX,
					      .writable = true });
	status = init(&gpt, &mem, regs, caps, flags, out);
	if (status != GNOMON_OK) {
		return status;
	}
	out->format = gpt.format->name;
	status = gn_gpt_walk(&gpt, &mem, gva, access & 15, 0, &walk);
	if (status == GNOMON_GP) {
		return status;
	}
	if (gpt.format->pdptes) {
		add_pdpte(&gpt, regs->cr3, gva, out);
	}
	add_steps(&gpt, &walk, walk.level + (status == GNOMON_ABSENT ? 1u : 0u),
		  gva, out);
	if (status != GNOMON_FAULT) {
		out->result.gpa = walk.gpa;
	}
	if (status == GNOMON_OK) {
		out->result.page_shift = (uint8_t)walk.page_shift;
		out->result.writable = walk.rights & GN_GPT_W;
		out->result.user = walk.rights & GN_GPT_U;
		out->result.executable = walk.rights & GN_GPT_X;
	} else if (status == GNOMON_FAULT) {
		out->result.error_code = walk.error_code;
	}
	return status;
}
