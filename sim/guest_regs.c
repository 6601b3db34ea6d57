/* SPDX-License-Identifier: BSD-2-Clause */
/* What the guest does to its paging registers and to its TLB. */
#include "sim/chooser.h"
#include "sim/guest.h"
#include "sim/mode_agile.h"
#include "sim/mode_paravirt.h"
#include "sim/tlb.h"

bool sim_guest_cr3(struct sim_guest *guest, unsigned vcpu, uint64_t cr3)
{
	struct sim_vcpu *v = &guest->machine.vcpus[vcpu];
	bool keep = cr3 >> 63;

	bool exits = guest->vm && guest->root[vcpu].cr3_exits;

	if (guest->paravirt) {
		return sim_paravirt_cr3(guest, vcpu, cr3);
	}
	if (guest->agile && sim_agile_cr3(guest, vcpu, cr3, keep)) {
		return true;
	}

	if (exits) {
		guest->counts.cr3_exits++;
		sim_vmm_enter(guest, vcpu);
	}
	guest->regs[vcpu].cr3 = cr3 & ~((uint64_t)1 << 63);
	if (exits) {
		sim_guest_charge(guest, vcpu, SIM_CAT_VMM, SIM_P_VMM_CR3);
		if (guest->chooser) {
			sim_chooser_tell(guest, vcpu, GNOMON_PE_CR3, 0, 0, 1);
		}
		if (!sim_vmm_tell_regs(guest, vcpu, GNOMON_SET_CR3 |
				 (keep ? GNOMON_SET_NOFLUSH : 0u))) {
			return false;
		}
		if (guest->agile) {
			sim_agile_learn(guest, vcpu);
		}
		if (sim_guest_shadows(guest, vcpu)) {
			return true;	/* flushed with the root */
		}
	} else {
		guest->regs_stale[vcpu] = true;
		sim_vmm_set_machine(guest, vcpu);
	}
	sim_guest_charge(guest, vcpu, SIM_CAT_FLUSH, SIM_P_FLUSH_CR3);
	if (!keep) {
		sim_tlb_flush_pcid(v);
	}
	return true;
}

bool sim_guest_set_regs(struct sim_guest *guest, unsigned vcpu,
			const struct gnomon_regs *regs)
{
	guest->regs[vcpu] = *regs;
	if (guest->vm) {
		guest->counts.other_exits++;
		sim_vmm_enter(guest, vcpu);
		sim_guest_charge(guest, vcpu, SIM_CAT_VMM,
				 SIM_P_VMM_CR_OTHER);
		if (!sim_vmm_tell_regs(guest, vcpu, 0)) {
			return false;
		}
	} else {
		sim_vmm_set_machine(guest, vcpu);
	}
	sim_tlb_flush_all(&guest->machine.vcpus[vcpu]);
	return true;
}

void sim_guest_invlpg(struct sim_guest *guest, unsigned vcpu, uint64_t gva)
{
	if (guest->paravirt) {
		/* What went wrong is told by the next access. */
		sim_paravirt_invlpg(guest, vcpu, gva);
		return;
	}
	if (!sim_guest_shadows(guest, vcpu) ||
	    (guest->agile &&
	     sim_walk_switches(&guest->machine.vcpus[vcpu], gva))) {
		sim_guest_charge(guest, vcpu, SIM_CAT_FLUSH,
				 SIM_P_FLUSH_INVLPG);
		sim_tlb_flush_page(&guest->machine.vcpus[vcpu], gva);
		return;
	}
	guest->counts.invlpg_exits++;
	sim_vmm_enter(guest, vcpu);
	sim_guest_charge(guest, vcpu, SIM_CAT_VMM, SIM_P_VMM_INVLPG);
	if (guest->agile &&
	    !sim_vmm_sync_regs(guest, vcpu, guest->regs[vcpu].ac)) {
		return;		/* told by the next access */
	}
	gnomon_invlpg(guest->vcpu[vcpu], (gnomon_gva_t){ gva });
	sim_vmm_leave(guest);
	if (guest->chooser) {
		sim_chooser_tell(guest, vcpu, GNOMON_PE_INVLPG, 0, 0, 1);
	}
}
