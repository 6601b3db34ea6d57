/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a program says about pages that it has: madvise, mlock, and files whose
 * pages go.
 */
#include "sim/kern_int.h"

/* Advice that changes tables or mappings, by Linux's number. */
enum {
	ADVICE_DONTNEED = 4,
	ADVICE_FREE = 8,
	ADVICE_REMOVE = 9,
	ADVICE_DONTFORK = 10,
	ADVICE_DOFORK = 11,
	ADVICE_HUGEPAGE = 14,
	ADVICE_NOHUGEPAGE = 15,
	ADVICE_WIPEONFORK = 18,
	ADVICE_KEEPONFORK = 19,
	ADVICE_COLD = 20,
	ADVICE_PAGEOUT = 21,
	ADVICE_POPULATE_READ = 22,
	ADVICE_DONTNEED_LOCKED = 24,
};

/* A piece of an address space, cut to one mapping. */
struct piece {
	struct sim_kern *k;
	struct kern_mm *mm;
	struct kern_vma *v;
	uint64_t start, end;
};

/* The next mapping of [*at, end), cut to it; false when there is none. */
static bool next_piece(struct piece *p, uint64_t *at, uint64_t end)
{
	struct kern_vma *v = p->mm->vmas;

	while (v && v->end <= *at) {
		v = v->next;
	}
	if (*at >= end || !v || v->start >= end || p->k->error) {
		return false;
	}
	p->v = v;
	p->start = v->start > *at ? v->start : *at;
	p->end = v->end < end ? v->end : end;
	*at = p->end;
	return true;
}

static void drop(const struct piece *p, bool only_file)
{
	struct kern_gather g = { 0 };

	kern_zap_range(p->k, p->mm, p->start, p->end, only_file, &g);
	kern_gather_flush(p->k, p->mm, &g);
}

/*
 * Make entries look untouched: each is cleared and written again. With
 * `clean` (MADV_FREE) only private pages and their dirty bit too.
 */
static void make_old(const struct piece *p, bool clean)
{
	struct kern_gather g = { .pages = true };
	uint64_t next;

	for (uint64_t at = p->start; at < p->end && !p->k->error; at = next) {
		struct kern_table *pmd = kern_find(p->k, p->mm, at, 2);

		if (pmd && (pmd->e[kern_index(at, 2)] & PTE_PS)) {
			kern_split_huge(p->k, p->mm, pmd, at);
		}
		struct kern_table *pt = kern_find(p->k, p->mm, at, 1);
		unsigned i = kern_index(at, 1);
		uint64_t e = pt ? pt->e[i] : 0;
		uint8_t use = e ? kern_frame(p->k, e & KERN_ADDR)->use :
				  (uint8_t)USE_FREE;

		next = pt ? at + KERN_PAGE : kern_next(p->k, p->mm, at);
		if (!(e & PTE_P) || use == USE_ZERO ||
		    (clean && use != USE_ANON)) {
			continue;
		}
		uint64_t gone = PTE_A | (clean ? (uint64_t)PTE_D : 0);

		kern_set(p->k, pt, i, 0, 8);
		kern_set(p->k, pt, i, e & ~gone, 8);
		kern_gather_add(&g, at, KERN_PAGE);
	}
	kern_gather_flush(p->k, p->mm, &g);
}

static void populate(const struct piece *p, unsigned flags)
{
	unsigned need = flags & SIM_F_WRITE ? SIM_PROT_W : SIM_PROT_R;

	if (!(p->v->prot & need)) {
		return;
	}
	for (uint64_t at = p->start; at < p->end && !p->k->error;
	     at += KERN_PAGE) {
		uint64_t page = p->v->file_page +
				(at - p->v->start) / KERN_PAGE;

		if (p->v->file && page >= p->v->file->pages) {
			return;		/* behind its end */
		}
		if (!kern_allowed(kern_lookup(p->k, p->mm, at), flags)) {
			kern_fault(p->k, p->mm, at, flags);
		}
	}
}

static void lock(const struct piece *p)
{
	populate(p, (p->v->prot & SIM_PROT_W) &&
		    !(p->v->flags & SIM_KERN_SHARED) ? SIM_F_WRITE : 0);
}

static void set_flag(const struct piece *p, unsigned clear, unsigned set)
{
	kern_vma_split(p->k, p->mm, p->start);
	kern_vma_split(p->k, p->mm, p->end);
	struct kern_vma *v = kern_vma_find(p->mm, p->start);

	if (v) {
		v->flags = (v->flags & ~clear) | set;
	}
}

/* In each address space that maps them. */
static void drop_file(struct sim_kern *k, const struct sim_kern_file *file,
		      uint64_t first, uint64_t pages, bool copies)
{
	uint64_t end = first + pages;

	for (struct kern_mm *mm = k->mms; mm; mm = mm->next) {
		for (struct kern_vma *v = mm->vmas; v; v = v->next) {
			uint64_t low = v->file_page;
			uint64_t high = low + (v->end - v->start) / KERN_PAGE;
			struct piece p = { k, mm, v, v->start, v->end };

			if (v->file != file || high <= first || low >= end) {
				continue;
			}
			if (first > low) {
				p.start += (first - low) * KERN_PAGE;
			}
			if (end < high) {
				p.end -= (high - end) * KERN_PAGE;
			}
			drop(&p, !copies);
		}
	}
	for (uint64_t i = first; i < end && i < file->pages; i++) {
		kern_frame(k, file->gpa + i * KERN_PAGE)->use = USE_HOLE;
	}
}

static void remove_pages(const struct piece *p)
{
	if (p->v->file && (p->v->flags & SIM_KERN_SHARED)) {
		drop_file(p->k, p->v->file, p->v->file_page +
			  (p->start - p->v->start) / KERN_PAGE,
			  (p->end - p->start) / KERN_PAGE, false);
	}
}

static void follow(const struct piece *p, unsigned advice)
{
	switch (advice) {
	case ADVICE_DONTNEED:
	case ADVICE_DONTNEED_LOCKED:
		drop(p, false);
		break;
	case ADVICE_FREE:
		make_old(p, true);
		break;
	case ADVICE_COLD:
	case ADVICE_PAGEOUT:	/* there is nowhere to put them */
		make_old(p, false);
		break;
	case ADVICE_REMOVE:
		remove_pages(p);
		break;
	case ADVICE_POPULATE_READ:
		populate(p, 0);
		break;
	case SIM_ADVICE_POPULATE_WRITE:
		populate(p, SIM_F_WRITE);
		break;
	case ADVICE_DONTFORK:
		set_flag(p, 0, SIM_KERN_NO_FORK);
		break;
	case ADVICE_DOFORK:
		set_flag(p, SIM_KERN_NO_FORK, 0);
		break;
	case ADVICE_WIPEONFORK:
		set_flag(p, 0, SIM_KERN_WIPE);
		break;
	case ADVICE_KEEPONFORK:
		set_flag(p, SIM_KERN_WIPE, 0);
		break;
	case ADVICE_NOHUGEPAGE:
		set_flag(p, 0, SIM_KERN_SMALL);
		break;
	case ADVICE_HUGEPAGE:
		set_flag(p, SIM_KERN_SMALL, 0);
		break;
	default:
		break;
	}
}

void sim_kern_madvise(struct sim_kern *k, struct sim_proc *proc, uint64_t gva,
		      uint64_t bytes, unsigned advice)
{
	struct piece p = { .k = k, .mm = proc->mm };

	if (k->error) {
		return;
	}
	kern_enter(k);
	kern_spend(k, k->work.syscall);
	for (uint64_t at = gva; next_piece(&p, &at, gva + bytes);) {
		follow(&p, advice);
	}
	kern_leave(k);
}

void sim_kern_populate(struct sim_kern *k, struct sim_proc *proc, uint64_t gva,
		       uint64_t bytes)
{
	struct piece p = { .k = k, .mm = proc->mm };

	if (k->error) {
		return;
	}
	kern_enter(k);
	kern_spend(k, k->work.syscall);
	for (uint64_t at = gva; next_piece(&p, &at, gva + bytes);) {
		lock(&p);
	}
	kern_leave(k);
}

void sim_kern_file_drop(struct sim_kern *k, struct sim_proc *p,
			struct sim_kern_file *file, uint64_t first,
			uint64_t pages, bool copies)
{
	(void)p;
	if (k->error) {
		return;
	}
	kern_enter(k);
	kern_spend(k, k->work.syscall);
	if (pages > UINT64_MAX - first) {
		pages = UINT64_MAX - first;
	}
	drop_file(k, file, first, pages, copies);
	kern_leave(k);
}
