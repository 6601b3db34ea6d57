/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pages for the engine, and the four functions a compiler may call.
 */
#include "vmm/vmm.h"

static void *free_list;
static uint64_t fresh, fresh_end;	/* pages that were never taken */
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
	} else if (fresh < fresh_end) {
		page = (void **)fresh;
		fresh += GNOMON_PAGE_BYTES;
	} else {
		return NULL;
	}
	page_count--;
	page_least = page_count < page_least ? page_count : page_least;
	return page;
}

/* No list of them: that would touch, and make the machine have, all. */
void page_init(uint64_t first, uint64_t end)
{
	fresh = first;
	fresh_end = end;
	page_least = page_count = (end - first) / GNOMON_PAGE_BYTES;
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

/* Do 64 bytes differ? */
static bool differ(const void *a, const void *b)
{
	const struct word *x = a, *y = b;

	return ((x[0].v ^ y[0].v) | (x[1].v ^ y[1].v) | (x[2].v ^ y[2].v) |
		(x[3].v ^ y[3].v) | (x[4].v ^ y[4].v) | (x[5].v ^ y[5].v) |
		(x[6].v ^ y[6].v) | (x[7].v ^ y[7].v)) != 0;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
	const unsigned char *x = a, *y = b;

	/* The engine compares whole tables with this: find where first. */
	while (bytes >= 64 && !differ(x, y)) {
		x += 64;
		y += 64;
		bytes -= 64;
		OPAQUE(x);
	}
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
