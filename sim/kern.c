/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/kern.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sim/kern_int.h"

/*
 * Instructions of the kernel's own work, fitted to the instruction counter of
 * the shipped recordings (a fault-around of 16 pages takes about 6,500, a
 * copy-on-write fault 11,000 with its page copy); the split between the parts
 * of one operation is assumed.
 */
static const struct sim_kern_work default_work = {
	.entry = 250, .fault = 2600, .zero_page = 700, .copy_page = 4200,
	.map_page = 180, .fork = 38000, .fork_pte = 60, .exec = 190000,
	.exit = 62000, .unmap_pte = 130, .syscall = 900, .switch_to = 2200,
};

struct sim_kern_work kern_default_work(void)
{
	return default_work;
}

struct sim_kern_config sim_kern_config_default(void)
{
	return (struct sim_kern_config){
		.ram_bytes = UINT64_C(512) << 20, .vcpus = 1,
		.fault_around = 16, .flush_ceiling = 33,
	};
}

void kern_fail(struct sim_kern *k, const char *why)
{
	if (!k->error) {
		k->error = why;
	}
}

void kern_emit(struct sim_kern *k, struct sim_event *ev)
{
	ev->instr = k->instr;
	ev->vcpu = (uint16_t)k->cpu;
	if (k->sink.event && !k->stopped && !k->sink.event(k->sink.ctx, ev)) {
		k->stopped = true;
		kern_fail(k, "stopped by the receiver of its events");
	}
}

static void access_gva(struct sim_kern *k, uint64_t gva, unsigned flags)
{
	struct sim_event ev = { .type = SIM_EV_ACCESS, .gva = gva, .size = 8,
				.flags = (uint16_t)flags };

	k->n.accesses++;
	kern_emit(k, &ev);
}

void kern_frame_access(struct sim_kern *k, uint64_t gpa, unsigned flags)
{
	access_gva(k, KERN_DIRECT + gpa, flags);
}

/*
 * Clear or copy to a whole frame. Linux does it with one string instruction,
 * which a VMM interprets as one store: of no entry's size, so a table that
 * was in that frame is done with. Without cfg.fill it is one store of a word,
 * and shadows of what the frame was may stay.
 */
void kern_frame_fill(struct sim_kern *k, uint64_t gpa)
{
	struct sim_event ev = { .type = SIM_EV_ACCESS,
				.gva = KERN_DIRECT + gpa,
				.size = (uint16_t)(k->cfg.fill ? KERN_PAGE : 8),
				.flags = SIM_F_WRITE };

	k->n.accesses++;
	kern_emit(k, &ev);
}

void kern_spend(struct sim_kern *k, uint64_t instructions)
{
	k->instr += instructions;
}

void kern_enter(struct sim_kern *k)
{
	struct kern_cpu *c = &k->cpus[k->cpu];

	if (k->depth++ > 0) {
		return;
	}
	if (c->user) {
		access_gva(k, KERN_ENTRY, SIM_F_FETCH);
		kern_load_root(k, true);
	}
	access_gva(k, KERN_TEXT, SIM_F_FETCH);
	if (c->proc) {
		kern_frame_access(k, c->proc->stack_gpa, SIM_F_WRITE);
	}
	kern_frame_access(k, k->data_gpa + k->cpu * KERN_PAGE, SIM_F_WRITE);
	kern_spend(k, k->work.entry);
}

void kern_leave(struct sim_kern *k)
{
	if (--k->depth > 0) {
		return;
	}
	if (k->cfg.kpti) {
		kern_load_user_root(k);
	}
}

bool kern_allowed(uint64_t e, unsigned flags)
{
	return (e & PTE_P) && (!(flags & SIM_F_WRITE) || (e & PTE_W)) &&
	       (!(flags & SIM_F_FETCH) || !(e & PTE_NX));
}

static void fault_event(struct sim_kern *k, uint64_t gva, unsigned flags,
			uint64_t e)
{
	struct sim_event ev = {
		.type = SIM_EV_FAULT, .gva = gva,
		.flags = (uint16_t)(flags & SIM_F_USER),
		.value = (e & PTE_P ? 1u : 0u) |
			 (flags & SIM_F_WRITE ? 2u : 0u) |
			 (flags & SIM_F_USER ? 4u : 0u) |
			 (flags & SIM_F_FETCH ? 16u : 0u),
	};

	k->n.faults++;
	kern_emit(k, &ev);
}

void sim_kern_touch(struct sim_kern *k, struct sim_proc *p, uint64_t gva,
		    unsigned flags)
{
	uint64_t e = kern_lookup(k, p->mm, gva);

	if (k->error) {
		return;
	}
	if (!kern_allowed(e, flags)) {
		fault_event(k, gva, flags, e);
		kern_enter(k);
		kern_fault(k, p->mm, gva, flags);
		kern_leave(k);
	}
	if (!k->error) {
		/* The kernel reaches user memory between STAC and CLAC. */
		access_gva(k, gva, flags & SIM_F_USER ? flags :
						flags | SIM_F_AC);
	}
}

void sim_kern_syscall(struct sim_kern *k, struct sim_proc *p)
{
	(void)p;
	if (!k->error) {
		kern_enter(k);
		kern_spend(k, k->work.syscall);
		kern_leave(k);
	}
}

void sim_kern_bad_touch(struct sim_kern *k, struct sim_proc *p, uint64_t gva,
			unsigned flags, uint64_t stack_gva)
{
	uint64_t e = kern_lookup(k, p->mm, gva);

	if (k->error) {
		return;
	}
	if (kern_allowed(e, flags)) {
		kern_fail(k, "a forbidden touch that is allowed");
		return;
	}
	fault_event(k, gva, flags, e);
	kern_enter(k);
	kern_spend(k, k->work.fault);
	if (stack_gva) {
		sim_kern_touch(k, p, stack_gva, SIM_F_WRITE);
	}
	kern_leave(k);
}

void sim_kern_ptemod(struct sim_kern *k, struct sim_proc *p, uint64_t gva,
		     uint64_t pages, uint64_t count)
{
	if (k->error || pages == 0) {
		return;
	}
	kern_enter(k);
	for (uint64_t n = 0; n < count; n++) {
		uint64_t at = gva + n % pages * KERN_PAGE;
		struct kern_table *pt = kern_find(k, p->mm, at, 1);
		unsigned i = kern_index(at, 1);

		if (pt && (pt->e[i] & PTE_P)) {
			kern_set(k, pt, i, pt->e[i] ^ PTE_SOFT2, 8);
			kern_spend(k, 4);
		}
	}
	kern_leave(k);
}

void sim_kern_compute(struct sim_kern *k, uint64_t instructions)
{
	kern_spend(k, instructions);
}

void sim_kern_marker(struct sim_kern *k, uint64_t number)
{
	struct sim_event ev = { .type = SIM_EV_MARKER, .value = number };

	kern_emit(k, &ev);
}

void sim_kern_on_vcpu(struct sim_kern *k, unsigned vcpu)
{
	k->cpu = vcpu % k->cfg.vcpus;
}

unsigned sim_kern_vcpus(const struct sim_kern *k)
{
	return k->cfg.vcpus;
}

const char *sim_kern_error(const struct sim_kern *k)
{
	return k->error;
}

struct sim_kern_counts sim_kern_counts(const struct sim_kern *k)
{
	return k->n;
}

struct sim_kern_file *sim_kern_file(struct sim_kern *k, uint64_t pages)
{
	struct sim_kern_file *f = calloc(1, sizeof(*f));

	if (!f || pages > (k->fresh_huge / KERN_PAGE) - k->fresh) {
		free(f);
		kern_fail(k, "the guest's memory is exhausted");
		return NULL;
	}
	f->pages = pages;
	f->gpa = k->fresh * KERN_PAGE;
	for (uint64_t i = 0; i < pages; i++) {
		k->frames[k->fresh++].use = USE_FILE;
	}
	f->next = k->files;
	k->files = f;
	return f;
}

struct sim_kern_file *sim_kern_memory_file(struct sim_kern *k, uint64_t pages)
{
	struct sim_kern_file *f = sim_kern_file(k, pages);

	for (uint64_t i = 0; f && i < pages; i++) {
		kern_frame(k, f->gpa + i * KERN_PAGE)->use = USE_HOLE;
	}
	if (f) {
		f->in_memory = true;
	}
	return f;
}
