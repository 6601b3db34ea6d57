/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mremap: pages change their addresses. Linux moves whole tables where both
 * ends are aligned to what a table maps, else entry by entry; and flushes
 * after each table's worth.
 */
#include "sim/kern_int.h"

static uint64_t span_of(unsigned level)
{
	return KERN_PAGE << (9 * (level - 1));
}

/*
 * A whole table from one place to another, if it is there and nothing is in
 * its way; `level` is that of the tables that link it. A 2M page moves in the
 * same way.
 */
static bool move_link(struct sim_kern *k, struct kern_mm *mm, uint64_t from,
		      uint64_t to, unsigned level)
{
	struct kern_table *a = kern_find(k, mm, from, level);
	unsigned i = kern_index(from, level), j = kern_index(to, level);
	uint64_t e = a ? a->e[i] : 0;
	struct kern_table *b = e & PTE_P ? kern_make(k, mm, to, level) : NULL;

	if (!b || b->e[j]) {
		return false;
	}
	kern_link(k, mm, a, i, 0);
	kern_link(k, mm, b, j, e);
	kern_flush_range(k, mm, from, from + span_of(level));
	return true;
}

/* Entries of one table to one other. */
static void move_pages(struct sim_kern *k, struct kern_mm *mm, uint64_t from,
		       uint64_t to, uint64_t bytes)
{
	struct kern_table *pmd = kern_find(k, mm, from, 2);
	bool any = false;

	if (pmd && (pmd->e[kern_index(from, 2)] & PTE_PS)) {
		kern_split_huge(k, mm, pmd, from);
	}
	struct kern_table *a = kern_find(k, mm, from, 1);
	struct kern_table *b = a ? kern_make(k, mm, to, 1) : NULL;

	for (uint64_t at = 0; b && at < bytes; at += KERN_PAGE) {
		unsigned i = kern_index(from + at, 1);
		uint64_t e = a->e[i];

		if (e) {
			kern_set(k, a, i, 0, 8);
			kern_set(k, b, kern_index(to + at, 1), e | PTE_SOFT,
				 8);
			any = true;
		}
	}
	if (any) {
		kern_flush_range(k, mm, from, from + bytes);
	}
}

/* Bytes up to the next boundary of `span` at either end. */
static uint64_t extent(uint64_t from, uint64_t to, uint64_t left,
		       uint64_t span)
{
	uint64_t a = span - from % span, b = span - to % span;

	a = a < b ? a : b;
	return a < left ? a : left;
}

static void move_tables(struct sim_kern *k, struct kern_mm *mm, uint64_t from,
			uint64_t to, uint64_t bytes)
{
	for (uint64_t at = 0, n; at < bytes && !k->error; at += n) {
		n = extent(from + at, to + at, bytes - at, span_of(3));
		if (n == span_of(3) &&
		    move_link(k, mm, from + at, to + at, 3)) {
			continue;
		}
		n = extent(from + at, to + at, bytes - at, span_of(2));
		struct kern_table *pmd = kern_find(k, mm, from + at, 2);

		if (!pmd || !pmd->e[kern_index(from + at, 2)]) {
			continue;	/* nothing is there */
		}
		if (n != span_of(2) ||
		    !move_link(k, mm, from + at, to + at, 2)) {
			move_pages(k, mm, from + at, to + at, n);
		}
	}
}

/* More of the same behind a mapping; private memory behind a file's end. */
static void extend(struct sim_kern *k, struct kern_mm *mm, struct kern_vma *v,
		   uint64_t end)
{
	uint64_t pages = (end - v->start) / KERN_PAGE;

	if (!v->file || v->file_page + pages <= v->file->pages) {
		v->end = end;
		return;
	}
	struct kern_vma rest = { .start = v->end, .end = end,
				 .prot = v->prot };

	(void)kern_vma_insert(k, mm, &rest);
}

/* The mappings of [from, from + bytes) again, at `to`. */
static void copy_vmas(struct sim_kern *k, struct kern_mm *mm, uint64_t from,
		      uint64_t to, uint64_t bytes)
{
	uint64_t at = from;

	while (at < from + bytes && !k->error) {
		struct kern_vma *v = kern_vma_find(mm, at);
		struct kern_vma copy = {
			.start = at, .end = from + bytes,
			.prot = SIM_PROT_R | SIM_PROT_W,
		};

		if (v) {
			copy = *v;
			copy.end = copy.end < from + bytes ? copy.end :
							     from + bytes;
		} else {
			for (v = mm->vmas; v && v->start < at; v = v->next) {
			}
			copy.end = v && v->start < copy.end ? v->start :
							      copy.end;
		}
		at = copy.end;
		copy.start += to - from;
		copy.end += to - from;
		(void)kern_vma_insert(k, mm, &copy);
	}
}

static void move(struct sim_kern *k, struct kern_mm *mm, uint64_t from,
		 uint64_t to, uint64_t bytes, unsigned flags)
{
	kern_vma_split(k, mm, from);
	kern_vma_split(k, mm, from + bytes);
	copy_vmas(k, mm, from, to, bytes);
	move_tables(k, mm, from, to, bytes);
	if (!(flags & SIM_KERN_MOVE_KEEP)) {
		kern_unmap(k, mm, from, from + bytes);
		return;
	}
	for (struct kern_vma *v = mm->vmas; v; v = v->next) {
		if (v->start >= from && v->end <= from + bytes) {
			v->anon = false;
		}
	}
}

static bool overlap(uint64_t a, uint64_t a_bytes, uint64_t b, uint64_t b_bytes)
{
	return a < b + b_bytes && b < a + a_bytes;
}

void sim_kern_mremap(struct sim_kern *k, struct sim_proc *p, uint64_t gva,
		     uint64_t bytes, uint64_t to, uint64_t to_bytes,
		     unsigned flags)
{
	uint64_t keep = bytes < to_bytes ? bytes : to_bytes;
	struct kern_mm *mm = p->mm;

	if (k->error) {
		return;
	}
	if (!to_bytes || gva + bytes > KERN_USER_END ||
	    to + to_bytes > KERN_USER_END ||
	    (to != gva && overlap(gva, bytes, to, to_bytes))) {
		kern_fail(k, "a mapping outside the user's addresses");
		return;
	}
	kern_enter(k);
	kern_spend(k, k->work.syscall);
	if (to != gva) {
		kern_unmap(k, mm, to, to + to_bytes);
	}
	kern_unmap(k, mm, gva + keep, gva + bytes);
	if (to != gva) {
		move(k, mm, gva, to, keep, flags);
	}
	struct kern_vma *v = keep ? kern_vma_find(mm, to + keep - 1) : NULL;

	if (to_bytes > keep) {
		kern_unmap(k, mm, to + keep, to + to_bytes);
	}
	if (v && to_bytes > keep) {
		extend(k, mm, v, to + to_bytes);
	}
	kern_leave(k);
}
