/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest frames. Freed frames are used again at once, last in first out, as
 * Linux's per-CPU lists do: a page table soon becomes a data page and the
 * other way round, which is what a shadow engine must cope with.
 */
#include <stdlib.h>

#include "sim/kern_int.h"

struct kern_frame *kern_frame(struct sim_kern *k, uint64_t gpa)
{
	return &k->frames[gpa / KERN_PAGE];
}

static bool push(uint64_t **stack, size_t *count, size_t *room, uint64_t gpa)
{
	if (*count == *room) {
		size_t more = *room ? *room * 2 : 256;
		uint64_t *p = realloc(*stack, more * sizeof(*p));

		if (!p) {
			return false;
		}
		*stack = p;
		*room = more;
	}
	(*stack)[(*count)++] = gpa;
	return true;
}

uint64_t kern_frame_get(struct sim_kern *k, enum kern_use use)
{
	uint64_t gpa;

	if (k->spare_count) {
		gpa = k->spare[--k->spare_count];
	} else if (k->fresh * KERN_PAGE < k->fresh_huge) {
		gpa = k->fresh++ * KERN_PAGE;
	} else {
		kern_fail(k, "the guest's memory is exhausted");
		return 0;
	}
	*kern_frame(k, gpa) = (struct kern_frame){ .use = (uint8_t)use };
	return gpa;
}

void kern_frame_put(struct sim_kern *k, uint64_t gpa)
{
	*kern_frame(k, gpa) = (struct kern_frame){ 0 };
	if (!push(&k->spare, &k->spare_count, &k->spare_room, gpa)) {
		kern_fail(k, "out of memory");
	}
}

uint64_t kern_huge_get(struct sim_kern *k)
{
	uint64_t gpa;

	if (k->spare_huge_count) {
		gpa = k->spare_huge[--k->spare_huge_count];
	} else if (k->fresh_huge >= (k->fresh * KERN_PAGE) + 2 * KERN_LARGE) {
		k->fresh_huge -= KERN_LARGE;
		gpa = k->fresh_huge;
	} else {
		return 0;	/* the caller falls back to small pages */
	}
	*kern_frame(k, gpa) = (struct kern_frame){ .use = USE_HUGE };
	return gpa;
}

static void put_huge(struct sim_kern *k, uint64_t gpa)
{
	*kern_frame(k, gpa) = (struct kern_frame){ 0 };
	if (!push(&k->spare_huge, &k->spare_huge_count, &k->spare_huge_room,
		  gpa)) {
		kern_fail(k, "out of memory");
	}
}

void kern_huge_break(struct sim_kern *k, uint64_t gpa)
{
	const struct kern_frame whole = *kern_frame(k, gpa);

	for (unsigned i = 0; i < 512; i++) {
		*kern_frame(k, gpa + i * KERN_PAGE) = (struct kern_frame){
			.use = USE_ANON, .maps = whole.maps,
			.forked = whole.forked
		};
	}
}

uint64_t kern_next_used(const struct sim_kern *k, uint64_t i)
{
	uint64_t top = k->fresh_huge / KERN_PAGE;

	return i + 1 < k->fresh || i + 1 >= top ? i + 1 : top;
}

void kern_page_unmap(struct sim_kern *k, uint64_t gpa)
{
	struct kern_frame *f = kern_frame(k, gpa);

	if (f->use != USE_ANON && f->use != USE_HUGE) {
		return;		/* the page cache and the zero page stay */
	}
	if (--f->maps > 0) {
		return;
	}
	if (f->use == USE_HUGE) {
		put_huge(k, gpa);
	} else {
		kern_frame_put(k, gpa);
	}
}
