/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes of the guest kernel: fork, vfork, exec, exit, switches.
 */
#include <stdlib.h>

#include "sim/kern_int.h"

static struct sim_proc *new_proc(struct sim_kern *k, struct kern_mm *mm)
{
	struct sim_proc *p = mm ? calloc(1, sizeof(*p)) : NULL;

	if (!p) {
		kern_fail(k, "out of memory");
		return NULL;
	}
	p->mm = mm;
	p->pid = ++k->pids;
	p->stack_gpa = kern_frame_get(k, USE_KERNEL);
	p->next = k->procs;
	k->procs = p;
	return p;
}

struct sim_proc *sim_kern_spawn(struct sim_kern *k)
{
	struct sim_proc *p;

	if (k->error) {
		return NULL;
	}
	kern_enter(k);
	p = new_proc(k, kern_mm_new(k));
	kern_leave(k);
	return p;
}

static void share_page(struct kern_frame *f)
{
	if (f->use == USE_ANON || f->use == USE_HUGE) {
		f->maps++;
		f->forked = true;
	}
}

/* Copy one table's worth of a mapping, [at, end). */
static void copy_table(struct sim_kern *k, struct kern_mm *to,
		       struct kern_table *from, uint64_t at, uint64_t end,
		       bool private)
{
	struct kern_table *pt = kern_make(k, to, at, 1);

	for (; pt && at < end; at += KERN_PAGE) {
		unsigned i = kern_index(at, 1);
		uint64_t e = from->e[i];

		if (!kern_has_page(e)) {
			continue;
		}
		if (private && (e & PTE_W)) {
			e &= ~(uint64_t)PTE_W;
			/* Linux clears the bit with a one-byte AND. */
			kern_set(k, from, i, e, 1);
		}
		share_page(kern_frame(k, e & KERN_ADDR));
		kern_set(k, pt, i, e, 8);
		kern_spend(k, k->work.fork_pte);
	}
}

static void copy_huge(struct sim_kern *k, struct kern_mm *to,
		      struct kern_table *from, uint64_t at)
{
	unsigned i = kern_index(at, 2);
	struct kern_table *pmd = kern_make(k, to, at, 2);
	uint64_t e = from->e[i] & ~(uint64_t)PTE_W;
	uint64_t gpa = e & KERN_ADDR & ~(KERN_LARGE - 1);

	if (!pmd) {
		return;
	}
	if (from->e[i] & PTE_W) {
		kern_set(k, from, i, e, 1);
	}
	if (kern_frame(k, gpa)->use == USE_HUGE) {
		share_page(kern_frame(k, gpa));
	} else {
		for (unsigned j = 0; j < 512; j++) {
			share_page(kern_frame(k, gpa + j * KERN_PAGE));
		}
	}
	kern_set(k, pmd, i, e, 8);
}

static void copy_vma(struct sim_kern *k, struct kern_mm *to,
		     struct kern_mm *from, const struct kern_vma *v)
{
	uint64_t at = v->start;

	while (at < v->end && !k->error) {
		uint64_t next = kern_next(k, from, at);
		uint64_t end = next < v->end ? next : v->end;
		struct kern_table *pmd = kern_find(k, from, at, 2);
		struct kern_table *pt = kern_find(k, from, at, 1);

		if (pt) {
			copy_table(k, to, pt, at, end,
				   !(v->flags & SIM_KERN_SHARED));
		} else if (pmd && (pmd->e[kern_index(at, 2)] & PTE_PS)) {
			copy_huge(k, to, pmd, at);
		}
		at = end;
	}
}

static void fork_vma(struct sim_kern *k, struct kern_mm *to,
		     struct kern_mm *from, const struct kern_vma *v)
{
	struct kern_vma *copy = kern_vma_insert(k, to, v);

	if (copy && (v->flags & SIM_KERN_WIPE)) {
		copy->anon = false;
	} else if (copy && v->anon) {
		/* What only files back, the child can fault in again. */
		copy_vma(k, to, from, v);
	}
}

struct sim_proc *sim_kern_fork(struct sim_kern *k, struct sim_proc *p)
{
	struct kern_mm *mm;

	if (k->error) {
		return NULL;
	}
	kern_enter(k);
	kern_spend(k, k->work.fork);
	mm = kern_mm_new(k);
	for (struct kern_vma *v = p->mm->vmas; mm && v; v = v->next) {
		if (!(v->flags & SIM_KERN_NO_FORK)) {
			fork_vma(k, mm, p->mm, v);
		}
	}
	kern_flush_mm(k, p->mm);
	k->n.forks++;
	struct sim_proc *child = new_proc(k, mm);

	kern_leave(k);
	return child;
}

static struct sim_proc *share(struct sim_kern *k, struct sim_proc *p)
{
	if (k->error) {
		return NULL;
	}
	kern_enter(k);
	kern_spend(k, k->work.fork);
	struct sim_proc *child = new_proc(k, p->mm);

	if (child) {
		p->mm->users++;
		k->n.forks++;
	}
	kern_leave(k);
	return child;
}

struct sim_proc *sim_kern_vfork(struct sim_kern *k, struct sim_proc *p)
{
	return share(k, p);
}

struct sim_proc *sim_kern_thread(struct sim_kern *k, struct sim_proc *p)
{
	return share(k, p);
}

/* The arguments, written before the address space is loaded. */
static void fill_stack(struct sim_kern *k, struct kern_mm *mm,
		       struct kern_vma *v)
{
	uint64_t at = v->end - 2 * KERN_PAGE;
	uint64_t gpa = kern_frame_get(k, USE_ANON);
	struct kern_table *pt = gpa ? kern_make(k, mm, at, 1) : NULL;

	if (!pt) {
		return;
	}
	v->anon = true;
	kern_frame(k, gpa)->maps = 1;
	kern_frame_access(k, gpa, SIM_F_WRITE);
	kern_set(k, pt, kern_index(at, 1), kern_leaf(gpa, v->prot, true), 8);
}

void sim_kern_exec(struct sim_kern *k, struct sim_proc *p,
		   const struct sim_image_map *maps, size_t count,
		   struct sim_kern_file *const *files, uint64_t stack_top,
		   uint64_t stack_pages)
{
	struct kern_vma stack = {
		.start = stack_top - stack_pages * KERN_PAGE, .end = stack_top,
		.prot = SIM_PROT_R | SIM_PROT_W, .flags = SIM_KERN_STACK
	};
	struct kern_mm *old = p->mm;

	if (k->error) {
		return;
	}
	kern_enter(k);
	kern_spend(k, k->work.exec);
	struct kern_mm *mm = kern_mm_new(k);
	struct kern_vma *v = mm ? kern_vma_insert(k, mm, &stack) : NULL;

	if (!v) {
		kern_leave(k);
		return;
	}
	fill_stack(k, mm, v);
	p->mm = mm;
	kern_switch_mm(k, mm);
	kern_mm_put(k, old);
	/* The stack's final rights are set once it is in place. */
	kern_protect_range(k, mm, v);
	for (size_t i = 0; i < count; i++) {
		struct kern_vma m = {
			.start = maps[i].gva,
			.end = maps[i].gva + maps[i].pages * KERN_PAGE,
			.file = maps[i].file < 0 ? NULL : files[maps[i].file],
			.file_page = maps[i].file_page,
			.prot = maps[i].prot, .flags = maps[i].flags,
		};

		(void)kern_vma_insert(k, mm, &m);
	}
	k->n.execs++;
	kern_leave(k);
}

static void forget(struct sim_kern *k, struct sim_proc *p)
{
	struct sim_proc **at = &k->procs;

	while (*at && *at != p) {
		at = &(*at)->next;
	}
	if (*at) {
		*at = p->next;
	}
	free(p);
}

void sim_kern_exit(struct sim_kern *k, struct sim_proc *p)
{
	if (k->error) {
		return;
	}
	kern_enter(k);
	kern_spend(k, k->work.exit);
	for (unsigned i = 0; i < k->cfg.vcpus; i++) {
		if (k->cpus[i].proc == p) {
			k->cpus[i].proc = NULL;
			k->cpus[i].lazy = true;
		}
	}
	kern_mm_put(k, p->mm);
	kern_frame_put(k, p->stack_gpa);
	forget(k, p);
	k->n.exits++;
	k->depth--;	/* into the scheduler, not back to the user */
}

void sim_kern_run(struct sim_kern *k, struct sim_proc *p)
{
	struct kern_cpu *c = &k->cpus[k->cpu];

	if (k->error || c->proc == p) {
		return;
	}
	kern_enter(k);
	kern_spend(k, k->work.switch_to);
	/* It may come from another vcpu, which is idle then. */
	for (unsigned i = 0; i < k->cfg.vcpus; i++) {
		if (k->cpus[i].proc == p) {
			k->cpus[i].proc = NULL;
			k->cpus[i].lazy = true;
		}
	}
	c->proc = p;
	kern_switch_mm(k, p->mm);
	kern_leave(k);
}
