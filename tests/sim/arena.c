/* SPDX-License-Identifier: BSD-2-Clause */
/* Arenas and host memory: footprints, and addresses that do not vary. */
#include <criterion/criterion.h>
#include <string.h>

#include "sim/hostmem.h"
#include "tests/support/seed.h"

#define MIB ((uint64_t)1 << 20)

enum { PAGES = 300 };

Test(arena, peak_is_the_most_that_was_alive_at_once)
{
	struct sim_hostmem mem;
	void *page[PAGES];

	cr_assert(sim_hostmem_init(&mem, MIB, 64 * MIB));
	for (int i = 0; i < PAGES; i++) {
		page[i] = sim_arena_page(&mem.tables);
		cr_assert(page[i]);
		cr_assert_eq((uintptr_t)page[i] % 4096, 0);
	}
	cr_assert_eq(sim_arena_bytes(&mem.tables), PAGES * 4096);
	for (int i = 0; i < PAGES; i++) {
		sim_arena_free(&mem.tables, page[i]);
	}
	cr_assert_eq(sim_arena_bytes(&mem.tables), 0);
	page[0] = sim_arena_page(&mem.tables);
	cr_assert_eq(sim_arena_peak(&mem.tables), PAGES * 4096);
	cr_assert_eq(sim_arena_bytes(&mem.meta), 0);
	sim_hostmem_done(&mem);
}

/* The hpas of a random sequence of takes and gives. */
static void trace(uint64_t seed, uint64_t out[PAGES])
{
	struct test_rng rng = test_rng_init(seed);
	struct sim_hostmem mem;
	void *page[PAGES] = { 0 };

	cr_assert(sim_hostmem_init(&mem, MIB, 64 * MIB));
	for (int i = 0; i < 10 * PAGES; i++) {
		uint64_t n = test_rng_below(&rng, PAGES);

		if (page[n]) {
			sim_arena_free(&mem.tables, page[n]);
			page[n] = NULL;
		} else {
			page[n] = sim_arena_page(&mem.tables);
		}
	}
	for (int i = 0; i < PAGES; i++) {
		out[i] = page[i] ? sim_va_to_hpa(&mem, page[i]) : 0;
	}
	sim_hostmem_done(&mem);
}

Test(arena, table_addresses_repeat)
{
	uint64_t first[PAGES], second[PAGES];
	struct sim_hostmem other;

	trace(test_seed(), first);
	/* Whatever else is mapped meanwhile must not matter. */
	cr_assert(sim_hostmem_init(&other, 100 * MIB, MIB));
	trace(test_seed(), second);
	sim_hostmem_done(&other);
	cr_assert_arr_eq(first, second, sizeof(first));
}

Test(arena, hpa_outside_memory_is_nowhere)
{
	struct sim_hostmem mem;

	cr_assert(sim_hostmem_init(&mem, MIB, MIB));
	cr_assert_eq(sim_hpa_to_va(&mem, SIM_HPA_BASE), mem.ram);
	cr_assert_null(sim_hpa_to_va(&mem, SIM_HPA_BASE - 1));
	cr_assert_null(sim_hpa_to_va(&mem, 0));
	cr_assert_null(sim_hpa_to_va(&mem, SIM_HPA_BASE + MIB));
	cr_assert_null(sim_hpa_to_va(&mem, ~(uint64_t)0));
	sim_hostmem_done(&mem);
}

Test(arena, a_tebibyte_costs_only_what_is_touched)
{
	struct sim_hostmem mem;

	cr_assert(sim_hostmem_init(&mem, (uint64_t)1 << 40, MIB));
	mem.ram[0] = 1;
	mem.ram[((uint64_t)1 << 40) - 1] = 1;
	sim_hostmem_done(&mem);
	cr_assert(sim_hostmem_init(&mem, 100 * MIB, MIB));
	memset(mem.ram + 50 * MIB, 1, MIB);
	cr_assert_eq(sim_hostmem_touched(&mem), MIB);
	sim_hostmem_done(&mem);
}

Test(arena, running_out_of_the_range_is_no_memory)
{
	struct sim_arena arena;
	static _Alignas(4096) uint8_t small[8 * 4096];

	/* Too small even for the allocator's own data: refused or empty. */
	if (sim_arena_init(&arena, small, sizeof(small))) {
		while (sim_arena_page(&arena)) {
			cr_assert_leq(arena.count, 8);
		}
	}
	sim_arena_done(&arena);
}
