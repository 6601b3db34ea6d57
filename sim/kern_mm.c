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
	struct kern_gather g = { .whole = true };

	if (--mm->users > 0) {
		return;
	}
	for (struct kern_vma *v = mm->vmas; v; v = v->next) {
		kern_zap_range(k, mm, v->start, v->end, false, &g);
	}
	for (struct kern_vma *v = mm->vmas; v; v = v->next) {
		kern_free_tables(k, mm, v->start, v->end, 0,
				 v->next ? v->next->start : KERN_USER_END, &g);
	}
	kern_gather_flush(k, mm, &g);
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

void kern_vma_split(struct sim_kern *k, struct kern_mm *mm, uint64_t gva)
{
	struct kern_vma *v = kern_vma_find(mm, gva);

	if (!v || v->start == gva) {
		return;
	}
	struct kern_vma upper = *v;

	upper.start = gva;
	upper.file_page += (gva - v->start) / KERN_PAGE;
	v->end = gva;
	(void)kern_vma_insert(k, mm, &upper);
}

/* A 2M leaf: drop it whole, or break it when only part of it goes. */
static bool zap_huge(struct sim_kern *k, struct kern_mm *mm,
		     struct kern_table *pmd, uint64_t at, uint64_t end,
		     struct kern_gather *g)
{
	unsigned i = kern_index(at, 2);
	uint64_t gpa = pmd->e[i] & KERN_ADDR & ~(KERN_LARGE - 1);

	if ((at & (KERN_LARGE - 1)) != 0 || at + KERN_LARGE > end) {
		kern_split_huge(k, mm, pmd, at);
		return false;
	}
	kern_set(k, pmd, i, 0, 8);
	kern_gather_add(g, at, KERN_LARGE);
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

/* One entry; true if the page was a file's and had been written through it,
 * which makes Linux flush before it lets the table go. */
static bool zap_page(struct sim_kern *k, struct kern_table *pt, uint64_t at,
		     bool only_file, struct kern_gather *g)
{
	unsigned i = kern_index(at, 1);
	uint64_t e = pt->e[i];

	if (!kern_has_page(e)) {
		return false;
	}
	struct kern_frame *f = kern_frame(k, e & KERN_ADDR);
	bool of_file = f->use == USE_FILE;

	if (only_file && !of_file) {
		return false;
	}
	kern_set(k, pt, i, 0, 8);
	kern_spend(k, k->work.unmap_pte);
	kern_page_unmap(k, e & KERN_ADDR);
	kern_gather_add(g, at, KERN_PAGE);
	g->pages = true;
	return of_file && (e & PTE_D);
}

void kern_zap_range(struct sim_kern *k, struct kern_mm *mm, uint64_t start,
		    uint64_t end, bool only_file, struct kern_gather *g)
{
	uint64_t at = start;
	bool dirty = false;

	while (at < end && !k->error) {
		struct kern_table *pmd = kern_find(k, mm, at, 2);
		struct kern_table *pt = NULL;

		if (pmd && (pmd->e[kern_index(at, 2)] & PTE_PS)) {
			if (only_file || zap_huge(k, mm, pmd, at, end, g)) {
				at = (at | (KERN_LARGE - 1)) + 1;
				continue;
			}
		}
		pt = kern_find(k, mm, at, 1);
		if (!pt) {
			at = kern_next(k, mm, at);
			continue;
		}
		dirty = zap_page(k, pt, at, only_file, g) || dirty;
		at += KERN_PAGE;
		if (dirty && (at % KERN_LARGE == 0 || at == end)) {
			kern_gather_flush(k, mm, g);
			dirty = false;
		}
	}
}

void kern_unmap(struct sim_kern *k, struct kern_mm *mm, uint64_t start,
		uint64_t end)
{
	struct kern_vma **at = &mm->vmas;
	struct kern_vma *before = NULL;
	struct kern_gather g = { 0 };

	if (start >= end) {
		return;
	}
	kern_vma_split(k, mm, start);
	kern_vma_split(k, mm, end);
	while (*at && (*at)->start < start) {
		before = *at;
		at = &(*at)->next;
	}
	if (!*at || (*at)->start >= end) {
		return;		/* nothing is mapped there */
	}
	while (*at && (*at)->start < end) {
		struct kern_vma *v = *at;

		kern_zap_range(k, mm, v->start, v->end, false, &g);
		*at = v->next;
		free(v);
	}
	kern_free_tables(k, mm, start, end, before ? before->end : 0,
			 *at ? (*at)->start : KERN_USER_END, &g);
	kern_gather_flush(k, mm, &g);
}

void sim_kern_munmap(struct sim_kern *k, struct sim_proc *p, uint64_t gva,
		     uint64_t bytes)
{
	if (k->error) {
		return;
	}
	kern_enter(k);
	kern_spend(k, k->work.syscall);
	kern_unmap(k, p->mm, gva, gva + bytes);
	kern_leave(k);
}

/*
 * The right to write is granted at once to a page that is this process's own
 * and has been written; others must fault first and find out.
 */
static uint64_t with_rights(struct sim_kern *k, const struct kern_vma *v,
			    uint64_t e)
{
	const struct kern_frame *f = kern_frame(k, e & KERN_ADDR);
	uint64_t next = e & ~(PTE_NX | PTE_W | PTE_P | PTE_NONE);
	bool own = v->flags & SIM_KERN_SHARED ? f->use == USE_FILE :
		   f->use == USE_ANON && f->maps == 1 && !f->forked;
	bool known = (e & PTE_D) || (v->file && v->file->in_memory);

	if (!v->prot) {
		return next | PTE_NONE | PTE_NX;
	}
	if ((v->prot & SIM_PROT_W) && ((e & PTE_W) || (own && known))) {
		next |= PTE_W;
	}
	return next | PTE_P | (v->prot & SIM_PROT_X ? 0 : PTE_NX);
}

/*
 * Linux clears and rewrites the entry of each page; what had been there for
 * the processor and is not the same now needs its page flushed.
 */
void kern_protect_range(struct sim_kern *k, struct kern_mm *mm,
			const struct kern_vma *vma)
{
	struct kern_gather g = { .pages = true };
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
		if (!kern_has_page(e)) {
			continue;
		}
		uint64_t next = with_rights(k, vma, e);

		kern_set(k, pt, i, 0, 8);
		kern_set(k, pt, i, next, 8);
		if ((e & PTE_P) && ((e ^ next) & (PTE_P | PTE_W | PTE_NX))) {
			kern_gather_add(&g, at, KERN_PAGE);
		}
	}
	kern_gather_flush(k, mm, &g);
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
	kern_vma_split(k, p->mm, gva);
	kern_vma_split(k, p->mm, end);
	for (struct kern_vma *v = p->mm->vmas; v && v->start < end;
	     v = v->next) {
		if (v->start >= gva && v->prot != prot) {
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
	kern_unmap(k, p->mm, v.start, v.end);
	(void)kern_vma_insert(k, p->mm, &v);
	kern_leave(k);
}
