/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pages for the engine, and the four functions a compiler may call.
 */
#include "vmm/vmm.h"

static void *free_list;
uint64_t page_count, page_least;

void page_give(void *page)
{
	*(void **)page = free_list;
	free_list = page;
	page_count++;
}

void *page_take(void)
{
	void **page = free_list;

	if (page) {
		free_list = *page;
		page_count--;
		page_least = page_count < page_least ? page_count : page_least;
	}
	return page;
}

void page_init(uint64_t first, uint64_t end)
{
	for (uint64_t p = end; p > first; p -= GNOMON_PAGE_BYTES) {
		page_give((void *)(p - GNOMON_PAGE_BYTES));
	}
	page_least = page_count;
}

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int byte, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);

struct word {
	uint64_t v;
} __attribute__((packed, may_alias));

/* Keep the compiler from calling the function that it is compiling. */
#define OPAQUE(p) __asm__("" : "+r"(p))

/* Words in a loop: emulators take REP one round at a time. */
void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
	unsigned char *d = to;
	const unsigned char *s = from;

	for (; bytes >= 32; bytes -= 32, d += 32, s += 32) {
		const struct word *w = (const void *)s;
		struct word *x = (void *)d;

		x[0].v = w[0].v;
		x[1].v = w[1].v;
		x[2].v = w[2].v;
		x[3].v = w[3].v;
		OPAQUE(d);
	}
	for (; bytes >= 8; bytes -= 8, d += 8, s += 8) {
		((struct word *)d)->v = ((const struct word *)s)->v;
		OPAQUE(d);
	}
	for (; bytes; bytes--, d++, s++) {
		*d = *s;
		OPAQUE(d);
	}
	return to;
}

void *memmove(void *to, const void *from, size_t bytes)
{
	unsigned char *d = to;
	const unsigned char *s = from;

	if (d <= s || d >= s + bytes) {
		for (size_t i = 0; i < bytes; i++) {
			((volatile unsigned char *)d)[i] = s[i];
		}
		return to;
	}
	while (bytes--) {
		((volatile unsigned char *)d)[bytes] = s[bytes];
	}
	return to;
}

void *memset(void *to, int byte, size_t bytes)
{
	uint64_t v = (unsigned char)byte * UINT64_C(0x0101010101010101);
	unsigned char *d = to;

	for (; bytes >= 32; bytes -= 32, d += 32) {
		struct word *x = (void *)d;

		x[0].v = x[1].v = x[2].v = x[3].v = v;
		OPAQUE(d);
	}
	for (; bytes >= 8; bytes -= 8, d += 8) {
		((struct word *)d)->v = v;
		OPAQUE(d);
	}
	for (; bytes; bytes--, d++) {
		*d = (unsigned char)byte;
		OPAQUE(d);
	}
	return to;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
	const unsigned char *x = a, *y = b;

	/* The engine compares whole tables with this: find where first. */
	while (bytes >= 8 && ((const struct word *)x)->v ==
				     ((const struct word *)y)->v) {
		x += 8;
		y += 8;
		bytes -= 8;
		OPAQUE(x);
	}
	for (; bytes; bytes--, x++, y++) {
		if (*x != *y) {
			return *x < *y ? -1 : 1;
		}
		OPAQUE(x);
	}
	return 0;
}
