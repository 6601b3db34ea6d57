/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A paging format as data: which bits of a gpte mean what, level by level.
 * Everything that differs between 32-bit, PAE, 4-level, 5-level and RISC-V
 * tables is here; what differs between two vcpus of one format (capabilities,
 * control bits) is in struct gn_gpt_ctx.
 *
 * Levels count from the leaf: 1 is the table whose entries map 4K. A gpte is
 * one of three kinds: hole, table or leaf; a fourth, bad, breaks a
 * reserved-bit rule and faults.
 */
#ifndef GUESTPT_FORMAT_H
#define GUESTPT_FORMAT_H

#include "base/bits.h"
#include "gnomon/gnomon.h"

/* Rights of an entry or of a whole path. Read is always set on x86. */
enum gn_gpt_rights {
	GN_GPT_X = 1u << 0,
	GN_GPT_W = 1u << 1,
	GN_GPT_U = 1u << 2,
	GN_GPT_R = 1u << 3,
	GN_GPT_RIGHTS = 15u,
};

enum gn_gpt_format_id {
	GN_GPT_OFF = 0,		/* gva = gpa */
	GN_GPT_32BIT,		/* 2 levels, 4-byte entries, 4M leaves */
	GN_GPT_PAE,		/* 2 levels below four loaded PDPTEs */
	GN_GPT_LONG4,
	GN_GPT_LONG5,
	GN_GPT_SV39,
	GN_GPT_SV48,
};
#define GN_GPT_FORMATS 7

/* x86 gpte bits, all formats; 4-byte entries have those below 32. */
#define X86_PTE_P	GN_BIT(0)
#define X86_PTE_W	GN_BIT(1)
#define X86_PTE_U	GN_BIT(2)
#define X86_PTE_PWT	GN_BIT(3)
#define X86_PTE_PCD	GN_BIT(4)
#define X86_PTE_A	GN_BIT(5)
#define X86_PTE_D	GN_BIT(6)
#define X86_PTE_PS	GN_BIT(7)	/* level > 1 */
#define X86_PTE_PAT	GN_BIT(7)	/* level 1 */
#define X86_PTE_G	GN_BIT(8)
#define X86_PTE_PAT_LARGE GN_BIT(12)	/* leaf at level > 1 */
#define X86_PTE_NX	GN_BIT(63)
#define X86_PTE_PK_SHIFT 59		/* 4 bits, leaf */

#define RISCV_PTE_V	GN_BIT(0)
#define RISCV_PTE_R	GN_BIT(1)
#define RISCV_PTE_W	GN_BIT(2)
#define RISCV_PTE_X	GN_BIT(3)
#define RISCV_PTE_U	GN_BIT(4)
#define RISCV_PTE_G	GN_BIT(5)
#define RISCV_PTE_A	GN_BIT(6)
#define RISCV_PTE_D	GN_BIT(7)

struct gn_gpt_ctx;
struct gn_gpt_walk;
struct gn_mem;

typedef enum gnomon_status
gn_gpt_walk_fn(const struct gn_gpt_ctx *ctx, const struct gn_mem *mem,
	       gnomon_gva_t gva, uint32_t access, uint32_t flags,
	       struct gn_gpt_walk *out);

/* One level of tables. */
struct gn_gpt_level {
	uint64_t leaf;		/* any of these bits set: not a table */
	uint64_t table_frame;	/* address bits of a table entry */
	uint64_t leaf_frame;	/* address bits of a leaf; 0 = never one */
	uint64_t leaf_high;	/* PSE-36: leaf bits that go up by 19 */
	uint8_t shift;		/* gva bits below the index */
};

struct gn_gpt_format {
	const char *name;
	enum gn_gpt_format_id id;
	uint8_t levels;		/* table levels in memory; 0 = paging off */
	uint8_t index_bits;	/* of the gva, per level */
	uint8_t entry_shift;	/* log2 of the bytes of an entry: 2 or 3 */
	uint8_t gva_bits;	/* significant; the rest must extend it */
	uint8_t frame_up;	/* left shift from entry to address bits */
	bool extend_sign;	/* gva bits above gva_bits copy the top one */
	bool extend_faults;	/* a gva that does not is a page fault */
	bool pdptes;		/* top entries come from the registers */
	bool inherits;		/* table entries restrict rights and have A */
	bool pkeys;		/* protection keys are on: CR4.PKE */
	uint64_t present;	/* bit: clear means a hole */
	uint64_t invert;	/* bits that take a right away when set */
	uint8_t r_bit, w_bit, u_bit, x_bit; /* after inverting */
	bool r_always;
	uint64_t accessed, dirty, global;
	uint64_t bad_mask, bad_value; /* a combination that is reserved */
	bool riscv;		/* fault causes and A/D choice as there */
	struct gn_gpt_level level[GNOMON_MAX_LEVELS + 1]; /* [0] unused */
	gn_gpt_walk_fn *walk;	/* with a trail */
	gn_gpt_walk_fn *translate; /* without */
	const struct gn_gpt_format *with_pkeys; /* null: has none, or is it */
};

extern const struct gn_gpt_format *const gn_gpt_formats[GN_GPT_FORMATS];

#endif
