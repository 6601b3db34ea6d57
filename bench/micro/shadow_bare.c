/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The least that the engine's operations could be: loops that do the memory
 * accesses which nobody can leave out, on the same guest, and nothing else.
 */
#include <string.h>

#include "bench/micro/shadow.h"

enum { ENTRIES = SHADOW_TABLES * 512 };

#define RIGHTS UINT64_C(0x8000000000000067)
#define FRAME UINT64_C(0x000ffffffffff000)

static uint64_t shadow[ENTRIES];
static uint64_t copies[ENTRIES];
static uint64_t backing[1 + ENTRIES];	/* by gfn: its host frame */
static uint64_t bitmap[ENTRIES / 64];

static uint64_t compose(const struct world *w, uint64_t gpte)
{
	return (gpte & RIGHTS) |
	       ((gpte & FRAME) + (uint64_t)(uintptr_t)w->ram);
}

/* Compose an entry and put it. */
void shadow_bare_update(struct world *w, unsigned rounds)
{
	double start = 0;

	for (unsigned n = 0; n < rounds; n++) {
		uint64_t i = n / 512 % w->leaves, j = n % 512;

		meter_begin(n, &start);
		uint64_t value = *world_entry(w, i, j) ^ 0x1000;

		*(volatile uint64_t *)world_entry(w, i, j) = value;
		*(volatile uint64_t *)&shadow[i * 512 + j] = compose(w, value);
		meter_end(n, start);
	}
}

/* Every entry of a table changed: look its frame up, compose, remember. */
void shadow_bare_sync(struct world *w, unsigned rounds)
{
	for (uint64_t g = 0; g < ENTRIES; g++) {
		backing[1 + g] = (uint64_t)(uintptr_t)w->ram + (g << 12);
	}
	for (unsigned n = 0; n < rounds; n++) {
		uint64_t i = n % SHADOW_TABLES;
		double start = meter_now();

		for (unsigned j = 0; j < 512; j++) {
			uint64_t gpte = *world_entry(w, i, j);
			uint64_t hpa = backing[(gpte & FRAME) >> 12];

			copies[i * 512 + j] = gpte;
			*(volatile uint64_t *)&shadow[i * 512 + j] =
				(gpte & RIGHTS) | hpa;
		}
		meter_sample(start, 1);
	}
}

static void copy_all(const struct world *w)
{
	for (uint64_t i = 0; i < SHADOW_TABLES; i++) {
		memcpy(&copies[i * 512], world_entry(w, i, 0), 4096);
	}
}

void shadow_bare_compare(struct world *w, unsigned rounds)
{
	volatile int sum = 0;
	double start = 0;

	/* Equal, so that all of the page is looked at. */
	copy_all(w);
	for (unsigned n = 0; n < rounds; n++) {
		uint64_t i = n % SHADOW_TABLES;

		meter_begin(n, &start);
		sum += memcmp(&copies[i * 512], world_entry(w, i, 0), 4096);
		__asm__ volatile("" ::: "memory");
		meter_end(n, start);
	}
	(void)sum;
}

void shadow_bare_copy(struct world *w, unsigned rounds)
{
	double start = 0;

	for (unsigned n = 0; n < rounds; n++) {
		uint64_t i = n % SHADOW_TABLES;

		meter_begin(n, &start);
		memcpy(&copies[i * 512], world_entry(w, i, 0), 4096);
		__asm__ volatile("" ::: "memory");
		meter_end(n, start);
	}
}

/* As a fork leaves a table: compare, and give or take one right. */
void shadow_bare_protect(struct world *w, unsigned rounds)
{
	copy_all(w);
	for (unsigned n = 0; n < rounds; n++) {
		uint64_t i = n % SHADOW_TABLES;

		for (unsigned j = 0; j < 512; j++) {
			*world_entry(w, i, j) ^= 2;
		}
		double start = meter_now();

		for (unsigned j = 0; j < 512; j++) {
			uint64_t gpte = *world_entry(w, i, j);
			uint64_t *old = &copies[i * 512 + j];

			if (gpte != *old) {
				*old = gpte;
				*(volatile uint64_t *)&shadow[i * 512 + j] =
					compose(w, gpte);
			}
		}
		meter_sample(start, 1);
	}
}

/* Take 64 bits at a time out of a bitmap in which none is set. */
void shadow_bare_scan(struct world *w, unsigned rounds)
{
	volatile uint64_t any = 0;

	(void)w;
	for (unsigned n = 0; n < rounds; n++) {
		double start = meter_now();

		for (unsigned i = 0; i < ENTRIES / 64; i++) {
			if (__atomic_load_n(&bitmap[i], __ATOMIC_RELAXED)) {
				any += __atomic_exchange_n(&bitmap[i], 0,
							   __ATOMIC_ACQ_REL);
			}
		}
		meter_sample(start, 1);
	}
	(void)any;
}
