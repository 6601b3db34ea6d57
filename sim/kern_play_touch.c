/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An access or a fault of a recorded program, on the model's tables. The
 * access happened, so it must succeed here: where the mappings known so far
 * say otherwise, they are completed.
 */
#include "sim/kern_play_int.h"

/* How far below a stack an access makes it grow (Linux's default limit). */
#define STACK_MAX (UINT64_C(8) << 20)

/* What is above gva, if that is a stack that may grow down to it. */
static bool grow_stack(struct kern_mm *mm, uint64_t page)
{
	struct kern_vma *v = mm->vmas;

	while (v && v->end <= page) {
		v = v->next;
	}
	if (!v || !(v->flags & SIM_KERN_STACK) || v->file ||
	    v->end - page > STACK_MAX) {
		return false;
	}
	v->start = page;
	return true;
}

static struct kern_vma *complete(struct sim_play *play, struct kern_mm *mm,
				 uint64_t gva, unsigned need)
{
	uint64_t page = gva & ~(KERN_PAGE - 1);
	struct kern_vma one = { .start = page, .end = page + KERN_PAGE,
				.prot = SIM_PROT_R | need };

	if (grow_stack(mm, page)) {
		play->n.grown++;
		return kern_vma_find(mm, gva);
	}
	play->n.adopted++;
	return kern_vma_insert(play->k, mm, &one);
}

static unsigned flags_of(const struct sim_event *ev)
{
	unsigned flags = ev->flags & (SIM_F_WRITE | SIM_F_FETCH | SIM_F_USER);

	if (ev->type == SIM_EV_FAULT) {
		flags = (ev->value & 2 ? SIM_F_WRITE : 0u) |
			(ev->value & 4 ? SIM_F_USER : 0u) |
			(ev->value & 16 ? SIM_F_FETCH : 0u);
	}
	/* No access is both; nor does the kernel execute user pages. */
	return (flags & SIM_F_WRITE) || !(flags & SIM_F_USER) ?
	       flags & ~(unsigned)SIM_F_FETCH : flags;
}

static void touch_page(struct sim_play *play, struct play_task *t,
		       uint64_t gva, unsigned flags, bool faulted)
{
	unsigned need = flags & SIM_F_WRITE ? SIM_PROT_W :
			flags & SIM_F_FETCH ? SIM_PROT_X : SIM_PROT_R;
	struct kern_mm *mm = t->proc->mm;
	struct kern_vma *v;

	if (gva >= KERN_USER_END) {
		play->n.ignored++;	/* the kernel's: vsyscall */
		return;
	}
	play->n.touches++;
	if (!kern_allowed(kern_lookup(play->k, mm, gva), flags)) {
		v = kern_vma_find(mm, gva);
		if (!v) {
			v = complete(play, mm, gva, need);
		} else if (!(v->prot & need) && faulted) {
			play->n.refused++;
			sim_kern_bad_touch(play->k, t->proc, gva, flags, 0);
			return;
		}
		if (v && !(v->prot & need)) {
			/* The kernel was asked for it, unseen. */
			play->n.widened++;
			sim_kern_mprotect(play->k, t->proc,
					  gva & ~(KERN_PAGE - 1), KERN_PAGE,
					  v->prot | need);
		}
	}
	sim_kern_touch(play->k, t->proc, gva, flags);
}

void play_touch(struct sim_play *play, struct play_task *t,
		const struct sim_event *ev)
{
	uint64_t last = ev->gva + (ev->size ? ev->size - 1u : 0u);
	unsigned flags = flags_of(ev);

	/* The model's accesses have 8 bytes. */
	touch_page(play, t, ev->gva & ~UINT64_C(7), flags,
		   ev->type == SIM_EV_FAULT);
	/* One of at most a page can reach into the next one. */
	if (last >= ev->gva && (last ^ ev->gva) >= KERN_PAGE) {
		touch_page(play, t, last & ~UINT64_C(7), flags, false);
	}
}
