/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The engine's objects, and the change of mode while the guest runs: what the
 * engine holds of a guest can always be made again from slots and registers,
 * so a switch gives it all back and starts afresh in the other mode. The
 * guest sees nothing of it but time.
 */
#include "vmm/vmm.h"

enum { PIT_HZ = 1193182, PIT_MS = 10 };

static uint64_t rdtsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

void engine_create(struct vmm *v)
{
	v->config.mode = v->mode == VMM_NESTED ? GNOMON_MODE_NESTED
					       : GNOMON_MODE_SHADOW;
	if (gnomon_vm_create(v->vm_memory, &v->config, &vmm_host, v, &v->vm) !=
	    GNOMON_OK) {
		vmm_die("the engine refused the configuration");
	}
	vmm_slots(v);
	if (gnomon_vcpu_create(v->vm, 0, v->vcpu_memory, &v->vcpu) !=
	    GNOMON_OK) {
		vmm_die("the engine refused the vcpu");
	}
}

static void change(struct vmm *v)
{
	struct gnomon_regs regs;
	bool pae;

	pull_regs(v);
	regs = v->guest;
	pae = (regs.cr0 & CR0_PG) && (regs.cr4 & CR4_PAE) &&
	      !(regs.efer & EFER_LMA);
	gnomon_vcpu_destroy(v->vcpu);
	if (gnomon_vm_destroy(v->vm, NULL) != GNOMON_OK) {
		vmm_die("the engine does not end");
	}
	v->mode = v->wanted;
	engine_create(v);
	if (!set_regs(v, &regs, GNOMON_SET_CR3 |
				(pae ? GNOMON_SET_PDPTES : 0))) {
		vmm_die("the engine refused registers that it had accepted");
	}
	v->flush = true;
	v->count.switches++;
}

void engine_switch(struct vmm *v)
{
	if (step_active()) {
		return;
	}
	if (v->period && rdtsc() >= v->next) {
		v->wanted = v->mode == VMM_NESTED ? VMM_SHADOW : VMM_NESTED;
		v->next = rdtsc() + v->period;
	}
	if (v->wanted != v->mode) {
		change(v);
	}
}

/* TSC ticks in PIT_MS milliseconds, by channel 2 of the timer chip. */
static uint64_t measure_tsc(void)
{
	unsigned count = PIT_HZ / (1000 / PIT_MS);
	uint64_t start;

	outb(0x61, (uint8_t)((inb(0x61) & ~2u) | 1));
	outb(0x43, 0xb0);
	outb(0x42, (uint8_t)count);
	outb(0x42, (uint8_t)(count >> 8));
	start = rdtsc();
	while (!(inb(0x61) & 0x20)) {
	}
	return rdtsc() - start;
}

void engine_timer(struct vmm *v, uint64_t ms)
{
	v->period = ms ? measure_tsc() * ms / PIT_MS : 0;
	v->next = rdtsc() + v->period;
}

/*
 * The guest would have been interrupted: take the interrupt for it and pass
 * it on. That is how a guest that never exits by itself meets the timer.
 */
void exit_intr(struct vmm *v)
{
	int vector = svm_take_irq();

	if (vector >= 0) {
		v->pending = SVM_EVENT_VALID | SVM_EVENT_EXTERNAL |
			     (uint64_t)vector;
	}
}
