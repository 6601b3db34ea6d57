/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two vcpus on two threads fault, store, flush and load roots at once, while a
 * third thread changes the host's side, which offers blocks of 2M. For
 * ThreadSanitizer; without it the audit and the counts still judge.
 */
#include "tests/race/rig.h"

#define ROUNDS 4000u
#define TABLES 4u		/* two for each vcpu; both pairs map the same */

static void one_fault(struct rig_cpu *cpu, uint64_t gva, uint32_t access)
{
	enum gnomon_action action = rig_fault(cpu, gva, access);

	if (action != GNOMON_RESUME && action != GNOMON_EMULATE &&
	    action != GNOMON_RETRY) {
		rig_fail("a fault is answered wrongly", gva, action);
	}
}

static void both(struct rig_cpu *cpu)
{
	uint64_t table = TABLES / 2 * cpu->id;

	for (uint64_t i = 0; i < ROUNDS && !rig_failed(); i++) {
		uint64_t gva = rig_gva(table, i * 7 % 1024);

		one_fault(cpu, gva, i & 1 ? GNOMON_WRITE : GNOMON_READ);
		if (i % 16 == 0) {
			gnomon_invlpg(cpu->vcpu, (gnomon_gva_t){ gva });
		}
		if (i % 64 == 0) {
			rig_write(rig_gpte(table, i % 512),
				  RIG_DATA << 12 | RIG_ALL);
		}
		if (i % 256 == 0) {
			rig_reload(cpu);
		}
	}
}

static void disturb(void)
{
	for (unsigned i = 0; i < 200 && !rig_failed(); i++) {
		gnomon_gfn_t first = { RIG_DATA + i };

		if (gnomon_host_change_begin(rig_vm, first, 8, NULL) !=
			    GNOMON_OK ||
		    gnomon_host_change_end(rig_vm, first, 8) != GNOMON_OK ||
		    (i % 50 == 0 &&
		     gnomon_zap_all(rig_vm, NULL) != GNOMON_OK)) {
			rig_fail("a host change or zap_all", i, 0);
		}
		rig_audit();
	}
}

static void blocks(uint64_t gfn, struct gnomon_frame *out)
{
	(void)gfn;
	out->order = 9;
}

int main(void)
{
	struct gnomon_stats s;

	rig_start(&(struct rig_setup){
		.options = GNOMON_OPT_ALL, .frame = blocks });
	for (uint64_t t = 0; t < TABLES; t++) {
		for (uint64_t j = 0; j < 512; j++) {
			rig_store8(rig_gpte(t, j),
				   (RIG_DATA + t % 2 * 512 + j) << 12 |
				   RIG_ALL);
		}
	}
	rig_run(both, disturb);
	gnomon_vm_stats(rig_vm, &s, sizeof(s));
	if (s.lock_shared == s.lock_again) {
		rig_fail("nothing ran side by side", s.lock_shared, 0);
	}
	return rig_end("faults");
}
