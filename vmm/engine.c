/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The engine's objects, and the change of mode while the guest runs. The engine
 * does the work: it is told the mode, then the registers as the CPU has them,
 * and answers with a root that says what the CPU must walk from now on. The
 * guest sees nothing of it but time.
 */
#include "vmm/vmm.h"

enum { PIT_HZ = 1193182, PIT_MS = 10 };

uint64_t rdtsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

static enum gnomon_mode engine_mode(enum vmm_mode mode)
{
	return mode == VMM_NESTED ? GNOMON_MODE_NESTED : GNOMON_MODE_SHADOW;
}

void engine_create(struct vmm *v)
{
	v->config.mode = engine_mode(v->mode);
	/* A hypercall may ask for the other one at any time. */
	v->config.modes = 1u << GNOMON_MODE_NESTED | 1u << GNOMON_MODE_SHADOW;
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

bool engine_choose(struct vmm *v, const gnomon_gpa_t *space,
		   enum vmm_mode mode)
{
	enum gnomon_status s;

	pull_regs(v);
	do {
		s = gnomon_mode_switch(v->vm, space, engine_mode(mode), NULL);
	} while (s == GNOMON_MORE);
	if (s == GNOMON_ABSENT && space) {
		return false;	/* the address space is gone already */
	}
	if (s != GNOMON_OK) {
		vmm_die("no change of mode: %s", gnomon_status_text(s));
	}
	/* The vcpu changes over when it is told its registers. */
	if (!set_regs(v, &v->guest, 0)) {
		vmm_die("the engine refused registers that it had accepted");
	}
	v->flush = true;
	v->count.switches++;
	return true;
}

void engine_switch(struct vmm *v)
{
	if (step_active()) {
		return;
	}
	if (v->period && !v->policy && rdtsc() >= v->next) {
		v->wanted = v->chosen == VMM_NESTED ? VMM_SHADOW : VMM_NESTED;
		v->next = rdtsc() + v->period;
	}
	if (v->wanted != v->chosen) {
		v->chosen = v->wanted;
		(void)engine_choose(v, NULL, v->wanted);
	}
	if (v->policy) {
		adaptive_poll(v);
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

uint64_t measure_tsc_ms(void)
{
	/* In thousands: what the port costs to read is not to tell. */
	return (measure_tsc() / PIT_MS + 500) / 1000 * 1000;
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
