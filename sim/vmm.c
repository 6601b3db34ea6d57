/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VMM of the simulator: the callbacks that the engine asks for, and what
 * to do with its answers.
 */
#include <string.h>

#include "sim/chooser.h"
#include "sim/mode_agile.h"
#include "sim/text.h"
#include "sim/tlb.h"

#define CHANGED_ZAP ((uint64_t)1 << 63)

static void host_frame(void *ctx, gnomon_gfn_t gfn, uint32_t want,
		       struct gnomon_frame *frame)
{
	struct sim_guest *guest = ctx;
	uint64_t order = guest->machine.param[SIM_P_HOST_ORDER];

	(void)want;
	memset(frame, 0, sizeof(*frame));
	if (gfn.v >= guest->frames) {
		return;
	}
	/* A block that sticks out of memory is no block. */
	while (order && ((gfn.v >> order) + 1) << order > guest->frames) {
		order = order > 9 ? 9 : 0;
	}
	frame->kind = GNOMON_FRAME_RAM;
	frame->hfn.v = sim_gpa_to_hpa(gfn.v << GNOMON_PAGE_SHIFT) >>
		       GNOMON_PAGE_SHIFT;
	frame->order = (uint8_t)order;
	frame->writable = true;
}

static struct sim_arena *arena_for(struct sim_guest *guest,
				   enum gnomon_page_use use)
{
	return use == GNOMON_PAGE_TABLE ? &guest->mem.tables
					: &guest->mem.meta;
}

static enum gnomon_status host_page_alloc(void *ctx, enum gnomon_page_use use,
					  struct gnomon_page *page)
{
	struct sim_guest *guest = ctx;

	page->va = sim_arena_page(arena_for(guest, use));
	if (!page->va) {
		return GNOMON_NOMEM;
	}
	page->hpa.v = use == GNOMON_PAGE_TABLE ?
		sim_va_to_hpa(&guest->mem, page->va) : 0;
	return GNOMON_OK;
}

static void host_page_free(void *ctx, enum gnomon_page_use use,
			   const struct gnomon_page *page)
{
	struct sim_guest *guest = ctx;

	sim_arena_free(arena_for(guest, use), page->va);
}

static void flush_one(struct sim_guest *guest, unsigned vcpu,
		      const struct gnomon_flush *flush)
{
	struct sim_vcpu *v = &guest->machine.vcpus[vcpu];
	uint64_t pages = (flush->bytes + GNOMON_PAGE_BYTES - 1) /
			 GNOMON_PAGE_BYTES;
	uint64_t whole = guest->machine.param[SIM_P_FLUSH_HOST_ALL];
	uint64_t cost = guest->machine.param[SIM_P_FLUSH_HOST_PAGE] * pages;

	if (!flush->bytes || flush->nested) {
		sim_tlb_flush_all(v);
		cost = whole;
	} else {
		sim_tlb_flush_range(v, flush->start.v, flush->bytes);
		/* Beyond some pages a VMM drops everything instead. */
		cost = cost > whole ? whole : cost;
	}
	sim_charge(&guest->machine.vcpus[guest->running], SIM_CAT_FLUSH,
		   cost);
	sim_lock_flush(guest, cost);
}

/* One vcpu waits, the other leaves the guest and comes back. */
static void kick(struct sim_guest *guest, unsigned vcpu)
{
	guest->counts.kicks++;
	guest->counts.exits++;
	sim_guest_charge(guest, guest->running, SIM_CAT_FLUSH,
			 SIM_P_FLUSH_IPI);
	sim_guest_charge(guest, vcpu, SIM_CAT_EXIT, SIM_P_EXIT_RTT);
	sim_lock_kick(guest, vcpu);
}

static void host_flush(void *ctx, const struct gnomon_flush *flush)
{
	struct sim_guest *guest = ctx;

	bool everyone = guest->machine.param[SIM_P_FLUSH_EVERYONE];

	for (unsigned i = 0; i < guest->machine.vcpu_count; i++) {
		if (!everyone && !(flush->vcpus >> i & 1)) {
			continue;
		}
		flush_one(guest, i, flush);
		if (i != guest->running) {
			kick(guest, i);
		}
	}
}

static void host_event(void *ctx, enum gnomon_event event, uint64_t a,
		       uint64_t b)
{
	struct sim_guest *guest = ctx;

	(void)b;
	if (event == GNOMON_EVENT_TABLE_ZAP) {
		guest->counts.pages_zapped++;
		sim_guest_charge(guest, guest->running, SIM_CAT_VMM,
				 SIM_P_VMM_ZAP);
		if (guest->chooser) {
			sim_chooser_tell(guest, guest->running,
					GNOMON_PE_TABLE_ZAP, a, 0, 1);
		}
		if (guest->agile) {
			sim_agile_zapped(guest, a);
		}
	} else if (event != GNOMON_EVENT_TABLE_NEW) {
		return;
	} else if (guest->chooser) {
		sim_chooser_made(guest, a);
	} else if (guest->paravirt) {
		sim_guest_charge(guest, guest->running, SIM_CAT_VMM,
				 SIM_P_VMM_DIRECT_TABLE);
	}
	if (guest->changed_count < SIM_CHANGED_MAX) {
		guest->changed[guest->changed_count] = a |
			(event == GNOMON_EVENT_TABLE_ZAP ? CHANGED_ZAP : 0);
	}
	guest->changed_count++;
	if (a >= guest->changed_end) {
		guest->changed_end = a < guest->frames ? a + 1 : guest->frames;
	}
}

static void host_bug(void *ctx, const char *what)
{
	struct sim_guest *guest = ctx;

	guest->bug = what;
}

void sim_vmm_host(struct sim_guest *guest)
{
	guest->host = (struct gnomon_host){
		.size = sizeof(guest->host),
		.frame = host_frame,
		.page_alloc = host_page_alloc,
		.page_free = host_page_free,
		.flush = host_flush,
		.event = host_event,
		.bug = host_bug,
	};
}

void sim_vmm_enter(struct sim_guest *guest, unsigned vcpu)
{
	guest->running = vcpu;
	sim_lock_exit(guest, vcpu);
	guest->counts.exits++;
	sim_guest_charge(guest, vcpu, SIM_CAT_EXIT, SIM_P_EXIT_RTT);
	if (guest->machine.param[SIM_P_EXIT_FLUSHES]) {
		sim_tlb_flush_all(&guest->machine.vcpus[vcpu]);
	}
	/* As long as all is nested, the interrupts alone will do. */
	if (guest->chooser && guest->root[vcpu].cr3_exits) {
		sim_chooser_look(guest, vcpu);
	}
}

/* gfn with CHANGED_ZAP: a table was dropped there, else one was made. */
static void update_state(struct sim_guest *guest, uint64_t gfn,
			 enum sim_frame_state gone)
{
	bool zap = gfn & CHANGED_ZAP;

	gfn &= ~CHANGED_ZAP;
	if (gfn >= guest->frames) {
		return;
	}
	if (gnomon_is_traced(guest->vm, (gnomon_gfn_t){ gfn })) {
		guest->frame_state[gfn] = SIM_FRAME_TRACED;
	} else if (zap && (guest->frame_state[gfn] == SIM_FRAME_TRACED ||
			   guest->frame_state[gfn] == SIM_FRAME_OPEN)) {
		guest->frame_state[gfn] = (uint8_t)gone;
	}
}

static enum sim_frame_state why_gone(const struct sim_guest *guest,
				     const struct gnomon_stats *now)
{
	return now->mmu_flooded > guest->stats.mmu_flooded ?
			SIM_FRAME_FLOODED :
	       now->mmu_recycled > guest->stats.mmu_recycled ?
			SIM_FRAME_RECYCLED : SIM_FRAME_ZAPPED;
}

static void charge_syncs(struct sim_guest *guest,
			 const struct gnomon_stats *now)
{
	const uint64_t *param = guest->machine.param;
	uint64_t tables = now->syncs - guest->stats.syncs;
	uint64_t entries = now->sptes_synced - guest->stats.sptes_synced;

	sim_charge(&guest->machine.vcpus[guest->running], SIM_CAT_VMM,
		   tables * param[SIM_P_VMM_SYNC_TABLE] +
		   entries * param[SIM_P_VMM_SYNC_ENTRY]);
	while (guest->chooser && tables--) {
		sim_chooser_tell(guest, guest->running, GNOMON_PE_SYNC, 0, 1,
				(uint32_t)entries);
		entries = 0;
	}
}

/* Learn which frames are traced after the call that just ended, and why
 * others are not any more. */
void sim_vmm_leave(struct sim_guest *guest)
{
	unsigned count = guest->changed_count;
	struct gnomon_stats now;
	enum sim_frame_state gone;

	if (!count && !sim_mode_is(guest->mode, SIM_MF_UNSYNC)) {
		return;
	}
	gnomon_vm_stats(guest->vm, &now, sizeof(now));
	charge_syncs(guest, &now);
	gone = why_gone(guest, &now);
	guest->stats = now;
	guest->changed_count = 0;
	if (count <= SIM_CHANGED_MAX) {
		for (unsigned i = 0; i < count; i++) {
			update_state(guest, guest->changed[i], gone);
		}
		return;
	}
	for (uint64_t gfn = 0; gfn < guest->changed_end; gfn++) {
		update_state(guest, gfn | CHANGED_ZAP, gone);
	}
}

static const unsigned prices[GNOMON_KINDS] = {
	[GNOMON_KIND_TRUE] = SIM_P_VMM_TRUE,
	[GNOMON_KIND_HIDDEN] = SIM_P_VMM_HIDDEN,
	[GNOMON_KIND_TRACE] = SIM_P_VMM_TRACE_LEAF,
	[GNOMON_KIND_MMIO] = SIM_P_VMM_MMIO,
	[GNOMON_KIND_HOST] = SIM_P_VMM_HOST,
	[GNOMON_KIND_NESTED] = SIM_P_VMM_NESTED,
	[GNOMON_KIND_SPURIOUS] = SIM_P_VMM_SPURIOUS,
	[GNOMON_KIND_WATCH] = SIM_P_VMM_SPURIOUS,
};

/* A store into a traced frame: emulated, or the frame is guarded no more. */
static unsigned price_of_trace(struct sim_guest *guest,
			       const struct gnomon_outcome *outcome,
			       const struct sim_touch *touch, bool opened)
{
	uint64_t gfn = outcome->gpa.v >> GNOMON_PAGE_SHIFT;
	unsigned level = touch->level;

	if (outcome->action == GNOMON_RESUME) {
		guest->counts.trace_open++;
		return opened ? SIM_P_VMM_TRACE_OPEN : SIM_P_VMM_TRACE_LEAF;
	}
	if (!level && gfn < guest->frames) {
		level = guest->frame_level[gfn];
	}
	guest->counts.trace_upper += level > 1;
	guest->counts.trace_leaf += level <= 1;
	if (level > 1) {
		return SIM_P_VMM_TRACE_UPPER;
	}
	return touch->patched ? SIM_P_VMM_PATCH_CALL : SIM_P_VMM_TRACE_LEAF;
}

/* Of the table there; upper: it is known not to be a leaf table. */
static unsigned level_of(const struct sim_guest *guest, uint64_t gfn,
			 bool upper)
{
	unsigned level = gfn < guest->frames ? guest->frame_level[gfn] : 0;

	return level > 1 || !upper ? level ? level : 1 : 2;
}

static void tell_policy(struct sim_guest *guest, unsigned vcpu,
			const struct gnomon_outcome *outcome,
			unsigned price, uint64_t gva)
{
	uint64_t gfn = outcome->gpa.v >> GNOMON_PAGE_SHIFT;

	if (outcome->kind == GNOMON_KIND_TRACE) {
		sim_chooser_tell(guest, vcpu, price == SIM_P_VMM_TRACE_OPEN ?
				GNOMON_PE_OPEN : GNOMON_PE_TRACE, gfn,
				level_of(guest, gfn,
					 price == SIM_P_VMM_TRACE_UPPER), 1);
	} else if (outcome->kind == GNOMON_KIND_HIDDEN) {
		sim_chooser_filled(guest, vcpu, gva);
	} else if (outcome->kind == GNOMON_KIND_TRUE) {
		sim_chooser_tell(guest, vcpu, GNOMON_PE_FAULT, 0, 0, 1);
	}
}

static void charge_kind(struct sim_guest *guest, unsigned vcpu,
			const struct gnomon_outcome *outcome,
			struct sim_touch *touch, bool opened)
{
	unsigned price = prices[outcome->kind];

	guest->counts.by_kind[outcome->kind]++;
	if (outcome->kind == GNOMON_KIND_TRACE) {
		price = price_of_trace(guest, outcome, touch, opened);
		touch->trapped = outcome->action == GNOMON_RESUME;
	}
	sim_guest_charge(guest, vcpu, SIM_CAT_VMM, price);
	if (outcome->kind == GNOMON_KIND_TRUE) {
		sim_lock_not_needed(guest, vcpu);
	}
	if (guest->chooser) {
		tell_policy(guest, vcpu, outcome, price, touch->gva);
	}
}

/* The neighbours that a nested violation has brought along. */
static void charge_around(struct sim_guest *guest, unsigned vcpu,
			  const struct gnomon_outcome *outcome)
{
	struct gnomon_stats now;

	if (guest->around < 2 || outcome->kind != GNOMON_KIND_NESTED) {
		return;
	}
	gnomon_vm_stats(guest->vm, &now, sizeof(now));
	sim_charge(&guest->machine.vcpus[vcpu], SIM_CAT_VMM,
		   (now.nptes_around - guest->around_paid) *
		   guest->machine.param[SIM_P_VMM_AROUND]);
	guest->around_paid = now.nptes_around;
}

static enum sim_touch_end emulated(struct sim_touch *touch, uint64_t gpa)
{
	touch->emulated = true;
	touch->gpa = gpa;
	touch->word = 0;
	return SIM_TOUCH_DONE;
}

/* The VMM interprets the store and hands it to the engine. */
static enum sim_touch_end emulate(struct sim_guest *guest, unsigned vcpu,
				  struct sim_touch *touch, uint64_t gpa)
{
	uint8_t keep[GNOMON_PAGE_BYTES];
	const void *data = touch->data;
	enum gnomon_status status;
	void *memory = sim_guest_memory(guest, gpa);

	if (!memory || !(touch->access & GNOMON_WRITE)) {
		sim_fail(guest->error, SIM_ERR_BUG, "the engine asks to "
			 "emulate an access to %#llx that is no store to RAM",
			 (unsigned long long)gpa);
		return SIM_TOUCH_BROKEN;
	}
	if (!data && guest->paravirt) {
		touch->traced = true;
		return emulated(touch, gpa);	/* memory holds no gpas */
	}
	if (!data) {
		data = memcpy(keep, memory, touch->bytes);
	}
	status = gnomon_write(guest->vm, guest->vcpu[vcpu],
			      (gnomon_gpa_t){ gpa }, data, touch->bytes);
	sim_vmm_leave(guest);
	if (status != GNOMON_OK) {
		sim_fail(guest->error, SIM_ERR_BUG,
			 "gnomon_write() to %#llx: %s",
			 (unsigned long long)gpa, gnomon_status_text(status));
		return SIM_TOUCH_BROKEN;
	}
	touch->traced = true;
	return emulated(touch, gpa);
}

static enum sim_touch_end broken(struct sim_guest *guest,
				 const struct sim_touch *touch,
				 const struct gnomon_outcome *outcome)
{
	const char *why = "an answer that memory here cannot cause";

	if (outcome->action == GNOMON_STOP_NOMEM) {
		sim_fail(guest->error, SIM_ERR_NOMEM,
			 "no memory left for the engine's tables");
		return SIM_TOUCH_BROKEN;
	}
	if (outcome->action == GNOMON_STOP_BUG) {
		why = guest->bug ? guest->bug : "the engine gave up";
	}
	sim_fail(guest->error, SIM_ERR_BUG, "fault at %#llx, action %d: %s",
		 (unsigned long long)touch->gva, (int)outcome->action, why);
	return SIM_TOUCH_BROKEN;
}

/* What the engine wants done. */
static enum sim_touch_end obey(struct sim_guest *guest, unsigned vcpu,
			       struct sim_touch *touch,
			       const struct gnomon_outcome *outcome)
{
	switch (outcome->action) {
	case GNOMON_RESUME:
		return SIM_TOUCH_DONE;
	case GNOMON_INJECT:
		sim_guest_charge(guest, vcpu, SIM_CAT_FAULT,
				 SIM_P_FAULT_INJECT);
		touch->error_code = outcome->error_code;
		return SIM_TOUCH_FAULT;
	case GNOMON_EMULATE:
		return emulate(guest, vcpu, touch, outcome->gpa.v);
	case GNOMON_DO_MMIO:
		guest->counts.mmio++;
		return emulated(touch, outcome->gpa.v);
	case GNOMON_TRACKED:
		return guest->agile &&
		       sim_agile_tracked(guest, vcpu, outcome->gpa.v) ?
		       SIM_TOUCH_DONE : SIM_TOUCH_BROKEN;
	case GNOMON_RETRY:
	case GNOMON_STOP_NOMEM:
	case GNOMON_STOP_BUG:
		break;
	}
	return broken(guest, touch, outcome);
}

enum sim_touch_end sim_vmm_fault(struct sim_guest *guest, unsigned vcpu,
				 struct sim_touch *touch,
				 const struct sim_walk *walk)
{
	struct gnomon_fault fault = {
		.gva = { touch->gva },
		.rip = touch->rip,
		.access = touch->access & ~(uint32_t)SIM_ACCESS_AC,
		.nested = walk->stop == SIM_STOP_NESTED,
	};
	struct gnomon_outcome outcome;
	uint64_t opened = guest->stats.mmu_unsync;
	bool mark = guest->agile &&
		    sim_agile_may_mark(guest, vcpu, touch, walk);
	bool marked;

	if (fault.nested) {
		fault.gpa.v = walk->gpa;
		fault.access = walk->nested_access;
		fault.table_walk = walk->table_walk;
	}
	if (!touch->patched && !mark) {
		sim_vmm_enter(guest, vcpu);
	}
	guest->running = vcpu;
	if (!sim_vmm_sync_regs(guest, vcpu, touch->access & SIM_ACCESS_AC)) {
		return SIM_TOUCH_BROKEN;
	}
	gnomon_fault(guest->vcpu[vcpu], &fault, &outcome);
	sim_vmm_leave(guest);
	marked = mark && sim_agile_marked(guest, vcpu, touch, &outcome);
	if ((mark && !marked) ||
	    (touch->patched && outcome.action != GNOMON_EMULATE)) {
		sim_vmm_enter(guest, vcpu);	/* a fault after all */
	}
	if (outcome.root_changed) {
		struct gnomon_root root = gnomon_vcpu_root(guest->vcpu[vcpu]);

		sim_vmm_load_root(guest, vcpu, &root);
	}
	if (marked) {
		return SIM_TOUCH_DONE;
	}
	charge_kind(guest, vcpu, &outcome, touch,
		    guest->stats.mmu_unsync > opened);
	charge_around(guest, vcpu, &outcome);
	return obey(guest, vcpu, touch, &outcome);
}
