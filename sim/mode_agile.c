/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/mode_agile.h"

#include "sim/chooser.h"
#include "sim/text.h"
#include "sim/tlb.h"
#include "sim/x86.h"

bool sim_agile_init(struct sim_guest *guest)
{
	if (!sim_mode_is(guest->mode, SIM_MF_AGILE)) {
		return true;
	}
	guest->agile = sim_arena_zalloc(&guest->arena, sizeof(*guest->agile));
	if (!guest->agile) {
		return false;
	}
	guest->agile->roots =
		(unsigned)guest->machine.param[SIM_P_AGILE_CR3_CACHE];
	return true;
}

/* Microseconds of the preset's clock. */
static uint64_t cycles_of(const struct sim_guest *guest, uint64_t us)
{
	return us * guest->machine.param[SIM_P_CLOCK_MHZ];
}

void sim_agile_policy(const struct sim_guest *guest,
		      struct gnomon_policy_config *config)
{
	const uint64_t *param = guest->machine.param;

	config->hardware = GNOMON_HW_SWITCH_BIT |
		(param[SIM_P_AGILE_HARDWARE_AD] ? GNOMON_HW_AD : 0u) |
		(param[SIM_P_AGILE_CR3_CACHE] ? GNOMON_HW_CR3_CACHE : 0u);
	if (config->kind != GNOMON_POLICY_AGILE) {
		return;
	}
	config->interval = cycles_of(guest, param[SIM_P_AGILE_INTERVAL]);
	config->start = param[SIM_P_AGILE_NESTED_START] ?
		GNOMON_POLICY_NESTED : GNOMON_POLICY_SHADOWED;
	config->agile_writes = (uint32_t)param[SIM_P_AGILE_WRITES];
	config->agile_back = param[SIM_P_AGILE_BACK_CLEAN] ?
		GNOMON_AGILE_BACK_CLEAN : GNOMON_AGILE_BACK_ALL;
	config->agile_trial = cycles_of(guest, param[SIM_P_AGILE_TRIAL]);
}

/* ---- the cache of roots ------------------------------------------------- */

static unsigned find(const struct sim_agile *a, unsigned vcpu, uint64_t cr3)
{
	const struct sim_agile_cache *c = &a->cache[vcpu];
	unsigned i = 0;

	while (i < a->roots && c->cr3[i] != (cr3 & CR3_TABLE) + 1) {
		i++;
	}
	return i;
}

bool sim_agile_cr3(struct sim_guest *guest, unsigned vcpu, uint64_t cr3,
		   bool keep)
{
	struct sim_agile *a = guest->agile;
	struct sim_agile_cache *c = &a->cache[vcpu];
	struct sim_vcpu *v = &guest->machine.vcpus[vcpu];
	unsigned i = find(a, vcpu, cr3);
	bool other;

	if (i == a->roots) {
		return false;
	}
	c->used[i] = ++c->age;
	other = c->root[i].agile != guest->root[vcpu].agile;
	guest->regs[vcpu].cr3 = cr3 & ~((uint64_t)1 << 63);
	guest->regs_stale[vcpu] = true;
	guest->root[vcpu] = c->root[i];
	if (!c->root[i].agile) {
		guest->root[vcpu].cr3.v = guest->regs[vcpu].cr3;
	}
	sim_vmm_set_machine(guest, vcpu);
	sim_guest_charge(guest, vcpu, SIM_CAT_FLUSH, SIM_P_FLUSH_CR3);
	if (other) {
		sim_tlb_flush_all(v);
	} else if (!keep || c->root[i].agile) {
		sim_tlb_flush_pcid(v);
	}
	guest->counts.cr3_hits++;
	return true;
}

void sim_agile_learn(struct sim_guest *guest, unsigned vcpu)
{
	struct sim_agile *a = guest->agile;
	struct sim_agile_cache *c = &a->cache[vcpu];
	uint64_t cr3 = guest->regs[vcpu].cr3;
	unsigned i = find(a, vcpu, cr3);

	if (!a->roots) {
		return;
	}
	if (i == a->roots) {
		i = 0;
		for (unsigned k = 1; k < a->roots; k++) {
			i = c->used[k] < c->used[i] ? k : i;
		}
	}
	c->cr3[i] = (cr3 & CR3_TABLE) + 1;
	c->root[i] = guest->root[vcpu];
	c->used[i] = ++c->age;
}

static void forget(struct sim_agile *a, uint64_t gfn)
{
	for (unsigned v = 0; v < GNOMON_VCPUS_MAX; v++) {
		unsigned i = find(a, v, gfn << GNOMON_PAGE_SHIFT);

		if (i < a->roots) {
			a->cache[v].cr3[i] = 0;
			a->cache[v].used[i] = 0;
		}
	}
}

void sim_agile_zapped(struct sim_guest *guest, uint64_t gfn)
{
	struct sim_agile *a = guest->agile;

	forget(a, gfn);
	for (unsigned i = 0; i < guest->machine.vcpu_count; i++) {
		uint64_t cr3 = guest->regs[i].cr3 & CR3_TABLE;

		/* It may run on the root that goes, unknown to the engine. */
		if (guest->regs_stale[i] &&
		    cr3 >> GNOMON_PAGE_SHIFT == gfn) {
			a->must_tell |= (uint64_t)1 << i;
		}
	}
}

bool sim_agile_settle(struct sim_guest *guest)
{
	struct sim_agile *a = guest->agile;

	for (unsigned i = 0; a->must_tell; i++) {
		if (!(a->must_tell >> i & 1)) {
			continue;
		}
		a->must_tell &= ~((uint64_t)1 << i);
		if (!sim_vmm_sync_regs(guest, i, guest->regs[i].ac)) {
			return false;
		}
	}
	return true;
}

/* ---- A and D in all three tables ---------------------------------------- */

/* Do the guest's entries for gva lack nothing but A or D? */
static bool lacks_mark(struct sim_guest *guest, unsigned vcpu, uint64_t gva,
		       bool write, unsigned shadowed)
{
	uint64_t table = guest->regs[vcpu].cr3 & CR3_TABLE, entry = PTE_A;
	unsigned level = guest->machine.vcpus[vcpu].levels + 1;
	bool accessed = true;

	while (level > 1 && !(entry & PTE_PS && level < ROOT_LEVEL)) {
		const uint64_t *entries = sim_guest_memory(guest, table);

		level--;
		entry = entries ? entries[gva >> (3 + 9 * level) & 511] : 0;
		if (!(entry & PTE_P)) {
			return false;
		}
		accessed &= (entry & PTE_A) != 0;
		table = entry & CR3_TABLE;
	}
	return shadowed <= level && (!accessed || (write && !(entry & PTE_D)));
}

bool sim_agile_may_mark(struct sim_guest *guest, unsigned vcpu,
			const struct sim_touch *touch,
			const struct sim_walk *walk)
{
	return guest->machine.param[SIM_P_AGILE_HARDWARE_AD] &&
	       walk->stop == SIM_STOP_FAULT && !walk->below &&
	       lacks_mark(guest, vcpu, touch->gva,
			  touch->access & GNOMON_WRITE, walk->level);
}

bool sim_agile_marked(struct sim_guest *guest, unsigned vcpu,
		      const struct sim_touch *touch,
		      const struct gnomon_outcome *outcome)
{
	if (outcome->action != GNOMON_RESUME ||
	    outcome->kind != GNOMON_KIND_HIDDEN) {
		return false;
	}
	guest->counts.marks++;
	sim_walk_mark(&guest->machine.vcpus[vcpu], guest->regs[vcpu].cr3,
		      touch->gva);
	return true;
}

/* ---- decisions ----------------------------------------------------------- */

static bool check(struct sim_guest *guest, const char *call,
		  enum gnomon_status status)
{
	if (status != GNOMON_OK) {
		sim_fail(guest->error, SIM_ERR_BUG, "%s: %s", call,
			 gnomon_status_text(status));
	}
	return status == GNOMON_OK;
}

static bool switch_table(struct sim_guest *guest, unsigned vcpu,
			 const struct gnomon_policy_decision *d)
{
	enum gnomon_status status;

	guest->counts.mode_switches++;
	guest->running = vcpu;
	do {
		status = gnomon_table_switch(guest->vm, d->gfn,
			d->mode == GNOMON_POLICY_NESTED, NULL);
	} while (status == GNOMON_MORE);
	sim_vmm_leave(guest);
	forget(guest->agile, d->gfn.v);
	/* Who runs on it as a root learns what that means now. */
	for (unsigned i = 0; i < guest->machine.vcpu_count; i++) {
		uint64_t cr3 = guest->regs[i].cr3 & CR3_TABLE;

		if (cr3 >> GNOMON_PAGE_SHIFT == d->gfn.v) {
			guest->regs_stale[i] = true;
			guest->agile->must_tell |= (uint64_t)1 << i;
		}
	}
	return check(guest, "gnomon_table_switch()", status) &&
	       sim_agile_settle(guest);
}

static bool watch(struct sim_guest *guest, gnomon_gfn_t gfn, uint32_t what)
{
	struct gnomon_range range = { gfn, 1 };
	enum gnomon_status status;

	do {
		status = gnomon_watch(guest->vm, &range, what, NULL);
	} while (status == GNOMON_MORE);
	return check(guest, "gnomon_watch()", status);
}

bool sim_agile_decided(struct sim_guest *guest, unsigned vcpu,
		       const struct gnomon_policy_decision *decision)
{
	return decision->scope == GNOMON_SCOPE_WRITTEN ?
		watch(guest, decision->gfn, GNOMON_WATCH_WRITE) :
		switch_table(guest, vcpu, decision);
}

bool sim_agile_tracked(struct sim_guest *guest, unsigned vcpu, uint64_t gpa)
{
	uint64_t gfn = gpa >> GNOMON_PAGE_SHIFT;

	sim_chooser_tell(guest, vcpu, GNOMON_PE_WRITTEN, gfn, 0, 1);
	return watch(guest, (gnomon_gfn_t){ gfn }, 0);
}
