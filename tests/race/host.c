/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host moves frames to and fro between two host frames while vcpus fault
 * on them: what the host had named before a change is never mapped after it,
 * also when the same host frame comes back. Faults in a change are answered
 * RETRY and go through afterwards.
 */
#include <sched.h>

#include "tests/race/rig.h"

#define ROUNDS 60000u
#define MOVING 64u
#define AWAY UINT64_C(0x80000)

static atomic_uint moved[MOVING];	/* odd: the frame is away */
static atomic_bool changing[MOVING];

static uint64_t hfn_now(uint64_t n)
{
	return RIG_HFN + RIG_DATA + n +
	       (atomic_load(&moved[n]) & 1 ? AWAY : 0);
}

static void frame(uint64_t gfn, struct gnomon_frame *out)
{
	if (gfn >= RIG_DATA && gfn < RIG_DATA + MOVING) {
		out->hfn.v = hfn_now(gfn - RIG_DATA);
		/* Between the answer and its use there is time for a move. */
		sched_yield();
	}
}

static void both(struct rig_cpu *cpu)
{
	for (unsigned i = 0; i < ROUNDS && !rig_failed(); i++) {
		uint64_t r = rig_random(cpu), t = r % RIG_TABLES;
		uint64_t n = r >> 8 & (MOVING - 1);
		enum gnomon_action action;
		struct rig_leaf leaf;

		if (!rig_reach(cpu, rig_gva(t, n),
			       r >> 20 & 1 ? GNOMON_WRITE : GNOMON_READ, &leaf,
			       &action)) {
			rig_fail("a fault is not resolved", t, n);
			return;
		}
		/* Inside, so neither can change any more. */
		bool in_change = atomic_load(&changing[n]);
		uint64_t hfn = hfn_now(n);

		rig_leave(cpu);
		if (leaf.hfn != hfn || in_change) {
			rig_fail("a frame is used that is gone", leaf.hfn,
				 hfn);
		}
	}
}

static void move(void)
{
	for (unsigned i = 0; rig_running(); i++) {
		uint64_t first = i * 7 % MOVING;
		uint64_t count = first + 4 <= MOVING ? 4 : 1;
		gnomon_gfn_t gfn = { RIG_DATA + first };

		if (gnomon_host_change_begin(rig_vm, gfn, count, NULL) !=
		    GNOMON_OK) {
			rig_fail("begin", first, count);
		}
		for (uint64_t n = first; n < first + count; n++) {
			atomic_store(&changing[n], true);
			atomic_fetch_add(&moved[n], 1);
			atomic_store(&changing[n], false);
		}
		if (gnomon_host_change_end(rig_vm, gfn, count) != GNOMON_OK) {
			rig_fail("end", first, count);
		}
		if (i % 64 == 0) {
			rig_audit();
		}
		sched_yield();
	}
}

int main(void)
{
	rig_start(&(struct rig_setup){
		.options = GNOMON_OPT_ALL, .frame = frame,
	});
	for (uint64_t t = 0; t < RIG_TABLES; t++) {
		for (uint64_t j = 0; j < 512; j++) {
			rig_store8(rig_gpte(t, j),
				   (RIG_DATA + j) << 12 | RIG_ALL);
		}
	}
	rig_run(both, move);
	return rig_end("host");
}
