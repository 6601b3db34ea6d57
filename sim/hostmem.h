/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory of the simulated host: guest RAM first, the engine's table pages
 * behind it, in one reserved range. An hpa is a distance into that range plus
 * SIM_HPA_BASE, so it is the same in every run; it never equals the gpa of the
 * same byte, so that mixing them up shows. Nothing is backed by real memory
 * before it is touched.
 */
#ifndef SIM_HOSTMEM_H
#define SIM_HOSTMEM_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/arena.h"

#define SIM_HPA_BASE ((uint64_t)4 << 30)
#define SIM_HPA_BITS 46		/* 64 TiB: width of our hpas */

struct sim_hostmem {
	void *map;		/* what to unmap */
	size_t map_bytes;
	uint8_t *ram;		/* 1G-aligned; gpa 0 */
	uint64_t ram_bytes;	/* whole pages */
	uint64_t table_start;	/* distance of the table range from ram */
	uint64_t table_bytes;
	struct sim_arena tables; /* pages that the CPU walks */
	struct sim_arena meta;	/* the engine's bookkeeping */
};

/* table_bytes bounds the engine's tables. False: no address space left. */
bool sim_hostmem_init(struct sim_hostmem *mem, uint64_t ram_bytes,
		      uint64_t table_bytes);
void sim_hostmem_done(struct sim_hostmem *mem);

/* RAM that was touched so far, bytes. */
uint64_t sim_hostmem_touched(const struct sim_hostmem *mem);

/* The hpa of a byte of RAM. */
static inline uint64_t sim_gpa_to_hpa(uint64_t gpa)
{
	return gpa + SIM_HPA_BASE;
}

/* Where an hpa is, or NULL when nothing is there. */
static inline void *sim_hpa_to_va(const struct sim_hostmem *mem, uint64_t hpa)
{
	uint64_t offset = hpa - SIM_HPA_BASE;

	if (offset >= mem->ram_bytes &&
	    offset - mem->table_start >= mem->table_bytes) {
		return NULL;
	}
	return mem->ram + offset;
}

static inline uint64_t sim_va_to_hpa(const struct sim_hostmem *mem,
				     const void *va)
{
	return (uint64_t)((const uint8_t *)va - mem->ram) + SIM_HPA_BASE;
}

#endif
