/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From registers and capabilities to a context: is the combination legal,
 * which format is it, which bits of its entries are reserved, and which
 * rights does each kind of access need?
 */
#include "guestpt/internal.h"

#define CR0_PE		GN_BIT(0)
#define CR0_WP		GN_BIT(16)
#define CR0_NW		GN_BIT(29)
#define CR0_CD		GN_BIT(30)
#define CR0_PG		GN_BIT(31)

#define CR4_PSE		GN_BIT(4)
#define CR4_PAE		GN_BIT(5)
#define CR4_PGE		GN_BIT(7)
#define CR4_LA57	GN_BIT(12)
#define CR4_PCIDE	GN_BIT(17)
#define CR4_SMEP	GN_BIT(20)
#define CR4_SMAP	GN_BIT(21)
#define CR4_PKE		GN_BIT(22)
/*
 * Bits with no bearing on paging: 0-3, 6, 8-11, 13, 14, 16, 18. CET, PKS and
 * LAM would change what a walk means, so they count as unknown.
 */
#define CR4_OTHER	UINT64_C(0x00056f4f)

#define EFER_SCE	GN_BIT(0)
#define EFER_LME	GN_BIT(8)
#define EFER_LMA	GN_BIT(10)
#define EFER_NXE	GN_BIT(11)
/* SVME, FFXSR, TCE. */
#define EFER_OTHER	(GN_BIT(12) | GN_BIT(14) | GN_BIT(15))

static const struct {
	uint64_t bit;
	uint32_t feature;
} cr4_features[] = {
	{ CR4_LA57, GNOMON_CAP_LA57 },
	{ CR4_PCIDE, GNOMON_CAP_PCID },
	{ CR4_SMEP, GNOMON_CAP_SMEP },
	{ CR4_SMAP, GNOMON_CAP_SMAP },
	{ CR4_PKE, GNOMON_CAP_PKU },
};

static uint64_t cr4_allowed(const struct gnomon_caps *caps)
{
	uint64_t bits = CR4_OTHER | CR4_PSE | CR4_PAE | CR4_PGE;

	for (size_t i = 0; i < sizeof(cr4_features) / sizeof(*cr4_features);
	     i++) {
		if (caps->features & cr4_features[i].feature) {
			bits |= cr4_features[i].bit;
		}
	}
	return bits;
}

static uint64_t efer_allowed(const struct gnomon_caps *caps)
{
	return EFER_SCE | EFER_LME | EFER_LMA | EFER_OTHER |
	       (caps->features & GNOMON_CAP_NX ? EFER_NXE : 0);
}

static bool pdptes_legal(const uint64_t pdpte[4], unsigned maxphyaddr)
{
	uint64_t reserved = gn_mask(63, maxphyaddr) | gn_mask(8, 5) |
			    gn_mask(2, 1);

	for (unsigned i = 0; i < 4; i++) {
		if ((pdpte[i] & X86_PTE_P) && (pdpte[i] & reserved)) {
			return false;
		}
	}
	return true;
}

bool gn_gpt_regs_pae(const struct gnomon_regs *regs)
{
	return (regs->cr0 & CR0_PG) && (regs->cr4 & CR4_PAE) &&
	       !(regs->efer & EFER_LMA);
}

static bool bits_legal(const struct gnomon_regs *regs,
		       const struct gnomon_caps *caps)
{
	return !(regs->cr0 >> 32) &&
	       !((regs->cr0 & CR0_PG) && !(regs->cr0 & CR0_PE)) &&
	       !((regs->cr0 & CR0_NW) && !(regs->cr0 & CR0_CD)) &&
	       !(regs->cr4 & ~cr4_allowed(caps)) &&
	       !(regs->efer & ~efer_allowed(caps));
}

static bool regs_legal(const struct gnomon_regs *regs,
		       const struct gnomon_caps *caps)
{
	bool lma = regs->efer & EFER_LMA;

	if (!bits_legal(regs, caps) ||
	    lma != ((regs->efer & EFER_LME) && (regs->cr0 & CR0_PG))) {
		return false;
	}
	if (!lma) {
		return !(regs->cr4 & CR4_PCIDE) &&
		       (!gn_gpt_regs_pae(regs) ||
			pdptes_legal(regs->pdpte, caps->maxphyaddr));
	}
	return (regs->cr4 & CR4_PAE) &&
	       !(regs->cr3 & gn_mask(63, caps->maxphyaddr));
}

static const struct gn_gpt_format *format_of(const struct gnomon_regs *regs)
{
	enum gn_gpt_format_id id;
	const struct gn_gpt_format *f;

	if (!(regs->cr0 & CR0_PG)) {
		id = GN_GPT_OFF;
	} else if (regs->efer & EFER_LMA) {
		id = regs->cr4 & CR4_LA57 ? GN_GPT_LONG5 : GN_GPT_LONG4;
	} else {
		id = regs->cr4 & CR4_PAE ? GN_GPT_PAE : GN_GPT_32BIT;
	}
	f = gn_gpt_formats[id];
	return (regs->cr4 & CR4_PKE) && f->with_pkeys ? f->with_pkeys : f;
}

static uint32_t control_of(const struct gnomon_regs *regs,
			   const struct gn_gpt_format *f)
{
	bool wide = f->entry_shift == 3;

	if (f->id == GN_GPT_OFF) {
		return 0;
	}
	return (regs->cr0 & CR0_WP ? GN_GPT_WP : 0u) |
	       (regs->cr4 & CR4_SMEP ? GN_GPT_SMEP : 0u) |
	       (regs->cr4 & CR4_SMAP ? GN_GPT_SMAP : 0u) |
	       (regs->cr4 & CR4_PGE ? GN_GPT_PGE : 0u) |
	       (wide && (regs->efer & EFER_NXE) ? GN_GPT_NXE : 0u) |
	       (!wide && (regs->cr4 & CR4_PSE) ? GN_GPT_PSE : 0u) |
	       (f->pkeys ? GN_GPT_PKE : 0u);
}

/*
 * Rights as sets: bit i of x says that case i may be executed, and so on. A
 * rule is then evaluated for all cases at once, 16 for deny[] and 64 for
 * quick_deny[].
 */
struct cases {
	uint64_t r, w, x, u;
};

static uint64_t denied_x86(uint32_t control, const struct cases *c,
			   uint32_t access, bool ac)
{
	bool user = gn_gpt_is_user(access);
	bool fetch = access & GNOMON_EXEC;
	bool write = access & GNOMON_WRITE;
	bool smap = (control & GN_GPT_SMAP) &&
		    (!ac || (access & GNOMON_IMPLICIT));
	uint64_t bad = user ? ~c->u : 0;

	if (fetch) {
		bad |= ~c->x;
	}
	if (write && (user || (control & GN_GPT_WP))) {
		bad |= ~c->w;
	}
	if (!user && (fetch ? (control & GN_GPT_SMEP) != 0 : smap)) {
		bad |= c->u;
	}
	return bad;
}

static uint64_t denied_riscv(uint32_t flags, const struct cases *c,
			     uint32_t access)
{
	bool fetch = access & GNOMON_EXEC;
	uint64_t readable = c->r | (flags & GN_GPT_RISCV_MXR ? c->x : 0);
	uint64_t bad = fetch ? ~c->x :
		       access & GNOMON_WRITE ? ~c->w : ~readable;

	if (gn_gpt_is_user(access)) {
		return bad | ~c->u;
	}
	/* Supervisor data accesses to user pages need SUM. */
	return fetch || !(flags & GN_GPT_RISCV_SUM) ? bad | c->u : bad;
}

/* The cases whose index has bit n set. */
#define CASES_0 UINT64_C(0xaaaaaaaaaaaaaaaa)
#define CASES_1 UINT64_C(0xcccccccccccccccc)
#define CASES_2 UINT64_C(0xf0f0f0f0f0f0f0f0)
#define CASES_3 UINT64_C(0xff00ff00ff00ff00)
#define CASES_4 UINT64_C(0xffff0000ffff0000)

/* enum gn_gpt_rights is the index into deny[]. */
static const struct cases by_rights = {
	.x = CASES_0, .w = CASES_1, .u = CASES_2, .r = CASES_3,
};
/*
 * Low bits of the AND, the index into quick_deny[]. x86: P, W, U, PWT, PCD, A;
 * NX is looked for in the OR. RISC-V: V, R, W, X, U, G of the leaf.
 */
static const struct cases by_x86_bits = {
	.w = CASES_1, .u = CASES_2, .r = ~UINT64_C(0), .x = ~UINT64_C(0),
};
static const struct cases by_riscv_bits = {
	.r = CASES_1, .w = CASES_2, .x = CASES_3, .u = CASES_4,
};

static void fill_deny_x86(struct gn_gpt_ctx *ctx, uint32_t first,
			  uint32_t last)
{
	for (uint32_t a = first; a <= last; a++) {
		ctx->deny[a] = (uint16_t)denied_x86(ctx->control, &by_rights,
						    a, ctx->ac);
		ctx->quick_deny[a] = ~CASES_0 |
			denied_x86(ctx->control, &by_x86_bits, a, ctx->ac);
	}
}

static void fill_deny_riscv(struct gn_gpt_ctx *ctx, uint32_t flags)
{
	/* Not W without R either; where all of R, W, X are clear, all is. */
	uint64_t unsure = ~CASES_0 | (by_riscv_bits.w & ~by_riscv_bits.r);

	for (uint32_t a = 0; a < 16; a++) {
		ctx->deny[a] = (uint16_t)denied_riscv(flags, &by_rights, a);
		ctx->quick_deny[a] = unsure |
			denied_riscv(flags, &by_riscv_bits, a);
	}
}

void gn_gpt_ctx_set_ac(struct gn_gpt_ctx *ctx, bool ac)
{
	if (ctx->ac != ac && !ctx->format->riscv) {
		ctx->ac = ac;
		/* It matters to explicit supervisor data accesses alone. */
		fill_deny_x86(ctx, GNOMON_READ, GNOMON_WRITE);
	}
}

/* PSE-36: bits of a 4M leaf above what MAXPHYADDR, at most 40, allows. */
static uint64_t bad_pse36(const struct gnomon_caps *caps)
{
	unsigned bits = caps->maxphyaddr < 40 ? caps->maxphyaddr : 40;

	return gn_mask(21, caps->features & GNOMON_CAP_PSE36 ? bits - 19 : 13);
}

static void fill_reserved_x86(struct gn_gpt_ctx *ctx,
			      const struct gnomon_caps *caps)
{
	const struct gn_gpt_format *f = ctx->format;
	/* Bits 62..52 are ignored in long mode but reserved in PAE. */
	unsigned high = f->id == GN_GPT_PAE ? 62 : 51;
	uint64_t always = gn_mask(high, caps->maxphyaddr) |
			  (ctx->control & GN_GPT_NXE ? 0 : X86_PTE_NX);

	for (unsigned l = 1; l <= f->levels; l++) {
		ctx->leaf[l] = f->level[l].leaf;
		if (!f->level[l].leaf_frame ||
		    (l == 2 && f->id == GN_GPT_32BIT &&
		     !(ctx->control & GN_GPT_PSE)) ||
		    (l == 3 && !(caps->features & GNOMON_CAP_1G))) {
			ctx->leaf[l] = 0;
		}
		if (f->id == GN_GPT_32BIT) {
			ctx->bad_leaf[l] = l == 2 ? bad_pse36(caps) : 0;
			continue;
		}
		ctx->bad_table[l] = always | (ctx->leaf[l] ? 0 : X86_PTE_PS);
		ctx->bad_leaf[l] = always |
				   (l > 1 ? gn_mask(f->level[l].shift - 1u, 13)
					  : 0);
	}
}

static void fill_reserved_riscv(struct gn_gpt_ctx *ctx)
{
	const struct gn_gpt_format *f = ctx->format;
	/* No Svnapot, no Svpbmt: bits 63..54 are reserved. */
	uint64_t always = gn_mask(63, 54);

	for (unsigned l = 1; l <= f->levels; l++) {
		ctx->leaf[l] = f->level[l].leaf;
		ctx->bad_table[l] = always | RISCV_PTE_U | RISCV_PTE_A |
				    RISCV_PTE_D;
		/* A large leaf must be aligned to its size. */
		ctx->bad_leaf[l] = always | gn_mask(f->level[l].shift - 3u, 10);
	}
	ctx->bad_leaf[1] = always;
}

/* What no entry, or no leaf at a level, of a path that is fine may have. */
static void fill_quick(struct gn_gpt_ctx *ctx)
{
	const struct gn_gpt_format *f = ctx->format;
	bool nx = f->entry_shift == 3 && !f->riscv;

	for (uint32_t a = 0; a < 16; a++) {
		ctx->quick_stop[a] = f->riscv ? ctx->bad_table[f->levels]
					      : ctx->bad_leaf[1];
		if (nx && (a & GNOMON_EXEC)) {
			ctx->quick_stop[a] |= X86_PTE_NX;
		}
	}
	for (unsigned l = 1; l <= f->levels; l++) {
		ctx->quick_leaf[l] = ctx->bad_leaf[l] |
				     (ctx->leaf[l] ? 0 : f->level[l].leaf);
	}
}

void gn_gpt_ctx_set_pkru(struct gn_gpt_ctx *ctx, uint32_t pkru)
{
	uint16_t no_access = 0;
	uint16_t no_write = 0;

	for (unsigned key = 0; key < 16; key++) {
		no_access |= (uint16_t)((pkru >> 2 * key & 1) << key);
		no_write |= (uint16_t)((pkru >> (2 * key + 1) & 1) << key);
	}
	for (uint32_t kind = 0; kind < 16; kind++) {
		bool bound = (ctx->control & GN_GPT_PKE) &&
			     !(kind & GNOMON_EXEC);
		bool writes = (kind & GNOMON_WRITE) &&
			      (gn_gpt_is_user(kind) ||
			       (ctx->control & GN_GPT_WP));

		ctx->key_deny[kind] = (uint16_t)
			(bound ? no_access | (writes ? no_write : 0) : 0);
	}
}

static void set_root(struct gn_gpt_ctx *ctx, uint64_t cr3,
		     const uint64_t pdpte[4])
{
	const struct gn_gpt_format *f = ctx->format;

	if (f->pdptes) {
		for (unsigned i = 0; i < 4; i++) {
			ctx->pdpte[i] = pdpte[i];
		}
	} else if (f->levels > 0) {
		/* Outside long mode CR3 has 32 bits. */
		ctx->root = gn_gpa(cr3 & gn_mask(f->extend_sign ? 51 : 31, 12));
	}
}

enum gnomon_status gn_gpt_ctx_init(struct gn_gpt_ctx *ctx,
				   const struct gnomon_regs *regs,
				   const struct gnomon_caps *caps)
{
	if (!regs_legal(regs, caps)) {
		return GNOMON_GP;
	}
	*ctx = (struct gn_gpt_ctx){
		.format = format_of(regs),
		.ac = regs->ac,
	};
	ctx->control = control_of(regs, ctx->format);
	if (ctx->control & (GN_GPT_SMEP | GN_GPT_NXE)) {
		ctx->fetch_code = X86_PF_ID;
	}
	set_root(ctx, regs->cr3, regs->pdpte);
	fill_reserved_x86(ctx, caps);
	fill_deny_x86(ctx, 0, 15);
	fill_quick(ctx);
	gn_gpt_ctx_set_pkru(ctx, regs->pkru);
	return GNOMON_OK;
}

void gn_gpt_ctx_init_riscv(struct gn_gpt_ctx *ctx, enum gn_gpt_format_id id,
			   gnomon_gpa_t root, uint32_t flags)
{
	*ctx = (struct gn_gpt_ctx){
		.format = gn_gpt_formats[id],
		.root = root,
		/* Global mappings cannot be switched off there. */
		.control = GN_GPT_PGE |
			   (flags & GN_GPT_RISCV_ADUE ? 0u : GN_GPT_AD_FAULTS),
	};
	fill_reserved_riscv(ctx);
	fill_deny_riscv(ctx, flags);
	fill_quick(ctx);
}

enum gnomon_status gn_gpt_load_pdptes(const struct gn_mem *mem, uint64_t cr3,
				      uint64_t pdpte[4])
{
	for (unsigned i = 0; i < 4; i++) {
		uint64_t at = (cr3 & gn_mask(31, 5)) + 8 * i;

		if (gn_mem_load_slow(mem, at, 8, &pdpte[i]) != GNOMON_OK) {
			return GNOMON_ABSENT;
		}
	}
	return GNOMON_OK;
}
