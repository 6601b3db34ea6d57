/* SPDX-License-Identifier: BSD-2-Clause */
#include "nested/entry.h"

#define RANGE(hi, lo) \
	((~UINT64_C(0) >> (63 - (hi))) & (~UINT64_C(0) << (lo)))

enum {
	NPT_P = 1u << 0,
	NPT_W = 1u << 1,
	NPT_U = 1u << 2,	/* every guest access counts as a user's */
	NPT_A = 1u << 5,
	NPT_D = 1u << 6,
	NPT_PS = 1u << 7,
	NPT_AVL = 1u << 9,
};

const struct gn_np_format gn_np_format_npt = {
	.name = "npt",
	.present = NPT_P,
	.read = NPT_P | NPT_U,
	.write = NPT_W,
	.no_exec = GN_BIT(63),
	.accessed = NPT_A,
	.dirty = NPT_D,
	.host_write = NPT_AVL,
	.large = NPT_PS,
	.table_fixed = NPT_P | NPT_W | NPT_U | NPT_A,
	.table_rsvd = { [4] = RANGE(8, 7), [5] = RANGE(8, 7) },
	.leaf_rsvd = { [2] = RANGE(20, 13), [3] = RANGE(29, 13) },
};

enum {
	EPT_R = 1u << 0,
	EPT_W = 1u << 1,
	EPT_X = 1u << 2,
	EPT_TYPE_WB = 6u << 3,
	EPT_PS = 1u << 7,
	EPT_A = 1u << 8,
	EPT_D = 1u << 9,
	EPTP_WB = 6u,
	EPTP_AD = 1u << 6,
};

const struct gn_np_format gn_np_format_ept = {
	.name = "ept",
	.present = EPT_R | EPT_W | EPT_X,
	.read = EPT_R,
	.write = EPT_W,
	.exec = EPT_X,
	.accessed = EPT_A,
	.dirty = EPT_D,
	.host_write = GN_BIT(52),
	.large = EPT_PS,
	.table_fixed = EPT_R | EPT_W | EPT_X | EPT_A,
	.leaf_fixed = EPT_TYPE_WB,
	.table_rsvd = { [2] = RANGE(6, 3), [3] = RANGE(6, 3),
			[4] = RANGE(7, 3), [5] = RANGE(7, 3) },
	.leaf_rsvd = { [2] = RANGE(20, 12), [3] = RANGE(29, 12) },
	/* Writable without readable, with or without executable. */
	.bad_rights = 1u << EPT_W | 1u << (EPT_W | EPT_X),
	.bad_types = 1u << 2 | 1u << 3 | 1u << 7,
	.root_fixed = EPTP_WB | EPTP_AD,
	.root_levels_shift = 3,
};

static bool has(uint64_t npte, uint64_t bits)
{
	return bits && (npte & bits) == bits;
}

uint32_t gn_np_entry_rights(const struct gn_np_format *f, uint64_t npte)
{
	uint32_t rights = 0;

	rights |= has(npte, f->read) ? GN_NP_R : 0;
	rights |= has(npte, f->write) ? GN_NP_W : 0;
	rights |= f->exec ? (npte & f->exec ? GN_NP_X : 0)
			  : (npte & f->no_exec ? 0 : GN_NP_X);
	rights |= npte & f->accessed ? GN_NP_ACCESSED : 0;
	rights |= npte & f->dirty ? GN_NP_DIRTY : 0;
	rights |= npte & f->host_write ? GN_NP_HOST_W : 0;
	return rights;
}

uint64_t gn_np_make_leaf(const struct gn_np_format *f, gnomon_hfn_t hfn,
			 unsigned level, uint32_t rights)
{
	uint64_t npte = gn_hfn_hpa(hfn).v | f->leaf_fixed;

	npte |= level > 1 ? f->large : 0;
	npte |= rights & GN_NP_R ? f->read : 0;
	npte |= rights & GN_NP_W ? f->write : 0;
	npte |= rights & GN_NP_X ? f->exec : f->no_exec;
	npte |= rights & GN_NP_ACCESSED ? f->accessed : 0;
	npte |= rights & GN_NP_DIRTY ? f->dirty : 0;
	npte |= rights & GN_NP_HOST_W ? f->host_write : 0;
	return npte;
}

uint64_t gn_np_make_table(const struct gn_np_format *f, gnomon_hpa_t table)
{
	return table.v | f->table_fixed;
}

bool gn_np_entry_bad(const struct gn_np_format *f, uint64_t npte,
		     unsigned level, unsigned leaf_levels,
		     unsigned maxphyaddr)
{
	bool leaf = gn_np_entry_kind(f, npte, level) == GN_NP_LEAF;
	uint64_t rsvd = gn_mask(51, maxphyaddr) |
			(leaf ? f->leaf_rsvd[level] : f->table_rsvd[level]);

	if (leaf && level > leaf_levels) {
		return true;
	}
	if (leaf && (f->bad_types >> ((npte >> 3) & 7) & 1)) {
		return true;
	}
	return (npte & rsvd) || (f->bad_rights >> (npte & 7) & 1);
}
