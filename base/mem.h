/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest memory as the engine sees it: the slots that have an hva are windows
 * that are read and written in place; the others go through the host's
 * callbacks; what lies in no slot is not there. Sits between the slots (engine)
 * and whoever walks or patches guest tables.
 *
 * Every access is single-copy atomic for its aligned size, because the guest
 * may be writing the same entry from another CPU.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include "base/addr.h"
#include "base/dirty.h"

struct gn_window {
	uint64_t gpa;		/* first byte, page aligned */
	uint64_t bytes;		/* whole pages */
	unsigned char *hva;	/* null: through the host's callbacks */
	bool writable;		/* false: ROM or read-only RAM */
	/* Added to a gpa it gives what logs and the host know it by. */
	uint64_t shift;
};

struct gn_mem {
	const struct gnomon_host *host;
	void *ctx;
	uint32_t count;
	/* Largest first, so that the first look nearly always finds it. */
	struct gn_window window[GNOMON_SLOTS_MAX];
	struct gn_dirty dirty;
	const struct gn_dirty *logs; /* told of every store below; &dirty */
	uint32_t bare_count;	/* those without an hva */
	struct gn_window bare[GNOMON_SLOTS_MAX];
};

void gn_mem_init(struct gn_mem *mem, const struct gnomon_host *host, void *ctx);
/* Room is guaranteed by GNOMON_SLOTS_MAX. */
void gn_mem_add(struct gn_mem *mem, const struct gn_window *window);
/* Drop the window that starts at gpa, if there is one. */
void gn_mem_remove(struct gn_mem *mem, uint64_t gpa);

/* Where gpa is in host memory for bytes more, or null. */
unsigned char *gn_mem_at(const struct gn_mem *mem, uint64_t gpa,
			 uint64_t bytes);

/* bytes is 1, 2, 4 or 8 and gpa is aligned to it. */
enum gnomon_status gn_mem_load_slow(const struct gn_mem *mem, uint64_t gpa,
				    unsigned bytes, uint64_t *value);
enum gnomon_status gn_mem_store(const struct gn_mem *mem, uint64_t gpa,
				unsigned bytes, uint64_t value);
/*
 * Replace *old by value; on a lost race leave memory alone and put what was
 * found into *old. Compare it to tell which.
 */
enum gnomon_status gn_mem_cmpxchg(const struct gn_mem *mem, uint64_t gpa,
				  unsigned bytes, uint64_t *old,
				  uint64_t value);

/* Load 8 aligned bytes; the walker's fast path. */
static inline enum gnomon_status gn_mem_load8(const struct gn_mem *mem,
					      uint64_t gpa, uint64_t *value)
{
	const struct gn_window *w = &mem->window[0];
	uint64_t at = gpa - w->gpa;

	/* Aligned, and windows are whole pages: the first byte tells. */
	if (__builtin_expect(at < w->bytes, 1)) {
		const uint64_t *p = (const uint64_t *)(const void *)
				    (w->hva + at);

		*value = __atomic_load_n(p, __ATOMIC_RELAXED);
		return GNOMON_OK;
	}
	return gn_mem_load_slow(mem, gpa, 8, value);
}

/* Store 8 aligned bytes if that is simple; else nothing has happened. */
static inline bool gn_mem_store8(const struct gn_mem *mem, uint64_t gpa,
				 uint64_t value)
{
	const struct gn_window *w = &mem->window[0];
	uint64_t at = gpa - w->gpa;

	/* Windows are whole pages: the first byte speaks for all. */
	if (at >= w->bytes || !w->writable || mem->dirty.count) {
		return false;
	}
	uint64_t *p = (uint64_t *)(void *)(w->hva + at);

	__atomic_store_n(p, value, __ATOMIC_RELEASE);
	return true;
}

#endif
