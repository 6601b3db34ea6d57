/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/arena.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096 };

static struct sim_arena *from_hooks(extent_hooks_t *hooks)
{
	return (struct sim_arena *)(void *)hooks;
}

/* Extents are carved off the front of the range and never given back. */
static void *hook_alloc(extent_hooks_t *hooks, void *wanted, size_t bytes,
			size_t alignment, bool *zero, bool *commit,
			unsigned index)
{
	struct sim_arena *arena = from_hooks(hooks);
	size_t start = (arena->range_used + alignment - 1) & ~(alignment - 1);

	(void)index;
	if (start + bytes > arena->range_bytes || start + bytes < start) {
		return NULL;
	}
	if (wanted && wanted != arena->range + start) {
		return NULL;
	}
	arena->range_used = start + bytes;
	*zero = true;
	*commit = true;
	return arena->range + start;
}

/* True refuses: jemalloc then keeps the extent for later. */
static bool hook_dalloc(extent_hooks_t *hooks, void *address, size_t bytes,
			bool committed, unsigned index)
{
	(void)hooks;
	(void)address;
	(void)bytes;
	(void)committed;
	(void)index;
	return true;
}

static void hook_destroy(extent_hooks_t *hooks, void *address, size_t bytes,
			 bool committed, unsigned index)
{
	(void)hooks;
	(void)committed;
	(void)index;
	madvise(address, bytes, MADV_DONTNEED);
}

/* False allows: neighbouring parts of the range are one piece anyway. */
static bool hook_split(extent_hooks_t *hooks, void *address, size_t bytes,
		       size_t a_bytes, size_t b_bytes, bool committed,
		       unsigned index)
{
	(void)hooks;
	(void)address;
	(void)bytes;
	(void)a_bytes;
	(void)b_bytes;
	(void)committed;
	(void)index;
	return false;
}

static bool hook_merge(extent_hooks_t *hooks, void *a, size_t a_bytes,
		       void *b, size_t b_bytes, bool committed, unsigned index)
{
	(void)hooks;
	(void)a;
	(void)a_bytes;
	(void)b;
	(void)b_bytes;
	(void)committed;
	(void)index;
	return false;
}

/* Timed purging would make the choice of addresses depend on the clock. */
static void stop_decay(unsigned index)
{
	static const char *const kinds[] = { "dirty", "muzzy" };
	ssize_t never = -1;
	char name[64];

	for (int i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), "arena.%u.%s_decay_ms", index,
			 kinds[i]);
		mallctl(name, NULL, NULL, &never, sizeof(never));
	}
}

/* Statistics are as of the last call. */
static void refresh_stats(void)
{
	uint64_t epoch = 1;

	mallctl("epoch", NULL, NULL, &epoch, sizeof(epoch));
}

static bool find_stats(size_t mib[6], const char *size, unsigned index)
{
	char name[64];
	size_t length = 5;

	snprintf(name, sizeof(name), "stats.arenas.%u.%s.allocated", index,
		 size);
	return mallctlnametomib(name, mib, &length) == 0;
}

bool sim_arena_init(struct sim_arena *arena, void *range, size_t range_bytes)
{
	extent_hooks_t *hooks = &arena->hooks;
	size_t index_bytes = sizeof(arena->index);

	memset(arena, 0, sizeof(*arena));
	arena->hooks = (extent_hooks_t){
		.alloc = hook_alloc, .dalloc = hook_dalloc,
		.destroy = hook_destroy, .split = hook_split,
		.merge = hook_merge,
	};
	arena->range = range;
	arena->range_bytes = range_bytes;
	if (mallctl("arenas.create", &arena->index, &index_bytes,
		    range ? &hooks : NULL, range ? sizeof(hooks) : 0)) {
		return false;
	}
	arena->live = true;
	stop_decay(arena->index);
	refresh_stats();	/* before it, a new arena has none */
	return find_stats(arena->stats_mib, "small", arena->index) &&
	       find_stats(arena->large_mib, "large", arena->index);
}

void sim_arena_done(struct sim_arena *arena)
{
	char name[64];

	if (arena->live) {
		snprintf(name, sizeof(name), "arena.%u.destroy", arena->index);
		mallctl(name, NULL, NULL, NULL, 0);
		arena->live = false;
	}
}

static void *take(struct sim_arena *arena, size_t bytes, int flags)
{
	void *memory = mallocx(bytes, flags | MALLOCX_TCACHE_NONE |
			       MALLOCX_ARENA(arena->index));

	if (memory && ++arena->count > arena->count_peak) {
		arena->count_peak = arena->count;
		arena->peak_pending = true;
	}
	return memory;
}

void *sim_arena_zalloc(struct sim_arena *arena, size_t bytes)
{
	return take(arena, bytes ? bytes : 1, MALLOCX_ZERO | MALLOCX_ALIGN(64));
}

void *sim_arena_page(struct sim_arena *arena)
{
	return take(arena, PAGE, MALLOCX_ALIGN(PAGE));
}

static void measure_peak(struct sim_arena *arena)
{
	size_t bytes = sim_arena_bytes(arena);

	if (bytes > arena->bytes_peak) {
		arena->bytes_peak = bytes;
	}
	arena->peak_pending = false;
}

void sim_arena_free(struct sim_arena *arena, void *memory)
{
	/* A peak ends with the first free after it. */
	if (arena->peak_pending) {
		measure_peak(arena);
	}
	arena->count--;
	dallocx(memory, MALLOCX_TCACHE_NONE);
}

size_t sim_arena_bytes(const struct sim_arena *arena)
{
	size_t small = 0, large = 0, bytes = sizeof(size_t);

	refresh_stats();
	mallctlbymib(arena->stats_mib, 5, &small, &bytes, NULL, 0);
	mallctlbymib(arena->large_mib, 5, &large, &bytes, NULL, 0);
	return small + large;
}

size_t sim_arena_peak(struct sim_arena *arena)
{
	if (arena->peak_pending) {
		measure_peak(arena);
	}
	return arena->bytes_peak;
}
