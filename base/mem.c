/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/mem.h"

void gn_mem_init(struct gn_mem *mem, const struct gnomon_host *host, void *ctx)
{
	*mem = (struct gn_mem){ .host = host, .ctx = ctx };
}

void gn_mem_add(struct gn_mem *mem, const struct gn_window *window)
{
	uint32_t i = mem->count++;

	for (; i > 0 && mem->window[i - 1].bytes < window->bytes; i--) {
		mem->window[i] = mem->window[i - 1];
	}
	mem->window[i] = *window;
}

void gn_mem_remove(struct gn_mem *mem, uint64_t gpa)
{
	uint32_t i = 0;

	while (i < mem->count && mem->window[i].gpa != gpa) {
		i++;
	}
	if (i == mem->count) {
		return;
	}
	for (mem->count--; i < mem->count; i++) {
		mem->window[i] = mem->window[i + 1];
	}
	/* An empty first window never matches in gn_mem_load8(). */
	mem->window[mem->count] = (struct gn_window){ 0 };
}

static const struct gn_window *find(const struct gn_mem *mem, uint64_t gpa,
				    uint64_t bytes)
{
	for (uint32_t i = 0; i < mem->count; i++) {
		const struct gn_window *w = &mem->window[i];
		uint64_t at = gpa - w->gpa;

		if (at < w->bytes && w->bytes - at >= bytes) {
			return w;
		}
	}
	return NULL;
}

unsigned char *gn_mem_at(const struct gn_mem *mem, uint64_t gpa,
			 uint64_t bytes)
{
	const struct gn_window *w = find(mem, gpa, bytes);

	return w ? w->hva + (gpa - w->gpa) : NULL;
}

static uint64_t load(const unsigned char *p, unsigned bytes)
{
	const void *at = p;

	switch (bytes) {
	case 1:
		return __atomic_load_n(p, __ATOMIC_RELAXED);
	case 2:
		return __atomic_load_n((const uint16_t *)at, __ATOMIC_RELAXED);
	case 4:
		return __atomic_load_n((const uint32_t *)at, __ATOMIC_RELAXED);
	default:
		return __atomic_load_n((const uint64_t *)at, __ATOMIC_RELAXED);
	}
}

static void store(unsigned char *p, unsigned bytes, uint64_t v)
{
	void *at = p;

	switch (bytes) {
	case 1:
		__atomic_store_n(p, (uint8_t)v, __ATOMIC_RELEASE);
		break;
	case 2:
		__atomic_store_n((uint16_t *)at, (uint16_t)v, __ATOMIC_RELEASE);
		break;
	case 4:
		__atomic_store_n((uint32_t *)at, (uint32_t)v, __ATOMIC_RELEASE);
		break;
	default:
		__atomic_store_n((uint64_t *)at, v, __ATOMIC_RELEASE);
		break;
	}
}

static void cmpxchg(unsigned char *p, unsigned bytes, uint64_t *old,
		    uint64_t value)
{
	void *at = p;

	if (bytes == 8) {
		__atomic_compare_exchange_n((uint64_t *)at, old, value, false,
					    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
		return;
	}
	uint32_t found = (uint32_t)*old;

	__atomic_compare_exchange_n((uint32_t *)at, &found, (uint32_t)value,
				    false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
	*old = found;
}

enum gnomon_status gn_mem_load_slow(const struct gn_mem *mem, uint64_t gpa,
				    unsigned bytes, uint64_t *value)
{
	const struct gn_window *w = find(mem, gpa, bytes);

	if (w) {
		*value = load(w->hva + (gpa - w->gpa), bytes);
		return GNOMON_OK;
	}
	if (!mem->host->load) {
		return GNOMON_ABSENT;
	}
	return mem->host->load(mem->ctx, gn_gpa(gpa), bytes, value);
}

enum gnomon_status gn_mem_store(const struct gn_mem *mem, uint64_t gpa,
				unsigned bytes, uint64_t value)
{
	const struct gn_window *w = find(mem, gpa, bytes);

	if (w && !w->writable) {
		return GNOMON_ABSENT;
	}
	gn_dirty_mark(&mem->dirty, gpa >> GNOMON_PAGE_SHIFT);
	if (w) {
		store(w->hva + (gpa - w->gpa), bytes, value);
		return GNOMON_OK;
	}
	if (!mem->host->store) {
		return GNOMON_ABSENT;
	}
	return mem->host->store(mem->ctx, gn_gpa(gpa), bytes, value);
}

enum gnomon_status gn_mem_cmpxchg(const struct gn_mem *mem, uint64_t gpa,
				  unsigned bytes, uint64_t *old,
				  uint64_t value)
{
	const struct gn_window *w = find(mem, gpa, bytes);

	if (w && !w->writable) {
		return GNOMON_ABSENT;
	}
	gn_dirty_mark(&mem->dirty, gpa >> GNOMON_PAGE_SHIFT);
	if (w) {
		cmpxchg(w->hva + (gpa - w->gpa), bytes, old, value);
		return GNOMON_OK;
	}
	if (!mem->host->cmpxchg) {
		return GNOMON_ABSENT;
	}
	return mem->host->cmpxchg(mem->ctx, gn_gpa(gpa), bytes, old, value);
}
