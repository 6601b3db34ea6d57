/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The access filter: drops an access to a page that is still in a small
 * table, one for reads and one for writes. What passes is what a second-level
 * TLB would see. Sets of two, that of the last use first: where a program's
 * pages lie differs from run to run, and with a single place for each some
 * runs of gzip told twice as many accesses as others.
 */
#ifndef RECORD_FILTER_H
#define RECORD_FILTER_H

#include <stdbool.h>
#include <stdint.h>

enum {
	RECORD_FILTER_MAX = 65536,
};

struct record_filter_entry {
	uint64_t page;		/* gva >> 12, + 1; 0: empty */
	uint32_t epoch;		/* no table was here in this epoch */
};

struct record_filter {
	uint32_t pages;		/* per direction, a power of two; 0: keep all */
	struct record_filter_entry *entry[2];	/* a set's two side by side */
	uint64_t dropped;
};

/* False if `pages` is no power of two or memory is short. */
bool record_filter_init(struct record_filter *f, uint32_t pages);
void record_filter_clear(struct record_filter *f);
void record_filter_drop_page(struct record_filter *f, uint64_t gva);

/* The first of the page's set. */
static inline struct record_filter_entry *
record_filter_at(struct record_filter *f, bool store, uint64_t gva)
{
	return &f->entry[store][(gva >> 12 << 1) & (f->pages - 1)];
}

/* The page's entry, or the one that has to go for it: now the first. */
static inline struct record_filter_entry *
record_filter_use(struct record_filter *f, bool store, uint64_t gva)
{
	struct record_filter_entry *e = record_filter_at(f, store, gva);
	struct record_filter_entry last = e[0];

	if (last.page != (gva >> 12) + 1 && f->pages > 1) {
		e[0] = e[1];
		e[1] = last;
	}
	return e;
}

#endif
