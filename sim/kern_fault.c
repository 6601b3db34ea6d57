/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest kernel's page-fault handler: which entries a fault makes.
 */
#include "sim/kern_int.h"

uint64_t kern_leaf(uint64_t gpa, unsigned prot, bool writable)
{
	uint64_t e = gpa | PTE_P | PTE_U | PTE_A;

	if (writable) {
		e |= PTE_W | PTE_D | PTE_SOFT;
	}
	if (!(prot & SIM_PROT_X)) {
		e |= PTE_NX;
	}
	return e;
}

static uint64_t file_gpa(const struct kern_vma *v, uint64_t at)
{
	uint64_t page = v->file_page + (at - v->start) / KERN_PAGE;

	return page < v->file->pages ? v->file->gpa + page * KERN_PAGE : 0;
}

/* The file's page behind gva, or 0 if it ends before; made if it was a
 * hole. */
static uint64_t file_page(struct sim_kern *k, const struct kern_vma *v,
			  uint64_t gva)
{
	uint64_t gpa = file_gpa(v, gva);

	if (gpa && kern_frame(k, gpa)->use == USE_HOLE) {
		kern_frame(k, gpa)->use = USE_FILE;
		kern_frame_fill(k, gpa);
		kern_spend(k, k->work.zero_page);
	}
	return gpa;
}

/* A page of a file as it comes into a table. Shared memory may be written at
 * once; with a disk behind it the first write must be seen. */
static uint64_t file_leaf(const struct kern_vma *v, uint64_t gpa, bool write)
{
	uint64_t e = kern_leaf(gpa, v->prot, write);

	return e | (v->file->in_memory && (v->flags & SIM_KERN_SHARED) &&
		    (v->prot & SIM_PROT_W) ? PTE_W : 0);
}

static void map_page(struct sim_kern *k, struct kern_mm *mm, uint64_t gva,
		     uint64_t entry)
{
	struct kern_table *pt = kern_make(k, mm, gva, 1);

	if (pt) {
		kern_set(k, pt, kern_index(gva, 1), entry, 8);
		kern_spend(k, k->work.map_page);
	}
}

static uint64_t new_anon(struct sim_kern *k, struct kern_vma *v)
{
	uint64_t gpa = kern_frame_get(k, USE_ANON);

	if (gpa) {
		v->anon = true;
		kern_frame(k, gpa)->maps = 1;
		kern_frame_fill(k, gpa);
	}
	return gpa;
}

/* A 2M page where mapping, alignment and memory allow. */
static bool fault_huge(struct sim_kern *k, struct kern_mm *mm,
		       struct kern_vma *v, uint64_t gva)
{
	uint64_t base = gva & ~(KERN_LARGE - 1);

	if (!k->cfg.thp || (v->flags & (SIM_KERN_STACK | SIM_KERN_SMALL)) ||
	    base < v->start ||
	    base + KERN_LARGE > v->end || kern_find(k, mm, gva, 1)) {
		return false;
	}
	struct kern_table *pmd = kern_make(k, mm, gva, 2);
	uint64_t gpa = pmd ? kern_huge_get(k) : 0;

	if (!gpa) {
		return false;
	}
	v->anon = true;
	kern_frame(k, gpa)->maps = 1;
	for (unsigned i = 0; i < 512; i++) {
		kern_frame_fill(k, gpa + i * KERN_PAGE);
	}
	kern_spend(k, UINT64_C(512) * k->work.zero_page);
	kern_set(k, pmd, kern_index(gva, 2),
		 kern_leaf(gpa, v->prot, v->prot & SIM_PROT_W) | PTE_PS, 8);
	return true;
}

static void fault_anon(struct sim_kern *k, struct kern_mm *mm,
		       struct kern_vma *v, uint64_t gva, bool write)
{
	if (write && fault_huge(k, mm, v, gva)) {
		return;
	}
	if (!write) {
		map_page(k, mm, gva, kern_leaf(k->zero_gpa, v->prot, false) |
				     PTE_SPECIAL);
		return;
	}
	uint64_t gpa = new_anon(k, v);

	if (gpa) {
		kern_spend(k, k->work.zero_page);
		map_page(k, mm, gva, kern_leaf(gpa, v->prot, true));
	}
}

/* Map what the page cache holds around gva, without touching other tables. */
static void fault_around(struct sim_kern *k, struct kern_mm *mm,
			 struct kern_vma *v, uint64_t gva)
{
	uint64_t window = (uint64_t)k->cfg.fault_around * KERN_PAGE;
	uint64_t at = gva & ~(window - 1);
	uint64_t table_end = (gva | (KERN_LARGE - 1)) + 1;

	at = at < v->start ? v->start : at;
	uint64_t end = at + window;

	end = end > v->end ? v->end : end;
	end = end > table_end ? table_end : end;
	struct kern_table *pt = kern_make(k, mm, gva, 1);

	for (; pt && at < end; at += KERN_PAGE) {
		uint64_t gpa = file_gpa(v, at);

		if (gpa && kern_frame(k, gpa)->use != USE_HOLE &&
		    pt->e[kern_index(at, 1)] == 0) {
			map_page(k, mm, at, file_leaf(v, gpa, false));
		}
	}
}

static void fault_file(struct sim_kern *k, struct kern_mm *mm,
		       struct kern_vma *v, uint64_t gva, bool write)
{
	bool around = !write && !(v->flags & SIM_KERN_SPECIAL) &&
		      k->cfg.fault_around > 1;
	bool shared = v->flags & SIM_KERN_SHARED;

	if (around) {
		fault_around(k, mm, v, gva);
		if (kern_lookup(k, mm, gva)) {
			return;
		}
	}
	uint64_t gpa = file_page(k, v, gva);

	if (!gpa) {
		kern_fail(k, "a touch behind the end of a file");
	} else if (write && !shared) {
		uint64_t copy = new_anon(k, v);

		if (copy) {
			kern_frame_access(k, gpa, 0);
			kern_spend(k, k->work.copy_page);
			map_page(k, mm, gva, kern_leaf(copy, v->prot, true));
		}
	} else {
		map_page(k, mm, gva, file_leaf(v, gpa, write));
	}
}

/* A write to a present page that is read-only in the table. */
static void fault_write(struct sim_kern *k, struct kern_mm *mm,
			struct kern_vma *v, uint64_t gva)
{
	struct kern_table *pt = kern_find(k, mm, gva, 1);
	unsigned i = kern_index(gva, 1);
	uint64_t e = pt->e[i], old = e & KERN_ADDR;
	struct kern_frame *f = kern_frame(k, old);

	if ((v->flags & SIM_KERN_SHARED) ||
	    (f->use == USE_ANON && f->maps == 1)) {
		f->forked = false;
		kern_set(k, pt, i, e | PTE_W | PTE_D | PTE_A, 8);
		return;
	}
	uint64_t gpa = new_anon(k, v);

	if (!gpa) {
		return;
	}
	kern_frame_access(k, old, 0);
	kern_spend(k, k->work.copy_page);
	kern_set(k, pt, i, 0, 8);
	kern_flush_page(k, mm, gva);
	kern_set(k, pt, i, kern_leaf(gpa, v->prot, true), 8);
	kern_page_unmap(k, old);
}

/* Replace a 2M leaf by a table of the same pages and rights. */
void kern_split_huge(struct sim_kern *k, struct kern_mm *mm,
		     struct kern_table *pmd, uint64_t gva)
{
	unsigned at = kern_index(gva, 2);
	uint64_t e = pmd->e[at], gpa = e & KERN_ADDR & ~(KERN_LARGE - 1);
	struct kern_table *pt = kern_table_new(k, 1);

	if (!pt) {
		return;
	}
	kern_set(k, pmd, at, e & ~(uint64_t)PTE_P, 8);
	kern_flush_range(k, mm, gva & ~(KERN_LARGE - 1),
			 (gva | (KERN_LARGE - 1)) + 1);
	for (unsigned i = 0; i < 512; i++) {
		kern_set(k, pt, i, (e & ~(KERN_ADDR | PTE_PS)) |
				   (gpa + i * KERN_PAGE), 8);
	}
	if (kern_frame(k, gpa)->use == USE_HUGE) {
		kern_huge_break(k, gpa);
	}
	kern_set(k, pmd, at, pt->gpa | PTE_TABLE, 8);
}

static void write_huge(struct sim_kern *k, struct kern_mm *mm,
		       struct kern_vma *v, struct kern_table *pmd,
		       uint64_t gva)
{
	unsigned i = kern_index(gva, 2);
	struct kern_frame *f = kern_frame(k, pmd->e[i] & KERN_ADDR);

	if (f->use == USE_HUGE && f->maps == 1) {
		f->forked = false;
		kern_set(k, pmd, i, pmd->e[i] | PTE_W | PTE_D, 8);
		return;
	}
	kern_split_huge(k, mm, pmd, gva);
	fault_write(k, mm, v, gva);
}

void kern_fault(struct sim_kern *k, struct kern_mm *mm, uint64_t gva,
		unsigned flags)
{
	struct kern_vma *v = kern_vma_find(mm, gva);
	bool write = flags & SIM_F_WRITE;
	unsigned need = write ? SIM_PROT_W :
			flags & SIM_F_FETCH ? SIM_PROT_X : SIM_PROT_R;

	kern_spend(k, k->work.fault);
	if (!v || !(v->prot & need)) {
		kern_fail(k, "a touch that no mapping allows");
		return;
	}
	struct kern_table *pmd = kern_find(k, mm, gva, 2);

	if (pmd && (pmd->e[kern_index(gva, 2)] & PTE_PS)) {
		write_huge(k, mm, v, pmd, gva);
		return;
	}
	if (kern_lookup(k, mm, gva) & PTE_P) {
		fault_write(k, mm, v, gva);
	} else if (v->file) {
		fault_file(k, mm, v, gva, write);
	} else {
		fault_anon(k, mm, v, gva, write);
	}
}
