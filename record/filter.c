/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/filter.h"

#include <stdlib.h>
#include <string.h>

bool record_filter_init(struct record_filter *f, uint32_t pages)
{
	memset(f, 0, sizeof(*f));
	if (pages > RECORD_FILTER_MAX || (pages & (pages - 1))) {
		return false;
	}
	f->pages = pages;
	for (int i = 0; i < 2 && pages; i++) {
		f->entry[i] = calloc(pages, sizeof(*f->entry[i]));
		if (!f->entry[i]) {
			return false;
		}
	}
	return true;
}

void record_filter_clear(struct record_filter *f)
{
	for (int i = 0; i < 2 && f->pages; i++) {
		memset(f->entry[i], 0, f->pages * sizeof(*f->entry[i]));
	}
}

void record_filter_drop_page(struct record_filter *f, uint64_t gva)
{
	for (int i = 0; i < 2 && f->pages; i++) {
		struct record_filter_entry *e =
			record_filter_at(f, i != 0, gva);

		for (unsigned way = 0; way < 2 && way < f->pages; way++) {
			if (e[way].page == (gva >> 12) + 1) {
				e[way].page = 0;
			}
		}
	}
}
