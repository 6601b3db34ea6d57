/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any instruction that we do not interpret, and any event delivery, run alone
 * on the guest's own tables below nested tables of ours that are read-only:
 * each page that is stored to is opened after a copy was taken, and when the
 * step is over what differs is given to gnomon_write(). The engine's shadow
 * is not used meanwhile, so nothing can slip past it.
 *
 * An instruction ends with #DB. A delivery ends with the fetch of the
 * handler's first instruction, because no page of ours is executable then.
 * What is no memory at all becomes a page of ones that forgets stores.
 */
#include <string.h>

#include "vmm/vmm.h"

#define PAGE GNOMON_PAGE_BYTES
#define TABLES 96
#define COPIES 64
#define BLOCK (512 * PAGE)

enum { P = 1, W = 2, U = 4, PS = 0x80 };
#define DR6_BS (UINT64_C(1) << 14)
#define NX (UINT64_C(1) << 63)
#define FRAME UINT64_C(0x000ffffffffff000)

struct copy {
	uint64_t gpa;
	unsigned char was[PAGE];
};

static struct {
	bool active;
	bool delivery;		/* an event, not an instruction */
	uint64_t rflags;	/* the guest's, before TF */
	unsigned tables, copies;
	uint64_t no_exec;	/* NX or 0, for every leaf */
} step;

static uint64_t table[TABLES][512] __attribute__((aligned(4096)));
static struct copy copy[COPIES];
static unsigned char ones[PAGE] __attribute__((aligned(4096)));

static bool is_hole(const struct vmm *v, uint64_t gpa)
{
	(void)v;
	return gpa >= VMM_4G || (gpa >= VMM_BASE && gpa < VMM_END);
}

static uint64_t *new_table(void)
{
	if (step.tables == TABLES) {
		vmm_die("one instruction touches too much memory");
	}
	memset(table[step.tables], 0, PAGE);
	return table[step.tables++];
}

/* The lowest entry for gpa: large leaves are split on the way. */
static uint64_t *entry_of(uint64_t gpa)
{
	uint64_t *t = table[0];

	for (unsigned level = 4; level > 1; level--) {
		uint64_t *e = &t[gpa >> (3 + 9 * level) & 511];
		uint64_t old = *e;

		if (!(old & P) || (old & PS)) {
			t = new_table();
			for (unsigned i = 0; (old & PS) && i < 512; i++) {
				t[i] = (old & ~(uint64_t)PS) + i * PAGE;
			}
			*e = (uint64_t)t | P | W | U;
		}
		t = (uint64_t *)(*e & FRAME);
	}
	return &t[gpa / PAGE % 512];
}

/* Everything that the guest has, readable, in blocks of 2M. */
static void build(const struct vmm *v)
{
	step.tables = 0;
	step.copies = 0;
	uint64_t *pml4 = new_table(), *pdpt = new_table();

	pml4[0] = (uint64_t)pdpt | P | W | U;
	for (unsigned g = 0; g < 4; g++) {
		uint64_t *pd = new_table();

		pdpt[g] = (uint64_t)pd | P | W | U;
		for (unsigned i = 0; i < 512; i++) {
			uint64_t gpa = (g * 512ull + i) * BLOCK;

			if (!is_hole(v, gpa)) {
				pd[i] = gpa | P | U | PS | step.no_exec;
			}
		}
	}
	memset(ones, 0xff, sizeof(ones));
}

static void open_page(struct vmm *v, uint64_t gpa)
{
	uint64_t page = gpa & ~UINT64_C(0xfff);
	uint64_t *e = entry_of(page);

	v->flush = true;
	if (*e & W) {
		vmm_die("stepping does not get on at %x", v->vmcb->rip);
	}
	if (is_hole(v, page)) {
		*e = (uint64_t)ones | P | W | U | step.no_exec;
		return;
	}
	if (guest_ram(v, page)) {
		if (step.copies == COPIES) {
			vmm_die("one instruction stores to too many pages");
		}
		copy[step.copies].gpa = page;
		memcpy(copy[step.copies].was, guest_ram(v, page), PAGE);
		step.copies++;
	}
	*e |= W;
}

/* Undo each changed word and let the engine store it again. */
static void commit_copy(struct vmm *v, const struct copy *c)
{
	unsigned char *now = guest_ram(v, c->gpa);

	for (unsigned at = 0; at < PAGE; at += 8) {
		uint64_t value;

		if (memcmp(now + at, c->was + at, 8) == 0) {
			continue;
		}
		memcpy(&value, now + at, 8);
		memcpy(now + at, c->was + at, 8);
		if (gnomon_write(v->vm, v->vcpu,
				 (gnomon_gpa_t){ c->gpa + at }, &value, 8) !=
		    GNOMON_OK) {
			vmm_die("stepped store at %x", c->gpa + at);
		}
	}
}

static void leave(struct vmm *v)
{
	step.active = false;
	if (!step.delivery) {
		uint64_t keep = RFLAGS_TF | RFLAGS_IF;

		v->vmcb->rflags = (v->vmcb->rflags & ~keep) |
				  (step.rflags & keep);
	}
	v->vmcb->interrupt_shadow = 0;
	for (unsigned i = 0; i < step.copies; i++) {
		commit_copy(v, &copy[i]);
	}
	v->flush = true;
	load_root(v);
}

void step_one(struct vmm *v)
{
	struct vmcb *c = v->vmcb;

	pull_regs(v);
	step.active = true;
	step.delivery = v->pending != 0;
	step.no_exec = step.delivery ? NX : 0;
	step.rflags = c->rflags;
	build(v);
	if (!step.delivery) {
		c->rflags = (c->rflags | RFLAGS_TF) & ~(uint64_t)RFLAGS_IF;
	}
	/* The guest's own registers: what the CPU would hold without us. */
	c->cr0 = v->guest.cr0;
	c->cr3 = v->guest.cr3;
	c->cr4 = v->guest.cr4;
	c->efer = v->guest.efer | EFER_SVME;
	c->np_enable = 1;
	c->n_cr3 = (uint64_t)table[0];
	c->exceptions = UINT32_MAX;
	v->flush = true;
}

static bool has_code(unsigned vector)
{
	return vector == VEC_DF || (vector >= 10 && vector <= 14) ||
	       vector == 17 || vector == 21;
}

/* The instruction or delivery faults by the guest's own rules. */
static void step_exception(struct vmm *v, unsigned vector)
{
	uint32_t code = (uint32_t)v->vmcb->exitinfo1;

	leave(v);
	if (vector == VEC_PF) {
		/* TCG: RSVD without P. */
		code |= code & PF_RSVD ? PF_P : 0;
		inject_pf(v, v->vmcb->exitinfo2, code);
	} else {
		inject(v, vector, has_code(vector), code);
	}
}

bool step_active(void)
{
	return step.active;
}

bool step_exit(struct vmm *v)
{
	struct vmcb *c = v->vmcb;
	uint64_t exit = c->exitcode;

	if (!step.active) {
		return false;
	}
	if (exit == SVM_EXIT_NPF) {
		bool fetch = c->exitinfo1 & PF_I;

		if (step.delivery && fetch && !v->pending) {
			leave(v);
			return true;
		}
		open_page(v, c->exitinfo2);
		return true;
	}
	if (exit == SVM_EXIT_EXCEPTION + VEC_DB) {
		leave(v);
		if (step.rflags & RFLAGS_TF) {
			inject(v, VEC_DB, false, 0);
		} else {
			c->dr6 &= ~DR6_BS;
		}
		return true;
	}
	if (exit > SVM_EXIT_EXCEPTION && exit < SVM_EXIT_EXCEPTION + 32) {
		step_exception(v, (unsigned)exit - SVM_EXIT_EXCEPTION);
		return true;
	}
	/* The instruction exits for itself: it stored nothing. */
	leave(v);
	return false;
}
