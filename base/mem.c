/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/mem.h"

void gn_mem_init(struct gn_mem *mem, const struct gnomon_host *host, void *ctx)
{
	*mem = (struct gn_mem){ .host = host, .ctx = ctx };
	mem->logs = &mem->dirty;
}

void gn_mem_add(struct gn_mem *mem, const struct gn_window *window)
{
	uint32_t i;

	if (!window->hva) {
		mem->bare[mem->bare_count++] = *window;
		return;
	}
	i = mem->count++;
	for (; i > 0 && mem->window[i - 1].bytes < window->bytes; i--) {
		mem->window[i] = mem->window[i - 1];
	}
	mem->window[i] = *window;
}

/* Close the gap; false when no window starts at gpa. */
static bool take_out(struct gn_window *window, uint32_t count, uint64_t gpa)
{
	uint32_t i = 0;

	while (i < count && window[i].gpa != gpa) {
		i++;
	}
	if (i == count) {
		return false;
	}
	for (; i + 1 < count; i++) {
		window[i] = window[i + 1];
	}
	/* An empty first window never matches in gn_mem_load8(). */
	window[count - 1] = (struct gn_window){ 0 };
	return true;
}

void gn_mem_remove(struct gn_mem *mem, uint64_t gpa)
{
	if (take_out(mem->window, mem->count, gpa)) {
		mem->count--;
	} else if (take_out(mem->bare, mem->bare_count, gpa)) {
		mem->bare_count--;
	}
}

static const struct gn_window *find_in(const struct gn_window *window,
				       uint32_t count, uint64_t gpa,
				       uint64_t bytes)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct gn_window *w = &window[i];
		uint64_t at = gpa - w->gpa;

		if (at < w->bytes && w->bytes - at >= bytes) {
			return w;
		}
	}
	return NULL;
}

static const struct gn_window *find(const struct gn_mem *mem, uint64_t gpa,
				    uint64_t bytes)
{
	return find_in(mem->window, mem->count, gpa, bytes);
}

/* Where the host's callbacks reach gpa. */
static const struct gn_window *bare(const struct gn_mem *mem, uint64_t gpa,
				    uint64_t bytes)
{
	return find_in(mem->bare, mem->bare_count, gpa, bytes);
}

/* The window to write through, with the logs told; null: there is none. */
static const struct gn_window *to_write(const struct gn_mem *mem, uint64_t gpa,
					uint64_t bytes, bool host)
{
	const struct gn_window *w = find(mem, gpa, bytes);

	if (!w && host) {
		w = bare(mem, gpa, bytes);
	}
	if (!w || !w->writable) {
		return NULL;
	}
	gn_dirty_mark(mem->logs, (gpa + w->shift) >> GNOMON_PAGE_SHIFT);
	return w;
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
	w = bare(mem, gpa, bytes);
	if (!mem->host->load || !w) {
		return GNOMON_ABSENT;
	}
	return mem->host->load(mem->ctx, gn_gpa(gpa + w->shift), bytes, value);
}

enum gnomon_status gn_mem_store(const struct gn_mem *mem, uint64_t gpa,
				unsigned bytes, uint64_t value)
{
	const struct gn_window *w =
		to_write(mem, gpa, bytes, mem->host->store != NULL);

	if (!w) {
		return GNOMON_ABSENT;
	}
	if (!w->hva) {
		return mem->host->store(mem->ctx, gn_gpa(gpa + w->shift),
					bytes, value);
	}
	store(w->hva + (gpa - w->gpa), bytes, value);
	return GNOMON_OK;
}

enum gnomon_status gn_mem_cmpxchg(const struct gn_mem *mem, uint64_t gpa,
				  unsigned bytes, uint64_t *old,
				  uint64_t value)
{
	const struct gn_window *w =
		to_write(mem, gpa, bytes, mem->host->cmpxchg != NULL);

	if (!w) {
		return GNOMON_ABSENT;
	}
	if (!w->hva) {
		return mem->host->cmpxchg(mem->ctx, gn_gpa(gpa + w->shift),
					  bytes, old, value);
	}
	cmpxchg(w->hva + (gpa - w->gpa), bytes, old, value);
	return GNOMON_OK;
}
