/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lists of operations that once failed, as the machine printed them, each
 * with what was wrong.
 */
#include "tests/diff/cases.h"

/* Not a bug: shows what a case looks like, and that one can be run. */
static const struct op ops_first[] = {
	{ OP_ACCESS, 0, 0x0, 0x0 },
	{ OP_CR3, 0, 0x1, 0x0 },
	{ OP_ACCESS, 0, 0x0, 0x4 },
};

static const struct diff_params world_first = {
	.seed = 0x1, .mode = 0, .levels = 4,
	.maxphyaddr = 40, .windows = 1, .big = 0,
	.options = 0xffffffff, .features = 0x1,
	.table_pages_max = 0, .live_max = 0,
	.audit_every = 1, .scan_every = 1,
};

/* a table closed on the way to a large leaf over it (I18) */
static const struct op ops_unsync_large[] = {
	{ OP_PAGING, 0, 0x65264f69de8097dc, 0x62b031889bc0f73e },
	{ OP_REGS, 0, 0x1455711e550bd4e1, 0xb931ae980fe661bb },
	{ OP_PAGING, 1, 0x3c674390035387a4, 0xfba647e6cbceb40f },
	{ OP_REGS, 1, 0x7ff6693a41bcb978, 0x811851c7341c82a8 },
	{ OP_REGS, 0, 0x40ea932d03174921, 0x316818cc26e611fc },
	{ OP_PAGING, 0, 0xc97153319aba67e3, 0x8b65be38e13b2b85 },
	{ OP_PAGING, 1, 0x2047cb2ee5d2b466, 0x881709f9d046961b },
	{ OP_REGS, 1, 0xa8b06c52484f38e0, 0x58365776e753f3ec },
	{ OP_DMA, 0, 0x57dc8677d3c8e182, 0xf714111c2a493c44 },
	{ OP_REGS, 1, 0xe29e4e6ed6595778, 0x6ca613c3a773b064 },
	{ OP_PAGING, 0, 0xadab044d1b22d137, 0xd89ff6aea035b1b6 },
	{ OP_REGS, 0, 0x8ae8c5146c99fe50, 0xc30a67c85b5785f6 },
	{ OP_DMA, 0, 0x717bb1098ed96303, 0x48c913346f874f6 },
	{ OP_PAGING, 0, 0x27b1666a04c9e4a, 0xf11fc3362eae9dfd },
	{ OP_REGS, 1, 0x96f513490707ed58, 0xc18402065a492db5 },
	{ OP_REGS, 1, 0xd157286206176b09, 0xe72886c69f2c0a89 },
	{ OP_REGS, 1, 0x671db3c2b301e2b1, 0x72ff2e4f254d1b16 },
	{ OP_PAGING, 1, 0x3b17223455740a90, 0x74fe129ae2905e93 },
	{ OP_REGS, 0, 0x2b94b64ada1dcee9, 0x60427c14ca6f9181 },
	{ OP_REGS, 0, 0xf0beda7cb0526f21, 0x372ea4e20d0e3955 },
	{ OP_REGS, 1, 0x9cc2e43ddcf0088, 0x3e42e560101507cf },
	{ OP_REGS, 1, 0x471ef959ff668919, 0x3044a5d21eb73af9 },
	{ OP_STORE, 0, 0xee64bd15cbac63, 0xc9206ee7aa133d6f },
	{ OP_REPAIR, 1, 0x36f7abc639c6781c, 0x6a641046ed0d603 },
	{ OP_REGS, 1, 0x2e24270e9f5bc790, 0x49914ef34e2dd2cd },
	{ OP_PAGING, 1, 0x63c78b9e457a896e, 0x785e4692210213bb },
	{ OP_REGS, 1, 0x3b2fa4b975f79950, 0x1b24ac81c4771f38 },
	{ OP_REPAIR, 0, 0x8296f0ec2fd07b02, 0x613a5a0bab5fe95a },
	{ OP_REGS, 0, 0x384fc15cddbdc138, 0x6f274316000c357d },
	{ OP_CR3, 0, 0x8b058e14c076ac50, 0x85057cc889b31015 },
	{ OP_ACCESS, 0, 0x2248acd10de7f70d, 0x2064acbdbd26afd9 },
	{ OP_CR3, 1, 0x528e67e883e2326f, 0xf684e28d075e4b2b },
	{ OP_STORE, 1, 0xf6e38d215f27fc86, 0xe3a6229c3a892e13 },
	{ OP_ACCESS, 1, 0x423ae48df70d05d4, 0xc67dd2d5d55d7d7f },
	{ OP_CR3, 0, 0x81711ef3448f5ad4, 0xcd8c02daa3d43c4f },
	{ OP_STORE, 0, 0x2dd393f77964870b, 0x77d1416e7dc1695 },
	{ OP_CR3, 1, 0x73513bf1a8143d8, 0x9f8910edae1ed226 },
	{ OP_ACCESS, 1, 0x4c053d507235f210, 0x26a4c76534d5e205 },
};

static const struct diff_params world_unsync_large = {
	.seed = 0x676e6f6d6fa6, .mode = 0, .levels = 2,
	.maxphyaddr = 52, .windows = 0, .big = 0,
	.options = 0xffffffff, .features = 0x10f,
	.table_pages_max = 0, .live_max = 0,
	.audit_every = 0, .scan_every = 0,
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

const struct diff_case diff_cases[] = {
	{ "first", &world_first, ops_first, COUNT(ops_first) },
	{ "unsync-large", &world_unsync_large, ops_unsync_large,
	  COUNT(ops_unsync_large) },
};
const unsigned diff_case_count = COUNT(diff_cases);
