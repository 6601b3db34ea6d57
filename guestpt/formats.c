/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The formats, each a table of constants and one instance of the walker.
 * docs/guestpt.md says how to add one.
 */
#include "guestpt/quick.h"

/* The parameters of a walk, for the one-line instances at the end. */
#define WALK(name) \
	static enum gnomon_status name(const struct gn_gpt_ctx *ctx, \
		const struct gn_mem *mem, gnomon_gva_t gva, uint32_t access, \
		uint32_t flags, struct gn_gpt_walk *out)

static gn_gpt_walk_fn walk_off;
static gn_gpt_walk_fn walk_bit32, translate_bit32;
static gn_gpt_walk_fn walk_pae, translate_pae;
static gn_gpt_walk_fn walk_long4, translate_long4;
static gn_gpt_walk_fn walk_long4_keys, translate_long4_keys;
static gn_gpt_walk_fn walk_long5, translate_long5;
static gn_gpt_walk_fn walk_long5_keys, translate_long5_keys;
static gn_gpt_walk_fn walk_sv39, translate_sv39;
static gn_gpt_walk_fn walk_sv48, translate_sv48;

/* Bits hi..lo as a constant expression; hi < 63. */
#define BITS(hi, lo) ((GN_BIT((hi) + 1) - 1) & ~(GN_BIT(lo) - 1))

#define X86_COMMON \
	.present = X86_PTE_P, .invert = X86_PTE_NX, .w_bit = 1, .u_bit = 2, \
	.x_bit = 63, .r_always = true, .inherits = true, \
	.accessed = X86_PTE_A, .dirty = X86_PTE_D, .global = X86_PTE_G, \
	.bad_value = 1 /* with an empty mask: no such combination */

#define X86_LEVEL_1 \
	{ .leaf = X86_PTE_P, .leaf_frame = BITS(51, 12), .shift = 12 }
#define X86_LEVEL_2 \
	{ .leaf = X86_PTE_PS, .table_frame = BITS(51, 12), \
	  .leaf_frame = BITS(51, 21), .shift = 21 }
#define X86_LEVEL_3 \
	{ .leaf = X86_PTE_PS, .table_frame = BITS(51, 12), \
	  .leaf_frame = BITS(51, 30), .shift = 30 }
#define X86_LEVEL_TOP(s) \
	{ .leaf = X86_PTE_PS, .table_frame = BITS(51, 12), .shift = (s) }

static const struct gn_gpt_format off = {
	.name = "off",
	.id = GN_GPT_OFF,
	.entry_shift = 3,
	.gva_bits = 32,
	X86_COMMON,
	.walk = walk_off,
	.translate = walk_off,
};

static const struct gn_gpt_format bit32 = {
	.name = "32-bit",
	.id = GN_GPT_32BIT,
	.levels = 2,
	.index_bits = 10,
	.entry_shift = 2,
	.gva_bits = 32,
	X86_COMMON,
	.level[1] = { .leaf = X86_PTE_P, .leaf_frame = BITS(31, 12),
		      .shift = 12 },
	.level[2] = { .leaf = X86_PTE_PS, .table_frame = BITS(51, 12),
		      .leaf_frame = BITS(31, 22), .leaf_high = BITS(20, 13),
		      .shift = 22 },
	.walk = walk_bit32,
	.translate = translate_bit32,
};

static const struct gn_gpt_format pae = {
	.name = "pae",
	.id = GN_GPT_PAE,
	.levels = 2,
	.index_bits = 9,
	.entry_shift = 3,
	.gva_bits = 32,
	.pdptes = true,
	X86_COMMON,
	.level[1] = X86_LEVEL_1,
	.level[2] = X86_LEVEL_2,
	.walk = walk_pae,
	.translate = translate_pae,
};

#define LONG4 \
	.name = "4-level", .id = GN_GPT_LONG4, .levels = 4, .gva_bits = 48, \
	.index_bits = 9, .entry_shift = 3, .extend_sign = true, X86_COMMON, \
	.level[1] = X86_LEVEL_1, .level[2] = X86_LEVEL_2, \
	.level[3] = X86_LEVEL_3, .level[4] = X86_LEVEL_TOP(39)

#define LONG5 \
	.name = "5-level", .id = GN_GPT_LONG5, .levels = 5, .gva_bits = 57, \
	.index_bits = 9, .entry_shift = 3, .extend_sign = true, X86_COMMON, \
	.level[1] = X86_LEVEL_1, .level[2] = X86_LEVEL_2, \
	.level[3] = X86_LEVEL_3, .level[4] = X86_LEVEL_TOP(39), \
	.level[5] = X86_LEVEL_TOP(48)

static const struct gn_gpt_format long4_keys = {
	LONG4,
	.pkeys = true,
	.walk = walk_long4_keys,
	.translate = translate_long4_keys,
};

static const struct gn_gpt_format long4 = {
	LONG4,
	.walk = walk_long4,
	.translate = translate_long4,
	.with_pkeys = &long4_keys,
};

static const struct gn_gpt_format long5_keys = {
	LONG5,
	.pkeys = true,
	.walk = walk_long5_keys,
	.translate = translate_long5_keys,
};

static const struct gn_gpt_format long5 = {
	LONG5,
	.walk = walk_long5,
	.translate = translate_long5,
	.with_pkeys = &long5_keys,
};

#define RISCV_COMMON \
	.riscv = true, .extend_sign = true, .extend_faults = true, \
	.index_bits = 9, .entry_shift = 3, .frame_up = 2, \
	.present = RISCV_PTE_V, .r_bit = 1, .w_bit = 2, .x_bit = 3, \
	.u_bit = 4, .accessed = RISCV_PTE_A, .dirty = RISCV_PTE_D, \
	.global = RISCV_PTE_G, .bad_mask = RISCV_PTE_R | RISCV_PTE_W, \
	.bad_value = RISCV_PTE_W

/* A leaf at any level; frame bits 55..12 after the shift. */
#define RISCV_LEVEL(s) \
	{ .leaf = RISCV_PTE_R | RISCV_PTE_W | RISCV_PTE_X, \
	  .table_frame = BITS(55, 12), .leaf_frame = BITS(55, (s)), \
	  .shift = (s) }

static const struct gn_gpt_format sv39 = {
	.name = "sv39",
	.id = GN_GPT_SV39,
	.levels = 3,
	.gva_bits = 39,
	RISCV_COMMON,
	.level[1] = RISCV_LEVEL(12),
	.level[2] = RISCV_LEVEL(21),
	.level[3] = RISCV_LEVEL(30),
	.walk = walk_sv39,
	.translate = translate_sv39,
};

static const struct gn_gpt_format sv48 = {
	.name = "sv48",
	.id = GN_GPT_SV48,
	.levels = 4,
	.gva_bits = 48,
	RISCV_COMMON,
	.level[1] = RISCV_LEVEL(12),
	.level[2] = RISCV_LEVEL(21),
	.level[3] = RISCV_LEVEL(30),
	.level[4] = RISCV_LEVEL(39),
	.walk = walk_sv48,
	.translate = translate_sv48,
};

/* Nothing to read and nothing to check. */
WALK(walk_off)
{
	(void)ctx;
	(void)mem;
	(void)access;
	(void)flags;
	out->gpa = gn_gpa(gva.v & BITS(31, 0));
	out->level = 0;
	out->page_shift = 12;
	out->rights = GN_GPT_RIGHTS;
	return GNOMON_OK;
}

#define INSTANCES(f) \
	WALK(careful_##f) \
	{ \
		return gn_gpt_careful(&f, ctx, mem, gva, access, flags, out); \
	} \
	WALK(walk_##f) \
	{ \
		return gn_gpt_quick(&f, ctx, mem, gva, access, flags, out, \
				    true, careful_##f); \
	} \
	WALK(translate_##f) \
	{ \
		return gn_gpt_quick(&f, ctx, mem, gva, access, flags, out, \
				    false, careful_##f); \
	}

INSTANCES(bit32)
INSTANCES(pae)
INSTANCES(long4)
INSTANCES(long4_keys)
INSTANCES(long5)
INSTANCES(long5_keys)
INSTANCES(sv39)
INSTANCES(sv48)

const struct gn_gpt_format *const gn_gpt_formats[GN_GPT_FORMATS] = {
	[GN_GPT_OFF] = &off,
	[GN_GPT_32BIT] = &bit32,
	[GN_GPT_PAE] = &pae,
	[GN_GPT_LONG4] = &long4,
	[GN_GPT_LONG5] = &long5,
	[GN_GPT_SV39] = &sv39,
	[GN_GPT_SV48] = &sv48,
};
