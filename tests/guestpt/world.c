/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guestpt/world.h"

#include <criterion/criterion.h>
#include <string.h>

void world_init(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->host.size = sizeof(w->host);
	gn_mem_init(&w->mem, &w->host, NULL);
	gn_mem_add(&w->mem, &(struct gn_window){
		.bytes = sizeof(w->ram), .hva = w->ram, .writable = true });
	w->caps = (struct gnomon_caps){ .features = 0x1ff, .maxphyaddr = 46 };
	w->regs = (struct gnomon_regs){
		.cr0 = 0x80010001,
		.cr3 = WORLD_ROOT,
		.cr4 = 0xa0,
		.efer = 0xd00,
	};
	world_load(w);
}

void world_load(struct world *w)
{
	cr_assert_eq(gn_gpt_ctx_init(&w->ctx, &w->regs, &w->caps), GNOMON_OK);
}

uint64_t world_get(const struct world *w, uint64_t gpa)
{
	uint64_t gpte = 0;

	memcpy(&gpte, w->ram + gpa, gn_gpt_entry_bytes(&w->ctx));
	return gpte;
}

void world_set(struct world *w, uint64_t gpa, uint64_t gpte)
{
	memcpy(w->ram + gpa, &gpte, gn_gpt_entry_bytes(&w->ctx));
}

static uint64_t table_at(const struct world *w, unsigned level)
{
	return WORLD_ROOT + 0x1000u * (w->ctx.format->levels - level);
}

uint64_t world_at(const struct world *w, unsigned level, uint64_t gva)
{
	return table_at(w, level) +
	       gn_gpt_index(&w->ctx, level, gn_gva(gva)) *
	       gn_gpt_entry_bytes(&w->ctx);
}

void world_map(struct world *w, uint64_t gva, unsigned leaf_level,
	       uint64_t table_bits, uint64_t leaf)
{
	unsigned up = w->ctx.format->frame_up;

	for (unsigned l = w->ctx.format->levels; l > leaf_level; l--) {
		world_set(w, world_at(w, l, gva),
			  (table_at(w, l - 1) >> up) | table_bits);
	}
	world_set(w, world_at(w, leaf_level, gva), leaf);
}

enum gnomon_status world_walk(struct world *w, uint64_t gva, uint32_t access,
			      uint32_t flags)
{
	return gn_gpt_walk(&w->ctx, &w->mem, gn_gva(gva), access, flags,
			   &w->walk);
}
