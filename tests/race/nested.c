/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two vcpus fill the same nptes at the same time, and make the same ones
 * writable, while a third thread takes rights and frames away: a dirty log, a
 * host change, everything at once. Each write must be in the log when it can
 * be made, each leaf lead to its own frame, and the audit hold throughout.
 */
#include <sched.h>

#include "tests/race/rig.h"

#define ROUNDS 200000u
#define FIRST 1024u		/* frames in use: four tables of leaves */
#define FRAMES 2048u

static uint64_t bitmap[RIG_FRAMES / 64];

static bool logged(uint64_t gfn)
{
	return __atomic_load_n(&bitmap[gfn / 64], __ATOMIC_ACQUIRE) >>
	       gfn % 64 & 1;
}

/* Odd: the log is being cleared. Who writes then is in the copy. */
static atomic_uint clears;

static void one(struct rig_cpu *cpu)
{
	uint64_t r = rig_random(cpu), gfn = FIRST + r % FRAMES;
	uint32_t access = r >> 20 & 1 ? GNOMON_WRITE : GNOMON_READ;
	unsigned before = atomic_load(&clears);
	enum gnomon_action action;
	struct rig_leaf leaf;

	if (!rig_reach(cpu, gfn << 12, access, &leaf, &action)) {
		rig_fail("a violation is not resolved", gfn, action);
		return;
	}
	if (leaf.writable && !logged(gfn) && !(before & 1) &&
	    atomic_load(&clears) == before) {
		rig_fail("a frame is writable and not in the log", gfn, 0);
	}
	rig_leave(cpu);
	if (leaf.hfn != gfn + RIG_HFN) {
		rig_fail("an entry maps another frame", leaf.hfn, gfn);
	}
}

static void both(struct rig_cpu *cpu)
{
	for (unsigned i = 0; i < ROUNDS && !rig_failed(); i++) {
		one(cpu);
	}
}

static void change(uint64_t gfn)
{
	if (gnomon_host_change_begin(rig_vm, (gnomon_gfn_t){ gfn }, 64, NULL) !=
		    GNOMON_OK ||
	    gnomon_host_change_end(rig_vm, (gnomon_gfn_t){ gfn }, 64) !=
		    GNOMON_OK) {
		rig_fail("a host change is refused", gfn, 0);
	}
}

static void third(void)
{
	for (unsigned n = 0; rig_running(); n++) {
		struct gnomon_range range = {
			{ FIRST + 64 * (n % (FRAMES / 64)) }, 64,
		};

		atomic_fetch_add(&clears, 1);
		if (gnomon_dirty_clear(rig_vm, 0, &range, NULL, NULL) !=
		    GNOMON_OK) {
			rig_fail("a log is not cleared", n, 0);
		}
		atomic_fetch_add(&clears, 1);
		change(FIRST + n * 61 % (FRAMES - 64));
		if (n % 64 == 63 && gnomon_zap_all(rig_vm, NULL) != GNOMON_OK) {
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
	struct gnomon_dirty_log log = { .frames = RIG_FRAMES,
					.bitmap = bitmap };
	struct gnomon_stats s;

	rig_start(&(struct rig_setup){ .options = GNOMON_OPT_ALL,
				       .nested = true,
				       .nested_around = 8 });
	if (gnomon_dirty_start(rig_vm, &log, NULL) != GNOMON_OK) {
		rig_fail("no log", 0, 0);
	}
	rig_run(both, third);
	gnomon_vm_stats(rig_vm, &s, sizeof(s));
	if (s.lock_again * 4 > s.lock_shared) {
		rig_fail("most violations hold the vm alone", s.lock_again,
			 s.lock_shared);
	}
	if (gnomon_dirty_stop(rig_vm, 0) != GNOMON_OK) {
		rig_fail("the log does not stop", 0, 0);
	}
	return rig_end("nested");
}
