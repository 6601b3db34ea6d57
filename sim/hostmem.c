/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/hostmem.h"

#include <string.h>
#include <sys/mman.h>

#define GIB ((uint64_t)1 << 30)
#define PAGE ((uint64_t)4096)

static uint64_t round_up(uint64_t value, uint64_t unit)
{
	return (value + unit - 1) & ~(unit - 1);
}

bool sim_hostmem_init(struct sim_hostmem *mem, uint64_t ram_bytes,
		      uint64_t table_bytes)
{
	uint64_t limit = (uint64_t)1 << (SIM_HPA_BITS - 1);

	memset(mem, 0, sizeof(*mem));
	if (ram_bytes > limit || table_bytes > limit) {
		return false;
	}
	mem->ram_bytes = round_up(ram_bytes, PAGE);
	mem->table_start = round_up(ram_bytes, GIB);
	mem->table_bytes = round_up(table_bytes, GIB);
	mem->map_bytes = mem->table_start + mem->table_bytes + GIB;
	mem->map = mmap(NULL, mem->map_bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem->map == MAP_FAILED) {
		mem->map = NULL;
		return false;
	}
	/* The host's huge pages would blur what was touched. */
	madvise(mem->map, mem->map_bytes, MADV_NOHUGEPAGE);
	mem->ram = (uint8_t *)round_up((uint64_t)mem->map, GIB);
	if (!sim_arena_init(&mem->tables, mem->ram + mem->table_start,
			    mem->table_bytes) ||
	    !sim_arena_init(&mem->meta, NULL, 0)) {
		sim_hostmem_done(mem);
		return false;
	}
	return true;
}

void sim_hostmem_done(struct sim_hostmem *mem)
{
	sim_arena_done(&mem->tables);
	sim_arena_done(&mem->meta);
	if (mem->map) {
		munmap(mem->map, mem->map_bytes);
		mem->map = NULL;
	}
}

uint64_t sim_hostmem_touched(const struct sim_hostmem *mem)
{
	unsigned char present[4096];
	uint64_t pages = 0;

	for (uint64_t at = 0; at < mem->ram_bytes;) {
		uint64_t bytes = mem->ram_bytes - at;

		if (bytes > sizeof(present) * PAGE) {
			bytes = sizeof(present) * PAGE;
		}
		if (mincore(mem->ram + at, bytes, present)) {
			return 0;
		}
		for (uint64_t i = 0; i < bytes / PAGE; i++) {
			pages += present[i] & 1;
		}
		at += bytes;
	}
	return pages * PAGE;
}
