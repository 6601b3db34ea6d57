/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All that a walk depends on besides memory: made from registers and
 * capabilities, a plain value, rebuilt whenever one of them changes. Knows the
 * rules by which a CPU refuses register values.
 */
#ifndef GUESTPT_CTX_H
#define GUESTPT_CTX_H

#include "base/mem.h"
#include "guestpt/format.h"

/* Control bits that change what a gpte means; the paging part of a role. */
enum gn_gpt_control {
	GN_GPT_WP = 1u << 0,
	GN_GPT_NXE = 1u << 1,	/* and the format has NX */
	GN_GPT_SMEP = 1u << 2,
	GN_GPT_SMAP = 1u << 3,
	GN_GPT_PKE = 1u << 4,	/* and the format has keys */
	GN_GPT_PGE = 1u << 5,
	GN_GPT_PSE = 1u << 6,	/* 32-bit format only */
	GN_GPT_AD_FAULTS = 1u << 7, /* RISC-V: no A/D update in hardware */
};

/* All that a walk depends on besides memory. Read-only between inits. */
struct gn_gpt_ctx {
	const struct gn_gpt_format *format;
	gnomon_gpa_t root;	/* top table; PAE: see pdpte; off: 0 */
	uint64_t leaf[GNOMON_MAX_LEVELS + 1];	  /* any set: a leaf */
	uint64_t bad_table[GNOMON_MAX_LEVELS + 1]; /* reserved in a table */
	uint64_t bad_leaf[GNOMON_MAX_LEVELS + 1]; /* reserved in a leaf */
	uint64_t pdpte[4];	/* PAE: as loaded, reserved bits checked */
	/*
	 * By access (enum gnomon_access), AC being in it already. deny: bit r
	 * set = the rights r do not suffice. key_deny: bit k set = user pages
	 * of protection key k are barred.
	 */
	uint16_t deny[16];
	uint16_t key_deny[16];
	uint32_t control;	/* enum gn_gpt_control */
	uint32_t fetch_code;	/* error-code bits a fetch sets: I/D or 0 */
	bool ac;
	/*
	 * What lets the walker settle a path with few tests, see body.h.
	 * quick_deny: as deny, by the low six bits of the AND of the entries.
	 * quick_stop: bits that none of the entries may have; where rights
	 * are not inherited, none of the tables. quick_leaf: none of the
	 * leaves at that level.
	 */
	uint64_t quick_deny[16];
	uint64_t quick_stop[16];
	uint64_t quick_leaf[GNOMON_MAX_LEVELS + 1];
};

/*
 * Make a context from registers and capabilities. GNOMON_OK, or GNOMON_GP
 * when a CPU would refuse the values: PG without PE, NW without CD, high or
 * unknown bits in CR0, CR4 or EFER, a CR4 or EFER bit without its capability,
 * LMA different from LME and PG, long mode without PAE, PCIDE outside long
 * mode, CR3 bits from MAXPHYADDR up in long mode, reserved bits in a present
 * PDPTE. *ctx is then undefined. Rules about a change of registers (LA57
 * while in long mode, PCIDE with a non-zero PCID) are the caller's.
 */
enum gnomon_status gn_gpt_ctx_init(struct gn_gpt_ctx *ctx,
				   const struct gnomon_regs *regs,
				   const struct gnomon_caps *caps)
	GNOMON_MUST_USE;

enum gn_gpt_riscv {
	GN_GPT_RISCV_SUM = 1u << 0,
	GN_GPT_RISCV_MXR = 1u << 1,
	GN_GPT_RISCV_ADUE = 1u << 2, /* hardware sets A and D */
};
/* The same for Sv39 and Sv48; flags is enum gn_gpt_riscv. Cannot fail. */
void gn_gpt_ctx_init_riscv(struct gn_gpt_ctx *ctx, enum gn_gpt_format_id id,
			   gnomon_gpa_t root, uint32_t flags);

/* Change what WRPKRU and STAC change, without a new init. */
void gn_gpt_ctx_set_pkru(struct gn_gpt_ctx *ctx, uint32_t pkru);
void gn_gpt_ctx_set_ac(struct gn_gpt_ctx *ctx, bool ac);

/* Do these registers select PAE, that is, must PDPTEs be loaded? */
bool gn_gpt_regs_pae(const struct gnomon_regs *regs);
/* Read the four PDPTEs at CR3. GNOMON_OK or GNOMON_ABSENT. */
enum gnomon_status gn_gpt_load_pdptes(const struct gn_mem *mem, uint64_t cr3,
				      uint64_t pdpte[4]) GNOMON_MUST_USE;

#endif
