/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/machine.h"

#include <string.h>

#include "sim/tlb.h"
#include "sim/x86.h"

static bool init_caches(struct sim_machine *m, uint64_t seed)
{
	static const uint8_t ids[SIM_CACHES][3] = {
		{ SIM_P_CACHE_L1_KIB, SIM_P_CACHE_L1_WAYS,
		  SIM_P_CACHE_L1_HIT },
		{ SIM_P_CACHE_L2_KIB, SIM_P_CACHE_L2_WAYS,
		  SIM_P_CACHE_L2_HIT },
		{ SIM_P_CACHE_L3_KIB, SIM_P_CACHE_L3_WAYS,
		  SIM_P_CACHE_L3_HIT },
	};
	struct sim_caches *c = &m->caches;
	bool good = true;

	c->on = m->param[SIM_P_CACHE_ON];
	c->memory_cycles = (uint32_t)m->param[SIM_P_CACHE_MEMORY];
	c->flat_cycles = (uint32_t)m->param[SIM_P_CACHE_FLAT];
	for (int i = 0; c->on && good && i < SIM_CACHES; i++) {
		good = sim_assoc_init(&c->level[i], &m->state,
				      m->param[ids[i][0]] * 16,
				      m->param[ids[i][1]], SIM_POLICY_LRU,
				      seed);
		sim_assoc_drop_data(&c->level[i], &m->state);
		c->hit_cycles[i] = (uint32_t)m->param[ids[i][2]];
	}
	return good;
}

static bool init_arrays(struct sim_vcpu *v, uint64_t seed)
{
	const struct { struct sim_assoc *array; unsigned entries; } all[] = {
		{ &v->l1d[0], SIM_P_L1D_4K_ENTRIES },
		{ &v->l1d[1], SIM_P_L1D_2M_ENTRIES },
		{ &v->l1d[2], SIM_P_L1D_1G_ENTRIES },
		{ &v->l1i[0], SIM_P_L1I_4K_ENTRIES },
		{ &v->l1i[1], SIM_P_L1I_2M_ENTRIES },
		{ &v->l2, SIM_P_L2_ENTRIES },
		{ &v->l2_1g, SIM_P_L2_1G_ENTRIES },
		{ &v->pwc[4], SIM_P_PWC_L4_ENTRIES },
		{ &v->pwc[3], SIM_P_PWC_L3_ENTRIES },
		{ &v->pwc[2], SIM_P_PWC_L2_ENTRIES },
		{ &v->npwc[4], SIM_P_NPWC_L4_ENTRIES },
		{ &v->npwc[3], SIM_P_NPWC_L3_ENTRIES },
		{ &v->npwc[2], SIM_P_NPWC_L2_ENTRIES },
		{ &v->ntlb, SIM_P_NTLB_ENTRIES },
	};
	struct sim_machine *m = v->machine;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		/* A parameter for ways follows each one for entries. */
		if (!sim_assoc_init(all[i].array, &m->state,
				    m->param[all[i].entries],
				    m->param[all[i].entries + 1],
				    (enum sim_policy)
				    m->param[SIM_P_TLB_POLICY], seed + i)) {
			return false;
		}
	}
	return true;
}

bool sim_machine_init(struct sim_machine *machine, struct sim_hostmem *mem,
		      const struct sim_preset *preset, unsigned vcpus,
		      uint64_t phys_bias, uint64_t seed)
{
	memset(machine, 0, sizeof(*machine));
	machine->mem = mem;
	machine->phys_bias = phys_bias;
	machine->maxphyaddr = 52;
	for (size_t i = 0; i < SIM_P_COUNT; i++) {
		machine->param[i] = preset->params[i].value;
	}
	if (!sim_arena_init(&machine->state, NULL, 0)) {
		return false;
	}
	machine->vcpus = sim_arena_zalloc(&machine->state,
					  vcpus * sizeof(*machine->vcpus));
	if (!machine->vcpus || !init_caches(machine, seed)) {
		sim_machine_done(machine);
		return false;
	}
	machine->vcpu_count = vcpus;
	for (unsigned i = 0; i < vcpus; i++) {
		machine->vcpus[i].machine = machine;
		machine->vcpus[i].sizes_used = 1;
		machine->vcpus[i].nested_sizes_used = 1;
		if (!init_arrays(&machine->vcpus[i], seed)) {
			sim_machine_done(machine);
			return false;
		}
	}
	return true;
}

/* The arena takes every array with it. */
void sim_machine_done(struct sim_machine *machine)
{
	sim_arena_done(&machine->state);
	machine->vcpus = NULL;
	machine->vcpu_count = 0;
}

/* What a translation must show for this kind of access. */
static struct sim_pass make_check(const struct gnomon_regs *regs,
				  uint32_t access)
{
	struct sim_pass check = { SIM_T_PRESENT, SIM_T_PRESENT };
	bool user = access & GNOMON_USER;
	bool ac = (access & SIM_ACCESS_AC) && !(access & GNOMON_IMPLICIT);

	if (access & GNOMON_IMPLICIT) {
		user = false;
	}
	if (user) {
		check.care |= SIM_T_U;
		check.want |= SIM_T_U;
	} else if ((access & GNOMON_EXEC) ? regs->cr4 & CR4_SMEP
					  : regs->cr4 & CR4_SMAP && !ac) {
		check.care |= SIM_T_U;
	}
	if (access & GNOMON_WRITE) {
		check.care |= SIM_T_D;
		check.want |= SIM_T_D;
		if (user || (regs->cr0 & CR0_WP)) {
			check.care |= SIM_T_W;
			check.want |= SIM_T_W;
		}
	}
	if (access & GNOMON_EXEC) {
		check.care |= SIM_T_X;
		check.want |= SIM_T_X;
	}
	return check;
}

/* Bits that no entry may use. */
static uint64_t reserved(const struct sim_vcpu *vcpu, unsigned maxphyaddr)
{
	uint64_t high = SIM_T_ADDR & (~(uint64_t)0 << maxphyaddr);

	return high | (vcpu->nx ? 0 : (uint64_t)1 << 63);
}

void sim_vcpu_set(struct sim_vcpu *vcpu, enum sim_paging paging,
		  const struct gnomon_regs *regs, uint64_t root,
		  uint64_t nroot)
{
	unsigned guest_bits = vcpu->machine->guest_maxphyaddr ?
		vcpu->machine->guest_maxphyaddr : vcpu->machine->maxphyaddr;

	vcpu->paging = paging;
	vcpu->begins_below = false;
	vcpu->root = root;
	vcpu->nroot = nroot;
	vcpu->levels = regs->cr4 & CR4_LA57 ? 5 : 4;
	vcpu->tag = regs->cr4 & CR4_PCIDE ?
		(regs->cr3 & 0xfff) << SIM_TAG_PCID_SHIFT : 0;
	vcpu->keys = regs->cr4 & CR4_PKE;
	vcpu->pkru = regs->pkru;
	vcpu->global = regs->cr4 & CR4_PGE;
	vcpu->nx = regs->efer & EFER_NXE;
	vcpu->rsvd_below = reserved(vcpu, guest_bits);
	vcpu->rsvd = paging == SIM_PAGING_2D ? vcpu->rsvd_below :
		reserved(vcpu, vcpu->machine->maxphyaddr);
	vcpu->fetch_code = vcpu->nx || (regs->cr4 & CR4_SMEP);
	for (uint32_t access = 0; access < SIM_ACCESS_KINDS; access++) {
		vcpu->check[access] = make_check(regs, access);
	}
}

uint32_t sim_cache_look_up(struct sim_machine *machine, const void *va)
{
	struct sim_caches *c = &machine->caches;
	/* An hpa is never 0, so neither is its line. */
	uint64_t line = sim_va_to_hpa(machine->mem, va) >> SIM_LINE_SHIFT;
	int level;

	if (sim_assoc_find_again(&c->level[0], line, line) >= 0) {
		return c->hit_cycles[0];
	}
	for (level = 1; level < SIM_CACHES; level++) {
		if (sim_assoc_find(&c->level[level], line, line) >= 0) {
			break;
		}
	}
	for (int i = 0; i < level; i++) {
		sim_assoc_put_new(&c->level[i], line, line, 0);
	}
	return level < SIM_CACHES ? c->hit_cycles[level] : c->memory_cycles;
}

void sim_compute(struct sim_vcpu *vcpu, uint64_t instructions)
{
	if (vcpu->machine->param[SIM_P_CORE_WINDOW]) {
		instructions = sim_overlap_compute(vcpu, instructions);
	}
	sim_compute_plain(vcpu, instructions);
}

void sim_compute_plain(struct sim_vcpu *vcpu, uint64_t instructions)
{
	uint64_t milli = vcpu->compute_milli +
		instructions * vcpu->machine->param[SIM_P_CPI_MILLI];

	sim_charge(vcpu, SIM_CAT_COMPUTE, milli / 1000);
	vcpu->compute_milli = milli % 1000;
}
