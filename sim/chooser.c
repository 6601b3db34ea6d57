/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/chooser.h"

#include "sim/mode_agile.h"
#include "sim/mode_switching.h"
#include "sim/text.h"
#include "sim/x86.h"

enum {
	READ = 60,		/* assumed: two counters, read by RDPMC */
	SAMPLE_TIMES = 64,	/* a look costs at most 1/64 of what it sees */
};

static uint32_t price(const struct sim_guest *guest, enum sim_param_id id)
{
	const uint64_t *param = guest->machine.param;
	uint64_t cycles = param[SIM_P_EXIT_RTT] + param[id];

	return cycles < UINT32_MAX ? (uint32_t)cycles : UINT32_MAX;
}

static uint32_t bare(const struct sim_guest *guest, enum sim_param_id id)
{
	uint64_t cycles = guest->machine.param[id];

	return cycles < UINT32_MAX ? (uint32_t)cycles : UINT32_MAX;
}

static struct gnomon_policy_prices prices_of(const struct sim_guest *guest)
{
	return (struct gnomon_policy_prices){
		.exit = bare(guest, SIM_P_EXIT_RTT),
		.hidden = price(guest, SIM_P_VMM_HIDDEN),
		.true_fault = price(guest, SIM_P_VMM_TRUE) +
			      bare(guest, SIM_P_FAULT_INJECT),
		.trace_leaf = price(guest, SIM_P_VMM_TRACE_LEAF),
		.trace_upper = price(guest, SIM_P_VMM_TRACE_UPPER),
		.trace_open = price(guest, SIM_P_VMM_TRACE_OPEN),
		.sync_table = bare(guest, SIM_P_VMM_SYNC_TABLE),
		.sync_entry = bare(guest, SIM_P_VMM_SYNC_ENTRY),
		.cr3 = price(guest, SIM_P_VMM_CR3),
		.invlpg = price(guest, SIM_P_VMM_INVLPG),
		.zap = bare(guest, SIM_P_VMM_ZAP),
		.sample = price(guest, SIM_P_VMM_SPURIOUS),
		/* Each of the guest's references and the page: one more. */
		.walk_nested = bare(guest, SIM_P_CACHE_L2_HIT),
		.fills = bare(guest, SIM_P_ENGINE_PREFETCH),
	};
}

bool sim_chooser_init(struct sim_guest *guest)
{
	const struct sim_mode_info *info = &sim_modes[guest->mode];
	struct gnomon_policy_config config = {
		.size = sizeof(config), .kind = info->policy,
		.interval = SIM_SHSP_INTERVAL,
		.prices = prices_of(guest), .start = GNOMON_POLICY_NESTED,
	};
	struct sim_chooser *p;
	void *memory;

	if (!(info->flags & SIM_MF_MIXED) || (info->flags & SIM_MF_CHANCE)) {
		return true;
	}
	if (info->flags & SIM_MF_AGILE) {
		sim_agile_policy(guest, &config);
	}
	p = sim_arena_zalloc(&guest->arena, sizeof(*p));
	memory = sim_arena_zalloc(&guest->arena, gnomon_policy_bytes(&config));
	if (!p || !memory || gnomon_policy_create(memory, &config,
						  &p->policy) != GNOMON_OK) {
		sim_fail(guest->error, SIM_ERR_NOMEM, "cannot make a policy");
		return false;
	}
	p->by_interval = info->policy == GNOMON_POLICY_SHSP;
	p->leaves = info->policy == GNOMON_POLICY_ADAPTIVE_HW;
	p->ticks = p->by_interval || info->policy == GNOMON_POLICY_AGILE;
	p->period = p->ticks ? config.interval :
		(uint64_t)SAMPLE_TIMES * config.prices.sample;
	guest->chooser = p;
	return true;
}

struct gnomon_policy_event sim_chooser_event(const struct sim_guest *guest,
					     unsigned vcpu)
{
	return (struct gnomon_policy_event){
		.vcpu = (uint8_t)vcpu,
		.space = { guest->regs[vcpu].cr3 & CR3_TABLE },
		.now = sim_vcpu_clock(&guest->machine.vcpus[vcpu]),
		.nested = !sim_guest_shadows(guest, vcpu),
		.exited = true,
	};
}

void sim_chooser_tell(struct sim_guest *guest, unsigned vcpu,
		     enum gnomon_policy_event_kind kind, uint64_t gfn,
		     unsigned level, uint32_t count)
{
	struct gnomon_policy_event e = sim_chooser_event(guest, vcpu);

	if (guest->chooser->by_interval) {
		return;		/* SHSP goes by the counters alone */
	}
	e.kind = kind;
	e.gfn.v = gfn;
	e.level = (uint8_t)level;
	e.count = count;
	gnomon_policy_event(guest->chooser->policy, &e);
}

/* The guest's leaf table on the way to gva; 0 where there is none. */
static uint64_t leaf_of(struct sim_guest *guest, unsigned vcpu, uint64_t gva)
{
	const struct gnomon_regs *regs = &guest->regs[vcpu];
	unsigned level = ROOT_LEVEL + (regs->cr4 & CR4_LA57 ? 1 : 0);
	uint64_t table = regs->cr3 & CR3_TABLE;

	for (; regs->efer & EFER_LMA && level > 1; level--) {
		const uint64_t *entries = sim_guest_memory(guest, table);
		uint64_t entry = entries ?
			entries[gva >> (3 + 9 * level) & 511] : 0;

		if (!(entry & PTE_P) ||
		    (level < ROOT_LEVEL && (entry & PTE_PS))) {
			return 0;
		}
		table = entry & CR3_TABLE;
	}
	return level == 1 ? table >> GNOMON_PAGE_SHIFT : 0;
}

void sim_chooser_filled(struct sim_guest *guest, unsigned vcpu, uint64_t gva)
{
	uint64_t leaf = guest->chooser->leaves ?
		leaf_of(guest, vcpu, gva) : 0;

	sim_chooser_tell(guest, vcpu, GNOMON_PE_HIDDEN, leaf, 1, 1);
}

void sim_chooser_made(struct sim_guest *guest, uint64_t gfn)
{
	if (guest->chooser->leaves && gfn < guest->frames &&
	    guest->frame_level[gfn] == 1) {
		sim_chooser_tell(guest, guest->running, GNOMON_PE_TABLE_NEW,
				 gfn, 1, 1);
	}
}

void sim_chooser_look(struct sim_guest *guest, unsigned vcpu)
{
	struct sim_chooser *p = guest->chooser;
	struct sim_chooser_seen *seen = &p->seen[vcpu];
	const struct sim_vcpu *v = &guest->machine.vcpus[vcpu];
	struct gnomon_policy_event e = sim_chooser_event(guest, vcpu);
	uint64_t misses = v->counts.misses - seen->misses;

	sim_charge(&guest->machine.vcpus[vcpu], SIM_CAT_VMM, READ);
	if (!misses) {
		return;
	}
	e.kind = GNOMON_PE_WALK;
	e.count = misses < UINT32_MAX ? (uint32_t)misses : UINT32_MAX;
	e.cycles = (v->counts.nested_cycles - seen->nested_cycles) *
		   guest->machine.param[SIM_P_WALK_EXPOSED] / 100;
	if (p->leaves && !e.nested) {
		/* What the sample names: the address of the walk. */
		e.gfn.v = leaf_of(guest, vcpu, v->walked);
		e.level = 1;
	}
	seen->misses = v->counts.misses;
	seen->nested_cycles = v->counts.nested_cycles;
	gnomon_policy_event(p->policy, &e);
}

/* ---- interrupts by counters ------------------------------------------- */

static void sample(struct sim_guest *guest, unsigned vcpu)
{
	sim_vmm_enter(guest, vcpu);
	if (!guest->root[vcpu].cr3_exits) {
		sim_chooser_look(guest, vcpu);
	}
	sim_guest_charge(guest, vcpu, SIM_CAT_VMM, SIM_P_VMM_SPURIOUS);
}

/* The end of an interval: SHSP wants both counts, in any mode. */
static void tick(struct sim_guest *guest, unsigned vcpu)
{
	struct sim_chooser *p = guest->chooser;
	struct gnomon_policy_event e;

	sample(guest, vcpu);
	e = sim_chooser_event(guest, vcpu);
	e.kind = GNOMON_PE_FAULT;
	e.count = (uint32_t)(guest->counts.true_faults - p->faults);
	p->faults = guest->counts.true_faults;
	if (e.count) {
		gnomon_policy_event(p->policy, &e);
	}
	e.kind = GNOMON_PE_TICK;
	gnomon_policy_event(p->policy, &e);
}

static void interrupts(struct sim_guest *guest, unsigned vcpu)
{
	struct sim_chooser *p = guest->chooser;
	struct sim_chooser_seen *seen = &p->seen[vcpu];
	const struct sim_vcpu *v = &guest->machine.vcpus[vcpu];

	if (!p->ticks) {
		if (v->counts.nested_cycles - seen->nested_cycles >=
		    p->period) {
			sample(guest, vcpu);
		}
		return;
	}
	if (vcpu == 0 && sim_vcpu_clock(v) - seen->clock >= p->period) {
		tick(guest, vcpu);
		seen->clock = sim_vcpu_clock(v);
	}
}

/* ---- decisions -------------------------------------------------------- */

static bool go(struct sim_guest *guest, unsigned vcpu,
	       const struct gnomon_policy_decision *d)
{
	if (guest->chooser->leaves && d->mode != GNOMON_POLICY_NESTED &&
	    !sim_chooser_open_leaves(guest, vcpu, d->space.v)) {
		return false;
	}
	return sim_guest_switch(guest, vcpu,
				d->scope == GNOMON_SCOPE_SPACE ? &d->space :
								 NULL,
				d->mode == GNOMON_POLICY_NESTED ?
				GNOMON_MODE_NESTED : guest->agile ?
				GNOMON_MODE_AGILE : GNOMON_MODE_SHADOW);
}

bool sim_chooser_work(struct sim_guest *guest, unsigned vcpu)
{
	struct gnomon_policy_decision d;

	if (guest->agile && !sim_agile_settle(guest)) {
		return false;
	}
	interrupts(guest, vcpu);
	while (gnomon_policy_poll(guest->chooser->policy, &d)) {
		if (d.scope == GNOMON_SCOPE_COUNT) {
			sim_chooser_count(guest, vcpu, &d);
		} else if (d.scope == GNOMON_SCOPE_TABLE ||
			   d.scope == GNOMON_SCOPE_WRITTEN) {
			if (!sim_agile_decided(guest, vcpu, &d)) {
				return false;
			}
		} else if (!go(guest, vcpu, &d)) {
			return false;
		}
	}
	return true;
}
