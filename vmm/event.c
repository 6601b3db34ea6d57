/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is injected, and what an exit interrupted. An exit can hit while the
 * CPU delivers an event; then that event must be delivered again, unless it
 * was a software interrupt, which RIP still points at.
 */
#include "vmm/vmm.h"

enum { DR6_BS = 1u << 14, VEC_BP = 3, VEC_OF = 4 };

static unsigned vector_of(uint64_t event)
{
	return event & 0xff;
}

void event_interrupted(struct vmm *v)
{
	uint64_t info = v->vmcb->exitintinfo;
	unsigned vector = vector_of(info);

	if (!(info & SVM_EVENT_VALID)) {
		return;
	}
	switch (info & SVM_EVENT_TYPE) {
	case SVM_EVENT_SOFTWARE:
		return;
	case SVM_EVENT_EXCEPTION:
		/* TCG calls interrupted hardware interrupts exceptions. */
		if (vector >= 32) {
			info = SVM_EVENT_VALID | SVM_EVENT_EXTERNAL | vector;
		} else if (vector == VEC_BP || vector == VEC_OF) {
			return;
		}
		break;
	default:
		break;
	}
	v->pending = info;
	v->count.reinjected++;
}

void event_enter(struct vmm *v)
{
	if (!v->pending && v->held && (v->vmcb->rflags & RFLAGS_IF) &&
	    !(v->vmcb->interrupt_shadow & 1)) {
		v->pending = v->held;
		v->held = 0;
	}
	v->vmcb->eventinj = v->pending;
	v->pending = 0;
}

static bool contributory(unsigned vector)
{
	return vector == 0 || (vector >= 10 && vector <= 13);
}

/* Does the second exception during the first make a double fault? */
static bool makes_double(unsigned first, unsigned second)
{
	if (first == VEC_PF) {
		return second == VEC_PF || contributory(second);
	}
	return contributory(first) && contributory(second);
}

void inject(struct vmm *v, unsigned vector, bool has_code, uint32_t code)
{
	uint64_t first = v->pending;
	uint64_t type = first & SVM_EVENT_TYPE;

	if (first && type != SVM_EVENT_EXCEPTION) {
		v->held = first;
	} else if (first && vector_of(first) == VEC_DF) {
		vmm_log("vmm: triple fault at %x", v->vmcb->rip);
		v->stop = true;
	} else if (first && makes_double(vector_of(first), vector)) {
		vector = VEC_DF;
		has_code = true;
		code = 0;
	}
	v->pending = SVM_EVENT_VALID | SVM_EVENT_EXCEPTION | vector;
	if (has_code) {
		v->pending |= SVM_EVENT_CODE | (uint64_t)code << 32;
	}
}

void inject_pf(struct vmm *v, uint64_t gva, uint32_t code)
{
	v->vmcb->cr2 = gva;
	inject(v, VEC_PF, true, code);
}

void skip(struct vmm *v, unsigned bytes)
{
	v->vmcb->rip += bytes;
	if (!(v->vmcb->cs.attrib & SEG_LONG)) {
		v->vmcb->rip &= 0xffffffff;
	}
	v->vmcb->interrupt_shadow = 0;
	if (v->vmcb->rflags & RFLAGS_TF) {
		v->vmcb->dr6 |= DR6_BS;
		inject(v, VEC_DB, false, 0);
	}
}

bool is_user(const struct vmm *v)
{
	return v->vmcb->cpl == 3;
}
