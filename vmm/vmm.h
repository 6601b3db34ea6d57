/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small type-1 VMM for AMD SVM: the engine's worked example. It includes
 * the engine's public header and nothing else of it.
 *
 *	boot.S	main.c	load_*.c	start, then the guest's first state
 *	exit.c	event.c	cr.c		what took the guest out, what goes in
 *	insn.c	emulate.c		the few instructions we interpret
 *	step.c				any other, alone below our own tables
 *	host.c	mem.c	log.c		the engine's callbacks; pages; port 0xE9
 */
#ifndef VMM_VMM_H
#define VMM_VMM_H

#include "gnomon/gnomon.h"
#include "vmm/cpu.h"
#include "vmm/vmcb.h"

/* The VMM's own memory, hidden from the guest: image, modules, pages. */
#define VMM_BASE UINT64_C(0x30000000)
#define VMM_END UINT64_C(0x38000000)
#define VMM_4G UINT64_C(0x100000000)

enum reg { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI };

enum vmm_mode { VMM_NESTED, VMM_SHADOW };
#define VMM_MODES 2

/* Exits by cause. */
enum cause {
	CAUSE_CPUID,
	CAUSE_CR0,
	CAUSE_CR3,
	CAUSE_CR4,
	CAUSE_CR_READ,
	CAUSE_MSR,
	CAUSE_IO,
	CAUSE_INVLPG,
	CAUSE_PF,
	CAUSE_NPF,
	CAUSE_STEP,	/* exits within a stepped instruction */
	CAUSE_HYPERCALL,
	CAUSE_INTR,	/* only where a timer switches modes */
	CAUSE_OTHER,
};
#define CAUSES 14

struct counters {
	uint64_t exits;
	uint64_t cause[CAUSES];
	uint64_t kind[GNOMON_KINDS];	/* of faults, by the engine */
	uint64_t stores_emulated;
	uint64_t stores_string;	/* of these, by MOVS or STOS */
	uint64_t stores_stepped;
	uint64_t reinjected;
	uint64_t switches;
};

/* The one virtual CPU and all that belongs to it. */
struct vmm {
	uint64_t reg[16];	/* RAX and RSP: copies of the VMCB's */
	struct vmcb *vmcb;
	struct gnomon_vm *vm;
	struct gnomon_vcpu *vcpu;
	struct gnomon_regs guest; /* as the guest believes them to be */
	struct gnomon_caps caps;
	struct gnomon_config config;
	void *vm_memory, *vcpu_memory;
	enum vmm_mode mode;	/* the CPU walks now: the root says so */
	enum vmm_mode chosen, wanted;	/* for the whole vm */
	struct gnomon_policy *policy;	/* mode=adaptive, else null */
	uint64_t walks;		/* adaptive: assumed per millisecond */
	uint64_t inside;	/* adaptive: TSC ticks spent in the guest */
	uint64_t period, next;	/* TSC ticks between switches; 0 = never */
	bool flush;		/* before the next entry */
	uint32_t asids;		/* the CPU's, 0 being its own */
	uint64_t host_cr4;	/* what it holds outside the guest */
	uint64_t pending;	/* an event to inject, in eventinj's form */
	uint64_t held;		/* an external interrupt that must wait */
	struct counters count;
	uint64_t ram_end;	/* of the machine, below 4G */
	uint64_t pages_free, pages_least;
	bool stop;		/* the guest is done */
};

/* ---- boot.S -------------------------------------------------------------- */
void svm_run(uint64_t reg[16], struct vmcb *vmcb);
void svm_load(struct vmcb *vmcb);
int svm_take_irq(void);
extern const unsigned char traps[], irqs[];
_Noreturn void vmm_main(uint32_t magic, uint32_t info);
_Noreturn void vmm_trap(uint64_t vector, uint64_t code, uint64_t rip,
			uint64_t cr2);

/* ---- log.c: %s, %u and %x of 64 bits ------------------------------------- */
void vmm_log(const char *format, ...);
/* Say why and switch the machine off. */
_Noreturn void vmm_die(const char *format, ...);
_Noreturn void vmm_power_off(void);

/* ---- mem.c --------------------------------------------------------------- */
void page_init(uint64_t first, uint64_t end);
void *page_take(void);	/* null when there is none; contents undefined */
void page_give(void *page);
extern uint64_t page_count, page_least;

/* ---- host.c -------------------------------------------------------------- */
extern const struct gnomon_host vmm_host;
void vmm_slots(struct vmm *v);
/* Guest RAM at gpa for bytes within a page, or null. */
unsigned char *guest_ram(const struct vmm *v, uint64_t gpa);

/* ---- exit.c, cr.c, event.c ----------------------------------------------- */
void vmm_run(struct vmm *v);
void exit_cr(struct vmm *v);
void exit_msr(struct vmm *v);
void exit_cpuid(struct vmm *v);
/* Give the engine the registers; #GP is queued when it refuses. */
bool set_regs(struct vmm *v, const struct gnomon_regs *regs, uint32_t flags);
/* Bring the VMCB in line with the guest's registers and the engine's root. */
void load_root(struct vmm *v);
/* In nested mode the VMCB knows the guest's registers: tell the engine. */
void pull_regs(struct vmm *v);
void inject(struct vmm *v, unsigned vector, bool has_code, uint32_t code);
void inject_pf(struct vmm *v, uint64_t gva, uint32_t code);
void event_interrupted(struct vmm *v);
void event_enter(struct vmm *v);
bool is_user(const struct vmm *v);
void skip(struct vmm *v, unsigned bytes);

/* ---- emulate.c, step.c --------------------------------------------------- */
struct insn;
/* Linear address of the instruction's memory operand. */
uint64_t insn_address(const struct vmm *v, const struct insn *i);
/* Interpret the store at RIP that faulted at gva; false: step it instead. */
bool emulate_store(struct vmm *v, uint64_t gva);
/* Run one instruction, or one event delivery, with every store caught. */
void step_one(struct vmm *v);
/* The exit was taken while stepping. */
bool step_exit(struct vmm *v);
/* Copy code bytes at RIP; returns how many could be read (at most 15). */
unsigned fetch_code(struct vmm *v, unsigned char code[15]);

bool step_active(void);

/* ---- engine.c ------------------------------------------------------------ */
/* The engine's vm and vcpu, new, in v->mode. */
void engine_create(struct vmm *v);
/* Become v->wanted if it differs, or if the timer says so. */
void engine_switch(struct vmm *v);
/* Switch every ms milliseconds from now on. */
void engine_timer(struct vmm *v, uint64_t ms);
/* Have the engine walk an address space (null: the whole vm) in that mode;
 * false if the address space is gone. */
bool engine_choose(struct vmm *v, const gnomon_gpa_t *space,
		   enum vmm_mode mode);
uint64_t rdtsc(void);
uint64_t measure_tsc_ms(void);	/* ticks in a millisecond */

/* ---- adaptive.c: only where v->policy is set ----------------------------- */
void adaptive_init(struct vmm *v, uint64_t ticks_per_ms);
void adaptive_fault(struct vmm *v, const struct gnomon_outcome *out);
void adaptive_exit(struct vmm *v, bool cr3);	/* else INVLPG */
/* Before an entry: carry out what the policy decided. */
void adaptive_poll(struct vmm *v);
/* main.c: neighbouring pages, for good. */
void *pages_for(size_t bytes);
void exit_intr(struct vmm *v);

/* ---- report.c ------------------------------------------------------------ */
void hypercall(struct vmm *v);
void report(struct vmm *v, const char *mark);
/* Full audit and our own look at the tables; logs, false when broken. */
bool audit(struct vmm *v);

/* ---- load.c -------------------------------------------------------------- */
struct module {
	const unsigned char *start;
	uint64_t bytes;
};
struct boot {
	const struct module *kernel, *initrd;
	const char *cmdline;
	uint32_t mmap, mmap_bytes; /* of the multiboot loader */
};
bool load_linux(struct vmm *v, const struct boot *boot);
bool load_elf(struct vmm *v, const struct boot *boot);
void load_blob(struct vmm *v, const struct module *blob, const char *cmdline);
/* The guest's memory map in BIOS form; returns the number of entries. */
struct e820 {
	uint64_t addr, bytes;
	uint32_t type;
} __attribute__((packed));
unsigned e820_make(const struct boot *boot, struct e820 *map, unsigned max);

#endif
