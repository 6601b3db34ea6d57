/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processors walk the tables while pages are taken out of them, given back to
 * the host and used for something else: by a small budget, by zap_all and by
 * shrink. No walk may ever be in a page that has gone back. And the guest
 * exchanges tables that map the same: what the one that changes an entry has
 * flushed the other has not.
 */
#include <sched.h>

#include "tests/race/rig.h"

#define ROUNDS 60000u
#define SAME 4u		/* tables whose numbers differ by this map the same */

static void take_back(unsigned i)
{
	uint32_t pages = 4;

	if ((i % 512 == 64 && gnomon_zap_all(rig_vm, NULL) != GNOMON_OK) ||
	    gnomon_shrink(rig_vm, &pages, NULL) != GNOMON_OK) {
		rig_fail("zap_all or shrink", i, pages);
	}
}

static void take_back_more(void)
{
	for (unsigned i = 0; rig_running(); i++) {
		take_back(i);
		sched_yield();
	}
}

/* Another table behind the same addresses, then a flush of our own. */
static void exchange(struct rig_cpu *cpu, uint64_t r)
{
	uint64_t t = r % RIG_TABLES, as = t ^ (r >> 8 & SAME);

	rig_write(RIG_ROOT + 0x2000 + 8 * t,
		  (RIG_LEAF + (as << 12)) | RIG_ALL | RIG_A);
	rig_reload(cpu);
}

static void both(struct rig_cpu *cpu)
{
	for (unsigned i = 0; i < ROUNDS && !rig_failed(); i++) {
		uint64_t r = rig_random(cpu), t = r % RIG_TABLES;
		uint64_t j = r >> 8 & 511;
		enum gnomon_action action;
		struct rig_leaf leaf;

		if (!rig_reach(cpu, rig_gva(t, j), GNOMON_WRITE, &leaf,
			       &action)) {
			rig_fail("a fault is not resolved", t, j);
			return;
		}
		rig_leave(cpu);
		if (leaf.hfn != RIG_HFN + RIG_DATA + t % SAME * 512 + j) {
			rig_fail("an entry maps another frame", leaf.hfn, j);
		}
		if (i % 32 == 0) {
			exchange(cpu, rig_random(cpu));
		} else if (i % 64 == 0) {
			take_back(i);
		}
	}
}

int main(void)
{
	rig_start(&(struct rig_setup){
		.options = GNOMON_OPT_ALL, .table_pages_max = 32,
	});
	for (uint64_t t = 0; t < RIG_TABLES; t++) {
		for (uint64_t j = 0; j < 512; j++) {
			uint64_t gfn = RIG_DATA + t % SAME * 512 + j;

			rig_store8(rig_gpte(t, j),
				   gfn << 12 | RIG_ALL | RIG_A | RIG_D);
		}
	}
	rig_run(both, take_back_more);
	return rig_end("zap");
}
