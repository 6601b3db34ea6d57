/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each processor changes entries of its own tables, through a mapping of them
 * or, while they are traced, with the engine's help; then it asks the other
 * to flush, as a kernel does with an interrupt, and flushes itself. From then
 * on neither may use the old entry: not from a shadow that was filled at the
 * same time from what was there before, and not from a table that was open
 * and looked up to date.
 */
#include <sched.h>

#include "tests/race/rig.h"

#define ROUNDS 6000u
#define ENTRIES 16u

static atomic_uint generation[RIG_TABLES][ENTRIES]; /* odd: in change */
static _Atomic uint64_t expected[RIG_TABLES][ENTRIES]; /* gfn */

/* A request to flush, to the processor with this id. */
static struct {
	_Atomic uint64_t asked, done;
	_Atomic uint64_t gva;
	atomic_bool whole;
} request[2];

static void flush_own(struct rig_cpu *cpu, uint64_t gva, bool whole)
{
	if (whole) {
		rig_reload(cpu);
	} else {
		gnomon_invlpg(cpu->vcpu, (gnomon_gva_t){ gva });
	}
}

/* Between two instructions the processor takes its interrupts. */
static void serve(struct rig_cpu *cpu)
{
	uint64_t asked = atomic_load(&request[cpu->id].asked);

	if (asked != atomic_load(&request[cpu->id].done)) {
		flush_own(cpu, atomic_load(&request[cpu->id].gva),
			  atomic_load(&request[cpu->id].whole));
		atomic_store(&request[cpu->id].done, asked);
	}
}

static atomic_uint finished;

static void flush_both(struct rig_cpu *cpu, uint64_t gva, bool whole)
{
	unsigned other = !cpu->id;
	uint64_t ticket = atomic_load(&request[other].asked) + 1;

	atomic_store(&request[other].gva, gva);
	atomic_store(&request[other].whole, whole);
	atomic_store(&request[other].asked, ticket);
	flush_own(cpu, gva, whole);
	while (atomic_load(&request[other].done) != ticket &&
	       !rig_failed()) {
		serve(cpu);
		sched_yield();
	}
}

static void store(struct rig_cpu *cpu, uint64_t t, uint64_t j, uint64_t value)
{
	enum gnomon_action action = GNOMON_RESUME;
	struct rig_leaf leaf;
	bool there = rig_reach(cpu, rig_in_window(t, j), GNOMON_WRITE, &leaf,
			       &action);

	rig_store_entry(cpu, there, action, t, j, value);
}

static void change(struct rig_cpu *cpu, uint64_t r)
{
	uint64_t t = (r & 1) * 2 + cpu->id, j = r >> 4 & (ENTRIES - 1);
	uint64_t gfn = RIG_DATA + 512 + (r >> 8 & 511);
	uint64_t ad = r >> 30 & 1 ? RIG_A | RIG_D : 0;

	atomic_fetch_add(&generation[t][j], 1);
	store(cpu, t, j, gfn << 12 | RIG_ALL | ad);
	flush_both(cpu, rig_gva(t, j), r >> 40 & 1);
	atomic_store(&expected[t][j], gfn);
	atomic_fetch_add(&generation[t][j], 1);
}

static void use(struct rig_cpu *cpu, uint64_t r)
{
	uint64_t t = r & 3, j = r >> 4 & (ENTRIES - 1);
	unsigned before = atomic_load(&generation[t][j]);
	uint64_t gfn = atomic_load(&expected[t][j]);
	enum gnomon_action action;
	struct rig_leaf leaf;

	if (!rig_reach(cpu, rig_gva(t, j), r >> 20 & 1 ? GNOMON_WRITE
						       : GNOMON_READ,
		       &leaf, &action)) {
		rig_fail("a fault is not resolved", t, action);
		return;
	}
	unsigned after = atomic_load(&generation[t][j]);

	rig_leave(cpu);
	if (before == after && !(before & 1) && leaf.hfn != gfn + RIG_HFN) {
		rig_fail("an old entry is used after its flush", leaf.hfn,
			 gfn);
	}
}

static void both(struct rig_cpu *cpu)
{
	for (unsigned i = 0; i < ROUNDS && !rig_failed(); i++) {
		serve(cpu);
		change(cpu, rig_random(cpu));
		/* Tables are shadowed, and so traced, anew. */
		if (i % 8 == 0 && gnomon_zap_all(rig_vm, NULL) != GNOMON_OK) {
			rig_fail("zap_all", i, 0);
		}
		for (unsigned n = 0; n < 8; n++) {
			serve(cpu);
			use(cpu, rig_random(cpu));
		}
	}
	atomic_fetch_add(&finished, 1);
	while (atomic_load(&finished) < 2 && !rig_failed()) {
		serve(cpu);
		sched_yield();
	}
}

static int run(uint32_t options)
{
	/* Bare, so that the engine compares by load(), as atomic as we are. */
	rig_start(&(struct rig_setup){ .options = options, .bare = true });
	atomic_store(&finished, 0);
	for (uint64_t t = 0; t < 4; t++) {
		for (uint64_t j = 0; j < 512; j++) {
			uint64_t gfn = RIG_DATA + j;

			rig_store8(rig_gpte(t, j), gfn << 12 | RIG_ALL);
			if (j < ENTRIES) {
				atomic_store(&expected[t][j], gfn);
			}
		}
	}
	rig_open_window();
	rig_run(both, NULL);
	return rig_end("unsync");
}

int main(void)
{
	return run(GNOMON_OPT_ALL) ||
	       run((uint32_t)GNOMON_OPT_ALL & ~(uint32_t)GNOMON_OPT_UNSYNC) ||
	       run((uint32_t)GNOMON_OPT_ALL & ~(uint32_t)GNOMON_OPT_UPDATE);
}
