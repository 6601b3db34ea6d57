/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest under one mode: the machine, the engine (unless native) and a
 * minimal VMM between them that turns faults into calls of the public API and
 * charges what each costs.
 */
#ifndef SIM_GUEST_H
#define SIM_GUEST_H

#include "sim/lock.h"
#include "sim/machine.h"
#include "sim/mode.h"

/* What the engine did with a frame, seen from its trace points. */
enum sim_frame_state {
	SIM_FRAME_NEW = 0,	/* never traced */
	SIM_FRAME_TRACED,
	SIM_FRAME_OPEN,		/* writable until the next flush point */
	SIM_FRAME_ZAPPED,
	SIM_FRAME_FLOODED,
	SIM_FRAME_RECYCLED,
};

enum { SIM_CHANGED_MAX = 1024 };

struct sim_guest_counts {
	uint64_t exits;
	uint64_t true_faults;
	uint64_t by_kind[GNOMON_KINDS];
	uint64_t trace_leaf, trace_upper, trace_open;
	uint64_t cr3_exits, invlpg_exits, other_exits;
	uint64_t cr3_hits;	/* agile: CR3 loads that needed no exit */
	uint64_t marks;		/* agile: exits that A/D hardware saved */
	uint64_t pages_zapped;
	uint64_t mmio;
	uint64_t hypercalls;
	uint64_t kicks;		/* of other vcpus, to flush their TLBs */
	uint64_t mode_switches;
};

struct sim_chooser;

/* Mode "switching": events until the next switch, 0 = none. */
struct sim_switching {
	uint64_t due, every, state;
};

struct sim_guest {
	enum sim_mode mode;
	struct sim_hostmem mem;
	struct sim_machine machine;
	struct sim_arena arena;	/* what follows here */
	struct gnomon_host host;
	struct gnomon_vm *vm;	/* NULL: native */
	void *vm_memory;
	struct gnomon_vcpu *vcpu[GNOMON_VCPUS_MAX];
	void *vcpu_memory[GNOMON_VCPUS_MAX];
	struct gnomon_regs regs[GNOMON_VCPUS_MAX]; /* the guest's */
	struct gnomon_root root[GNOMON_VCPUS_MAX];
	bool regs_stale[GNOMON_VCPUS_MAX]; /* not told to the engine yet */
	unsigned running;	/* vcpu on whose behalf the engine works */
	uint8_t *frame_state;	/* enum sim_frame_state, by gfn */
	uint8_t *frame_level;	/* of the table last seen there, or 0 */
	uint64_t frames;
	/* Frames whose shadows came or went in the call under way; more than
	 * fit: all frames must be looked at. */
	uint64_t changed[SIM_CHANGED_MAX];
	unsigned changed_count;
	uint64_t changed_end;	/* no table was ever at or above this gfn */
	struct sim_lock lock;
	struct gnomon_stats stats; /* of the engine, before the call */
	unsigned around;	/* nested entries in a group filled at once */
	uint64_t around_paid;	/* of gnomon_stats.nptes_around */
	struct sim_chooser *chooser; /* what chooses the mode, or NULL */
	bool plain;		/* data does not pass through the caches */
	struct sim_paravirt *paravirt;	/* NULL in other modes */
	struct sim_agile *agile;	/* NULL in other modes */
	struct sim_patched *patched;	/* NULL in other modes */
	struct sim_guest_counts counts;
	struct sim_switching switching;
	struct sim_error *error; /* where to say what broke */
	const char *bug;	/* what host->bug() was told */
};

struct sim_guest_config {
	enum sim_mode mode;
	const struct sim_preset *preset;
	uint64_t ram_bytes;
	unsigned vcpus;
	unsigned maxphyaddr;	/* of the guest */
	uint32_t engine_off;	/* enum gnomon_opt */
	struct gnomon_regs regs; /* every vcpu starts with these */
	uint64_t seed;
};

/* Does the vcpu walk shadow tables as of now, or begin with them? */
static inline bool sim_guest_shadows(const struct sim_guest *guest,
				     unsigned vcpu)
{
	return guest->vm && (!guest->root[vcpu].ncr3.v ||
			     guest->root[vcpu].agile);
}

/* *guest must stay where it is; error must outlive it. */
bool sim_guest_init(struct sim_guest *guest,
		    const struct sim_guest_config *config,
		    struct sim_error *error);
/* Fine after a failed init. */
void sim_guest_done(struct sim_guest *guest);

/* One access of a vcpu. It may cross a page: then gpa is of its start. */
struct sim_touch {
	uint64_t gva;
	uint32_t access;	/* enum gnomon_access, SIM_ACCESS_AC */
	uint16_t bytes;
	uint8_t level;		/* a table store: level of the table; else 0 */
	uint64_t rip;		/* something that tells instructions apart */
	const void *data;	/* a store: what; NULL leaves memory as it is */
	/* Out. */
	uint64_t gpa;
	uint64_t word;		/* translation as cached; 0 after emulation */
	uint32_t error_code;
	bool emulated;		/* the VMM made the access */
	bool traced;		/* because the store was a trace fault */
	bool trapped;		/* a trace fault, then the guest stored */
	bool patched;		/* in: the instruction calls the VMM */
};

enum sim_touch_end {
	SIM_TOUCH_DONE,
	SIM_TOUCH_FAULT,	/* the guest gets #PF with error_code */
	SIM_TOUCH_BROKEN,	/* guest->error says why */
};

enum sim_touch_end sim_guest_touch(struct sim_guest *guest, unsigned vcpu,
				   struct sim_touch *touch);

/* The same for an access within a page, no fetch and without data, that
 * sim_tlb_find() would miss in the first level's 4K part, when guest->plain;
 * sim/touch.h. */
enum sim_touch_end sim_guest_missed(struct sim_guest *guest, unsigned vcpu,
				    struct sim_touch *touch);

/* A MOV to CR3; the others of regs stay. False: guest->error. */
bool sim_guest_cr3(struct sim_guest *guest, unsigned vcpu, uint64_t cr3);
/* Any other change of paging registers by the guest. */
bool sim_guest_set_regs(struct sim_guest *guest, unsigned vcpu,
			const struct gnomon_regs *regs);
void sim_guest_invlpg(struct sim_guest *guest, unsigned vcpu, uint64_t gva);

/* Guest memory as it is, without any access: NULL outside RAM. */
void *sim_guest_memory(struct sim_guest *guest, uint64_t gpa);

/* ---- between the files of the guest ---------------------------------- */

void sim_vmm_host(struct sim_guest *guest);	/* fills guest->host */
void sim_vmm_enter(struct sim_guest *guest, unsigned vcpu); /* an exit */
void sim_vmm_leave(struct sim_guest *guest);	/* after an engine call */
/* Tell the engine the registers if it does not know them; ac as given. */
bool sim_vmm_sync_regs(struct sim_guest *guest, unsigned vcpu, bool ac);
/* Tell it all registers; flags are gnomon_vcpu_set_regs()'s. */
bool sim_vmm_tell_regs(struct sim_guest *guest, unsigned vcpu,
		       uint32_t flags);
/* What the processor holds while the guest runs, from regs and root. */
void sim_vmm_set_machine(struct sim_guest *guest, unsigned vcpu);
void sim_vmm_load_root(struct sim_guest *guest, unsigned vcpu,
		       const struct gnomon_root *root);
/*
 * The VMM handles what stopped a walk. DONE: try again, or touch->emulated says
 * that the access is done.
 */
enum sim_touch_end sim_vmm_fault(struct sim_guest *guest, unsigned vcpu,
				 struct sim_touch *touch,
				 const struct sim_walk *walk);

static inline void sim_guest_charge(struct sim_guest *guest, unsigned vcpu,
				    unsigned cat, unsigned param)
{
	sim_charge(&guest->machine.vcpus[vcpu], cat,
		   guest->machine.param[param]);
}

#endif
