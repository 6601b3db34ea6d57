/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Roots and flushes, by the rules of Linux 6.1 on x86: an idle vcpu stays
 * lazily on the last address space; without PCIDs a full flush is a CR3
 * reload; with them six dynamic ASIDs per vcpu remember how far they are
 * flushed; other vcpus are told by generation and catch up when they switch.
 */
#include "sim/kern_int.h"

/* What is to be flushed, in bytes: a page every `stride`. */
struct range {
	uint64_t first, last, stride;
};

static struct kern_cpu *this_cpu(struct sim_kern *k)
{
	return &k->cpus[k->cpu];
}

static void put_cr3(struct sim_kern *k, uint64_t value)
{
	struct sim_event ev = { .type = SIM_EV_CR3, .value = value,
				.flags = SIM_F_VALUE };

	k->n.cr3_loads++;
	kern_emit(k, &ev);
}

void kern_load_root(struct sim_kern *k, bool noflush)
{
	struct kern_cpu *c = this_cpu(k);
	struct kern_table *pgd = c->mm ? c->mm->pgd : k->pgd;
	uint64_t value = pgd->gpa;

	c->user = false;
	kern_table_publish(k, pgd);
	if (c->mm && c->mm->user_pgd) {
		kern_table_publish(k, c->mm->user_pgd);
	}
	if (k->cfg.pcid) {
		value |= c->mm ? c->asid + 1u : 0u;
		value |= noflush ? UINT64_C(1) << 63 : 0;
	}
	if (!noflush) {
		c->slot[c->asid].user_stale = true;
	}
	put_cr3(k, value);
}

void kern_load_user_root(struct sim_kern *k)
{
	struct kern_cpu *c = this_cpu(k);
	uint64_t value;

	if (!c->mm || !c->mm->user_pgd) {
		return;
	}
	kern_table_publish(k, c->mm->user_pgd);
	value = c->mm->user_pgd->gpa;
	if (k->cfg.pcid) {
		value |= (c->asid + 1u) | 1u << 11;
		value |= c->slot[c->asid].user_stale ? 0 : UINT64_C(1) << 63;
	}
	c->slot[c->asid].user_stale = false;
	c->user = true;
	put_cr3(k, value);
}

/* Pick an ASID for mm; true when what it caches is still right. */
static bool pick_asid(struct kern_cpu *c, const struct kern_mm *mm)
{
	for (unsigned i = 0; i < KERN_ASIDS; i++) {
		if (c->slot[i].id == mm->id) {
			bool fresh = c->slot[i].gen == mm->tlb_gen;

			c->asid = i;
			c->slot[i].gen = mm->tlb_gen;
			return fresh;
		}
	}
	c->asid = c->next_asid++ % KERN_ASIDS;
	c->slot[c->asid].id = mm->id;
	c->slot[c->asid].gen = mm->tlb_gen;
	return false;
}

void kern_switch_mm(struct sim_kern *k, struct kern_mm *mm)
{
	struct kern_cpu *c = this_cpu(k);
	bool fresh;

	c->lazy = false;
	if (c->mm == mm) {
		/* Flushed meanwhile from elsewhere: catch up. */
		if (!mm || c->slot[c->asid].gen == mm->tlb_gen) {
			return;
		}
		c->slot[c->asid].gen = mm->tlb_gen;
		kern_load_root(k, false);
		return;
	}
	c->mm = mm;
	fresh = mm ? pick_asid(c, mm) : true;
	kern_load_root(k, fresh);
}

void kern_leave_mm(struct sim_kern *k, struct kern_mm *mm)
{
	unsigned here = k->cpu;

	for (unsigned i = 0; i < k->cfg.vcpus; i++) {
		k->cpu = i;
		if (k->cpus[i].mm == mm) {
			kern_switch_mm(k, NULL);
		}
	}
	k->cpu = here;
}

/* Take the interrupt of another vcpu's flush, and go back. */
static void interrupted(struct sim_kern *k, const struct range *r,
			void (*fn)(struct sim_kern *, const struct range *))
{
	bool user = this_cpu(k)->user;

	if (user) {
		kern_load_root(k, true);
	}
	fn(k, r);
	if (user) {
		kern_load_user_root(k);
	}
}

/*
 * Tell the vcpus that run mm; fn acts on the current one. An IPI to a vcpu
 * that is lazily idle on mm is not sent: it sees the generation later.
 */
static void on_cpus_of(struct sim_kern *k, struct kern_mm *mm,
		       void (*fn)(struct sim_kern *, const struct range *),
		       const struct range *r)
{
	unsigned here = k->cpu;

	mm->tlb_gen++;
	for (unsigned i = 0; i < k->cfg.vcpus; i++) {
		struct kern_cpu *c = &k->cpus[i];

		if (c->mm != mm || (c->lazy && i != here)) {
			continue;
		}
		k->cpu = i;
		c->slot[c->asid].gen = mm->tlb_gen;
		interrupted(k, r, fn);
	}
	k->cpu = here;
}

static void flush_pages(struct sim_kern *k, const struct range *r)
{
	struct kern_cpu *c = this_cpu(k);

	/* INVLPG reaches the current PCID only; the user's has another. */
	c->slot[c->asid].user_stale = true;
	for (uint64_t at = r->first; at < r->last; at += r->stride) {
		struct sim_event ev = { .type = SIM_EV_INVLPG, .gva = at };

		k->n.invlpgs++;
		kern_emit(k, &ev);
	}
}

static void flush_all(struct sim_kern *k, const struct range *r)
{
	(void)r;
	if (this_cpu(k)->lazy) {
		/* Nothing to keep warm: leave the dying address space. */
		kern_switch_mm(k, NULL);
		return;
	}
	kern_load_root(k, false);
}

void kern_flush_page(struct sim_kern *k, struct kern_mm *mm, uint64_t gva)
{
	uint64_t at = gva & ~(KERN_PAGE - 1);

	kern_flush_range(k, mm, at, at + KERN_PAGE);
}

/* As kern_flush_range(), by every `stride` of it. */
static void flush_strides(struct sim_kern *k, struct kern_mm *mm,
			  uint64_t first, uint64_t last, uint64_t stride)
{
	struct range r = { first, last, stride };

	if ((last - first) / stride > k->cfg.flush_ceiling) {
		kern_flush_mm(k, mm);
		return;
	}
	on_cpus_of(k, mm, flush_pages, &r);
}

void kern_flush_range(struct sim_kern *k, struct kern_mm *mm, uint64_t first,
		      uint64_t last)
{
	flush_strides(k, mm, first, last, KERN_PAGE);
}

void kern_flush_mm(struct sim_kern *k, struct kern_mm *mm)
{
	on_cpus_of(k, mm, flush_all, NULL);
}

void kern_gather_add(struct kern_gather *g, uint64_t gva, uint64_t bytes)
{
	if (g->last == 0 || gva < g->first) {
		g->first = gva;
	}
	if (gva + bytes > g->last) {
		g->last = gva + bytes;
	}
}

/* Where no entry of a 4K page changed, Linux flushes in steps of 2M. */
void kern_gather_flush(struct sim_kern *k, struct kern_mm *mm,
		       struct kern_gather *g)
{
	if (g->whole) {
		kern_flush_mm(k, mm);
	} else if (g->last) {
		flush_strides(k, mm, g->first, g->last,
				   g->pages ? KERN_PAGE : KERN_LARGE);
	}
	*g = (struct kern_gather){ .whole = g->whole };
}
