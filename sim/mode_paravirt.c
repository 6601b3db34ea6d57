/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/mode_paravirt.h"

#include "sim/text.h"
#include "sim/x86.h"

enum { BATCH_MAX = 2048 };

struct sim_paravirt {
	struct gnomon_direct queue[BATCH_MAX];
	unsigned count;
};

bool sim_paravirt_init(struct sim_guest *guest)
{
	guest->paravirt = sim_arena_zalloc(&guest->arena,
					   sizeof(*guest->paravirt));
	return guest->paravirt;
}

bool sim_paravirt_waits(const struct sim_guest *guest)
{
	return guest->paravirt && guest->paravirt->count;
}

static bool refused(struct sim_guest *guest, const struct gnomon_direct *r,
		    enum gnomon_status status)
{
	sim_fail(guest->error, SIM_ERR_BUG,
		 "direct paging: request %u for %#llx with %#llx: %s",
		 r->op, (unsigned long long)r->gpa.v,
		 (unsigned long long)r->value, gnomon_status_text(status));
	return false;
}

/* What a pin fills is checked entry by entry, like the entries of a sync. */
static void charge_fills(struct sim_guest *guest, uint64_t before,
			 unsigned requests)
{
	struct gnomon_stats now;
	uint64_t fills;

	gnomon_vm_stats(guest->vm, &now, sizeof(now));
	fills = now.direct_sets - before;
	fills -= fills < requests ? fills : requests;
	sim_charge(&guest->machine.vcpus[guest->running], SIM_CAT_VMM,
		   fills * guest->machine.param[SIM_P_VMM_SYNC_ENTRY] +
		   requests * guest->machine.param[SIM_P_VMM_DIRECT_SET]);
}

/* The vcpu is in the VMM: do what it asks. */
static bool serve(struct sim_guest *guest, unsigned vcpu)
{
	struct sim_paravirt *p = guest->paravirt;
	struct gnomon_stats before;
	enum gnomon_status status;
	uint32_t done = 0;

	gnomon_vm_stats(guest->vm, &before, sizeof(before));
	do {
		status = gnomon_direct(guest->vcpu[vcpu], p->queue, p->count,
				       &done, NULL);
		/* Nothing was pinned there, and nothing waited to go. */
		if (status == GNOMON_INVAL &&
		    p->queue[done].op == GNOMON_DIRECT_UNPIN) {
			done++;
			status = GNOMON_MORE;
		}
	} while (status == GNOMON_MORE);
	sim_vmm_leave(guest);
	charge_fills(guest, before.direct_sets, p->count);
	p->count = 0;
	return status == GNOMON_OK || refused(guest, &p->queue[done], status);
}

static void enter(struct sim_guest *guest, unsigned vcpu)
{
	guest->counts.hypercalls++;
	sim_vmm_enter(guest, vcpu);
	sim_guest_charge(guest, vcpu, SIM_CAT_VMM, SIM_P_VMM_HYPERCALL);
}

bool sim_paravirt_flush(struct sim_guest *guest, unsigned vcpu)
{
	if (!sim_paravirt_waits(guest)) {
		return true;
	}
	enter(guest, vcpu);
	return sim_vmm_sync_regs(guest, vcpu, guest->regs[vcpu].ac) &&
	       serve(guest, vcpu);
}

static bool ask(struct sim_guest *guest, unsigned vcpu,
		const struct gnomon_direct *request)
{
	struct sim_paravirt *p = guest->paravirt;
	uint64_t limit = guest->machine.param[SIM_P_PARAVIRT_BATCH];

	p->queue[p->count++] = *request;
	return p->count < limit || sim_paravirt_flush(guest, vcpu);
}

enum sim_touch_end sim_paravirt_store(struct sim_guest *guest, unsigned vcpu,
				      uint64_t gpa, uint64_t gpte, bool *asked)
{
	struct sim_paravirt *p = guest->paravirt;
	struct gnomon_direct r = {
		.op = GNOMON_DIRECT_SET, .gpa = { gpa }, .value = gpte,
	};
	const uint64_t *param = guest->machine.param;

	*asked = gnomon_is_traced(guest->vm,
				  (gnomon_gfn_t){ gpa >> GNOMON_PAGE_SHIFT });
	if (!*asked) {
		return SIM_TOUCH_DONE;
	}
	if (p->count && !param[SIM_P_PARAVIRT_SCOPE] &&
	    (p->queue[p->count - 1].gpa.v ^ gpa) >> GNOMON_PAGE_SHIFT &&
	    !sim_paravirt_flush(guest, vcpu)) {
		return SIM_TOUCH_BROKEN;
	}
	return ask(guest, vcpu, &r) ? SIM_TOUCH_DONE : SIM_TOUCH_BROKEN;
}

/* Each address space stays checked from its first use to its end. */
bool sim_paravirt_cr3(struct sim_guest *guest, unsigned vcpu, uint64_t cr3)
{
	uint64_t root = cr3 & CR3_TABLE;
	struct gnomon_direct pin = {
		.op = GNOMON_DIRECT_PIN, .gpa = { root }, .value = ROOT_LEVEL,
	};
	bool keep = cr3 >> 63;

	guest->counts.cr3_exits++;
	enter(guest, vcpu);
	sim_guest_charge(guest, vcpu, SIM_CAT_VMM, SIM_P_VMM_CR3);
	if (!gnomon_is_traced(guest->vm,
			      (gnomon_gfn_t){ root >> GNOMON_PAGE_SHIFT })) {
		guest->paravirt->queue[guest->paravirt->count++] = pin;
	}
	if (!sim_vmm_sync_regs(guest, vcpu, guest->regs[vcpu].ac) ||
	    !serve(guest, vcpu)) {
		return false;
	}
	guest->regs[vcpu].cr3 = cr3 & ~((uint64_t)1 << 63);
	return sim_vmm_tell_regs(guest, vcpu, GNOMON_SET_CR3 |
				 (keep ? GNOMON_SET_NOFLUSH : 0u));
}

bool sim_paravirt_invlpg(struct sim_guest *guest, unsigned vcpu, uint64_t gva)
{
	struct gnomon_direct r = {
		.op = GNOMON_DIRECT_FLUSH_PAGE, .value = gva,
	};

	guest->counts.invlpg_exits++;
	guest->paravirt->queue[guest->paravirt->count++] = r;
	return sim_paravirt_flush(guest, vcpu);
}

bool sim_paravirt_end(struct sim_guest *guest, unsigned vcpu, uint64_t gpa)
{
	struct gnomon_direct r = {
		.op = GNOMON_DIRECT_UNPIN, .gpa = { gpa & ~0xfffull },
	};

	return !gnomon_is_traced(guest->vm,
				 (gnomon_gfn_t){ gpa >> GNOMON_PAGE_SHIFT }) ||
	       ask(guest, vcpu, &r);
}

uint64_t sim_paravirt_gpte(struct sim_guest *guest, uint64_t gpa)
{
	const struct sim_paravirt *p = guest->paravirt;
	uint64_t gpte = 0;

	for (unsigned i = p->count; i-- > 0;) {
		if (p->queue[i].op == GNOMON_DIRECT_SET &&
		    p->queue[i].gpa.v == gpa) {
			return p->queue[i].value;
		}
	}
	if (gnomon_direct_read(guest->vm, (gnomon_gpa_t){ gpa }, &gpte) !=
	    GNOMON_OK) {
		return 0;
	}
	return gpte;
}
