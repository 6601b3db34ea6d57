/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest for tests of the walker: some RAM at gpa 0, registers, and a way to
 * lay out a path of tables.
 */
#ifndef TESTS_GUESTPT_WORLD_H
#define TESTS_GUESTPT_WORLD_H

#include "guestpt/walk.h"

enum {
	WORLD_FRAMES = 64,
	WORLD_ROOT = 0x1000,	/* table of the top level; next one behind it */
	WORLD_PAGE = 0x10000,	/* gpa of the 4K page that tests map */
};

struct world {
	_Alignas(4096) unsigned char ram[WORLD_FRAMES * 4096];
	struct gnomon_host host;
	struct gn_mem mem;
	struct gnomon_regs regs;
	struct gnomon_caps caps;
	struct gn_gpt_ctx ctx;
	struct gn_gpt_walk walk;
};

/* 4-level, WP, NXE, all capabilities, 46 address bits; RAM zeroed. */
void world_init(struct world *w);
/* Context from regs and caps; fails the test when they are illegal. */
void world_load(struct world *w);
uint64_t world_get(const struct world *w, uint64_t gpa);
void world_set(struct world *w, uint64_t gpa, uint64_t gpte);
/* gpa of the entry for gva in the table that the path holds at level. */
uint64_t world_at(const struct world *w, unsigned level, uint64_t gva);
/*
 * Tables from the top to leaf_level for gva: table entries are frame | table
 * bits, the leaf is leaf as given.
 */
void world_map(struct world *w, uint64_t gva, unsigned leaf_level,
	       uint64_t table_bits, uint64_t leaf);
enum gnomon_status world_walk(struct world *w, uint64_t gva, uint32_t access,
			      uint32_t flags);

#endif
