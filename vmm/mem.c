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

void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
	void *d = to;

	__asm__ volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(bytes)
			 : : "memory");
	return to;
}

void *memmove(void *to, const void *from, size_t bytes)
{
	unsigned char *d = to;
	const unsigned char *s = from;

	if (d <= s || d >= s + bytes) {
		return memcpy(to, from, bytes);
	}
	while (bytes--) {
		((volatile unsigned char *)d)[bytes] = s[bytes];
	}
	return to;
}

void *memset(void *to, int byte, size_t bytes)
{
	void *d = to;

	__asm__ volatile("rep stosb" : "+D"(d), "+c"(bytes) : "a"(byte)
			 : "memory");
	return to;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
	const volatile unsigned char *x = a, *y = b;

	for (size_t i = 0; i < bytes; i++) {
		if (x[i] != y[i]) {
			return x[i] < y[i] ? -1 : 1;
		}
	}
	return 0;
}
