/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two processors with agile paging walk shadow tables, switches and the
 * guest's own tables, and change entries of their own, while a third thread
 * switches tables of every level to and fro, moves frames, drops everything
 * and gives pages back. Nobody may come to another frame than the guest's
 * tables say, and after its own flush no processor to an old one.
 */
#include <sched.h>

#include "tests/race/rig.h"

#define ROUNDS 200000u
#define ENTRIES 16u
#define SWITCH (UINT64_C(1) << GNOMON_AGILE_BIT)
#define ADDR UINT64_C(0x000ffffffffff000)

enum end {
	REACHED,
	PAGE_FAULT,		/* by the shadow: an exit */
	VIOLATION,		/* of the nested table */
	GUEST_FAULT,		/* by the guest's own table: no exit */
};

static atomic_uint switched, went_below;

struct way {
	struct rig_cpu *cpu;
	uint64_t gva;
	uint32_t access;
	struct rig_leaf leaf;
	struct gnomon_fault fault;
};

/* ---- the processor ------------------------------------------------------- */

static bool nested(struct way *w, uint64_t gpa, uint32_t access, bool walks)
{
	struct rig_cpu second = { .cr3 = w->cpu->root.ncr3.v };
	struct rig_leaf leaf;

	if (rig_look(&second, gpa, access, &leaf)) {
		if (leaf.hfn != RIG_HFN + (gpa >> 12)) {
			rig_fail("a gpa leads elsewhere", gpa, leaf.hfn);
		}
		return true;
	}
	w->fault.nested = true;
	w->fault.gpa.v = gpa;
	w->fault.access = access;
	w->fault.table_walk = walks;
	return false;
}

/* An entry of the guest's table, with A and D set as the access needs. */
static bool guest_entry(struct way *w, uint64_t at, unsigned level,
			bool direct, uint64_t *e)
{
	uint64_t want = RIG_A;

	want |= level == 1 && (w->access & GNOMON_WRITE) ? RIG_D : 0;
	if (!direct && !nested(w, at, GNOMON_READ, true)) {
		return false;
	}
	do {
		*e = rig_load8(at);
		rig_dawdle();
		if (!(*e & RIG_P) || (*e & want) == want) {
			return true;
		}
		if (!direct && !nested(w, at, GNOMON_WRITE, true)) {
			return false;
		}
	} while (!rig_cmpxchg8(at, *e, *e | want));
	return true;
}

static enum end below(struct way *w, uint64_t table, unsigned level,
		      bool direct)
{
	uint64_t e;

	atomic_fetch_add_explicit(&went_below, 1, memory_order_relaxed);
	for (; level > 0; level--, direct = false) {
		uint64_t index = w->gva >> (3 + 9 * level) & 511;

		if (!guest_entry(w, table + 8 * index, level, direct, &e)) {
			return VIOLATION;
		}
		if (!(e & RIG_P)) {
			return GUEST_FAULT;
		}
		table = e & ADDR;
	}
	w->leaf.hfn = RIG_HFN + (table >> 12);
	return nested(w, table, w->access, false) ? REACHED : VIOLATION;
}

static enum end look(struct way *w)
{
	const struct gnomon_root *root = &w->cpu->root;
	uint64_t table = root->cr3.v;
	bool writable = true;

	w->fault = (struct gnomon_fault){ .gva = { w->gva },
					  .access = w->access };
	if (!root->agile) {
		return below(w, table, 4, false);
	}
	for (unsigned level = 4; level > 0; level--) {
		uint64_t e = rig_entry(table, w->gva >> (3 + 9 * level) & 511);

		rig_dawdle();
		if (!(e & RIG_P)) {
			return PAGE_FAULT;
		}
		writable = writable && (e & RIG_W);
		table = e & ADDR;
		if (level > 1 && (e & SWITCH)) {
			return below(w, table - (RIG_HFN << 12), level - 1,
				     true);
		}
	}
	w->leaf.hfn = table >> 12;
	return writable || !(w->access & GNOMON_WRITE) ? REACHED : PAGE_FAULT;
}

/* As rig_reach(). */
static bool reach(struct way *w, enum gnomon_action *action)
{
	for (unsigned tries = 0; tries < 1000000; tries++) {
		struct gnomon_outcome out;

		rig_enter(w->cpu);
		enum end end = look(w);

		if (end == REACHED) {
			return true;
		}
		rig_leave(w->cpu);
		if (end == GUEST_FAULT) {
			rig_fail("a hole in the guest's tables", w->gva, 0);
			return false;
		}
		gnomon_fault(w->cpu->vcpu, &w->fault, &out);
		*action = out.action;
		if (out.action == GNOMON_RETRY) {
			sched_yield();
		} else if (out.action != GNOMON_RESUME) {
			return false;
		}
	}
	rig_fail("an access does not get through", w->gva, w->access);
	return false;
}

/* ---- the guest ----------------------------------------------------------- */

static uint64_t expected[2][RIG_TABLES][ENTRIES];	/* each cpu's own */

static void store(struct rig_cpu *cpu, uint64_t t, uint64_t j, uint64_t value)
{
	struct way w = { .cpu = cpu, .access = GNOMON_WRITE,
			 .gva = rig_in_window(t, j) };
	enum gnomon_action action = GNOMON_RESUME;
	bool there = reach(&w, &action);

	rig_store_entry(cpu, there, action, t, j, value);
}

static void change(struct rig_cpu *cpu, uint64_t r)
{
	uint64_t t = (r & 1) * 2 + cpu->id, j = r >> 4 & (ENTRIES - 1);
	uint64_t gfn = RIG_DATA + (r >> 8 & 511);

	store(cpu, t, j, gfn << 12 | RIG_ALL);
	gnomon_invlpg(cpu->vcpu, (gnomon_gva_t){ rig_gva(t, j) });
	expected[cpu->id][t][j] = gfn;
}

static void use(struct rig_cpu *cpu, uint64_t r)
{
	uint64_t t = r & 3, j = r >> 4 & (ENTRIES - 1);
	struct way w = { .cpu = cpu, .gva = rig_gva(t, j),
			 .access = r >> 20 & 1 ? GNOMON_WRITE : GNOMON_READ };
	enum gnomon_action action = GNOMON_RESUME;

	if (!reach(&w, &action)) {
		rig_fail("a fault is not resolved", w.gva, action);
		return;
	}
	rig_leave(cpu);
	if ((t & 1) == cpu->id
		    ? w.leaf.hfn != RIG_HFN + expected[cpu->id][t][j]
		    : w.leaf.hfn - RIG_HFN - RIG_DATA >= 512) {
		rig_fail("an entry leads to another frame", w.leaf.hfn, w.gva);
	}
}

static void both(struct rig_cpu *cpu)
{
	for (unsigned i = 0; i < ROUNDS && !rig_failed(); i++) {
		use(cpu, rig_random(cpu));
		if (i % 8 == 0) {
			change(cpu, rig_random(cpu));
		}
		if (i % 64 == 0) {
			/* A root's own switch waits for this. */
			rig_reload(cpu);
		}
	}
}

/* ---- what the VMM does --------------------------------------------------- */

static uint64_t some_table(uint64_t r)
{
	return (r & 3 ? RIG_LEAF + (r >> 2 & (RIG_TABLES - 1)) * 4096
		      : RIG_ROOT + (r >> 2) % 3 * 4096) >> 12;
}

static void switch_table(uint64_t r)
{
	gnomon_gfn_t table = { some_table(r) };
	enum gnomon_status s;

	do {
		uint32_t budget = 1 + (r >> 16 & 3);

		s = gnomon_table_switch(rig_vm, table, r >> 12 & 1, &budget);
	} while (s == GNOMON_MORE);
	if (s != GNOMON_OK) {
		rig_fail("a table is not switched", table.v, s);
	}
	atomic_fetch_add(&switched, 1);
}

static void take_away(uint64_t gfn)
{
	uint32_t pages = 2;

	if (gnomon_host_change_begin(rig_vm, (gnomon_gfn_t){ gfn }, 4, NULL) !=
		    GNOMON_OK ||
	    gnomon_host_change_end(rig_vm, (gnomon_gfn_t){ gfn }, 4) !=
		    GNOMON_OK ||
	    gnomon_shrink(rig_vm, &pages, NULL) != GNOMON_OK) {
		rig_fail("a host change or shrink is refused", gfn, 0);
	}
}

static void third(void)
{
	struct rig_cpu own = { .random = 4711 };

	for (unsigned n = 0; rig_running(); n++) {
		uint64_t r = rig_random(&own);

		switch_table(r);
		if (n % 4 == 0) {
			take_away(r >> 20 & 1 ? some_table(r >> 24)
					      : RIG_DATA + (r >> 24 & 511));
		}
		if (n % 32 == 31 && gnomon_zap_all(rig_vm, NULL) != GNOMON_OK) {
			rig_fail("zap_all", n, 0);
		}
		if (n % 16 == 15) {
			rig_audit();
		}
		sched_yield();
	}
}

int main(void)
{
	/* Bare, so that the engine reads by load(), as atomic as we are. */
	rig_start(&(struct rig_setup){
		.options = (uint32_t)GNOMON_OPT_ALL, .bare = true,
		.agile = true });
	for (uint64_t t = 0; t < RIG_WINDOW; t++) {
		for (uint64_t j = 0; j < 512; j++) {
			rig_store8(rig_gpte(t, j),
				   (RIG_DATA + j) << 12 | RIG_ALL);
			if (j < ENTRIES) {
				expected[t & 1][t][j] = RIG_DATA + j;
			}
		}
	}
	rig_open_window();
	rig_run(both, third);
	if (atomic_load(&switched) < 100 || atomic_load(&went_below) < 1000) {
		rig_fail("hardly a switch", atomic_load(&switched),
			 atomic_load(&went_below));
	}
	return rig_end("agile");
}
