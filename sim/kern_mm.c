/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address spaces of the guest kernel: mappings, their removal and change of
 * rights, with the flushes batched as Linux's mmu_gather does.
 */
#include <stdlib.h>

#include "sim/kern_int.h"

struct kern_mm *kern_mm_new(struct sim_kern *k)
{
	struct kern_mm *mm = calloc(1, sizeof(*mm));

	if (!mm) {
		kern_fail(k, "out of memory");
		return NULL;
	}
	mm->next = k->mms;
	k->mms = mm;
	mm->id = ++k->mm_ids;
	mm->users = 1;
	mm->pgd = kern_table_new(k, 4);
	if (mm->pgd && k->cfg.kpti) {
		mm->user_pgd = kern_table_new(k, 4);
	}
	if (!mm->pgd || (k->cfg.kpti && !mm->user_pgd)) {
		return NULL;
	}
	for (unsigned i = 256; i < 512; i++) {
		kern_set(k, mm->pgd, i, k->pgd->e[i], 8);
	}
	if (mm->user_pgd) {
		unsigned i = kern_index(KERN_ENTRY, 4);

		kern_set(k, mm->user_pgd, i, k->pgd->e[i], 8);
	}
	return mm;
}

static void forget(struct sim_kern *k, struct kern_mm *mm)
{
	struct kern_mm **at = &k->mms;

	while (*at && *at != mm) {
		at = &(*at)->next;
	}
	if (*at) {
		*at = mm->next;
	}
	free(mm);
}

void kern_mm_put(struct sim_kern *k, struct kern_mm *mm)
{
	uint64_t first = 0, last = 0;

	if (--mm->users > 0) {
		return;
	}
	for (struct kern_vma *v = mm->vmas; v; v = v->next) {
		kern_zap_range(k, mm, v->start, v->end, &first, &last);
	}
	for (struct kern_vma *v = mm->vmas; v; v = v->next) {
		kern_free_tables(k, mm, v->start, v->end, 0,
				 v->next ? v->next->start : KERN_USER_END);
	}
	kern_flush_mm(k, mm);
	kern_leave_mm(k, mm);
	while (mm->vmas) {
		struct kern_vma *v = mm->vmas;

		mm->vmas = v->next;
		free(v);
	}
	if (mm->user_pgd) {
		kern_table_free(k, mm->user_pgd);
	}
	kern_table_free(k, mm->pgd);
	forget(k, mm);
}

struct kern_vma *kern_vma_find(struct kern_mm *mm, uint64_t gva)
{
	struct kern_vma *v = mm->vmas;

	while (v && v->end <= gva) {
		v = v->next;
	}
	return v && v->start <= gva ? v : NULL;
}

struct kern_vma *kern_vma_insert(struct sim_kern *k, struct kern_mm *mm,
				 const struct kern_vma *vma)
{
	struct kern_vma **at = &mm->vmas;
	struct kern_vma *v = malloc(sizeof(*v));

	if (!v) {
		kern_fail(k, "out of memory");
		return NULL;
	}
	while (*at && (*at)->start < vma->start) {
		at = &(*at)->next;
	}
	*v = *vma;
	v->next = *at;
	*at = v;
	return v;
}

/* Make addr a boundary between mappings. */
static void split_at(struct sim_kern *k, struct kern_mm *mm, uint64_t addr)
{
	struct kern_vma *v = kern_vma_find(mm, addr);

	if (!v || v->start == addr) {
		return;
	}
	struct kern_vma upper = *v;

	upper.start = addr;
	upper.file_page += (addr - v->start) / KERN_PAGE;
	v->end = addr;
	(void)kern_vma_insert(k, mm, &upper);
}

static void note(uint64_t gva, uint64_t bytes, uint64_t *first, uint64_t *last)
{
	if (*last == 0 || gva < *first) {
		*first = gva;
	}
	if (gva + bytes > *last) {
		*last = gva + bytes;
	}
}

/* A 2M leaf: drop it whole, or break it when only part of it goes. */
static bool zap_huge(struct sim_kern *k, struct kern_mm *mm,
		     struct kern_table *pmd, uint64_t at, uint64_t end)
{
	unsigned i = kern_index(at, 2);
	uint64_t gpa = pmd->e[i] & KERN_ADDR & ~(KERN_LARGE - 1);

	if ((at & (KERN_LARGE - 1)) != 0 || at + KERN_LARGE > end) {
		kern_split_huge(k, mm, pmd, at);
		return false;
	}
	kern_set(k, pmd, i, 0, 8);
	if (kern_frame(k, gpa)->use == USE_HUGE) {
		kern_page_unmap(k, gpa);
		return true;
	}
	/* Another address space has broken the page up meanwhile. */
	for (unsigned j = 0; j < 512; j++) {
		kern_page_unmap(k, gpa + j * KERN_PAGE);
	}
	return true;
}

void kern_zap_range(struct sim_kern *k, struct kern_mm *mm, uint64_t start,
		    uint64_t end, uint64_t *first, uint64_t *last)
{
	uint64_t at = start;

	while (at < end && !k->error) {
		struct kern_table *pmd = kern_find(k, mm, at, 2);

		if (pmd && (pmd->e[kern_index(at, 2)] & PTE_PS) &&
		    zap_huge(k, mm, pmd, at, end)) {
			note(at, KERN_LARGE, first, last);
			at += KERN_LARGE;
			continue;
		}
		struct kern_table *pt = kern_find(k, mm, at, 1);

		if (!pt) {
			at = kern_next(k, mm, at);
			continue;
		}
		uint64_t e = pt->e[kern_index(at, 1)];

		if (e & PTE_P) {
			kern_set(k, pt, kern_index(at, 1), 0, 8);
			kern_spend(k, k->work.unmap_pte);
			kern_page_unmap(k, e & KERN_ADDR);
			note(at, KERN_PAGE, first, last);
		}
		at += KERN_PAGE;
	}
}

void sim_kern_munmap(struct sim_kern *k, struct sim_proc *p, uint64_t gva,
		     uint64_t bytes)
{
	uint64_t end = gva + bytes, first = 0, last = 0;
	struct kern_vma **at = &p->mm->vmas;
	struct kern_vma *before = NULL;

	if (k->error) {
		return;
	}
	kern_enter(k);
	kern_spend(k, k->work.syscall);
	split_at(k, p->mm, gva);
	split_at(k, p->mm, end);
	while (*at && (*at)->start < gva) {
		before = *at;
		at = &(*at)->next;
	}
	while (*at && (*at)->start < end) {
		struct kern_vma *v = *at;

		kern_zap_range(k, p->mm, v->start, v->end, &first, &last);
		*at = v->next;
		free(v);
	}
	kern_free_tables(k, p->mm, gva, end, before ? before->end : 0,
			 *at ? (*at)->start : KERN_USER_END);
	if (last) {
		kern_flush_range(k, p->mm, first, last);
	}
	kern_leave(k);
}

/*
 * Linux clears and rewrites each present entry; only one that lost a right
 * needs its page flushed. Rights are never granted here: a write must fault
 * first and find out whether the page is shared.
 */
void kern_protect_range(struct sim_kern *k, struct kern_mm *mm,
			const struct kern_vma *vma)
{
	uint64_t first = 0, last = 0;

	uint64_t after;

	for (uint64_t at = vma->start; at < vma->end && !k->error;
	     at = after) {
		struct kern_table *pmd = kern_find(k, mm, at, 2);

		if (pmd && (pmd->e[kern_index(at, 2)] & PTE_PS)) {
			kern_split_huge(k, mm, pmd, at);
		}
		struct kern_table *pt = kern_find(k, mm, at, 1);
		unsigned i = kern_index(at, 1);
		uint64_t e = pt ? pt->e[i] : 0;

		after = pt ? at + KERN_PAGE : kern_next(k, mm, at);
		if (!(e & PTE_P)) {
			continue;
		}
		uint64_t keep = e & ~(PTE_NX | PTE_W);
		uint64_t next = keep |
			(vma->prot & SIM_PROT_X ? 0 : PTE_NX) |
			(vma->prot & SIM_PROT_W ? e & PTE_W : 0);

		kern_set(k, pt, i, 0, 8);
		kern_set(k, pt, i, next, 8);
		if ((e & PTE_W & ~next) || (next & PTE_NX & ~e)) {
			note(at, KERN_PAGE, &first, &last);
		}
	}
	if (last) {
		kern_flush_range(k, mm, first, last);
	}
}

void sim_kern_mprotect(struct sim_kern *k, struct sim_proc *p, uint64_t gva,
		       uint64_t bytes, unsigned prot)
{
	uint64_t end = gva + bytes;

	if (k->error) {
		return;
	}
	kern_enter(k);
	kern_spend(k, k->work.syscall);
	split_at(k, p->mm, gva);
	split_at(k, p->mm, end);
	for (struct kern_vma *v = p->mm->vmas; v && v->start < end;
	     v = v->next) {
		if (v->start >= gva) {
			v->prot = prot;
			kern_protect_range(k, p->mm, v);
		}
	}
	kern_leave(k);
}

void sim_kern_mmap(struct sim_kern *k, struct sim_proc *p, uint64_t gva,
		   uint64_t bytes, unsigned prot, unsigned flags,
		   struct sim_kern_file *file, uint64_t file_page)
{
	struct kern_vma v = { .start = gva, .end = gva + bytes, .file = file,
			      .file_page = file_page, .prot = prot,
			      .flags = flags };

	if (k->error) {
		return;
	}
	if (gva % KERN_PAGE || bytes % KERN_PAGE || bytes == 0 ||
	    v.end > KERN_USER_END) {
		kern_fail(k, "a mapping outside the user's addresses");
		return;
	}
	kern_enter(k);
	kern_spend(k, k->work.syscall);
	(void)kern_vma_insert(k, p->mm, &v);
	kern_leave(k);
}
