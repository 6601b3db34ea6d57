/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arenas: jemalloc arenas of our own, so that what the engine's tables and the
 * simulator's state occupy can be read from the allocator's statistics.
 *
 * An arena with a range takes all its memory from there, so an object's
 * distance from the start of the range is the same in every run.
 */
#ifndef SIM_ARENA_H
#define SIM_ARENA_H

#include <jemalloc/jemalloc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_arena {
	extent_hooks_t hooks;	/* first: how a hook finds the arena */
	unsigned index;
	bool live;
	uint8_t *range;		/* NULL: wherever jemalloc likes */
	size_t range_bytes;
	size_t range_used;
	size_t count;		/* objects alive */
	size_t count_peak;
	bool peak_pending;	/* a new peak that was not measured yet */
	size_t bytes_peak;
	size_t stats_mib[6];	/* of this arena's small and large bytes */
	size_t large_mib[6];
};

/*
 * Makes an arena; *arena must stay where it is. range (page aligned, mapped,
 * NULL for none) belongs to the caller and must outlive the arena.
 */
bool sim_arena_init(struct sim_arena *arena, void *range, size_t range_bytes);
/* Gives back everything allocated from it. Fine on a zeroed struct. */
void sim_arena_done(struct sim_arena *arena);

/* Zeroed memory, 64-byte aligned at least; NULL when there is none. */
void *sim_arena_zalloc(struct sim_arena *arena, size_t bytes);
/* One 4096-byte page, contents undefined. */
void *sim_arena_page(struct sim_arena *arena);
void sim_arena_free(struct sim_arena *arena, void *memory);

/* Bytes allocated now, and at most so far, by jemalloc's statistics. */
size_t sim_arena_bytes(const struct sim_arena *arena);
size_t sim_arena_peak(struct sim_arena *arena);

#endif
