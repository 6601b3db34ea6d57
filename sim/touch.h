/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way of an access that hits in the first-level TLB, inline: what a loop
 * over many accesses calls in place of sim_guest_touch(). The same accesses
 * have the same effects and cycles either way.
 */
#ifndef SIM_TOUCH_H
#define SIM_TOUCH_H

#include "sim/guest.h"
#include "sim/tlb.h"

enum {
	SIM_AHEAD_FAR = 16,	/* accesses; about the host's memory latency */
	SIM_AHEAD_NEAR = 8,
};

/*
 * Before an access: which two come SIM_AHEAD_FAR and SIM_AHEAD_NEAR accesses
 * later. Speeds up what misses the TLBs; has no other effect.
 */
static inline void sim_touch_ahead(struct sim_guest *guest, unsigned vcpu,
				   uint64_t far, uint64_t near)
{
	struct sim_vcpu *v = &guest->machine.vcpus[vcpu];

	if (v->missing) {
		v->missing--;
		sim_walk_ahead(v, far, near);
	}
}

static inline enum sim_touch_end sim_touch_fast(struct sim_guest *guest,
						unsigned vcpu,
						struct sim_touch *touch)
{
	struct sim_vcpu *v = &guest->machine.vcpus[vcpu];
	uint64_t tag = sim_tag(touch->gva, 0), word, gpa;
	uint64_t in_page = touch->gva & (GNOMON_PAGE_BYTES - 1);
	ptrdiff_t at;

	if ((touch->access & GNOMON_EXEC) || touch->data ||
	    guest->plain == false ||
	    in_page + touch->bytes > GNOMON_PAGE_BYTES) {
		return sim_guest_touch(guest, vcpu, touch);
	}
	at = sim_assoc_find2(&v->l1d[0], tag, tag | v->tag,
			     tag | SIM_TAG_GLOBAL);
	if (at < 0) {
		return sim_guest_missed(guest, vcpu, touch);
	}
	word = v->l1d[0].data[at];
	if (!sim_allowed(v, word, touch->access)) {
		return sim_guest_touch(guest, vcpu, touch);
	}
	gpa = (word & SIM_T_ADDR) + in_page - guest->machine.phys_bias;
	if (gpa >= guest->mem.ram_bytes) {
		return sim_guest_touch(guest, vcpu, touch);
	}
	v->counts.l1_hits++;
	touch->word = word;
	touch->gpa = gpa;
	touch->traced = touch->emulated = touch->trapped = false;
	return SIM_TOUCH_DONE;
}

#endif
