/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two vcpus fill the same sptes at the same time, and file them in the same
 * lists: sixteen entries of each of eight tables map one frame, so lists grow
 * beyond their limit. Accessed and dirty bits are not set at first, so the two
 * also meet in the gptes. Everything is forgotten over and over.
 */
#include <sched.h>

#include "tests/race/rig.h"

#define ROUNDS 60000u
#define SHARED 32u		/* frames */

static uint64_t frame_of(uint64_t j)
{
	return RIG_DATA + j % SHARED;
}

/* Both at the same entry at the same time. */
static void meet(const struct rig_cpu *cpu, unsigned round)
{
	static atomic_uint at[2];

	atomic_store(&at[cpu->id], round);
	for (unsigned n = 1; atomic_load(&at[!cpu->id]) < round; n++) {
		if (n % 1024 == 0) {
			if (rig_failed()) {
				return;
			}
			sched_yield();
		}
	}
}

static void one(struct rig_cpu *cpu, unsigned round)
{
	/* The same entry, or another one of the same frame or table. */
	uint64_t r = rig_random(cpu), j = round / RIG_TABLES & 127;
	uint64_t t = (round + (round & 8 ? cpu->id : 0)) % RIG_TABLES;
	uint32_t access = r >> 20 & 1 ? GNOMON_WRITE : GNOMON_READ;
	uint64_t need = access ? RIG_A | RIG_D : RIG_A;
	enum gnomon_action action;
	struct rig_leaf leaf;

	j ^= (round & 24) == 16 ? (uint64_t)cpu->id << 6 : 0;
	if (!rig_reach(cpu, rig_gva(t, j), access, &leaf, &action)) {
		rig_fail("a fault is not resolved", t, j);
		return;
	}
	uint64_t gpte = rig_load8(rig_gpte(t, j));

	rig_leave(cpu);
	if (leaf.hfn != frame_of(j) + RIG_HFN) {
		rig_fail("an entry maps another frame", leaf.hfn, j);
	}
	if ((gpte & need) != need) {
		rig_fail("an access left no mark in its gpte", gpte, need);
	}
}

static void both(struct rig_cpu *cpu)
{
	for (unsigned i = 0; i < ROUNDS && !rig_failed(); i++) {
		meet(cpu, i + 1);
		one(cpu, i);
		if (i % 1024 == 1023 && cpu->id == 0 &&
		    gnomon_zap_all(rig_vm, NULL) != GNOMON_OK) {
			rig_fail("zap_all", i, 0);
		}
	}
}

static void audit(void)
{
	while (rig_running()) {
		rig_audit();
		sched_yield();
	}
}

int main(void)
{
	rig_start(&(struct rig_setup){
		.options = GNOMON_OPT_ALL, .chain_max = 28,
	});
	for (uint64_t t = 0; t < RIG_TABLES; t++) {
		for (uint64_t j = 0; j < 512; j++) {
			rig_store8(rig_gpte(t, j),
				   frame_of(j) << 12 | RIG_ALL);
		}
	}
	rig_run(both, audit);
	return rig_end("fill");
}
