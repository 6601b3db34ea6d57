/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mode=adaptive: a policy of gnomon/policy.h chooses, for each address space
 * of the guest, whether it is walked nested or on shadow tables. It is told
 * what leaves the guest; what page walks cost nobody can tell here, because
 * TCG has no performance counters: so many walks per millisecond of nested
 * paging are assumed (walks= on the command line).
 */
#include "gnomon/policy.h"
#include "vmm/vmm.h"

#define PTE_P UINT64_C(1)
#define PTE_A UINT64_C(0x20)
#define PTE_PS UINT64_C(0x80)
#define PTE_ADDR UINT64_C(0x000ffffffffff000)

enum { TABLES_MAX = 4096 };	/* looked at in one space */

/* Cycles; all assumed: TCG tells no costs, the order of size is what counts. */
static const struct gnomon_policy_prices prices = {
	.exit = 1200, .hidden = 3200, .true_fault = 2600,
	.trace_leaf = 3400, .trace_upper = 5200, .trace_open = 3000,
	.sync_table = 900, .sync_entry = 60, .cr3 = 2000, .invlpg = 1900,
	.zap = 800, .sample = 1400, .walk_nested = 30, .fills = 8,
};

static struct {
	uint64_t per_ms;	/* TSC ticks */
	uint64_t walked;	/* v->inside up to which walks were told */
} clock;

void adaptive_init(struct vmm *v, uint64_t ticks_per_ms)
{
	struct gnomon_policy_config config = {
		.size = sizeof(config), .kind = GNOMON_POLICY_ADAPTIVE,
		.prices = prices, .spaces = 256, .tables = 256,
		.start = GNOMON_POLICY_NESTED,
	};

	clock.per_ms = ticks_per_ms;
	clock.walked = v->inside;
	if (gnomon_policy_create(pages_for(gnomon_policy_bytes(&config)),
				 &config, &v->policy) != GNOMON_OK) {
		vmm_die("no policy");
	}
}

static struct gnomon_policy_event event_of(const struct vmm *v)
{
	return (struct gnomon_policy_event){
		.space = { v->guest.cr3 & PTE_ADDR }, .now = v->inside,
		.nested = v->mode == VMM_NESTED, .exited = true, .count = 1,
	};
}

void adaptive_fault(struct vmm *v, const struct gnomon_outcome *out)
{
	struct gnomon_policy_event e = event_of(v);

	e.level = 1;
	switch (out->kind) {
	case GNOMON_KIND_TRUE:
		e.kind = GNOMON_PE_FAULT;
		break;
	case GNOMON_KIND_HIDDEN:
		e.kind = GNOMON_PE_HIDDEN;
		break;
	case GNOMON_KIND_TRACE:
		e.gfn.v = out->gpa.v >> 12;
		e.kind = out->action == GNOMON_EMULATE ? GNOMON_PE_TRACE :
							 GNOMON_PE_OPEN;
		break;
	case GNOMON_KIND_MMIO:
	case GNOMON_KIND_HOST:
	case GNOMON_KIND_NESTED:
	case GNOMON_KIND_SPURIOUS:
	case GNOMON_KIND_WATCH:
		return;
	}
	gnomon_policy_event(v->policy, &e);
}

void adaptive_exit(struct vmm *v, bool cr3)
{
	struct gnomon_policy_event e = event_of(v);

	e.kind = cr3 ? GNOMON_PE_CR3 : GNOMON_PE_INVLPG;
	gnomon_policy_event(v->policy, &e);
}

/*
 * Entries in use in the user's half, by the guest's own tables. A guest whose
 * tables lead to themselves has no end of them: TABLES_MAX, 8G of 4K pages, is
 * more than it may have RAM for.
 */
static uint32_t count_used(const struct vmm *v, uint64_t gpa, unsigned level)
{
	struct {
		const uint64_t *table;
		unsigned at, end;
	} on[5];
	uint32_t used = 0, tables = 0;
	unsigned top = level;

	on[level].table = (const void *)guest_ram(v, gpa);
	on[level].at = 0;
	on[level].end = 256;
	while (level <= top) {
		if (!on[level].table || on[level].at == on[level].end) {
			level++;
			continue;
		}
		uint64_t e = on[level].table[on[level].at++];

		if (!(e & PTE_P) || !(e & PTE_A)) {
			continue;
		}
		if (level == 1 || (e & PTE_PS)) {
			used++;
			continue;
		}
		if (++tables > TABLES_MAX) {
			break;
		}
		level--;
		on[level].table = (const void *)guest_ram(v, e & PTE_ADDR);
		on[level].at = 0;
		on[level].end = 512;
	}
	return used;
}

static void tell_walks(struct vmm *v)
{
	uint64_t now = v->inside, ms = (now - clock.walked) / clock.per_ms;
	struct gnomon_policy_event e = event_of(v);

	if (!ms) {
		return;
	}
	clock.walked = now;
	e.kind = GNOMON_PE_TICK;
	gnomon_policy_event(v->policy, &e);
	if (v->walks) {
		e.kind = GNOMON_PE_WALK;
		e.count = (uint32_t)(ms > 1000 ? 1000 * v->walks :
						 ms * v->walks);
		e.cycles = e.nested ? (uint64_t)e.count * prices.walk_nested :
				      0;
		gnomon_policy_event(v->policy, &e);
	}
}

static void tell_size(struct vmm *v, const struct gnomon_policy_decision *d)
{
	struct gnomon_policy_event e = event_of(v);
	bool plain = (v->guest.efer & EFER_LMA) && !(v->guest.cr4 & CR4_LA57);

	e.kind = GNOMON_PE_SIZE;
	e.space = d->space;
	e.gfn = d->gfn;
	e.count = plain && !d->gfn.v ? count_used(v, d->space.v, 4) : 1;
	gnomon_policy_event(v->policy, &e);
}

void adaptive_poll(struct vmm *v)
{
	struct gnomon_policy_decision d;

	pull_regs(v);
	tell_walks(v);
	while (gnomon_policy_poll(v->policy, &d)) {
		enum vmm_mode mode = d.mode == GNOMON_POLICY_NESTED ?
				     VMM_NESTED : VMM_SHADOW;

		if (d.scope == GNOMON_SCOPE_COUNT) {
			tell_size(v, &d);
		} else if (d.scope == GNOMON_SCOPE_SPACE) {
			(void)engine_choose(v, &d.space, mode);
		} else if (d.scope == GNOMON_SCOPE_VM) {
			(void)engine_choose(v, NULL, mode);
		}
	}
}
